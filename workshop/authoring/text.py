"""Notebook text: reading and writing cells in the py:percent format.

The format is jupytext's, so the files open as notebooks in JupyterLab and VS Code. Cells are found
here rather than by jupytext, which neither knows line numbers nor minds an unknown key; jupytext
converts what is inside a cell (comments of markdown, magics).
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext
import nbformat.v4

from workshop.authoring.cells import (
    EXTRA_KEYS,
    MARKERS,
    NAME,
    NAME_RULE,
    NAMED_KINDS,
    CellType,
    Kind,
    SourceCell,
)
from workshop.errors import WorkshopError

# The same lines as jupytext takes for markers. "# %%time" is a cell magic, hence the blank or end.
_MARKER = re.compile(r"\s*#\s*%%+(?=\s|$)")
_HEADER = re.compile(r"#\s?%%(?:\s+\[(?P<type>[^\]]*)\])?(?:\s+(?P<keys>\S.*?))?\s*")
_PAIR = re.compile(
    r"""(?P<key>[A-Za-z_]\w*)=(?P<value>"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?)(?:\s+|$)"""
)
_ALLOWED: dict[Kind, tuple[str, ...]] = {
    Kind.PROSE: (),
    Kind.CODE: (),
    Kind.LOCKED: ("topic",),
    Kind.SOLUTION: EXTRA_KEYS,
    Kind.TEST: ("points", *EXTRA_KEYS),
    Kind.REFLECTION: ("points", *EXTRA_KEYS),
    Kind.QUIZ: (),
    Kind.SELF_CHECK: (),
    Kind.PROGRESS: (),
}
_QUOTES = ('"""', "'''", 'r"""', "r'''")


@dataclass(frozen=True)
class NotebookText:
    """A parsed text file.

    Attributes:
        preamble: jupytext's own header, kept as it stands; usually empty.
        cells: in order.
    """

    preamble: str
    cells: tuple[SourceCell, ...]


@dataclass(frozen=True)
class _Chunk:
    line: int
    header: str
    body: tuple[str, ...]


def read(path: Path) -> NotebookText:
    """Parse a text file.

    Raises:
        WorkshopError: as :func:`parse`; or the file cannot be read as UTF-8 text.
    """
    try:
        return parse(path.read_text(encoding="utf-8-sig"), path)
    except UnicodeDecodeError as error:
        raise WorkshopError(
            f"not UTF-8 text (byte {error.start})", where=path, remedy="save the file as UTF-8"
        ) from error


