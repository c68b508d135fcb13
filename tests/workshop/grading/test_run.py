from __future__ import annotations

import copy

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from workshop.grading.records import CellStatus, Outcome
from workshop.grading.run import Executed, execute_notebook

# What stock nbgrader gives full marks for (all but 'good', 'half' and 'raises'), or drops the
# whole submission for ('above').
TRAPS = {
    "good": "2.0",
    "half": "1",
    "numpy": "import numpy; numpy.float64(2.0)",
    "false": "False",
    "nan": "float('nan')",
    "negative": "-1",
    "none": "None",
    "nothing": "x = 2.0",
    "above": "99.0",
    "text": "'2.0'",
    "warns": "import sys; print('warning', file=sys.stderr)\n2.0",
    "two": "from IPython.display import display\nget_ipython().displayhook(2.0)\n2.0",
    "raises": "raise ValueError('no')\n2.0",
    "skipped": "raise ValueError('not skipped')",
}


def grade_cell(name: str, source: str) -> NotebookNode:
    meta = {"grade_id": name, "points": 2, "grade": True, "solution": False, "locked": True}
    tags = ["skip-execution"] if name == "skipped" else []
    return new_code_cell(source, metadata={"nbgrader": meta, "tags": tags})


@pytest.fixture(scope="module")
def notebook() -> NotebookNode:
    return new_notebook(cells=[grade_cell(*item) for item in TRAPS.items()])


@pytest.fixture(scope="module")
def executed(notebook: NotebookNode) -> Executed:
    before = copy.deepcopy(notebook)
    result = execute_notebook(notebook)
    assert notebook == before
    return result


def test_only_clear_scores_earn_points(executed: Executed) -> None:
    assert executed.outcome is Outcome.COMPLETED
    earned = {cell.grade_id: cell.score for cell in executed.cells}
    assert earned == {**dict.fromkeys(TRAPS, 0.0), "good": 2.0, "half": 1.0, "warns": 2.0}
    assert executed.score == 5.0
    assert executed.max_score == 2.0 * len(TRAPS)


def test_every_lost_point_is_explained(executed: Executed) -> None:
    for cell in executed.cells:
        assert cell.message or cell.status in {CellStatus.PASSED, CellStatus.PARTIAL}
    assert executed["raises"].message == "ValueError: no"
    assert executed["skipped"].message == "ValueError: not skipped"


def test_unknown_cells_are_a_key_error(executed: Executed) -> None:
    with pytest.raises(KeyError):
        executed["unknown"]
