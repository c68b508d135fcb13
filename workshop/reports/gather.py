"""Everything that a class report is made of, from the gradebook, the notebooks and the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory

from workshop.analysis.scores import ScoreMatrix
from workshop.course import Course, scripts_on_path
from workshop.errors import WorkshopError
from workshop.grading.gradebook import (
    CellGrade,
    load_grades,
    open_gradebook,
    require_assignment,
    students_of,
)
from workshop.grading.journal import Entry, Journal
from workshop.grading.records import Outcome
from workshop.grading.results import submissions_of
from workshop.grading.transaction import taken
from workshop.reports.graded_items import GradedItem, describe_items
from workshop.reports.graded_work import Work, read_work

Progress = Callable[[int, int, str], None]


class State(StrEnum):
    """How far a submission has come."""

    COMPLETE = "complete"
    WAITING = "waiting for a decision"
    REJECTED = "rejected"
    NOT_GRADED = "not graded"


@dataclass(frozen=True)
class Submission:
    """One student's work as a whole.

    Attributes:
        student: whose it is.
        state: how far it has come.
        score: points so far, extra credit included, without the penalty for being late; None if
            there is no score at all.
    """

    student: str
    state: State
    score: float | None


@dataclass(frozen=True)
class ClassData:
    """What a class report is made of.

    Attributes:
        assignment: the assignment's name.
        items: its graded cells, in order.
        matrix: points by student and item, without extra credit and penalties, which say nothing
            about the items.
        submissions: by student, in the matrix's order.
        work: what the graded notebooks tell, by student.
        entries: of the log, those that the present scores come from.
        notes: what could not be found out, and why; no student is named.
        unread: graded notebooks that cannot be read, by student, and why.
    """

    assignment: str
    items: tuple[GradedItem, ...]
    matrix: ScoreMatrix
    submissions: tuple[Submission, ...]
    work: Mapping[str, Work]
    entries: tuple[Entry, ...]
    notes: tuple[str, ...]
    unread: tuple[str, ...] = ()


def gather(course: Course, assignment: str, *, progress: Progress | None = None) -> ClassData:
    """Read what there is about an assignment. Nothing is changed.

    Args:
        course: the course.
        assignment: the assignment's name.
        progress: called after each submission with how many are done, of how many, and whose.

    Raises:
        WorkshopError: unknown assignment, nobody has a score, or gradebook or log cannot be read.
    """
    with scripts_on_path():
        coursedir = CourseDirectory(config=course.nbgrader_config())
        with open_gradebook(coursedir) as gradebook:
            require_assignment(gradebook, assignment)
            grades = _grades(course, gradebook, assignment)
            entries, log_notes = _standing(course, gradebook, assignment)
    longest = max(grades.values(), key=len, default=[])
    if not any(each.score is not None for rows in grades.values() for each in rows):
        raise WorkshopError(
            f"there are no scores of {assignment}",
            where=course.gradebook,
            remedy=f"run: workshop grade {assignment}",
        )
    items, notes = describe_items(course, assignment, longest)
    work = {}
    for done, student in enumerate(grades, 1):
        work[student] = read_work(course.autograded / student / assignment, items)
        if progress is not None:
            progress(done, len(grades), student)
    return ClassData(
        assignment=assignment,
        items=items,
        matrix=_matrix(items, grades),
        submissions=tuple(
            _submission(student, rows, entries.get(student)) for student, rows in grades.items()
        ),
        work=work,
        entries=tuple(entries.values()),
        notes=(*notes, *log_notes),
        unread=tuple(f"{name}: {why}" for name, each in work.items() for why in each.unread),
    )


def _grades(course: Course, gradebook: Gradebook, assignment: str) -> dict[str, list[CellGrade]]:
    """Everyone's grades, by student, sorted; none for work that was never looked at."""
    known = {*students_of(gradebook, assignment), *submissions_of(course, assignment)}
    return {name: load_grades(gradebook, assignment, name)[0] for name in sorted(known)}


def _standing(
    course: Course, gradebook: Gradebook, assignment: str
) -> tuple[dict[str, Entry], tuple[str, ...]]:
    """The log's entry that each student's scores come from, and what is wrong with the log."""
    history = Journal(course.gradelog).read()
    counted = taken(gradebook)
    entries = {
        each.entry.student: each.entry
        for each in history.entries
        if each.entry.assignment == assignment and each.digest in counted
    }
    problems = len(history.problems)
    note = f"the grading log has problems ({problems}): run workshop log {assignment}"
    return entries, (note,) if problems else ()


def _matrix(items: Sequence[GradedItem], grades: Mapping[str, Sequence[CellGrade]]) -> ScoreMatrix:
    rows = []
    for cells in grades.values():
        scores = {
            (cell.notebook, cell.grade_id): (
                cell.auto_score if cell.manual_score is None else cell.manual_score
            )
            for cell in cells
        }
        rows.append(tuple(scores.get((item.notebook, item.grade_id)) for item in items))
    return ScoreMatrix(
        students=tuple(grades),
        items=tuple(item.name for item in items),
        max_scores=tuple(item.max_score for item in items),
        scores=tuple(rows),
    )


def _submission(student: str, cells: Sequence[CellGrade], entry: Entry | None) -> Submission:
    scores = [cell.score for cell in cells if cell.score is not None]
    if not scores:
        rejected = entry is not None and entry.outcome is Outcome.REJECTED
        return Submission(student, State.REJECTED if rejected else State.NOT_GRADED, None)
    state = State.COMPLETE if len(scores) == len(cells) else State.WAITING
    return Submission(student, state, float(sum(scores)))
