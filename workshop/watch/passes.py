"""What one look at a course came to, and the file that tells of all of them."""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import dataclass, field
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

LOG_NAME = "watch.log"
_BYTES, _FILES = 1_000_000, 5


@dataclass
class Pass:
    """One look at one assignment.

    Attributes:
        assignment: its name.
        began: when, in UTC, ISO 8601.
        collected: whose submissions came out of the exchange.
        graded: how grading ended, by student.
        more: how many are left for the next look, which comes at once.
        waiting: who has more attempts than are graded a day.
        feedback: who was given feedback.
        problems: what did not work, in words.
        failed: whether something of it is to be tried again.
        next_seconds: how long it is to the next look.
    """

    assignment: str
    began: str
    collected: tuple[str, ...] = ()
    graded: dict[str, str] = field(default_factory=dict)
    more: int = 0
    waiting: tuple[str, ...] = ()
    feedback: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    failed: bool = False
    next_seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """For JSON, without what is empty."""
        return {name: value for name, value in vars(self).items() if value}


class PassLog:
    """``watch.log`` in the course's root: a line of JSON for each look, a few megabytes at most."""

    def __init__(self, root: Path) -> None:
        self._path = root / LOG_NAME
        self._log = logging.Logger("workshop.watch", logging.INFO)

    def write(self, seen: Pass) -> None:
        """Append a line.

        Raises:
            OSError: it cannot be written.
        """
        handler = _Raising(self._path, maxBytes=_BYTES, backupCount=_FILES - 1, encoding="utf-8")
        self._log.addHandler(handler)
        try:
            self._log.info(json.dumps(seen.to_dict()))
        finally:
            self._log.removeHandler(handler)
            handler.close()


class _Raising(RotatingFileHandler):
    """logging prints a traceback where it cannot write, and goes on."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - logging's name
        error = sys.exception()
        if error is not None:
            raise error