def parse(text: str, where: str | Path = "<text>") -> NotebookText:
    """Cells of a py:percent text. Only its form is looked at; see ``rules`` for its meaning.

    Args:
        text: the whole file.
        where: the file's name for errors.

    Raises:
        WorkshopError: text before the first marker, or a marker with an unknown cell type, key or
            value; names file and line.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    starts = [index for index, line in enumerate(lines) if _MARKER.match(line)]
    preamble = lines[: starts[0]] if starts else lines
    chunks = [
        _Chunk(start + 1, lines[start], tuple(lines[start + 1 : end]))
        for start, end in zip(starts, [*starts, len(lines)][1:], strict=True)
    ]
    return NotebookText(
        _check_preamble(preamble, where), tuple(_cell(chunk, where) for chunk in chunks)
    )


def render(notebook: NotebookText) -> str:
    """The text of a notebook in its normal form, which reading and writing do not change."""
    head = f"{notebook.preamble}\n\n" if notebook.preamble else ""
    return head + "\n\n".join(_render_cell(cell) for cell in notebook.cells) + "\n"


def normalise(text: str, where: str | Path = "<text>") -> str:
    """The normal form of a text: one blank line between cells, keys in a fixed order."""
    return render(parse(text, where))


def _check_preamble(lines: list[str], where: str | Path) -> str:
    kept = "\n".join(lines).strip("\n")
    rows = kept.split("\n") if kept else []
    if not rows or (rows[0] == "# ---" and rows[-1] == "# ---" and len(rows) > 1):
        return kept
    first = next(index for index, line in enumerate(lines) if line.strip())
    raise WorkshopError(
        "text before the first cell",
        where=f"{where}:{first + 1}",
        remedy='start the cell with "# %% [markdown]" or "# %%"',
    )


def _cell(chunk: _Chunk, where: str | Path) -> SourceCell:
    place = f"{where}:{chunk.line}"
    match = _HEADER.fullmatch(chunk.header)
    if match is None:
        raise WorkshopError(
            f"cannot read the cell marker {chunk.header.strip()!r}",
            where=place,
            remedy='write "# %%" at the start of the line, then "[markdown]" and key="value" pairs;'
            " inside a string, build the line from two pieces",
        )
    cell_type: CellType = "markdown" if match["type"] is not None else "code"
    if match["type"] not in (None, "markdown"):
        raise WorkshopError(
            f"unknown cell type [{match['type']}]",
            where=place,
            remedy="write [markdown], or nothing for code",
        )
    keys = _parse_keys(match["keys"] or "", place)
    kind = _kind_of(keys, cell_type, place)
    name = _take_name(keys, kind, place)
    points = _take_points(keys, kind, place)
    source, skipped = _body(chunk, cell_type, where)
    return SourceCell(
        kind,
        cell_type,
        source,
        name=name,
        points=points,
        extras=_take_extras(keys, kind, place),
        line=chunk.line,
        first_line=chunk.line + 1 + skipped,
    )


def _parse_keys(text: str, place: str) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    position = 0
    while position < len(text):
        match = _PAIR.match(text, position)
        if match is None:
            raise WorkshopError(
                f"cannot read {text[position:]!r} in the cell marker",
                where=place,
                remedy='write pairs like name="text" or points=3, with a blank between them',
            )
        if match["key"] in keys:
            raise WorkshopError(
                f"key {match['key']!r} stands twice", where=place, remedy="delete one of them"
            )
        try:
            keys[match["key"]] = json.loads(match["value"])
        except json.JSONDecodeError as error:
            raise WorkshopError(
                f"cannot read the value of {match['key']!r}: {error.msg}",
                where=place,
                remedy='inside a value write \\" for a quote and \\\\ for a backslash',
            ) from error
        position = match.end()
    return keys


def _kind_of(keys: dict[str, Any], cell_type: CellType, place: str) -> Kind:
    kinds = [kind for kind in NAMED_KINDS if kind.value in keys]
    if len(kinds) > 1:
        raise WorkshopError(
            f"a cell cannot be both {kinds[0].value} and {kinds[1].value}",
            where=place,
            remedy="make two cells of it",
        )
    kind = kinds[0] if kinds else (Kind.PROSE if cell_type == "markdown" else Kind.CODE)
    if kind in (Kind.SOLUTION, Kind.TEST, *MARKERS) and cell_type == "markdown":
        raise WorkshopError(
            f"a {kind.value} cell holds code", where=place, remedy="take [markdown] away"
        )
    if kind is Kind.REFLECTION and cell_type == "code":
        raise WorkshopError(
            "a reflection is written text", where=place, remedy="put [markdown] after # %%"
        )
    return kind


def _take_name(keys: dict[str, Any], kind: Kind, place: str) -> str | None:
    if kind not in NAMED_KINDS:
        return None
    name = keys.pop(kind.value)
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise WorkshopError(
            f"{name!r} cannot be the name of a cell",
            where=place,
            remedy=NAME_RULE,
        )
    return name


def _take_points(keys: dict[str, Any], kind: Kind, place: str) -> int | float | None:
    if kind not in (Kind.TEST, Kind.REFLECTION):
        return None
    if "points" not in keys:
        raise WorkshopError(
            f"a {kind.value} needs points", where=place, remedy="add points=... to the marker"
        )
    points = keys.pop("points")
    if isinstance(points, str) or not math.isfinite(points) or points <= 0:
        raise WorkshopError(
            f"points must be a number above 0, but are {points!r}",
            where=place,
            remedy="write e.g. points=3",
        )
    return int(points) if points == int(points) else float(points)


def _take_extras(keys: dict[str, Any], kind: Kind, place: str) -> dict[str, str]:
    allowed = [key for key in _ALLOWED[kind] if key != "points"]
    for key, value in keys.items():
        if key not in allowed:
            known = ", ".join(_ALLOWED[kind]) or "none"
            raise WorkshopError(
                f"unknown key {key!r} for a {kind.value} cell",
                where=place,
                remedy=f"keys of a {kind.value} cell: {known}. Kinds of cells: "
                + ", ".join(named.value for named in NAMED_KINDS),
            )
        if not isinstance(value, str):
            raise WorkshopError(
                f"{key} must be text, but is {value!r}",
                where=place,
                remedy="put it in double quotes",
            )
    return {key: keys[key] for key in EXTRA_KEYS if key in keys}


def _body(chunk: _Chunk, cell_type: CellType, where: str | Path) -> tuple[str, int]:
    """The cell's source and how many blank lines stood before it."""
    body = list(chunk.body)
    skipped = 0
    while body and not body[0].strip():
        body.pop(0)
        skipped += 1
    while body and not body[-1].strip():
        body.pop()
    if cell_type == "markdown" and body and not body[0].startswith(_QUOTES):
        for index, line in enumerate(body):
            if line.strip() and not line.startswith("#"):
                raise WorkshopError(
                    "a line of a markdown cell must start with #",
                    where=f"{where}:{chunk.line + 1 + skipped + index}",
                    remedy='put "# " before it, or start a code cell with "# %%" above it',
                )
    marker = "# %%" if cell_type == "code" else "# %% [markdown]"
    notebook = jupytext.reads("\n".join([marker, *body, ""]), fmt="py:percent")
    return notebook.cells[0].source.strip("\n"), skipped


def _render_cell(cell: SourceCell) -> str:
    v4: Any = nbformat.v4  # its functions have no types
    make = v4.new_code_cell if cell.cell_type == "code" else v4.new_markdown_cell
    notebook = v4.new_notebook(
        cells=[make(cell.source)],
        metadata={"jupytext": {"notebook_metadata_filter": "-all", "cell_metadata_filter": "-all"}},
    )
    text = jupytext.writes(notebook, fmt="py:percent").rstrip("\n")
    return "\n".join([_header(cell), *text.split("\n")[1:]])


def _header(cell: SourceCell) -> str:
    parts = ["# %%"]
    if cell.cell_type == "markdown":
        parts.append("[markdown]")
    if cell.name is not None:
        parts.append(f'{cell.kind.value}="{cell.name}"')
    if cell.points is not None:
        parts.append(f"points={json.dumps(cell.points)}")
    parts += [
        f"{key}={json.dumps(cell.extras[key], ensure_ascii=False)}"
        for key in EXTRA_KEYS
        if key in cell.extras
    ]
    return " ".join(parts)
