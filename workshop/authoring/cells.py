"""The cells of an authored notebook, as plain values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

CellType = Literal["code", "markdown"]

TEST_PREFIX = "test_"
# A grade id becomes a cell id, of at most 64 characters, with "test_" before and an ordinal behind.
NAME = re.compile(r"[a-z][a-z0-9_]{0,49}")
NAME_RULE = "use at most 50 of a-z, 0-9 and underscore, with a letter first"
# Told to the learner's tools through cell.metadata.workshop; nothing is computed from them here.
EXTRA_KEYS = ("objective", "topic", "hint")


class Kind(StrEnum):
    """What a cell is for. The named kinds are named after the key that marks them."""

    PROSE = "prose"
    CODE = "code"
    LOCKED = "locked"
    SOLUTION = "solution"
    TEST = "test"
    REFLECTION = "reflection"
    QUIZ = "quiz"
    SELF_CHECK = "self_check"
    PROGRESS = "progress"


# Only in an author's text: each becomes other cells.
MARKERS = (Kind.QUIZ, Kind.SELF_CHECK, Kind.PROGRESS)
NAMED_KINDS = (Kind.LOCKED, Kind.SOLUTION, Kind.TEST, Kind.REFLECTION, *MARKERS)


@dataclass(frozen=True)
class SourceCell:
    """One cell as the author wrote it.

    Attributes:
        kind: what the cell is for.
        cell_type: code or markdown.
        source: the text without the cell marker, without blank lines before and after.
        name: the name given by the marker's key; None for prose and plain code. For a test it is
            the name of the exercise that it tests.
        points: what a test or a reflection is worth, greater than 0; None otherwise.
        extras: objective, topic and hint, as far as given.
        quiz: what a form for clicking an answer needs, in the cell of a quiz question's answer.
        origin: kind and name of the marker that this cell of a question was made from, such as
            ``quiz module1_concepts``; empty for all other cells.
        folded: its source is not shown until the reader unfolds it; its outputs are.
        line: the line of the cell's marker in its file, counted from 1; 0 if there is no file.
        first_line: the line of the first line of ``source``.
    """

    kind: Kind
    cell_type: CellType
    source: str
    name: str | None = None
    points: int | float | None = None
    extras: Mapping[str, str] = field(default_factory=dict)
    quiz: Mapping[str, Any] = field(default_factory=dict)
    origin: str = ""
    folded: bool = field(default=False, compare=False)
    line: int = field(default=0, compare=False)
    first_line: int = field(default=0, compare=False)

    @property
    def grade_id(self) -> str | None:
        """The name nbgrader knows the cell by; None for prose and plain code."""
        if self.name is None:
            return None
        return f"{TEST_PREFIX}{self.name}" if self.kind is Kind.TEST else self.name
