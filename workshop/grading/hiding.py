"""Take out of a cell's text what only instructors may see."""

from __future__ import annotations

import re

# As nbgrader does: a line that contains these words opens or closes a region.
_OPENS = re.compile(r"BEGIN (HIDDEN TESTS|MARK SCHEME)")
_CLOSES = re.compile(r"END (HIDDEN TESTS|MARK SCHEME)")


def visible_part(source: str) -> str:
    """A cell's text without hidden tests and mark schemes. A region never closed hides the rest."""
    return _split(source)[0]


def hidden_part(source: str) -> str:
    """The hidden tests and mark schemes of a cell, without their markers."""
    return _split(source)[1]


def _split(source: str) -> tuple[str, str]:
    visible: list[str] = []
    hidden: list[str] = []
    inside = False
    for line in source.split("\n"):
        if _OPENS.search(line):
            inside = True
        elif _CLOSES.search(line):
            inside = False
        else:
            (hidden if inside else visible).append(line)
    return "\n".join(visible), "\n".join(hidden)
