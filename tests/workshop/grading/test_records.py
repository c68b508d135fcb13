from __future__ import annotations

import pytest
from nbformat.v4 import new_code_cell

from workshop.grading.records import (
    CellResult,
    CellStatus,
    Outcome,
    is_graded,
    nbgrader_of,
    record_of,
    status_of,
    worst,
)


@pytest.mark.parametrize(
    ("score", "status"),
    [(0.0, CellStatus.FAILED), (0.1, CellStatus.PARTIAL), (2.9999999999, CellStatus.PASSED)],
)
def test_status(score: float, status: CellStatus) -> None:
    assert status_of(score, 3.0) is status


def test_the_worst_outcome_counts() -> None:
    assert worst([Outcome.KERNEL_DIED, Outcome.COMPLETED, Outcome.TIMED_OUT]) is Outcome.KERNEL_DIED
    assert worst([]) is Outcome.COMPLETED


def test_results_become_plain_json() -> None:
    result = CellResult("t", None, 2.0, CellStatus.ERROR, "why")
    assert result.to_dict() == {
        "grade_id": "t",
        "score": None,
        "max_score": 2.0,
        "status": "error",
        "message": "why",
    }


def test_a_record_is_kept_in_the_metadata() -> None:
    cell = new_code_cell("x")
    record_of(cell)["state"] = "completed"
    assert cell.metadata["workshop"] == {"state": "completed"}


def test_metadata_of_the_wrong_type_is_replaced() -> None:
    cell = new_code_cell("x", metadata={"workshop": "mine", "nbgrader": ["mine"]})
    assert record_of(cell) == {}
    assert nbgrader_of(cell) == {}
    assert not is_graded(cell)
