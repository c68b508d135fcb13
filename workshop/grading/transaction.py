"""All that the gradebook learns of one grading, in one transaction of the database.

nbgrader's own functions commit one by one. Here they write into a transaction that is ended once,
together with the mark that the log's entry has been taken: either all of it is there, or nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from sqlalchemy import Column, Integer, MetaData, String, Table, inspect, select

from workshop.grading.gradebook import (
    open_gradebook,
    record_rejected,
    save_scores,
    without_autoflush_warnings,
)
from workshop.grading.late import Late, Penalties
from workshop.grading.records import CellResult, Outcome

# In nbgrader's database, beside its own tables: only there can it be part of the transaction.
_TAKEN = Table(
    "workshop_gradelog",
    MetaData(),
    Column("digest", String(64), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("assignment", String(128), nullable=False),
    Column("student", String(128), nullable=False),
)


@dataclass(frozen=True)
class NotebookGrades:
    """What came of one notebook of a submission.

    Attributes:
        notebook: its name.
        results: the scores by test.
        unanswered: the names of solution cells that hold no answer.
        tracebacks: where a check of ours crashed, by cell; for instructors only.
        outcome: how its execution ended.
        message: what cut it short.
    """

    notebook: str
    results: tuple[CellResult, ...]
    unanswered: tuple[str, ...] = ()
    tracebacks: tuple[tuple[str, str], ...] = ()
    outcome: Outcome = Outcome.COMPLETED
    message: str = ""


@contextmanager
def one_transaction(coursedir: CourseDirectory) -> Iterator[Gradebook]:
    """A gradebook whose changes are all written when the block ends, or none if it raises."""
    with (
        open_gradebook(coursedir) as gradebook,
        gradebook.engine.connect() as connection,
        connection.begin(),
    ):
        if gradebook.engine.dialect.name == "sqlite":
            # Else what is read before the first write would not be part of it.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        _TAKEN.create(connection, checkfirst=True)
        gradebook.db.remove()
        # nbgrader's commits now only send their changes; the block's end commits.
        gradebook.db.configure(bind=connection, join_transaction_mode="rollback_only")
        yield gradebook
        gradebook.db.flush()


def write_grades(
    gradebook: Gradebook,
    assignment: str,
    student: str,
    graded: Sequence[NotebookGrades],
    *,
    missing: Sequence[str] = (),
    submitted_at: datetime | None = None,
    penalties: Penalties | None = None,
) -> Late | None:
    """Write a submission's grades, inside a transaction; points given by hand stay.

    Args:
        gradebook: from ``one_transaction``.
        assignment: the assignment's name.
        student: whose submission it is.
        graded: its notebooks.
        missing: notebooks that were not handed in; 0 points, as in nbgrader.
        submitted_at: when it was handed in, if that is known.
        penalties: what being late costs; None leaves the penalties as they are.

    Returns:
        What was taken off for being late; None if that was not asked for.

    Raises:
        WorkshopError: the file of extensions has a fault.
    """
    _note_submission(gradebook, assignment, student, submitted_at)
    for each in graded:
        save_scores(
            *(gradebook, assignment, each.notebook, student, each.results),
            unanswered=each.unanswered,
        )
    for name in missing:
        for grade in gradebook.find_submission_notebook(name, assignment, student).grades:
            grade.auto_score, grade.needs_manual_grade = 0.0, False
    return None if penalties is None else penalties.apply(gradebook, assignment, student)


def write_rejected(
    gradebook: Gradebook,
    assignment: str,
    student: str,
    *,
    submitted_at: datetime | None = None,
    penalties: Penalties | None = None,
) -> Late | None:
    """Note inside a transaction that a submission could not be graded: no score, not even 0.

    Points given by hand stay, and are late by the time of this submission, as for ``write_grades``.

    Raises:
        WorkshopError: the file of extensions has a fault.
    """
    _note_submission(gradebook, assignment, student, submitted_at)
    record_rejected(gradebook, assignment, student)
    return None if penalties is None else penalties.apply(gradebook, assignment, student)


def _note_submission(
    gradebook: Gradebook, assignment: str, student: str, submitted_at: datetime | None
) -> None:
    about = {} if submitted_at is None else {"timestamp": submitted_at.isoformat()}
    gradebook.update_or_create_student(student)
    with without_autoflush_warnings():
        gradebook.update_or_create_submission(assignment, student, **about)
        gradebook.db.flush()


def mark_taken(
    gradebook: Gradebook, digest: str, number: int, assignment: str, student: str
) -> None:
    """Note inside a transaction which entry of the log it belongs to."""
    values = {"digest": digest, "number": number, "assignment": assignment, "student": student}
    gradebook.db.execute(_TAKEN.insert().values(**values))


def taken(gradebook: Gradebook) -> dict[str, tuple[str, str]]:
    """Assignment and student of all entries that the gradebook took, by their hash."""
    if not inspect(gradebook.engine).has_table(_TAKEN.name):
        return {}
    rows = gradebook.db.execute(select(_TAKEN.c.digest, _TAKEN.c.assignment, _TAKEN.c.student))
    return {row.digest: (row.assignment, row.student) for row in rows}
