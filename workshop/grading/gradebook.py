"""What is read from and written to nbgrader's gradebook, and nothing else."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.coursedir import CourseDirectory
from sqlalchemy import Engine, NullPool, create_engine, make_url
from sqlalchemy.orm import scoped_session, sessionmaker

from workshop.course import scripts_on_path
from workshop.errors import WorkshopError
from workshop.grading.records import CellResult
from workshop.grading.restore import MasterCell, MasterNotebook


@dataclass(frozen=True)
class CellGrade:
    """What the gradebook holds for one graded cell of one submission.

    Attributes:
        notebook: the notebook's name.
        grade_id: the cell's name.
        auto_score: points by test; None if a person has to decide.
        manual_score: points by hand, which take precedence; None if there are none.
        extra_credit: further points by hand; None if there are none.
        max_score: points that can be earned.
        needs_manual_grade: whether the gradebook asks for a person's decision.
    """

    notebook: str
    grade_id: str
    auto_score: float | None
    manual_score: float | None
    extra_credit: float | None
    max_score: float
    needs_manual_grade: bool

    @property
    def score(self) -> float | None:
        """The points that count; None where nobody has decided yet."""
        base = self.auto_score if self.manual_score is None else self.manual_score
        return None if base is None else base + (self.extra_credit or 0.0)


class _OpenedAgain(Gradebook):  # type: ignore[misc] # nbgrader ships no types
    """A gradebook whose tables are known to be there, on an engine that is kept.

    nbgrader makes an engine each time, which compiles every statement anew: that was half of the
    grader's own work for a light submission.
    """

    def __init__(self, engine: Engine, course_id: str) -> None:
        self.engine = engine
        self.db = scoped_session(sessionmaker(autoflush=True, bind=engine, future=True))
        self.course_id, self.authenticator = course_id, None

    def close(self) -> None:
        """Close the connection; the engine holds none."""
        self.db.remove()


_engines: dict[tuple[str, str], tuple[object, Engine]] = {}


def open_gradebook(coursedir: CourseDirectory) -> AbstractContextManager[Gradebook]:
    """The course's gradebook, closed afterwards."""
    return gradebook_at(coursedir.db_url, coursedir.course_id or "default_course")


@contextmanager
def gradebook_at(url: str, course_id: str = "default_course") -> Iterator[Gradebook]:
    """The gradebook of a database, made if it is not there, and closed afterwards."""
    file, engine = _engines.get((url, course_id), (None, None))
    if engine is None or file != _file_of(url):
        with scripts_on_path(), Gradebook(url, course_id):  # makes what is missing
            engine = create_engine(url, future=True, poolclass=NullPool)
            _engines[url, course_id] = _file_of(url), engine
    with _OpenedAgain(engine, course_id) as gradebook:
        yield gradebook


def _file_of(url: str) -> tuple[int, int] | None:
    """What tells a file of SQLite from another one that took its place."""
    path = make_url(url).database
    if not url.startswith("sqlite") or not path or not Path(path).exists():
        return None
    found = Path(path).stat()
    return found.st_dev, found.st_ino


@contextmanager
def without_autoflush_warnings() -> Iterator[None]:
    """Silence SQLAlchemy where nbgrader reads the gradebook while it puts a submission together.

    All of the submission is added in the end. Holds for the whole process while it lasts.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Object of type <\w+> not in session")
        yield


def require_assignment(gradebook: Gradebook, assignment: str) -> tuple[str, ...]:
    """The names of an assignment's notebooks, sorted.

    Raises:
        WorkshopError: the gradebook does not know the assignment.
    """
    names = assignment_names(gradebook)
    if assignment not in names:
        known = f" (it knows: {', '.join(names)})" if names else ""
        raise WorkshopError(
            f"the gradebook does not know the assignment {assignment!r}{known}",
            where="gradebook.db",
            remedy="correct the name, or run `workshop build` first",
        )
    return tuple(sorted(each.name for each in gradebook.find_assignment(assignment).notebooks))


def assignment_names(gradebook: Gradebook) -> tuple[str, ...]:
    """All assignments that the gradebook knows, sorted."""
    return tuple(sorted(each.name for each in gradebook.assignments))


def load_master(gradebook: Gradebook, assignment: str, notebook: str) -> MasterNotebook:
    """The instructor's version of a notebook, as it was when the assignment was generated."""
    entry = gradebook.find_notebook(notebook, assignment)
    points = {cell.name: float(cell.max_score) for cell in (*entry.grade_cells, *entry.task_cells)}
    grades = {cell.name for cell in entry.grade_cells}
    solutions = {cell.name for cell in entry.solution_cells}
    tasks = {cell.name for cell in entry.task_cells}
    cells = tuple(
        MasterCell(
            grade_id=cell.name,
            cell_type=cell.cell_type,
            source=cell.source,
            checksum=cell.checksum,
            locked=bool(cell.locked),
            grade=cell.name in grades,
            solution=cell.name in solutions,
            task=cell.name in tasks,
            points=points.get(cell.name),
        )
        for cell in entry.source_cells
    )
    return MasterNotebook(notebook, cells, json.loads(entry.kernelspec or "null") or None)


