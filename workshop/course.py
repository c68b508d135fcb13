"""The course folder: where it is and what it holds.

The root of a course is the folder with ``nbgrader_config.py``. Inside it::

    source/<assignment>/<notebook>.py       the truth, one text file per notebook
    source/<assignment>/<notebook>/         thresholds and variants; instructors only
    source/<assignment>/release.txt         names of further files that students get (optional)
    source/profiles/<profile>.yaml          other models and data, to make another course with
    quizzes/<quiz>.yaml                     quiz items, keys included; instructors only
    source/notebooks/                       generated; nbgrader's source directory
    release/                                generated; what students get
    submitted/ autograded/ feedback/ gradebook.db
    gradelog.jsonl                          the log of all grading
"""

from __future__ import annotations

import difflib
import os
import re
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workshop.errors import WorkshopError

if TYPE_CHECKING:
    from traitlets.config import Config

CONFIG_NAME = "nbgrader_config.py"
ROOT_VARIABLE = "WORKSHOP_COURSE"
NOTEBOOKS_FOLDER = "notebooks"
PROFILES_FOLDER = "profiles"
# Folders of source/ that hold something else.
NO_ASSIGNMENTS = (NOTEBOOKS_FOLDER, PROFILES_FOLDER)

# nbgrader puts these names into globs, regular expressions and folder names.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class Course:
    """One course folder. Nothing is read until a method needs it.

    Attributes:
        root: the folder that holds ``nbgrader_config.py``, absolute.
    """

    root: Path

    @classmethod
    def find(cls, start: Path | str | None = None) -> Course:
        """The course that ``start`` lies in.

        Args:
            start: a folder of the course, at any depth. Without it the folder named by the
                environment variable ``WORKSHOP_COURSE`` is the root, else the search starts at
                the current folder.

        Raises:
            WorkshopError: there is no ``nbgrader_config.py`` where it was looked for.
        """
        named = os.environ.get(ROOT_VARIABLE)
        if start is None and named:
            return cls.at(named)
        begin = Path(start if start is not None else Path.cwd()).resolve()
        for folder in (begin, *begin.parents):
            if (folder / CONFIG_NAME).is_file():
                return cls(folder)
        raise WorkshopError(
            f"no course here: neither this folder nor any above it holds {CONFIG_NAME}",
            where=begin,
            remedy=f"change into the course folder, or set {ROOT_VARIABLE} to it",
        )

    @classmethod
    def at(cls, root: Path | str) -> Course:
        """The course whose root is exactly this folder.

        Raises:
            WorkshopError: the folder holds no ``nbgrader_config.py``.
        """
        folder = Path(root).expanduser().resolve()
        if not (folder / CONFIG_NAME).is_file():
            raise WorkshopError(
                f"not a course folder: it holds no {CONFIG_NAME}",
                where=folder,
                remedy=f"name the folder with {CONFIG_NAME}; {ROOT_VARIABLE} may hold a wrong one",
            )
        return cls(folder)

    @property
    def config_path(self) -> Path:
        """The course's nbgrader configuration."""
        return self.root / CONFIG_NAME

    @property
    def source(self) -> Path:
        """The instructors' side: one folder per assignment."""
        return self.root / "source"

    @property
    def source_notebooks(self) -> Path:
        """Generated notebooks with solutions and hidden tests: nbgrader's source directory."""
        return self.source / NOTEBOOKS_FOLDER

    @property
    def profiles(self) -> Path:
        """Other models and data for the notebooks, one file for each profile."""
        return self.source / PROFILES_FOLDER

    @property
    def quizzes(self) -> Path:
        """Quiz items as text, one file for each quiz."""
        return self.root / "quizzes"

    @property
    def release(self) -> Path:
        """What students get."""
        return self.root / "release"

    @property
    def submitted(self) -> Path:
        """Collected work: ``<student>/<assignment>/``."""
        return self.root / "submitted"

    @property
    def autograded(self) -> Path:
        """Graded notebooks: ``<student>/<assignment>/``."""
        return self.root / "autograded"

    @property
    def feedback(self) -> Path:
        """Feedback for students: ``<student>/<assignment>/``."""
        return self.root / "feedback"

    @property
    def gradebook(self) -> Path:
        """The database of nbgrader at its usual place."""
        return self.root / "gradebook.db"

    @property
    def gradelog(self) -> Path:
        """The log of all grading: one line of JSON for each grading of a submission."""
        return self.root / "gradelog.jsonl"

    @property
    def db_url(self) -> str:
        """The address of the gradebook, as nbgrader's own default gives it."""
        return f"sqlite:///{self.gradebook}"

    def text(self, assignment: str, notebook: str) -> Path:
        """The text file that a notebook is made from."""
        return self.source / assignment / f"{notebook}.py"

    def source_notebook(self, assignment: str, notebook: str) -> Path:
        """The generated notebook with solutions."""
        return self.source_notebooks / assignment / f"{notebook}.ipynb"

    def release_notebook(self, assignment: str, notebook: str) -> Path:
        """The generated notebook that students get."""
        return self.release / assignment / f"{notebook}.ipynb"

    def instructor_folder(self, assignment: str, notebook: str) -> Path:
        """What belongs to a notebook and is never released: thresholds, variants."""
        return self.source / assignment / notebook

    def calibration(self, assignment: str, notebook: str) -> Path:
        """The thresholds of a notebook, with their evidence."""
        return self.instructor_folder(assignment, notebook) / "calibration.json"

    def assignments(self) -> tuple[str, ...]:
        """The assignments that have at least one notebook, sorted.

        Raises:
            WorkshopError: an assignment has a name that nbgrader cannot work with.
        """
        if not self.source.is_dir():
            return ()
        names = sorted(
            folder.name
            for folder in self.source.iterdir()
            if folder.is_dir()
            and folder.name not in NO_ASSIGNMENTS
            and not folder.name.startswith((".", "__"))
            and any(folder.glob("*.py"))
        )
        for name in names:
            check_name(name, "assignment", self.source / name)
        return tuple(names)

    def notebooks(self, assignment: str) -> tuple[str, ...]:
        """The notebooks of an assignment, sorted.

        Raises:
            WorkshopError: there is no such assignment (the nearest name is suggested), or a
                notebook has a name that nbgrader cannot work with.
        """
        self.require(assignment)
        paths = sorted((self.source / assignment).glob("*.py"))
        for path in paths:
            check_name(path.stem, "notebook", path)
        return tuple(path.stem for path in paths)

    def require(self, assignment: str) -> str:
        """The name itself, if it is an assignment of this course.

        Raises:
            WorkshopError: it is not; names the nearest, else all of them.
        """
        known = self.assignments()
        if assignment in known:
            return assignment
        near = difflib.get_close_matches(assignment, known, n=1)
        if near:
            remedy = f"did you mean {near[0]}?"
        elif known:
            remedy = f"this course has: {', '.join(known)}"
        else:
            remedy = "this course has no assignment yet: add source/<assignment>/<notebook>.py"
        raise WorkshopError(f"no assignment {assignment!r}", where=self.source, remedy=remedy)

    def select(self, assignments: list[str] | tuple[str, ...] | None) -> tuple[str, ...]:
        """The named assignments in sorted order, or all of them for None.

        Raises:
            WorkshopError: one of them does not exist, or the course has none at all.
        """
        if assignments is not None:
            return tuple(sorted({self.require(name) for name in assignments}))
        found = self.assignments()
        if not found:
            raise WorkshopError(
                "no assignment to work on",
                where=self.source,
                remedy="add source/<assignment>/<notebook>.py",
            )
        return found

    def nbgrader_config(self) -> Config:
        """The course's nbgrader configuration with ``CourseDirectory.root`` set to the root.

        Only this file is read: settings of the machine or the user must not change what a course
        releases.

        Raises:
            WorkshopError: the file cannot be executed; names the line.
        """
        # Imported here: only those who talk to nbgrader pay for it.
        from traitlets.config.loader import PyFileConfigLoader  # noqa: PLC0415

        try:
            config = PyFileConfigLoader(self.config_path.name, path=str(self.root)).load_config()
        except Exception as error:
            raise WorkshopError(
                f"cannot be read: {type(error).__name__}: {error}",
                where=f"{self.config_path}:{_line_in(self.config_path, error)}",
                remedy="correct the line; nbgrader reads the same file",
            ) from error
        config.CourseDirectory.root = str(self.root)
        return config


