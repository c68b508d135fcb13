"""Grade what was collected, one submission at a time, with nbgrader's converter and gradebook."""

from __future__ import annotations

import difflib
import logging
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from nbgrader.api import Gradebook
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from workshop.course import Course, scripts_on_path
from workshop.errors import WorkshopError
from workshop.grading.execution import Limits
from workshop.grading.gradebook import (
    open_gradebook,
    record_rejected,
    require_assignment,
    without_autoflush_warnings,
)
from workshop.grading.records import Outcome
from workshop.grading.results import (
    SubmissionResult,
    check_submission,
    in_one_line,
    read_result,
    submissions_of,
)

Progress = Callable[[int, int, str], None]

# nbgrader's chatter; what matters of it is in the results.
_log = logging.Logger("workshop.grading", logging.CRITICAL)
_log.addHandler(logging.NullHandler())


@dataclass(frozen=True)
class GradeReport:
    """The grades of one assignment.

    Attributes:
        assignment: its name.
        results: one for each submission that was to be graded, by student.
    """

    assignment: str
    results: tuple[SubmissionResult, ...]

    @property
    def anything_graded(self) -> bool:
        """Whether at least one submission was graded rather than rejected."""
        return any(result.outcome is not Outcome.REJECTED for result in self.results)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``workshop grade --json``."""
        return {
            "assignment": self.assignment,
            "results": [result.to_dict() for result in self.results],
        }


def grade(
    course: Course,
    assignment: str,
    students: Sequence[str] | None = None,
    *,
    progress: Progress | None = None,
    limits: Limits | None = None,
) -> GradeReport:
    """Grade the submissions of an assignment, again if they were graded before.

    A submission that cannot be graded never stops the others: it is rejected, which is no score of
    0 but a question to the instructor. Points given by hand are kept.

    Args:
        course: the course; its ``nbgrader_config.py`` decides the steps.
        assignment: the assignment's name.
        students: whose submissions; all of them for None.
        progress: called after each submission with how many are done, of how many, and whose.
        limits: time limits; those of ``nbgrader_config.py`` for None.

    Raises:
        WorkshopError: the gradebook does not know the assignment, a student handed nothing in, or
            nobody did.
    """
    config = course.nbgrader_config()
    if limits is not None:
        config.ExecuteSubmission.update(vars(limits))
    coursedir = CourseDirectory(config=config, log=_log)
    results = []
    with scripts_on_path():
        with open_gradebook(coursedir) as gradebook:
            notebooks = require_assignment(gradebook, assignment)
        selected = _selected(course, assignment, students)
        for done, student in enumerate(selected, 1):
            failure = _grade_one(course, coursedir, config, (assignment, student), notebooks)
            # A session of its own: the converter wrote through others.
            with open_gradebook(coursedir) as gradebook:
                if failure:
                    _reject(course, gradebook, assignment, student)
                results.append(read_result(course, gradebook, assignment, student, failure=failure))
            if progress is not None:
                progress(done, len(selected), student)
    return GradeReport(assignment, tuple(results))


class _Autograde(Autograde):  # type: ignore[misc] # nbgrader ships no types
    """nbgrader's converter for one submission, which remembers what went wrong."""

    failure: Exception | None = None
    names: tuple[str, ...] = ()

    def init_notebooks(self) -> None:
        """Name the notebooks outright: nbgrader's glob fails in a folder called e.g. [a]."""
        folder = self._format_source(self.coursedir.assignment_id, self.coursedir.student_id)
        self.assignments = {folder: [f"{folder}/{name}.ipynb" for name in self.names]}
        self.notebooks: list[str] = []

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        try:
            super().init_assignment(assignment_id, student_id)
        except Exception as error:
            self.failure = error
            raise

    def convert_single_notebook(self, notebook_filename: str) -> None:
        try:
            super().convert_single_notebook(notebook_filename)
        except Exception as error:
            self.failure = error
            raise


def _grade_one(
    course: Course,
    coursedir: CourseDirectory,
    config: Config,
    whose: tuple[str, str],
    notebooks: tuple[str, ...],
) -> str:
    """Grade one submission; returns why it could not be graded, empty if it was."""
    assignment, student = whose
    try:
        with open_gradebook(coursedir) as gradebook:
            check_submission(course, gradebook, assignment, student)
    except WorkshopError as error:
        return in_one_line(error, course)
    folder = course.submitted / student / assignment
    coursedir.assignment_id, coursedir.student_id, coursedir.notebook_id = assignment, student, "*"
    converter = _Autograde(coursedir=coursedir, config=config, log=_log)
    converter.names = tuple(name for name in notebooks if (folder / f"{name}.ipynb").is_file())
    converter.force = True
    try:
        with without_autoflush_warnings():
            converter.start()
    except NbGraderException as error:
        cause = converter.failure or error
        if isinstance(cause, WorkshopError):
            return in_one_line(cause, course)
        return (
            f"grading stopped with {type(cause).__name__}: {cause}; this is no fault of the"
            f" submission: see what `nbgrader autograde {assignment} --student {student} --force`"
            " says, and grade it again"
        )
    return ""


def _reject(course: Course, gradebook: Gradebook, assignment: str, student: str) -> None:
    record_rejected(gradebook, assignment, student)
    # What was graded of an earlier submission says nothing about this one.
    for made in (course.autograded, course.feedback):
        shutil.rmtree(made / student / assignment, ignore_errors=True)


def _selected(course: Course, assignment: str, students: Sequence[str] | None) -> tuple[str, ...]:
    found = submissions_of(course, assignment)
    if not found:
        raise WorkshopError(
            f"nobody has handed in {assignment}",
            where=course.submitted,
            remedy=f"collect first: nbgrader collect {assignment}, or nbgrader zip_collect",
        )
    for student in students or ():
        if student not in found:
            near = difflib.get_close_matches(student, found, n=1)
            shown = ", ".join(found[:20]) + (", ..." if len(found) > 20 else "")  # noqa: PLR2004
            raise WorkshopError(
                f"no submission of {assignment} by {student!r}",
                where=course.submitted,
                remedy=f"did you mean {near[0]}?" if near else f"there are: {shown}",
            )
    return found if students is None else tuple(sorted(set(students)))
