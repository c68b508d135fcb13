"""The words of grading, and where they are written down inside a notebook.

Three steps leave their record in the notebook's metadata, under one key: restoring (what a learner
deleted or doubled), execution (what ran, how long, how it ended) and scoring (status, message).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from nbformat import NotebookNode

KEY = "workshop"


class Outcome(StrEnum):
    """How the grading of one submission ended, from good to bad."""

    COMPLETED = "COMPLETED"
    TIMED_OUT = "TIMED_OUT"
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    KERNEL_DIED = "KERNEL_DIED"
    REJECTED = "REJECTED"
    NOT_GRADED = "NOT_GRADED"  # for a reason that is none of the submission's


class CellStatus(StrEnum):
    """What a grade cell came to."""

    PASSED = "passed"
    PARTIAL = "partial"
    FAILED = "failed"
    ERROR = "error"
    NOT_EXECUTED = "not_executed"
    NEEDS_MANUAL_GRADE = "needs_manual_grade"


class CellState(StrEnum):
    """What happened when a code cell was run."""

    COMPLETED = "completed"
    RAISED = "raised"
    TIMED_OUT = "timed_out"
    DIED = "died"
    NOT_EXECUTED = "not_executed"


@dataclass(frozen=True)
class CellResult:
    """The score of one grade cell.

    Attributes:
        grade_id: the cell's name.
        score: points, 0 to ``max_score``; None where a person has to decide.
        max_score: points that can be earned.
        status: the score in a word.
        message: why points were lost; empty if there is nothing to say.
    """

    grade_id: str
    score: float | None
    max_score: float
    status: CellStatus
    message: str = ""

    def to_dict(self) -> dict[str, Any]:
        """For JSON, with the keys of ``workshop grade --json``."""
        return asdict(self) | {"status": self.status.value}


def record_of(node: NotebookNode) -> NotebookNode:
    """The record in the metadata of a notebook or cell, to be changed in place; made if missing."""
    record = node.metadata.get(KEY)
    if not isinstance(record, NotebookNode):
        record = node.metadata[KEY] = NotebookNode()
    return record


def new_cell(
    kind: str, source: str, *, cell_id: str, metadata: NotebookNode | None = None
) -> NotebookNode:
    """A cell with nothing in it but its text.

    nbformat's own functions validate each cell against the schema, which takes a third of a
    millisecond each; the whole notebook is validated when it is read and when it is written.

    Args:
        kind: ``code``, ``markdown`` or ``raw``.
        source: its text.
        cell_id: different for each cell of a notebook.
        metadata: not copied; empty for None.
    """
    about = NotebookNode() if metadata is None else metadata
    cell = NotebookNode(id=cell_id, cell_type=kind, source=source, metadata=about)
    if kind == "code":
        cell.outputs, cell.execution_count = [], None
    return cell


def nbgrader_of(cell: NotebookNode) -> dict[str, Any]:
    """A cell's nbgrader metadata; empty if it has none."""
    meta = cell.metadata.get("nbgrader")
    return meta if isinstance(meta, dict) else {}


def is_graded(cell: NotebookNode) -> bool:
    """Whether points can be earned with this cell, by test or by hand."""
    meta = nbgrader_of(cell)
    return bool(meta.get("grade") or meta.get("task"))


def status_of(score: float, max_score: float) -> CellStatus:
    """The status that a number of points stands for."""
    if score >= max_score or math.isclose(score, max_score, rel_tol=1e-9):
        return CellStatus.PASSED
    return CellStatus.PARTIAL if score > 0 else CellStatus.FAILED


def worst(outcomes: list[Outcome]) -> Outcome:
    """The worst of several notebooks' outcomes; COMPLETED if there are none."""
    order = list(Outcome)
    return max(outcomes, key=order.index, default=Outcome.COMPLETED)
