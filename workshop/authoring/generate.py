"""nbgrader's generate_assignment, called through its converter."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workshop.course import Course, scripts_on_path
from workshop.errors import WorkshopError

# What SaveCells and GenerateAssignment say when grades hang on cells that are about to go.
_HAS_SUBMISSIONS = "there are submissions associated"


class _Messages(logging.Handler):
    """Keeps nbgrader's warnings and errors, which end up in our own error if it fails."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage().rstrip())


def generate(
    course: Course,
    notebooks: Mapping[str, tuple[str, ...]],
    *,
    source: Path,
    release: Path,
    db_url: str | None = None,
) -> None:
    """Make the students' version of assignments with nbgrader and the course's configuration.

    Args:
        course: whose ``nbgrader_config.py`` decides the steps.
        notebooks: the notebooks of each assignment to make.
        source: the folder with ``<assignment>/<notebook>.ipynb``, solutions included.
        release: the folder to fill; it must hold none of these assignments yet.
        db_url: the gradebook to record the cells in; without it the configured one.

    Raises:
        WorkshopError: nbgrader refused an assignment, with its reason. Nothing of that assignment
            is then left in ``release``.
    """
    for assignment in sorted(notebooks):
        messages = _Messages()
        log = logging.Logger("workshop.nbgrader", logging.WARNING)
        log.addHandler(messages)
        names = notebooks[assignment]
        converter = _converter(course, assignment, names, folders=(source, release), log=log)
        if db_url is not None:
            converter.coursedir.db_url = db_url
        _run(converter, course, assignment, messages)


def _run(converter: Any, course: Course, assignment: str, messages: _Messages) -> None:
    from nbgrader.converters.base import NbGraderException  # noqa: PLC0415 - see _converter

    place = course.source / assignment
    try:
        with scripts_on_path():
            converter.start()
    except NbGraderException as error:
        reason = _reason(messages.lines) or str(error)
        raise WorkshopError(
            f"nbgrader could not make the release: {reason}",
            where=place,
            remedy="cells cannot come or go once work is collected: give the new version another"
            " name, or remove the assignment's submissions from the gradebook"
            if _HAS_SUBMISSIONS in reason
            else None,
        ) from error


def _reason(lines: list[str]) -> str:
    """The last line of the traceback that nbgrader logged, which names the cause."""
    for text in lines:
        if text.startswith("Traceback"):
            return text.rsplit("\n", 1)[-1]
    return ""


def _converter(
    course: Course,
    assignment: str,
    names: tuple[str, ...],
    *,
    folders: tuple[Path, Path],
    log: logging.Logger,
) -> Any:
    # nbgrader takes seconds to import; only building needs it.
    from nbgrader.converters import GenerateAssignment  # noqa: PLC0415
    from nbgrader.coursedir import CourseDirectory  # noqa: PLC0415

    class Generate(GenerateAssignment):  # type: ignore[misc] # nbgrader ships no types
        def init_notebooks(self) -> None:
            """Name the notebooks outright: nbgrader's glob fails in a folder called e.g. [a]."""
            folder = self._format_source(assignment, ".")
            self.assignments = {folder: [f"{folder}/{name}.ipynb" for name in names]}
            self.notebooks: list[str] = []

    config = course.nbgrader_config()
    settings = config.CourseDirectory
    settings.source_directory = str(folders[0])
    settings.release_directory = str(folders[1])
    settings.assignment_id = assignment
    settings.notebook_id = "*"
    coursedir = CourseDirectory(config=config, log=log)
    return Generate(coursedir=coursedir, config=config, log=log)
