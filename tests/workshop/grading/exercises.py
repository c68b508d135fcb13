"""A notebook with one exercise on a small model, for the verification outside the kernel."""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

SETUP = """import torch
from torch import nn
import checks
def new_model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
PARTS = '2'"""

FREEZE = """def freeze(model):
    model.requires_grad_(False)
    model[2].requires_grad_(True)
    return model"""

TRAINABLE = "checks.check_trainable(freeze(new_model()), PARTS)"
VISIBLE = "print('seen by learners')"


def code(grade_id: str, source: str, **more: Any) -> NotebookNode:
    """A code cell with nbgrader's metadata."""
    base = {"grade": False, "solution": False, "locked": False, "task": False}
    meta = {**base, "schema_version": 3, "cell_type": "code", "grade_id": grade_id, **more}
    return new_code_cell(source, metadata={"nbgrader": meta})


def graded_cell(
    grade_id: str, hidden: str, points: float = 2, visible: str = VISIBLE
) -> NotebookNode:
    """A test cell with this hidden part."""
    source = f"{visible}\n### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS"
    return code(grade_id, source, grade=True, locked=True, points=points)


def notebook_of(*cells: NotebookNode, setup: str = SETUP) -> NotebookNode:
    """The setup cell and these."""
    return new_notebook(cells=[code("setup", setup, locked=True), *cells])
