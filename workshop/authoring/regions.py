"""The parts of a cell that students do not get: solutions, hidden tests, mark schemes.

nbgrader drops every line between two lines that *contain* a marker's words, and the marker lines
themselves. A marker with a slip in it would therefore either swallow code or, worse, leave the
solution in the release; here a marker is one exact line, and what only resembles one is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

# What nbgrader puts in place of a solution, unless the course's configuration says otherwise.
CODE_STUB = "# YOUR CODE HERE\nraise NotImplementedError()"
TEXT_STUB = "YOUR ANSWER HERE"


class Region(StrEnum):
    """A kind of instructors' text inside a cell; the value stands in its markers."""

    SOLUTION = "SOLUTION"
    HIDDEN_TESTS = "HIDDEN TESTS"
    MARK_SCHEME = "MARK SCHEME"

    @property
    def begin(self) -> str:
        """The line that opens the region."""
        return self._marker("BEGIN")

    @property
    def end(self) -> str:
        """The line that closes the region."""
        return self._marker("END")

    def _marker(self, word: str) -> str:
        if self is Region.MARK_SCHEME:
            return f"=== {word} {self.value} ==="
        return f"### {word} {self.value}"


_OPENING = {region.begin: region for region in Region}
_CLOSING = {region.end: region for region in Region}
_MARKERS = re.compile("|".join(f"(?:BEGIN|END) {region.value}" for region in Region))
# Lower case, a missing or doubled blank, an underscore, a plural: a marker that nbgrader misses.
_LOOKALIKE = re.compile(
    r"\W*(begin|end)[\W_]+(solutions?|hidden[\W_]*tests?|mark(ing)?[\W_]*schemes?)\W*",
    re.IGNORECASE,
)


class RegionError(Exception):
    """A marker that is wrong; the caller knows the file.

    Attributes:
        problem: what is wrong.
        remedy: what to do.
        line: the index of the line within the cell, counted from 0.
    """

    def __init__(self, problem: str, remedy: str, line: int) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy
        self.line = line


@dataclass(frozen=True)
class Piece:
    """Consecutive lines of one cell that belong together.

    Attributes:
        region: None for what students see.
        lines: without the marker lines.
        start: the index within the cell of the first of the lines, counted from 0.
        indent: the blanks before the opening marker.
    """

    region: Region | None
    lines: tuple[str, ...]
    start: int
    indent: str = ""

    @property
    def text(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)


def split(source: str) -> tuple[Piece, ...]:
    """The pieces of a cell in order; pieces without a line are left out, empty regions are kept.

    Raises:
        RegionError: a marker is misspelt, unclosed, unopened or inside another region.
    """
    return tuple(_pieces(source.split("\n")))


def _pieces(lines: list[str]) -> Iterator[Piece]:
    region: Region | None = None
    start, indent = 0, ""
    for index, line in enumerate(lines):
        marker = line.strip()
        opened, closed = _OPENING.get(marker), _CLOSING.get(marker)
        if opened is None and closed is None:
            _refuse_lookalike(line, index)
            continue
        if opened is not None and region is not None:
            raise RegionError(
                f"{marker!r} stands inside a {region.value.lower()} region",
                f"close the first one with {region.end!r} before this line",
                index,
            )
        if closed is not None and closed is not region:
            raise RegionError(
                f"{marker!r} closes nothing",
                f"put {closed.begin!r} before it, or delete it",
                index,
            )
        if region is not None or index > start:
            yield Piece(region, tuple(lines[start:index]), start, indent)
        region, start = opened, index + 1
        indent = line[: len(line) - len(line.lstrip())] if opened else ""
    if region is not None:
        raise RegionError(
            f"{region.begin!r} is never closed", f"add {region.end!r} in the same cell", start - 1
        )
    if start < len(lines):
        yield Piece(None, tuple(lines[start:]), start)


def _refuse_lookalike(line: str, index: int) -> None:
    if _MARKERS.search(line) or _LOOKALIKE.fullmatch(line):
        raise RegionError(
            f"{line.strip()!r} looks like a marker and is none",
            "write exactly, alone on its line, one of: "
            + ", ".join(repr(text) for text in (*_OPENING, *_CLOSING)),
            index,
        )


def text_of(source: str, region: Region) -> str:
    """All text of one kind of region in a cell, e.g. its mark scheme; empty if there is none."""
    return "\n".join(piece.text for piece in split(source) if piece.region is region)


def visible(source: str, *, is_code: bool) -> str:
    """What students see of a cell, worked out without nbgrader: solutions give way to a stub."""
    stub = CODE_STUB if is_code else TEXT_STUB
    kept: list[str] = []
    for piece in split(source):
        if piece.region is None:
            kept.extend(piece.lines)
        elif piece.region is Region.SOLUTION:
            kept.extend(piece.indent + line for line in stub.split("\n"))
    return "\n".join(kept)
