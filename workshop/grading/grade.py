"""Grade what was collected, one submission at a time, with nbgrader's converter and gradebook."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from nbgrader.api import Gradebook
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from workshop.course import Course, scripts_on_path
from workshop.errors import WorkshopError
from workshop.grading.converter import DurableAutograde
from workshop.grading.execution import Limits
from workshop.grading.failures import NotGraded, explained, patiently
from workshop.grading.fingerprints import hash_of_files
from workshop.grading.gradebook import (
    max_score_of,
    open_gradebook,
    require_assignment,
    without_autoflush_warnings,
)
from workshop.grading.ledger import Ledger
from workshop.grading.nbgrader_steps import ExecuteSubmission
from workshop.grading.prechecks import RejectedSubmission
from workshop.grading.records import Outcome
from workshop.grading.results import SubmissionResult, in_one_line, read_result, submissions_of
from workshop.grading.sandbox.levels import require

_T = TypeVar("_T")
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
        stored: whose results were there already, since nothing has changed.
        notes: what was found to be damaged in the log, and what was done about it.
    """

    assignment: str
    results: tuple[SubmissionResult, ...]
    stored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def anything_graded(self) -> bool:
        """Whether at least one submission was graded rather than rejected."""
        without = {Outcome.REJECTED, Outcome.NOT_GRADED}
        return any(result.outcome not in without for result in self.results)

    @property
    def not_graded(self) -> tuple[str, ...]:
        """Whose submissions are still to be graded, for a reason that is none of theirs."""
        return tuple(
            result.student for result in self.results if result.outcome is Outcome.NOT_GRADED
        )

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
    force: bool = False,
    progress: Progress | None = None,
    limits: Limits | None = None,
) -> GradeReport:
    """Grade the submissions of an assignment that are new, changed, or were not graded to the end.

    A submission that cannot be graded never stops the others: it is rejected, which is no score of
    0 but a question to the instructor. Points given by hand are kept. What is graded is kept
    whatever happens to this process afterwards; see ``workshop.grading.ledger``.

    Args:
        course: the course; its ``nbgrader_config.py`` decides the steps.
        assignment: the assignment's name.
        students: whose submissions; all of them for None.
        force: grade again what has not changed since it was graded.
        progress: called after each submission with how many are done, of how many, and whose.
        limits: time limits; those of ``nbgrader_config.py`` for None.

    Raises:
        WorkshopError: the gradebook does not know the assignment, a student handed nothing in, or
            nobody did; another process is grading; the course cannot be written; this machine
            cannot confine as ``nbgrader_config.py`` asks for.
    """
    config = course.nbgrader_config()
    if limits is not None:
        config.ExecuteSubmission.update(vars(limits))
    # Before anything is tried: what this machine cannot do, it cannot do for any submission.
    try:
        require(ExecuteSubmission(config=config).confinement)
    except OSError as error:
        raise explained(error, course.root, assignment, "") from error
    ledger = Ledger(course, CourseDirectory(config=config, log=_log))
    with scripts_on_path(), ledger.writing(f"workshop grade {assignment}"):

        def known() -> tuple[str, ...]:
            with open_gradebook(ledger.coursedir) as gradebook:
                return require_assignment(gradebook, assignment)

        notebooks = patiently(known)
        selected = _selected(course, assignment, students)
        grader = _Grader(
            *(ledger, config, assignment), progress=progress or _no_progress, force=force
        )
        results = grader.run(selected, notebooks)
    return GradeReport(assignment, tuple(results), tuple(grader.stored), tuple(ledger.notes))


class _Autograde(DurableAutograde):
    """The converter for one submission."""

    names: tuple[str, ...] = ()

    def init_notebooks(self) -> None:
        """Name the notebooks outright: nbgrader's glob fails in a folder called e.g. [a]."""
        folder = self._format_source(self.coursedir.assignment_id, self.coursedir.student_id)
        self.assignments = {folder: [f"{folder}/{name}.ipynb" for name in self.names]}
        self.notebooks: list[str] = []


class _Grader:
    """Grades the submissions of one assignment while the course is locked."""

    def __init__(
        self, ledger: Ledger, config: Config, assignment: str, *, progress: Progress, force: bool
    ) -> None:
        self.ledger = ledger
        self.course, self.coursedir = ledger.course, ledger.coursedir
        self.config = config
        self.assignment = assignment
        self.progress = progress
        self.force = force
        self.stored: list[str] = []

    def run(self, students: tuple[str, ...], notebooks: tuple[str, ...]) -> list[SubmissionResult]:
        results: list[SubmissionResult] = []
        blocked: NotGraded | None = None
        max_score = self._read(lambda gradebook: max_score_of(gradebook, self.assignment))
        for done, student in enumerate(students, 1):
            failure: WorkshopError | None = blocked
            if blocked is None:
                try:
                    failure = self._grade_unless_stored(student, notebooks)
                except WorkshopError as error:
                    failure = explained(error, self.course.root, self.assignment, student)
            if isinstance(failure, NotGraded):
                said = in_one_line(failure, self.course)
                said = said if blocked is None else f"not tried: {said}"
                results.append(_not_graded(student, max_score, said))
                blocked = failure if failure.stops else None
            else:
                results.append(self._result(student, failure))
            self.progress(done, len(students), student)
        return results

    def _grade_unless_stored(
        self, student: str, notebooks: tuple[str, ...]
    ) -> WorkshopError | None:
        """Grade one submission; returns why it has no score."""
        folder = self.course.submitted / student / self.assignment
        names = tuple(name for name in notebooks if (folder / f"{name}.ipynb").is_file())
        if not self.force:
            submission = hash_of_files(folder)
            entry = self.ledger.stored(self.assignment, student, submission, names)
            if entry is not None:
                self.stored.append(student)
                rejected = entry.outcome is Outcome.REJECTED
                return RejectedSubmission(entry.message) if rejected else None
        coursedir = self.coursedir
        coursedir.assignment_id, coursedir.student_id = self.assignment, student
        coursedir.notebook_id = "*"
        converter = _Autograde(coursedir=coursedir, config=self.config, log=_log)
        converter.names, converter.ledger, converter.force = names, self.ledger, True
        try:
            with without_autoflush_warnings():
                converter.start()
        except NbGraderException as error:
            return converter.failure or explained(error, self.course.root, self.assignment, student)
        return None

    def _result(self, student: str, failure: WorkshopError | None) -> SubmissionResult:
        said = "" if failure is None else in_one_line(failure, self.course)
        return self._read(
            lambda gradebook: read_result(
                self.course, gradebook, self.assignment, student, failure=said
            )
        )

    def _read(self, action: Callable[[Gradebook], _T]) -> _T:
        def read() -> _T:
            # A session of its own: the converter wrote through others.
            with open_gradebook(self.coursedir) as gradebook:
                return action(gradebook)

        return patiently(read)


def _not_graded(student: str, max_score: float, message: str) -> SubmissionResult:
    return SubmissionResult(student, Outcome.NOT_GRADED, None, max_score, 0.0, (), message)


def _no_progress(done: int, total: int, student: str) -> None:
    pass


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
