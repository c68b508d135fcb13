"""Infrastructure that fails is no wrong answer: what it was, and what the instructor can do.

Whatever keeps a submission from being graded ends here as a ``NotGraded``. It is never a score, and
nothing that the gradebook holds is changed by it.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy.exc import DBAPIError

from workshop.errors import WorkshopError

_T = TypeVar("_T")

# Seconds between tries of a locked gradebook; SQLite itself waits 5 s in each of them.
WAITS = (0.2, 0.5, 1.0, 2.0)
_AGAIN = "then run the same command again: it goes on where it stopped"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
# What SQLite says, and what it means: what is wrong, and what to do.
_DATABASE = {
    "locked": (
        "the gradebook is locked by another program",
        "close what writes to it (a formgrader at work, a database browser)",
    ),
    "readonly": ("the gradebook cannot be written", "make the file and its folder writable"),
    "full": ("the disk is full", "make room"),
    "unable to open": (
        "the gradebook cannot be opened",
        "make the file and its folder readable and writable",
    ),
    "i/o error": ("the gradebook cannot be read or written", "look at the disk"),
}


class NotGraded(WorkshopError):
    """A submission was not graded, for a reason that is none of its own.

    Attributes:
        stops: whether the same would happen to every other submission.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str | Path | None = None,
        remedy: str | None = None,
        stops: bool = False,
    ) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.stops = stops


def explained(error: Exception, root: Path, assignment: str, student: str) -> NotGraded:
    """What went wrong, in words that name a remedy.

    Args:
        error: whatever ended the grading of a submission.
        root: the course; what fails inside it, submissions excepted, fails for everyone.
        assignment: the assignment's name.
        student: whose submission it is.
    """
    if isinstance(error, NotGraded):
        return error
    if isinstance(error, WorkshopError):
        return NotGraded(error.what, where=error.where, remedy=error.remedy)
    if isinstance(error, DBAPIError):
        return _of_database(error)
    if isinstance(error, OSError) and error.errno in _FULL | _FORBIDDEN:
        return _of_files(error, root)
    return NotGraded(
        f"grading stopped with {type(error).__name__}: {error}; this is no fault of the submission",
        remedy=f"see the traceback: workshop log {assignment} --student {student} --json -",
    )


def patiently(action: Callable[[], _T]) -> _T:
    """Do something with the gradebook, again after a while if it is locked.

    Raises:
        NotGraded: the gradebook stayed locked, or cannot be used.
    """
    for wait in (*WAITS, None):
        try:
            return action()
        except DBAPIError as error:
            if wait is None or not _is_locked(error):
                raise _of_database(error) from error
            time.sleep(wait)
    raise AssertionError("unreachable")  # pragma: no cover


def _is_locked(error: DBAPIError) -> bool:
    return "locked" in str(error.orig).lower()


def _of_database(error: DBAPIError) -> NotGraded:
    said = str(error.orig).lower()
    for words, (what, remedy) in _DATABASE.items():
        if words in said:
            return NotGraded(what, where="gradebook.db", remedy=f"{remedy}, {_AGAIN}", stops=True)
    return NotGraded(
        f"the gradebook refused: {error.orig}",
        where="gradebook.db",
        remedy="back it up, then run: nbgrader db upgrade",
        stops=True,
    )


def _of_files(error: OSError, root: Path) -> NotGraded:
    if error.errno in _FULL:
        what, remedy = f"the disk is full ({error.strerror})", "make room"
    else:
        what, remedy = f"no access ({error.strerror})", "make it readable and writable"
    path = None if error.filename is None else Path(str(error.filename))
    # A file that a student sent without rights concerns nobody else.
    own = path is not None and path.is_relative_to(root / "submitted")
    return NotGraded(what, where=path, remedy=f"{remedy}, {_AGAIN}", stops=not own)
