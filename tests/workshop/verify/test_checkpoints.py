"""Versions of a notebook that go on from what its solution has done."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from workshop.errors import WorkshopError
from workshop.grading.execution import Limits
from workshop.grading.run import execute_notebook
from workshop.verify.checkpoints import first_difference
from workshop.verify.processes import Job, in_processes
from workshop.verify.report import Kind, Run, Task

SETUP = """
import os
import torch
import checks
with open(os.environ.get("COUNTING", os.devnull), "a") as file:
    file.write("x")
torch.manual_seed(3)
EXPECTED = torch.rand(1, generator=torch.Generator().manual_seed(3)).item()
"""
TEST = """
checks.show(lambda: checks.check_value("the sum", add(1, 2), 3))
### BEGIN HIDDEN TESTS
graded(
    (1, checks.check_value("the sum", add(2, 2), 4)),
    (1, checks.check_value("the length", len(shared), 1)),
)
### END HIDDEN TESTS
"""
VERSIONS = {
    "product": "def add(a, b):\n    return a * b",
    "raises": "def add(a, b):\n    raise ValueError('no')",
    "changes_what_is_shared": "shared.append(2)\ndef add(a, b):\n    return a + b",
    "missing": "pass",
    "ends_the_process": "import os\nos._exit(3)",
    "goes_on_forever": "while True:\n    pass",
}


def _cell(name: str, source: str, **meta: object) -> NotebookNode:
    return new_code_cell(source.strip(), id=name, metadata={"nbgrader": {"grade_id": name, **meta}})


def _notebook() -> NotebookNode:
    graded = {"grade": True, "locked": True, "solution": False, "points": 2}
    return new_notebook(
        cells=[
            _cell("setup", SETUP, locked=True, grade=False, solution=False),
            _cell("free", "shared = [1]"),
            _cell("add", "def add(a, b):\n    return a + b", grade=False, solution=True),
            _cell("draws", "drawn = torch.rand(1).item()", grade=False, solution=True),
            _cell("test_add", TEST, **graded),
            _cell(
                "test_drawn",
                "### BEGIN HIDDEN TESTS\ngraded((2, checks.check_value('it', drawn, EXPECTED)))\n"
                "### END HIDDEN TESTS",
                **graded,
            ),
        ]
    )


def _changed(source: str) -> NotebookNode:
    notebook = copy.deepcopy(_notebook())
    notebook.cells[2].source = source
    return notebook


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("counting") / "file"


@pytest.fixture(scope="module")
def runs(counting: Path) -> dict[str, Run]:
    task = Task("a", "n", Kind.SOLUTION, "solution")
    versions = {
        Task("a", "n", Kind.WRONG, name): _changed(source) for name, source in VERSIONS.items()
    }
    job = Job(task, _notebook(), versions, {}, {}, Limits(notebook_seconds=20))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COUNTING", str(counting))
        found = {run.task.name: run for run in in_processes([job], 2)}
    # Once for the notebook, and once for the grader.
    assert counting.read_text() == "xx"
    return found


def scores(run: Run) -> dict[str, float | None]:
    return {name: cell.score for name, cell in run.cells.items()}


def test_the_solution_gets_full_marks(runs: dict[str, Run]) -> None:
    assert scores(runs["solution"]) == {"test_add": 2, "test_drawn": 2}


@pytest.mark.parametrize(
    ("name", "score"),
    [("product", 2), ("raises", 1), ("missing", 1), ("changes_what_is_shared", 1)],
)
def test_a_version_is_scored_as_in_a_kernel(name: str, score: float, runs: dict[str, Run]) -> None:
    in_kernel = execute_notebook(_changed(VERSIONS[name]), confinement="none")
    expected = {cell.grade_id: cell.score for cell in in_kernel.cells}
    assert scores(runs[name]) == expected == {"test_add": score, "test_drawn": 2}


@pytest.mark.parametrize(
    ("name", "why"),
    [("ends_the_process", "ended with code 3"), ("goes_on_forever", "stopped after 20 s")],
)
def test_a_version_that_never_answers_is_named(name: str, why: str, runs: dict[str, Run]) -> None:
    assert why in runs[name].message
    assert not any(scores(runs[name]).values())


def test_versions_begin_where_their_texts_differ() -> None:
    assert first_difference(_notebook(), _changed("pass")) == 2
    assert first_difference(_notebook(), _notebook()) == 5


def test_a_notebook_that_cannot_be_verified_stops_all() -> None:
    notebook = _notebook()
    notebook.cells[0].source = "raise OSError('no data')"
    job = Job(Task("a", "n", Kind.SOLUTION, "solution"), notebook, {}, {}, {}, Limits())
    with pytest.raises(WorkshopError, match="no data"):
        list(in_processes([job], 2))
