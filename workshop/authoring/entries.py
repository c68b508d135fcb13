"""New entries for YAML files that people write: their comments and their layout stay."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import yaml

from workshop.errors import WorkshopError

_INDENT = 2


def entries_of(text: str, key: str) -> str:
    """What stands in the block under a top key, comments included, without its indentation.

    Args:
        text: YAML with a mapping at its top; the block is not empty.
        key: one of its keys.

    Raises:
        KeyError: there is no such key.
    """
    found = _block(text, key)
    if found is None:
        raise KeyError(key)
    start, end, _ = found
    return textwrap.dedent("\n".join(text.split("\n")[start:end])) + "\n"


def with_entries(text: str, key: str, entries: str, where: Path) -> str:
    """The text of a YAML file with more entries at the end of the block under a top key.

    Args:
        text: YAML with a mapping at its top, or nothing but comments. A missing key is added.
        key: the key.
        entries: of a mapping or a sequence, not indented.
        where: the file, for the error.

    Raises:
        WorkshopError: the block is written in a way that cannot be added to, such as ``{}``.
    """
    lines = text.rstrip("\n").split("\n") if text.strip() else []
    found = _block(text, key)
    start, end, column = found or (len(lines), len(lines), _INDENT)
    before = [*([""] if lines else []), f"{key}:"] if found is None else []
    gap = [""] if end > start else []
    added = textwrap.indent(entries.rstrip("\n"), " " * column).split("\n")
    new = [*lines[:end], *before, *gap, *added, *lines[end:]]
    result = "\n".join(new) + "\n"
    if not _holds_both(text, key, entries, result):
        raise WorkshopError(
            f"nothing can be added under {key!r} the way this file is written",
            where=where,
            remedy=f"write what stands under {key!r} as a block, an entry on each line",
        )
    return result


def _block(text: str, key: str) -> tuple[int, int, int] | None:
    """The lines of the block under a key, from 0, the end excluded, and its indentation.

    None if there is no such key.
    """
    tree = yaml.compose(text, Loader=yaml.SafeLoader)
    pairs = tree.value if isinstance(tree, yaml.MappingNode) else []
    names = [name.value for name, _ in pairs]
    lines = text.split("\n")
    if key not in names:
        return None
    index = names.index(key)
    name, value = pairs[index]
    start = name.start_mark.line + 1
    end = pairs[index + 1][0].start_mark.line if index + 1 < len(pairs) else len(lines)
    # Blank lines and comments before the next key belong to that.
    while end > start and (not lines[end - 1].strip() or lines[end - 1].startswith("#")):
        end -= 1
    return start, end, value.start_mark.column if end > start else _INDENT


def _holds_both(text: str, key: str, entries: str, result: str) -> bool:
    """Whether the result holds what the text and the entries hold, and nothing else."""
    try:
        before, after = yaml.safe_load(text) or {}, yaml.safe_load(result)
    except yaml.YAMLError:
        return False
    more: Any = yaml.safe_load(entries)
    held = before.get(key) or type(more)()
    if type(held) is not type(more):
        return False
    expected = {**held, **more} if isinstance(more, dict) else [*held, *more]
    if len(expected) < len(held) + len(more):
        return False
    return bool(after == {**before, key: expected})
