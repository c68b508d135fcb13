"""Grade one submission, for a writer that may be in another process or on another machine.

Nothing is written but notebooks in the course's staging folder; the gradebook is only read.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from workshop.course import Course, scripts_on_path
from workshop.errors import WorkshopError
from workshop.grading.converter import DurableAutograde, Work
from workshop.grading.failures import NotGraded, explained
from workshop.grading.gradebook import without_autoflush_warnings
from workshop.grading.ledger import Ledger
from workshop.grading.nbgrader_steps import ExecuteSubmission
from workshop.grading.rehearsal import rehearse
from workshop.grading.sandbox.levels import Confinement

# nbgrader's chatter; what matters of it is in the results.
log = logging.Logger("workshop.grading", logging.CRITICAL)
log.addHandler(logging.NullHandler())


MOST_TRIES = 2
"""How many workers a submission may end before it is set aside."""


@dataclass(frozen=True)
class Request:
    """A submission that is to be graded.

    Attributes:
        root: the course's folder.
        assignment: the assignment's name.
        student: whose submission it is.
        notebooks: which of its notebooks are graded.
        limits: time limits that are not those of ``nbgrader_config.py``, by their names.
        rehearse: whether it is one of many, so that the author's solution may run first.
    """

    root: Path
    assignment: str
    student: str
    notebooks: tuple[str, ...]
    limits: Mapping[str, float] = field(default_factory=dict)
    rehearse: bool = False


@dataclass(frozen=True)
class Answer:
    """What came of a request.

    Attributes:
        work: what is to be written down; None if that failed before there was anything.
        failure: why the submission has no score; None if it has one.
    """

    work: Work | None
    failure: WorkshopError | None


def threads_for(workers: int) -> int:
    """For each worker, so that all together are as many as there are processors."""
    return max(1, len(os.sched_getaffinity(0)) // workers)


def given_up(request: Request, what: str) -> Answer:
    """The answer for a submission that is set aside, and why."""
    remedy = f"grade it alone: workshop grade {request.assignment} --student {request.student}"
    return Answer(None, NotGraded(what, remedy=remedy))


class SubmissionConverter(DurableAutograde):
    """The converter for one submission."""

    names: tuple[str, ...] = ()

    def init_notebooks(self) -> None:
        """Name the notebooks outright: nbgrader's glob fails in a folder called e.g. [a]."""
        folder = self._format_source(self.coursedir.assignment_id, self.coursedir.student_id)
        self.assignments = {folder: [f"{folder}/{name}.ipynb" for name in self.names]}
        self.notebooks: list[str] = []


class _Collecting(SubmissionConverter):
    """Keeps what came of it."""

    work: Work | None = None

    def hand_over(self, work: Work) -> None:
        """Keep it for the answer."""
        self.work = work


def converter_for(
    ledger: Ledger, config: Config, request: Request, *, collect: bool = False
) -> SubmissionConverter:
    """The converter for one submission.

    Args:
        ledger: log and gradebook of the course.
        config: that of ``nbgrader_config.py``.
        request: which submission.
        collect: keep what comes of it instead of writing it down.
    """
    coursedir = ledger.coursedir
    coursedir.assignment_id, coursedir.student_id = request.assignment, request.student
    coursedir.notebook_id = "*"
    kind = _Collecting if collect else SubmissionConverter
    converter = kind(coursedir=coursedir, config=config, log=log)
    converter.names, converter.ledger, converter.force = request.notebooks, ledger, True
    return converter


def run(converter: SubmissionConverter, root: Path) -> WorkshopError | None:
    """Grade; returns why the submission has no score."""
    about = converter.coursedir.assignment_id, converter.coursedir.student_id
    try:
        with without_autoflush_warnings():
            converter.start()
    except NbGraderException as error:
        return converter.failure or explained(error, root, *about)
    except WorkshopError as error:
        return explained(error, root, *about)
    return None


def rehearse_for(course: Course, config: Config, request: Request) -> None:
    """Compute what right submissions share, if there are many of them."""
    settings = ExecuteSubmission(config=config)
    if request.rehearse and settings.confinement == Confinement.BUBBLEWRAP:
        for notebook in request.notebooks:
            rehearse(
                *(course, request.assignment, notebook),
                seconds=settings.notebook_seconds,
                megabytes=settings.shared_training_mb,
            )


def grade_submission(request: Request) -> Answer:
    """Grade a submission in a worker's process; whoever asked writes it down."""
    # Converters work in the course's root, and so does whatever they call.
    os.chdir(request.root)
    course = Course.at(request.root)
    config = course.nbgrader_config()
    config.ExecuteSubmission.update(dict(request.limits))
    rehearse_for(course, config, request)
    ledger = Ledger(course, CourseDirectory(config=config, log=log))
    converter = converter_for(ledger, config, request, collect=True)
    assert isinstance(converter, _Collecting)  # noqa: S101 - for the type checker
    with scripts_on_path(), ledger.assisting():
        failure = run(converter, request.root)
    return Answer(converter.work, failure)
