"""Grade what was collected, with nbgrader's converter and gradebook.

Submissions are graded one after another in this process, or by a pool of others; what came of each
is written down here, by the only process that may.
"""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from nbgrader.api import Gradebook
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
)
from workshop.grading.journal import Entry
from workshop.grading.late import Penalties
from workshop.grading.late_work import bring_up_to_date, penalties_in
from workshop.grading.ledger import Ledger
from workshop.grading.nbgrader_steps import ExecuteSubmission
from workshop.grading.prechecks import RejectedSubmission
from workshop.grading.records import Outcome
from workshop.grading.rehearsal import WORTH_IT
from workshop.grading.results import SubmissionResult, in_one_line, read_result, submissions_of
from workshop.grading.sandbox.levels import require
from workshop.grading.worker import Answer, Request, converter_for, log, rehearse_for
from workshop.grading.worker import run as run_converter

_T = TypeVar("_T")
Progress = Callable[[int, int, str], None]
Stop = Callable[[], bool]
Pool = Callable[[Sequence[Request]], Generator[tuple[Request, Answer], None, None]]
"""Grades submissions somewhere, and gives each one's answer when it is there."""


@dataclass(frozen=True)
class GradeReport:
    """The grades of one assignment.

    Attributes:
        assignment: its name.
        results: one for each submission that was to be graded, by student.
        stored: whose results were there already, since nothing has changed.
        late: what is taken off for being late since now, from whom of those, and why.
        notes: what was found to be damaged in the log, and what was done about it.
    """

    assignment: str
    results: tuple[SubmissionResult, ...]
    stored: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
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
    pool: Pool | None = None,
    stop: Stop | None = None,
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
        pool: grades in other processes, see ``workshop.grading.pool``; None for one after another
            in this one. Either way this process alone writes.
        stop: asked after each submission; once it says so, the others are left for another time.

    Raises:
        WorkshopError: the gradebook does not know the assignment, a student handed nothing in, or
            nobody did; another process is grading; the course cannot be written; this machine
            cannot confine as ``nbgrader_config.py`` asks for; the rule for late work or the
            extensions have a fault.
    """
    config = course.nbgrader_config()
    if limits is not None:
        config.ExecuteSubmission.update(vars(limits))
    # Before anything is tried: what this machine cannot do, it cannot do for any submission.
    try:
        require(ExecuteSubmission(config=config).confinement)
    except OSError as error:
        raise explained(error, course.root, assignment, "") from error
    penalties = penalties_in(course, config)
    ledger = Ledger(course, CourseDirectory(config=config, log=log))
    with scripts_on_path(), ledger.writing(f"workshop grade {assignment}"):

        def known() -> tuple[str, ...]:
            with open_gradebook(ledger.coursedir) as gradebook:
                if penalties is not None:
                    penalties.extensions(gradebook)
                return require_assignment(gradebook, assignment)

        notebooks = patiently(known)
        selected = _selected(course, assignment, students)
        grader = _Grader(
            *(ledger, config, assignment),
            progress=progress or _no_progress,
            force=force,
            pool=pool,
            limits=limits,
            penalties=penalties,
            stop=stop or _never,
        )
        results = grader.run(selected, notebooks)
    about = (grader.stored, grader.late, ledger.notes)
    return GradeReport(assignment, tuple(results), *map(tuple, about))


class _Grader:
    """Grades the submissions of one assignment while the course is locked."""

    def __init__(
        self,
        ledger: Ledger,
        config: Config,
        assignment: str,
        *,
        progress: Progress,
        force: bool,
        pool: Pool | None,
        limits: Limits | None,
        penalties: Penalties | None,
        stop: Stop,
    ) -> None:
        self.ledger = ledger
        self.course, self.coursedir = ledger.course, ledger.coursedir
        self.config = config
        self.assignment = assignment
        self.progress = progress
        self.force = force
        self.pool = pool
        self.limits = {} if limits is None else vars(limits)
        self.penalties = penalties
        self.stop = stop
        self.stored: list[str] = []
        self.late: list[str] = []
        self._writer: DurableAutograde | None = None

    def run(self, students: tuple[str, ...], notebooks: tuple[str, ...]) -> list[SubmissionResult]:
        max_score = self._read(lambda gradebook: max_score_of(gradebook, self.assignment))
        results: dict[str, SubmissionResult] = {}
        blocked: NotGraded | None = None
        for student, failure in self._graded(students, notebooks):
            if isinstance(failure, NotGraded):
                said = in_one_line(failure, self.course)
                said = said if blocked is None else f"not tried: {said}"
                results[student] = _not_graded(student, max_score, said)
                blocked = failure if failure.stops else None
            else:
                results[student] = self._result(student, failure)
            self.progress(len(results), len(students), student)
        return [results[student] for student in students if student in results]

    def _graded(
        self, students: tuple[str, ...], notebooks: tuple[str, ...]
    ) -> Iterator[tuple[str, WorkshopError | None]]:
        """Each student, and why the submission has no score, in the order in which they end."""
        requests, blocked = list[Request](), None
        for student in students:
            request = self._request(student, notebooks)
            try:
                entry = None if blocked else self._stored(request)
            except WorkshopError as error:
                failure = explained(error, self.course.root, self.assignment, student)
                blocked = failure if failure.stops else None
                yield student, failure
                continue
            if entry is None:
                requests.append(request)
                continue
            self.stored.append(student)
            rejected = entry.outcome is Outcome.REJECTED
            yield student, RejectedSubmission(entry.message) if rejected else None
        requests = [replace(each, rehearse=len(requests) >= WORTH_IT) for each in requests]
        done = set[str]()
        if not blocked:
            with contextlib.closing((self.pool or self._in_turn)(requests)) as answers:
                for request, answer in answers:
                    failure_of_it = self._written(request, answer)
                    done.add(request.student)
                    yield request.student, failure_of_it
                    if self.stop():
                        return
                    if isinstance(failure_of_it, NotGraded) and failure_of_it.stops:
                        blocked = failure_of_it
                        break
        for request in requests:
            if request.student not in done:
                yield request.student, blocked

    def _request(self, student: str, notebooks: tuple[str, ...]) -> Request:
        folder = self.course.submitted / student / self.assignment
        names = tuple(name for name in notebooks if (folder / f"{name}.ipynb").is_file())
        return Request(self.course.root, self.assignment, student, names, self.limits)

    def _stored(self, request: Request) -> Entry | None:
        """The entry that makes grading again idle; what being late costs is looked at anyway."""
        if self.force:
            return None
        folder = self.course.submitted / request.student / self.assignment
        entry = self.ledger.stored(
            self.assignment, request.student, hash_of_files(folder), request.notebooks
        )
        if entry is not None:
            self._bring_up_to_date(entry)
        return entry

    def _bring_up_to_date(self, entry: Entry) -> None:
        if self.penalties is None:
            return
        about = (self.penalties, self.assignment, entry.student)
        decided = bring_up_to_date(self.ledger, *about)
        if decided is not None:
            said = f"{decided.late_penalty:g} points off for being late"
            self.late.append(f"{entry.student}: {said}; {decided.late_reason or 'in time'}")

    def _in_turn(
        self, requests: Sequence[Request]
    ) -> Generator[tuple[Request, Answer], None, None]:
        """Grade in this process, and write as soon as there is something to write."""
        for request in requests:
            rehearse_for(self.course, self.config, request)
            converter = converter_for(self.ledger, self.config, request)
            converter.stop = self.stop
            yield request, Answer(None, run_converter(converter, self.course.root))

    def _written(self, request: Request, answer: Answer) -> WorkshopError | None:
        """Write down what another process has graded; returns why there is no score."""
        if answer.work is None:
            return answer.failure
        try:
            if self._writer is None:
                # Any submission's will do: what is written says whose it is.
                self._writer = converter_for(self.ledger, self.config, request)
                self._writer.stop = self.stop
            self._writer.write(answer.work)
        except WorkshopError as error:
            return explained(error, self.course.root, self.assignment, request.student)
        return answer.failure

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


def _never() -> bool:
    return False


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
