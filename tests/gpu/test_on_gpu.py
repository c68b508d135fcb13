"""What only a real GPU can show. ``make test-gpu`` runs this, and fails where there is none."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from nbformat.v4 import new_code_cell, new_notebook
from torch import nn

import checks
from checks.verdict import Status
from tests.gpu.replaying import ROOT, notebooks, replayed
from workshop import assets, learn
from workshop.grading.devices import Device, Gpu
from workshop.grading.execution import Execution, Limits, run_cells
from workshop.grading.on_device import run_on_device
from workshop.grading.records import Outcome, record_of
from workshop.grading.sandbox import doctor

pytestmark = [pytest.mark.gpu, pytest.mark.slow]
SHARE = 2_000


@pytest.mark.parametrize(("assignment", "notebook"), notebooks())
@pytest.mark.usefixtures("gpu")
def test_solutions_get_the_verdicts_that_they_get_on_a_cpu(assignment: str, notebook: str) -> None:
    """The right one full marks, and of each exercise one wrong one loses what it has to."""
    found = replayed(assignment, notebook, "cuda", "--wrong")
    assert found["exercises"]
    assert found["wrong"]
    assert found["problems"] == []


@pytest.mark.usefixtures("gpu")
def test_the_same_seed_gives_the_same_weights_bit_for_bit() -> None:
    def trained() -> dict[str, torch.Tensor]:
        device = learn.pick_device()
        learn.seed_everything(0)
        model = assets.load_source_model("efficientnet_lite0", num_classes=2, seed=0).to(device)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
        for _ in range(5):
            images = torch.randn(16, 3, 96, 96).to(device)
            loss = nn.functional.cross_entropy(model(images), torch.randint(2, (16,)).to(device))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call] # PyTorch left it untyped
            optimizer.step()
        return {name: each.cpu() for name, each in model.state_dict().items()}

    first, second = trained(), trained()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.usefixtures("gpu")
def test_features_of_a_gpu_are_those_of_the_cpu() -> None:
    model = assets.load_source_model("efficientnet_lite0").eval()
    images = torch.randn(8, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        here = model(images)
        there = copy.deepcopy(model).to(learn.pick_device())(images.to("cuda")).cpu()
    torch.testing.assert_close(there, here, rtol=1e-3, atol=1e-3)


@pytest.mark.usefixtures("gpu")
def test_mixed_precision_and_devices_are_judged_on_a_gpu_too() -> None:
    def train(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> None:
        with torch.autocast("cuda", dtype=torch.bfloat16):
            loss = nn.functional.cross_entropy(model(inputs), labels)
        loss.backward()  # type: ignore[no-untyped-call] # PyTorch left it untyped
        torch.optim.SGD(model.parameters(), lr=0.1).step()

    device = learn.pick_device()
    work = torch.randn(16, 4).to(device), torch.randint(2, (16,)).to(device)
    facts = checks.observe_mixed_precision(train, nn.Linear(4, 2).to(device), *work)
    assert checks.check_autocast(facts).status is Status.PASSED
    assert checks.check_full_precision_weights(facts).status is Status.PASSED
    placed = checks.observe_devices(
        lambda model, batch, device: (model.to(device), batch),
        *(nn.Linear(4, 2), torch.zeros(1, 4)),
        device=device,
    )
    assert checks.check_devices(placed).status is Status.FAILED


@pytest.mark.usefixtures("gpu")
def test_the_doctor_finds_that_kernels_have_the_gpu() -> None:
    findings = [each for each in doctor.examine() if "GPU" in each.claim]
    assert findings
    assert all(each.holds for each in findings)


def graded(source: str, *, share_mb: int = SHARE) -> tuple[Execution, Device, list[str]]:
    """Run cells confined, as a submission is; also what each printed or raised."""
    notebook = new_notebook(cells=[new_code_cell(each) for each in source.split("# %%\n")])
    limits = Limits(gpu_memory_mb=share_mb, memory_mb=20_000)

    def run(notebook: object, device: Device, env: object) -> Execution:
        return run_cells(notebook, Path("/"), limits, env=env)  # type: ignore[arg-type]

    ended, device = run_on_device(
        notebook, run, confinement="bubblewrap", precision="float32", share_mb=share_mb
    )
    texts = [
        "".join(
            output.get("text", "") + output.get("ename", "") + output.get("evalue", "")
            for output in cell.outputs
        )
        for cell in notebook.cells
    ]
    assert all(record_of(cell) for cell in notebook.cells)
    return ended, device, texts


def test_a_submission_computes_on_the_gpu_within_its_share(gpu: Gpu) -> None:
    ended, device, texts = graded(
        "import torch\nfrom workshop import learn\ndevice = learn.pick_device()\nprint(device)\n"
        "# %%\nkept = torch.zeros(100 << 18, device=device)\nprint(kept.sum().item())\n"
        "# %%\ntorch.zeros(4000 << 18, device=device)\n"
        "# %%\nprint('went on', kept.sum().item())\n"
    )
    assert ended.outcome is Outcome.COMPLETED
    assert (device.kind, device.name, device.memory_mb) == ("cuda", gpu.name, SHARE)
    assert texts[:2] == ["cuda\n", "0.0\n"]
    assert "OutOfMemoryError" in texts[2]
    assert texts[3] == "went on 0.0\n"


def test_who_takes_more_than_its_share_is_stopped(gpu: Gpu) -> None:
    ended, _, _ = graded(
        "import time, torch\n# %%\nkept = torch.zeros(8000 << 18, device='cuda')\ntime.sleep(60)\n"
    )
    assert ended.outcome is Outcome.OUT_OF_MEMORY
    assert "GPU" in ended.message


@pytest.mark.usefixtures("gpu")
def test_the_benchmark_of_the_gpu_runs(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.gpu", "--quick", "--out", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True)
    assert (tmp_path / "gpu.json").is_file()