def save_scores(
    gradebook: Gradebook,
    assignment: str,
    notebook: str,
    student: str,
    results: Iterable[CellResult],
    *,
    unanswered: Sequence[str] = (),
) -> None:
    """Write the scores of one submitted notebook, all or none of them.

    A score of None asks for a manual grade. Points given by hand stay, and are asked to be looked
    at again, as nbgrader does.

    Args:
        gradebook: an open gradebook.
        assignment: the assignment's name.
        notebook: the notebook's name, without ending.
        student: whose submission it is.
        results: the scores by test.
        unanswered: the names of solution cells that hold no answer.
    """
    for result in results:
        grade = gradebook.find_grade(result.grade_id, notebook, assignment, student)
        grade.auto_score = result.score
        grade.needs_manual_grade = result.score is None or grade.manual_score is not None
    submission = gradebook.find_submission_notebook(notebook, assignment, student)
    for comment in submission.comments:
        comment.auto_comment = "No response." if comment.name in unanswered else None
    gradebook.db.commit()


def record_rejected(gradebook: Gradebook, assignment: str, student: str) -> None:
    """Note that a submission could not be graded: no score by test, a person's decision needed."""
    for notebook in gradebook.find_submission(assignment, student).notebooks:
        for grade in notebook.grades:
            grade.auto_score = None
            grade.needs_manual_grade = True
    gradebook.db.commit()


def max_score_of(gradebook: Gradebook, assignment: str) -> float:
    """The points that an assignment is worth."""
    return float(gradebook.find_assignment(assignment).max_score)


def students_of(gradebook: Gradebook, assignment: str) -> tuple[str, ...]:
    """Everyone with a submission in the gradebook, sorted."""
    return tuple(sorted(each.student.id for each in gradebook.assignment_submissions(assignment)))


def load_grades(
    gradebook: Gradebook, assignment: str, student: str
) -> tuple[list[CellGrade], float]:
    """All grades of one submission in the assignment's order, and its penalty for being late.

    Returns:
        An empty list if there is no such submission.
    """
    try:
        submission = gradebook.find_submission(assignment, student)
    except MissingEntry:
        return [], 0.0
    grades: list[CellGrade] = []
    for notebook in sorted(submission.notebooks, key=lambda each: str(each.name)):
        order = {cell.name: index for index, cell in enumerate(notebook.notebook.source_cells)}
        rows = {order[row.name]: row for row in notebook.grades}
        grades += [_cell_grade(notebook.name, rows[place]) for place in sorted(rows)]
    return grades, float(submission.late_submission_penalty or 0.0)


def load_comments(
    gradebook: Gradebook, assignment: str, student: str
) -> dict[tuple[str, str], str]:
    """What graders wrote about a submission, by notebook and cell; nbgrader's own notes included.

    Returns:
        Nothing if there is no such submission.
    """
    try:
        submission = gradebook.find_submission(assignment, student)
    except MissingEntry:
        return {}
    return {
        (str(notebook.name), str(comment.name)): str(comment.comment)
        for notebook in submission.notebooks
        for comment in notebook.comments
        if comment.comment
    }


def _cell_grade(notebook: str, row: Any) -> CellGrade:
    return CellGrade(
        notebook=notebook,
        grade_id=row.name,
        auto_score=row.auto_score,
        manual_score=row.manual_score,
        extra_credit=row.extra_credit,
        max_score=float(row.max_score),
        needs_manual_grade=bool(row.needs_manual_grade),
    )
