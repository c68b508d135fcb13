"""The commands and files of a page of the documentation, so that tests can do what it says."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(
    r'^```\w+ title="(?P<title>[^"]+)"\n(?P<text>.*?)^```$', re.MULTILINE | re.DOTALL
)
# Where the page says that things are, and where they are here.
_PLACES = {"/opt/workshop/.venv": sys.prefix, "/opt/workshop": str(ROOT)}


def blocks(page: str) -> dict[str, str]:
    """What stands in a page below ``docs/``, by title; a file's title is its path."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    found = {each["title"]: _here(each["text"]) for each in _BLOCK.finditer(text)}
    assert found, f"{page} has no block with a title"
    return found


def _here(text: str) -> str:
    for named, place in _PLACES.items():
        text = text.replace(named, place)
    return text
