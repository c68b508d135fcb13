"""Points given by hand from the command line, with a comment, and a line about it in the log.

They are the same points that the formgrader gives: ``manual_score`` and ``extra_credit`` of
nbgrader's gradebook, which take precedence over points by test and stay when work is graded again.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.coursedir import CourseDirectory

from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.grading.gradebook import require_assignment, students_of
from workshop.grading.journal import Decision, What
from workshop.grading.late_work import decision, penalties_in
from workshop.grading.ledger import Ledger


@dataclass(frozen=True)
class Overridden:
    """What an override has changed.

    Attributes:
        decision: as it stands in the log; None if everything was so before.
        max_score: points that can be earned in the cell.
        auto_score: its points by test; None if a person has to decide.
        comment_at: the cell that shows the comment; empty if there is none.
    """

    decision: Decision | None
    max_score: float
    auto_score: float | None
    comment_at: str


def override(
    course: Course,
    assignment: str,
    student: str,
    cell: str,
    score: float | None,
    *,
    comment: str = "",
    extra_credit: bool = False,
) -> Overridden:
    """Give points by hand for one cell of one submission.

    What being late costs is worked out anew in the same transaction.

    Args:
        course: the course.
        assignment: the assignment's name.
        student: whose submission.
        cell: the graded cell's name; ``notebook/cell`` where two notebooks have one of that name.
        score: the points; None takes points and extra credit by hand back, so that those by test
            count again.
        comment: for the student; added to what stands there already. Shown with the cell, or with
            the answer before it: nbgrader has no comments on tests.
        extra_credit: whether the points may be more than can be earned; what is above is kept as
            extra credit.

    Raises:
        WorkshopError: an unknown name, points out of range, nothing graded yet, another process is
            grading, or it cannot be written.
    """
    config = course.nbgrader_config()
    penalties = penalties_in(course, config)
    ledger = Ledger(course, CourseDirectory(config=config))
    seen: list[Overridden] = []

    def write(gradebook: Gradebook) -> Decision | None:
        row = _find(gradebook, assignment, student, cell)
        manual, extra = _points(row, score, extra_credit=extra_credit)
        place = _comment_place(row) if comment else None
        before = (row.manual_score, row.extra_credit)
        is_new = place is not None and not _says(place.manual_comment, comment)
        about = (float(row.max_score), row.auto_score, "" if place is None else str(place.name))
        seen[:] = [Overridden(None, *about)]
        if (manual, extra) == before and not is_new and not row.needs_manual_grade:
            return None
        row.manual_score, row.extra_credit = manual, extra
        row.needs_manual_grade = manual is None and row.auto_score is None  # as the formgrader
        if place is not None and is_new:
            earlier = filter(None, (place.manual_comment, comment))
            place.manual_comment = "\n\n".join(earlier)
        late = None if penalties is None else penalties.apply(gradebook, assignment, student)
        return decision(
            *(What.OVERRIDE, assignment, student),
            late=late,
            notebook=str(row.notebook.name),
            grade_id=str(row.name),
            manual_before=before[0],
            manual_after=manual,
            extra_before=before[1],
            extra_after=extra,
            comment=comment if is_new else "",
        )

    with ledger.writing(f"workshop override {assignment}"):
        decided = ledger.decide(write)
    (about,) = seen
    return Overridden(decided, about.max_score, about.auto_score, about.comment_at)


def _find(gradebook: Gradebook, assignment: str, student: str, cell: str) -> Any:
    """The gradebook's row of a cell."""
    require_assignment(gradebook, assignment)
    try:
        submission = gradebook.find_submission(assignment, student)
    except MissingEntry:
        known = students_of(gradebook, assignment)
        raise WorkshopError(
            f"no submission of {assignment} by {student!r} was graded",
            where="gradebook.db",
            remedy=_near(student, known) or f"grade it first: workshop grade {assignment}",
        ) from None
    rows = {f"{book.name}/{row.name}": row for book in submission.notebooks for row in book.grades}
    found = [name for name in rows if cell in (name, name.rpartition("/")[2])]
    if len(found) > 1:
        raise WorkshopError(
            f"several notebooks of {assignment} have a graded cell {cell!r}",
            where=assignment,
            remedy=f"say which: {' or '.join(sorted(found))}",
        )
    if not found:
        names = sorted({name.rpartition("/")[2] for name in rows} | set(rows))
        raise WorkshopError(
            f"{assignment} has no graded cell {cell!r}",
            where=assignment,
            remedy=_near(cell, names) or f"there are: {', '.join(sorted(rows))}",
        )
    return rows[found[0]]


def _near(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]}?" if near else ""


def _points(
    row: Any, score: float | None, *, extra_credit: bool
) -> tuple[float | None, float | None]:
    """The points and the extra credit that a row is to hold."""
    if score is None:
        return None, None
    most = float(row.max_score)
    if not math.isfinite(score) or score < 0 or (score > most and not extra_credit):
        raise WorkshopError(
            f"{score:g} points are out of range",
            where=f"{row.notebook.name}/{row.name}",
            remedy=f"give 0 to {most:g}; with --extra-credit more than {most:g}",
        )
    if not extra_credit:
        return score, row.extra_credit
    return min(score, most), max(score - most, 0.0) or None


def _says(comments: str | None, comment: str) -> bool:
    """Whether a comment stands among others already."""
    return f"\n\n{comment}\n\n" in f"\n\n{comments or ''}\n\n"


def _comment_place(row: Any) -> Any:
    """The row of the comment that is shown with a cell, or nearest to it."""
    comments = {each.name: each for each in row.notebook.comments}
    names = [each.name for each in row.notebook.notebook.source_cells]
    at = names.index(row.name)
    for name in (*names[at::-1], *names[at + 1 :]):
        if name in comments:
            return comments[name]
    raise WorkshopError(
        "there is no answer in this notebook that could show a comment",
        where=str(row.notebook.name),
        remedy="leave out --comment, and tell the student yourself",
    )
