"""The documentation's pages, as its readers take them: blocks of commands, pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
QUICKSTART = ROOT / "docs" / "instructor" / "quickstart.md"
PICTURE = re.compile(r"!\[(?P<alternative>[^\]]*)\]\((?P<target>[^)\s]+)\)")
_FENCE = re.compile(r"^(?P<fence>`{3,})(?P<language>\S*)")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        where: the page and the number of the block's first line.
        language: what stands behind the fence.
        text: the block's lines.
    """

    where: str
    language: str
    text: str


def pages() -> list[Path]:
    """Every page that a reader may come to."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path, language: str) -> Iterator[Block]:
    """The fenced blocks of a page that are in this language."""
    lines = iter(enumerate(page.read_text(encoding="utf-8").splitlines(), start=1))
    for number, line in lines:
        start = _FENCE.match(line)
        if start is None:
            continue
        inside = []
        for _, each in lines:
            if each.startswith(start["fence"]):
                break
            inside.append(each)
        if start["language"] == language:
            where = f"{page.relative_to(ROOT)}:{number + 1}"
            yield Block(where, language, "\n".join(inside))
