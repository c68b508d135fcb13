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
        page: where it stands.
        line: the number of its first line, counted from 1.
        language: what stands behind the fence.
        text: the block's lines.
    """

    page: Path
    line: int
    language: str
    text: str

    @property
    def where(self) -> str:
        """The page and the line, to tell."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """Every page that a reader may come to."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path, language: str | None = None) -> Iterator[Block]:
    """The fenced blocks of a page that are in this language; in any that is named for None."""
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
        if start["language"] and language in (None, start["language"]):
            yield Block(page, number + 1, start["language"], "\n".join(inside))
