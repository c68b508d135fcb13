"""On a second device, everything that belongs together has to be brought together.

Notebooks, checks and graders meet a device that is not the CPU on every machine here: one of our
own, which computes as the CPU does but refuses to mix tensors. See ``stand_in``.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.gpu.replaying import ROOT, replayed

# A device cannot be taken back: so each of these runs in a process of its own.
BEGIN = """
import torch
from torch import nn
from tests.gpu.stand_in import register
device = register()
"""

WORKS = """
layers = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2)
model = nn.Sequential(*layers)
images, labels = torch.randn(8, 3, 8, 8), torch.randint(2, (8,))

def losses(model, device):
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    found = []
    for _ in range(3):
        loss = nn.functional.cross_entropy(model(images.to(device)), labels.to(device))
        optimizer.zero_grad(); loss.backward(); optimizer.step()
        found.append(loss.item())
    return found

import copy
there = copy.deepcopy(model).to(device)
assert all(each.device == device for each in there.state_dict().values())
assert losses(there, device) == losses(model, "cpu")
assert torch.equal(there.cpu()[0].weight, model[0].weight)
"""

REFUSES = """
model = nn.Linear(4, 2).to(device)
for mixed in (
    lambda: model(torch.zeros(1, 4)),
    lambda: torch.zeros(2) + torch.zeros(2, device=device),
    lambda: nn.functional.cross_entropy(model(torch.zeros(1, 4).to(device)), torch.tensor([1])),
    lambda: torch.zeros(2, device=device).numpy(),
):
    try:
        mixed()
    except (RuntimeError, TypeError):
        continue
    raise SystemExit("it was not refused")
from checks.guard import LearnerError, calling
try:
    calling(model, torch.zeros(1, 4))
except LearnerError as error:
    assert ".to(device)" in error.hint
"""


@pytest.mark.parametrize("source", [WORKS, REFUSES])
def test_the_stand_in_computes_as_the_cpu_and_refuses_what_a_gpu_refuses(source: str) -> None:
    command = [sys.executable, "-c", BEGIN + source]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("assignment", "notebook"),
    [
        ("module2_implementing", "augmentation_and_early_stopping"),
        ("module3_evaluating", "domain_shift"),
        ("module3_evaluating", "is_transfer_worth_it"),
    ],
)
def test_solutions_get_full_marks_on_a_second_device(assignment: str, notebook: str) -> None:
    """Three of the notebooks, for time; with a GPU all of them run on it."""
    found = replayed(assignment, notebook, "standin")
    assert found["exercises"]
    assert found["problems"] == []
