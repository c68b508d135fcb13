"""From a cell's outputs to its points. Fails closed: what is not clearly a score earns nothing.

nbgrader gives full marks for a cell without output and for any last value that is not a number.
Here a grade cell earns points only if it ran to its end and its last value is one built-in number
between 0 and the cell's points. Text on stderr is information, not a verdict.
"""

from __future__ import annotations

import math
import re
from typing import Any

from nbformat import NotebookNode
from nbgrader.utils import compute_checksum

from workshop.grading.records import (
    CellResult,
    CellState,
    CellStatus,
    is_graded,
    nbgrader_of,
    record_of,
    status_of,
)
from workshop.grading.verdicts import VerdictError, VerdictTable, read_verdicts

# What a built-in int or float looks like: no np.float64(2.0), no tensor(2.), no True, no '2.0'.
_NUMBER = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?|-?inf|nan", re.ASCII)
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_SLACK = 1e-9  # sums of weighted scores are rounded
_LONGEST_MESSAGE = 2000

# Exceptions that say: the fault is on the instructor's side. They never cost points.
OUR_ERRORS = frozenset({"CheckCrashed", "WorkshopError"})


def score_notebook(notebook: NotebookNode) -> list[CellResult]:
    """Score every graded cell of an executed notebook, in order, and note the results there."""
    results = []
    for cell in notebook.cells:
        if is_graded(cell):
            result = score_cell(cell)
            record_of(cell).update(
                status=result.status.value, score=result.score, message=result.message
            )
            results.append(result)
    return results


def crash_traces(notebook: NotebookNode) -> tuple[tuple[str, str], ...]:
    """Where the instructor's side failed, by cell of a scored notebook; never for learners.

    A step that decides outside the kernel leaves its traceback in the cell's record.
    """
    traces = []
    for cell in notebook.cells:
        record = record_of(cell) if is_graded(cell) else {}
        if record.get("status") == CellStatus.ERROR:
            lines = [str(record["traceback"])] if record.get("traceback") else []
            for output in cell.get("outputs", ()):
                if output.output_type == "error":
                    lines += map(str, output.traceback)
            text = _COLOURS.sub("", "\n".join(lines))
            traces.append((str(nbgrader_of(cell)["grade_id"]), text))
    return tuple(traces)


def score_cell(cell: NotebookNode) -> CellResult:
    """The score of one graded cell of an executed notebook.

    Args:
        cell: has nbgrader metadata with ``grade_id`` and ``points``, and the record of execution.

    Returns:
        The result; its score is None where a person has to decide: a written answer, or an error
        on the instructor's side.
    """
    meta = nbgrader_of(cell)
    grade_id, max_score = str(meta["grade_id"]), float(meta["points"])
    record = record_of(cell)
    if meta.get("solution") or meta.get("task") or cell.cell_type != "code":
        status, score, message = _written(cell, record)
    else:
        status, score, message = _tested(cell, record, grade_id, max_score)
    if record.get("deleted"):
        status, score, message = _deleted(score, max_score, cell)
    message = "; ".join(part for part in (message, record.get("note", "")) if part)
    return CellResult(grade_id, score, max_score, status, _shortened(message))


_Scored = tuple[CellStatus, float | None, str]


def _deleted(would_be: float | None, max_score: float, cell: NotebookNode) -> _Scored:
    message = "the cell was deleted from the notebook"
    if would_be is not None and cell.cell_type == "code":
        message += f"; put back and run, it gives {would_be:g} of {max_score:g} points"
    return CellStatus.FAILED, 0.0, message


def _written(cell: NotebookNode, record: dict[str, Any]) -> _Scored:
    unanswered = record.get("unanswered", not cell.source.strip() or _is_unchanged(cell))
    if unanswered and not nbgrader_of(cell).get("task"):
        return CellStatus.FAILED, 0.0, "no answer was written"
    return CellStatus.NEEDS_MANUAL_GRADE, None, ""


def _is_unchanged(cell: NotebookNode) -> bool:
    return bool(nbgrader_of(cell).get("checksum") == compute_checksum(cell))


def _tested(cell: NotebookNode, record: dict[str, Any], grade_id: str, max_score: float) -> _Scored:
    if record.get("verified"):
        # Decided outside the kernel; how the cell's own text ended does not matter.
        return _valued(cell, grade_id, max_score)
    state = CellState(record.get("state", CellState.NOT_EXECUTED))
    reason = str(record.get("reason", ""))
    if state is CellState.NOT_EXECUTED:
        return CellStatus.NOT_EXECUTED, 0.0, reason or "the cell was not run"
    if state in {CellState.DIED, CellState.TIMED_OUT}:
        return CellStatus.FAILED, 0.0, reason
    error = _error_of(cell, record)
    if error is not None:
        ename, evalue = error
        if ename in OUR_ERRORS:
            return CellStatus.ERROR, None, f"the check itself failed: {evalue or ename}"
        return CellStatus.FAILED, 0.0, f"{ename}: {evalue}" if evalue else ename
    return _valued(cell, grade_id, max_score)


def _error_of(cell: NotebookNode, record: dict[str, Any]) -> tuple[str, str] | None:
    """Name and text of the exception; from the kernel's reply, since outputs can be cleared."""
    if record.get("state") == CellState.RAISED:
        error = record.get("error", {})
        return str(error.get("ename", "Exception")), str(error.get("evalue", ""))
    for output in cell.outputs:
        if output.output_type == "error":
            return str(output.ename), str(output.evalue)
    return None


def _valued(cell: NotebookNode, grade_id: str, max_score: float) -> _Scored:
    """The score of a cell that ran to its end."""
    try:
        score = determine_score(cell.outputs, max_score)
    except ValueError as error:
        return CellStatus.FAILED, 0.0, str(error)
    try:
        table = read_verdicts(cell, grade_id)
    except VerdictError as error:
        return CellStatus.ERROR, None, str(error)
    if table is None:
        return status_of(score, max_score), score, ""
    if any(verdict.crashed for verdict in table.verdicts):
        return CellStatus.ERROR, None, _explained(table)
    if not math.isclose(table.earned, score, rel_tol=_SLACK, abs_tol=_SLACK * max(1.0, max_score)):
        message = f"the cell's value is {score:g}, but its verdicts add up to {table.earned:g}"
        return CellStatus.ERROR, None, message
    return status_of(score, max_score), score, _explained(table)


def determine_score(outputs: list[NotebookNode], max_score: float) -> float:
    """The one number that a grade cell ended in.

    Args:
        outputs: the cell's outputs.
        max_score: the most points that it can give.

    Raises:
        ValueError: there is no last value, several, or one that is not a built-in finite number
            between 0 and ``max_score``.
    """
    values = [output for output in outputs if output.output_type == "execute_result"]
    if len(values) != 1:
        raise ValueError(f"the cell gave {len(values) or 'no'} values where one score is expected")
    text = values[0].data.get("text/plain", "")
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise ValueError(f"the cell's value is not a built-in number: {str(text)[:80]!r}")
    score = float(text)
    slack = _SLACK * max(1.0, max_score)
    if not math.isfinite(score) or not -slack <= score <= max_score + slack:
        raise ValueError(f"the cell's value is {text}, not between 0 and {max_score:g}")
    return min(max(score, 0.0), max_score)


def _explained(table: VerdictTable) -> str:
    return "; ".join(
        f"{verdict.check}: {verdict.rationale}" for verdict in table.verdicts if not verdict.passed
    )


def _shortened(message: str) -> str:
    line = " ".join(message.split())
    return line if len(line) <= _LONGEST_MESSAGE else line[: _LONGEST_MESSAGE - 1] + "…"
