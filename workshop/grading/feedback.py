"""Feedback pages for students, made by nbgrader's own converter without the hidden tests."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path

from nbgrader.converters import GenerateFeedback
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from workshop.course import Course, scripts_on_path
from workshop.errors import WorkshopError
from workshop.grading.gradebook import open_gradebook, require_assignment
from workshop.grading.records import Outcome
from workshop.grading.results import read_result, submissions_of
from workshop.reports.feedback_exporter import Readers
from workshop.reports.student_page import PAGE_NAME, rejected_page

Progress = Callable[[int, int, str], None]

_FOR_THE_EXCHANGE = ("timestamp.txt", "submission_secret.txt")
_LARGEST_NOTE = 10_000


def generate_feedback(
    course: Course,
    assignment: str,
    students: Sequence[str] | None = None,
    *,
    progress: Progress | None = None,
    note: Callable[[str], None] | None = None,
) -> tuple[Path, ...]:
    """Write a page for every graded notebook and one with all results, for each student.

    Rejected submissions get pages with the reason.

    Args:
        course: the course; its ``nbgrader_config.py`` decides the steps.
        assignment: the assignment's name.
        students: for whom; for everyone who handed in and was looked at for None.
        progress: called after each submission with how many are done, of how many, and whose.
        note: called with what pages are without, since it could not be found out.

    Returns:
        The pages, by student and notebook.

    Raises:
        WorkshopError: unknown assignment or student, nothing was graded yet, or a page could not
            be made (the others were).
    """
    config = course.nbgrader_config()
    pages: list[Path] = []
    failed: list[str] = []
    readers: Readers = {}
    with scripts_on_path():
        coursedir = CourseDirectory(config=config)
        with open_gradebook(coursedir) as gradebook:
            notebooks = require_assignment(gradebook, assignment)
        selected = _selected(course, assignment, students)
        for done, student in enumerate(selected, 1):
            if (course.autograded / student / assignment).is_dir():
                reason = _convert(course, config, assignment, student, readers)
                if reason:
                    failed.append(f"{student}: {reason}")
            else:
                with open_gradebook(coursedir) as gradebook:
                    result = read_result(course, gradebook, assignment, student)
                if result.outcome is Outcome.REJECTED:
                    _write_rejection(course, assignment, student, notebooks, result.message)
            pages += sorted((course.feedback / student / assignment).glob("*.html"))
            if progress is not None:
                progress(done, len(selected), student)
    if note is not None:
        for said in chain.from_iterable(reader.notes for reader in readers.values()):
            note(said)
    if failed:
        raise WorkshopError(
            f"no feedback could be made for {'; '.join(failed)}",
            where=course.autograded,
            remedy=f"grade them again: workshop grade {assignment} --student NAME",
        )
    if not pages:
        raise WorkshopError(
            f"nothing of {assignment} is graded yet",
            where=course.autograded,
            remedy=f"run: workshop grade {assignment}",
        )
    return tuple(pages)


class _Feedback(GenerateFeedback):  # type: ignore[misc] # nbgrader ships no types
    """nbgrader's converter for one submission.

    Attributes:
        readers: see :class:`~workshop.reports.feedback_exporter.ResultsExporter`.
    """

    readers: Readers

    def init_notebooks(self) -> None:
        """Name the notebooks outright: nbgrader's glob fails in a folder called e.g. [a]."""
        folder = self._format_source(self.coursedir.assignment_id, self.coursedir.student_id)
        self.assignments = {folder: sorted(str(path) for path in Path(folder).glob("*.ipynb"))}
        self.notebooks: list[str] = []


class _Messages(logging.Handler):
    """Keeps nbgrader's errors, which hold the only word about a failure."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage().rstrip())


def _convert(
    course: Course, config: Config, assignment: str, student: str, readers: Readers
) -> str:
    """Make one submission's pages; returns why that failed, empty if it did not."""
    messages = _Messages()
    log = logging.Logger("workshop.feedback", logging.ERROR)
    log.addHandler(messages)
    coursedir = CourseDirectory(config=config, log=log)
    coursedir.assignment_id, coursedir.student_id, coursedir.notebook_id = assignment, student, "*"
    coursedir.root = str(course.root)
    converter = _Feedback(coursedir=coursedir, config=config, log=log)
    converter.force, converter.readers = True, readers
    try:
        converter.start()
    except NbGraderException as error:
        traces = [line for line in messages.lines if line.startswith("Traceback")]
        return traces[0].rsplit("\n", 1)[-1] if traces else str(error)
    return ""


def _write_rejection(
    course: Course, assignment: str, student: str, notebooks: tuple[str, ...], message: str
) -> None:
    """Write the reason as the student's page and, for nbgrader's exchange, as each notebook's.

    The exchange gives pages to who knows the submission's secret, which stands beside them.
    """
    folder = course.feedback / student / assignment
    folder.mkdir(parents=True, exist_ok=True)
    page = rejected_page(assignment, student, message)
    for name in {PAGE_NAME, *(f"{notebook}.html" for notebook in notebooks)}:
        (folder / name).write_text(page, encoding="utf-8")
    for name in _FOR_THE_EXCHANGE:
        path = course.submitted / student / assignment / name
        if path.is_file() and not path.is_symlink() and path.stat().st_size <= _LARGEST_NOTE:
            shutil.copyfile(path, folder / name)


def _selected(course: Course, assignment: str, students: Sequence[str] | None) -> tuple[str, ...]:
    known = set(submissions_of(course, assignment))
    known |= {path.parent.name for path in course.autograded.glob(f"*/{assignment}")}
    if students is None:
        return tuple(sorted(known))
    for student in students:
        if student not in known:
            raise WorkshopError(
                f"no submission of {assignment} by {student!r}",
                where=course.submitted,
                remedy="correct the name; the folders there are the students' names",
            )
    return tuple(sorted(set(students)))
