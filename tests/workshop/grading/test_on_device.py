"""Where a submission runs, with which variables, and when it runs a second time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, new_output

from workshop.grading import gpu_sharing, on_device
from workshop.grading.devices import ON_CPU, Device, Gpu
from workshop.grading.execution import Execution
from workshop.grading.on_device import run_on_device
from workshop.grading.records import Outcome, record_of

COMPLETED = Execution(Outcome.COMPLETED, 1.0)


class Runs:
    """Stands for the execution: notes how it was called, and ends with these errors in turn."""

    def __init__(self, *errors: str, outcome: Outcome = Outcome.COMPLETED) -> None:
        self.errors, self.outcome = list(errors), outcome
        self.seen: list[tuple[Device, Mapping[str, str]]] = []

    def __call__(self, notebook: NotebookNode, device: Device, env: Mapping[str, str]) -> Execution:
        assert notebook.cells[0].outputs == []
        self.seen.append((device, env))
        record_of(notebook)["run"] = len(self.seen)
        if self.errors:
            trace = new_output("error", ename=self.errors.pop(0), evalue="", traceback=[])
            notebook.cells[0].outputs.append(trace)
        return Execution(self.outcome, 1.0)


def graded(runs: Runs, *, share_mb: int = 8_192) -> tuple[NotebookNode, Execution, Device]:
    notebook = new_notebook(cells=[new_code_cell("train()")])
    ended, device = run_on_device(
        notebook, runs, confinement="bubblewrap", precision="tf32", share_mb=share_mb
    )
    return notebook, ended, device


@pytest.fixture
def gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if there were one."""
    one = Gpu(name="Model A", memory_mb=40_000, uuid="GPU-a")
    monkeypatch.setattr(on_device, "kernel_gpus", lambda _: (one,))
    monkeypatch.setattr(gpu_sharing, "_own_folder", lambda: tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_without_a_gpu_it_runs_once_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_device, "kernel_gpus", lambda _: ())
    runs = Runs("OutOfMemoryError")
    _, ended, device = graded(runs)
    assert (ended, device) == (COMPLETED, ON_CPU)
    assert runs.seen == [(ON_CPU, {})]


@pytest.mark.usefixtures("gpu")
def test_on_a_gpu_the_kernel_is_told_its_share_and_the_device_comes_back() -> None:
    runs = Runs("ValueError")
    _, _, device = graded(runs)
    assert device == Device("cuda", "tf32", "Model A", 8_192)
    ((seen, env),) = runs.seen
    assert seen == device
    assert env == {
        "CUDA_VISIBLE_DEVICES": "0",
        "WORKSHOP_GPU_MEMORY_MB": "8192",
        "WORKSHOP_PRECISION": "tf32",
    }


@pytest.mark.usefixtures("gpu")
def test_who_found_no_memory_beside_others_runs_again_alone_and_only_that_counts() -> None:
    runs = Runs("OutOfMemoryError")
    notebook, ended, _ = graded(runs)
    assert len(runs.seen) == 2
    assert notebook.cells[0].outputs == []
    assert record_of(notebook)["run"] == 2
    assert ended == COMPLETED


@pytest.mark.usefixtures("gpu")
def test_who_finds_no_memory_alone_either_is_not_tried_a_third_time() -> None:
    runs = Runs("OutOfMemoryError", "OutOfMemoryError")
    notebook, _, _ = graded(runs)
    assert len(runs.seen) == 2
    assert notebook.cells[0].outputs[0].ename == "OutOfMemoryError"


@pytest.mark.usefixtures("gpu")
def test_a_kernel_that_was_stopped_for_its_memory_runs_again_too() -> None:
    runs = Runs(outcome=Outcome.OUT_OF_MEMORY)
    assert graded(runs)[1].outcome is Outcome.OUT_OF_MEMORY
    assert len(runs.seen) == 2


@pytest.mark.usefixtures("gpu")
def test_who_had_the_gpu_alone_does_not_run_again() -> None:
    runs = Runs("OutOfMemoryError")
    graded(runs, share_mb=0)
    assert len(runs.seen) == 1