@contextmanager
def scripts_on_path() -> Iterator[None]:
    """Let nbgrader find ``alembic`` when the virtual environment is not activated.

    nbgrader starts that command by name whenever it makes a new gradebook, and leaves a half-made
    one behind if it is not found. Changes the environment of the whole process while it lasts.
    """
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join(filter(None, (sysconfig.get_path("scripts"), before)))
    try:
        yield
    finally:
        os.environ["PATH"] = before


def check_name(name: str, kind: str, path: Path) -> None:
    """Refuse a name that nbgrader cannot work with.

    Args:
        name: of an assignment or a notebook.
        kind: which of them it is, for the message.
        path: the file or folder that has the name.

    Raises:
        WorkshopError: it holds something other than letters, digits, underscore and hyphen.
    """
    if not _NAME.fullmatch(name):
        raise WorkshopError(
            f"{name!r} cannot be the name of a {kind}",
            where=path,
            remedy="rename it: letters, digits, underscore and hyphen only",
        )


def _line_in(path: Path, error: Exception) -> int:
    """The last line of the file that the error passed through; 1 if none."""
    if isinstance(error, SyntaxError) and error.lineno:
        return error.lineno
    line, trace = 1, error.__traceback__
    while trace is not None:
        if Path(trace.tb_frame.f_code.co_filename) == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
