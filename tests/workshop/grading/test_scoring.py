from __future__ import annotations

from typing import Any

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from workshop.grading.records import CellStatus, record_of
from workshop.grading.scoring import determine_score, score_cell, score_notebook
from workshop.grading.verdicts import VERDICTS_MIME


def value(text: str) -> NotebookNode:
    return new_output("execute_result", {"text/plain": text}, execution_count=1)


def grade_cell(*outputs: NotebookNode, points: float = 2, **record: Any) -> NotebookNode:
    meta = {"grade_id": "t", "points": points, "grade": True, "solution": False, "locked": True}
    return new_code_cell(
        "1",
        outputs=list(outputs),
        metadata={"nbgrader": meta, "workshop": {"state": "completed", **record}},
    )


def table(*verdicts: tuple[float, float, str]) -> NotebookNode:
    listed = [
        {"check": f"c{i}", "status": status, "score": score, "weight": weight, "rationale": "why"}
        for i, (weight, score, status) in enumerate(verdicts)
    ]
    payload = {"grade_id": "t", "points": 2.0, "verdicts": listed}
    return new_output("display_data", {VERDICTS_MIME: payload})


@pytest.mark.parametrize(
    ("text", "score"), [("2", 2.0), ("2.0", 2.0), ("0.5", 0.5), ("0", 0.0), ("1e-3", 0.001)]
)
def test_a_built_in_number_is_the_score(text: str, score: float) -> None:
    assert determine_score([value(text)], 2) == score


@pytest.mark.parametrize(
    "text",
    [
        *("np.float64(2.0)", "False", "True", "nan", "inf", "-inf", "-1", "'2.0'", "tensor(2.)"),
        *("", "[2.0]", "2.0\n2.0", "\u0662", "0x2", "1_0", "2.1", "None"),
    ],
)
def test_anything_else_is_no_score(text: str) -> None:
    with pytest.raises(ValueError, match="the cell's value is"):
        determine_score([value(text)], 2)


@pytest.mark.parametrize("count", [0, 2])
def test_there_must_be_exactly_one_value(count: int) -> None:
    with pytest.raises(ValueError, match="values where one score is expected"):
        determine_score([value("2.0")] * count, 2)


def test_rounding_does_not_take_full_marks_away() -> None:
    assert determine_score([value(repr(0.1 + 0.2))], 0.3) == 0.3


def test_stderr_costs_nothing() -> None:
    warning = new_output("stream", name="stderr", text="a library warns")
    result = score_cell(grade_cell(warning, value("2.0")))
    assert (result.score, result.status) == (2.0, CellStatus.PASSED)


@pytest.mark.parametrize("outputs", [(), (value("np.float64(2.0)"),), (value("nan"),)])
def test_what_is_no_score_earns_nothing_and_says_why(outputs: tuple[NotebookNode, ...]) -> None:
    result = score_cell(grade_cell(*outputs))
    assert (result.score, result.status) == (0.0, CellStatus.FAILED)
    assert result.message


def test_a_cell_that_did_not_run_earns_nothing_whatever_it_shows() -> None:
    result = score_cell(grade_cell(value("2.0"), state="not_executed", reason="the kernel died"))
    assert (result.score, result.status) == (0.0, CellStatus.NOT_EXECUTED)
    assert result.message == "the kernel died"


@pytest.mark.parametrize("state", ["died", "timed_out"])
def test_a_cell_that_did_not_end_earns_nothing(state: str) -> None:
    result = score_cell(grade_cell(value("2.0"), state=state, reason="stopped"))
    assert (result.score, result.status, result.message) == (0.0, CellStatus.FAILED, "stopped")


def test_an_exception_earns_nothing_even_if_its_output_was_cleared() -> None:
    error = {"ename": "AssertionError", "evalue": "no"}
    result = score_cell(grade_cell(value("2.0"), state="raised", error=error))
    assert (result.score, result.message) == (0.0, "AssertionError: no")


@pytest.mark.parametrize("ename", ["CheckCrashed", "WorkshopError"])
def test_our_own_errors_are_never_a_zero(ename: str) -> None:
    result = score_cell(grade_cell(state="raised", error={"ename": ename, "evalue": "x"}))
    assert (result.score, result.status) == (None, CellStatus.ERROR)


def test_verdicts_give_partial_credit_and_the_message() -> None:
    result = score_cell(grade_cell(table((1, 1, "passed"), (1, 0, "failed")), value("1.0")))
    assert (result.score, result.status) == (1.0, CellStatus.PARTIAL)
    assert result.message == "c1: why"


@pytest.mark.parametrize(
    "outputs",
    [
        (table((1, 1, "passed"), (1, 0, "failed")), value("2.0")),  # the sum does not agree
        (table((2, 1, "passed")), table((2, 1, "passed")), value("2.0")),  # which one counts?
        (table((2, 1, "error")), value("2.0")),  # the check crashed
        (table((2, 1.5, "passed")), value("2.0")),  # malformed
    ],
)
def test_contradicting_verdicts_ask_for_a_person(outputs: tuple[NotebookNode, ...]) -> None:
    result = score_cell(grade_cell(*outputs))
    assert (result.score, result.status) == (None, CellStatus.ERROR)


def test_a_deleted_cell_earns_nothing_and_says_what_it_would_give() -> None:
    result = score_cell(grade_cell(value("2.0"), deleted=True))
    assert (result.score, result.status) == (0.0, CellStatus.FAILED)
    assert "deleted" in result.message
    assert "2 of 2" in result.message


@pytest.mark.parametrize(
    ("source", "unanswered", "score", "status"),
    [
        ("my answer", False, None, CellStatus.NEEDS_MANUAL_GRADE),
        ("the question", True, 0.0, CellStatus.FAILED),
        ("  ", None, 0.0, CellStatus.FAILED),
    ],
)
def test_written_answers_wait_for_a_person_unless_there_is_none(
    source: str, unanswered: bool | None, score: float | None, status: CellStatus
) -> None:
    meta = {"grade_id": "t", "points": 4, "grade": True, "solution": True}
    cell = new_markdown_cell(source, metadata={"nbgrader": meta})
    if unanswered is not None:
        record_of(cell)["unanswered"] = unanswered
    result = score_cell(cell)
    assert (result.score, result.status) == (score, status)


def test_long_messages_are_cut_to_one_line() -> None:
    error = {"ename": "E", "evalue": "long\n" * 2000}
    message = score_cell(grade_cell(state="raised", error=error)).message
    assert len(message) == 2000
    assert "\n" not in message


def test_a_notebook_keeps_the_results() -> None:
    notebook = new_notebook(cells=[new_code_cell("x = 1"), grade_cell(value("2.0"))])
    results = score_notebook(notebook)
    assert [result.grade_id for result in results] == ["t"]
    assert record_of(notebook.cells[1])["status"] == "passed"
    assert record_of(notebook.cells[1])["score"] == 2.0
