"""Cells to notebooks and back, with nbgrader's metadata (schema 3) and stable cell ids."""

from __future__ import annotations

import copy
import hashlib
import json
import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat.v4
from nbformat import NotebookNode

from workshop.authoring.cells import (
    EXTRA_KEYS,
    NAME,
    NAME_RULE,
    TEST_PREFIX,
    CellType,
    Kind,
    SourceCell,
)
from workshop.errors import WorkshopError

SCHEMA_VERSION = 3
_nbformat: Any = nbformat  # most of its functions have no types
# Grade ids start with a letter, so nothing named can collide with the cells before the first name.
_TOP = "0"
# (grade, solution, locked) as nbgrader reads them.
_FLAGS: dict[Kind, tuple[bool, bool, bool]] = {
    Kind.LOCKED: (False, False, True),
    Kind.SOLUTION: (False, True, False),
    Kind.TEST: (True, False, True),
    Kind.REFLECTION: (True, True, False),
}
# What JupyterLab and nbgrader write into cells and what says nothing about the exercise.
_VOLATILE_CELL = frozenset(
    {"collapsed", "deletable", "editable", "execution", "ExecuteTime", "jupyter", "scrolled"}
    | {"trusted"}
)
_NBGRADER_KEYS = frozenset(
    {"schema_version", "grade", "solution", "locked", "task", "grade_id", "points"}
    | {"checksum", "cell_type"}
)
# In the cells of quiz questions, beside the keys that an author writes.
_QUIZ, _ORIGIN = "quiz", "origin"
_EDITABLE_KEYS = ("grade", "solution", "locked", "grade_id", "points")
_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def to_notebook(cells: Iterable[SourceCell]) -> NotebookNode:
    """The notebook of checked cells, format 4.5, without outputs.

    A named cell's id is its grade id; any other is the id of the nearest named cell above it with
    an ordinal, so that an edit changes no id beyond the next named cell.
    """
    made = []
    anchor, ordinal = _TOP, 0
    for cell in cells:
        if cell.grade_id is not None:
            anchor, ordinal, cell_id = cell.grade_id, 0, cell.grade_id
        else:
            ordinal += 1
            cell_id = f"{anchor}-{ordinal}"
        make = (
            _nbformat.v4.new_code_cell
            if cell.cell_type == "code"
            else _nbformat.v4.new_markdown_cell
        )
        made.append(make(cell.source, id=cell_id, metadata=_cell_metadata(cell)))
    notebook: NotebookNode = _nbformat.v4.new_notebook(
        cells=made, metadata=copy.deepcopy(_METADATA)
    )
    return notebook


def _cell_metadata(cell: SourceCell) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    if cell.kind in _FLAGS:
        grade, solution, locked = _FLAGS[cell.kind]
        metadata["nbgrader"] = {
            "schema_version": SCHEMA_VERSION,
            "grade": grade,
            "solution": solution,
            "locked": locked,
            "task": False,
            "grade_id": cell.grade_id,
        }
        if cell.points is not None:
            metadata["nbgrader"]["points"] = cell.points
    about: dict[str, Any] = dict(cell.extras)
    if cell.quiz:
        about[_QUIZ] = copy.deepcopy(dict(cell.quiz))
    if cell.origin:
        about[_ORIGIN] = cell.origin
    if about:
        metadata["workshop"] = about
    if cell.folded:
        metadata["jupyter"] = {"source_hidden": True}
    return metadata


def dumps(notebook: NotebookNode) -> str:
    """The notebook as JSON, the same bytes for the same notebook."""
    return str(_nbformat.writes(notebook)).rstrip("\n") + "\n"


def fingerprint(notebook: NotebookNode) -> str:
    """A hash of what an author can change: not of outputs, ids or what an editor leaves behind."""
    facts = [
        (
            cell.cell_type,
            cell.source.strip("\n"),
            {key: cell.metadata.get("nbgrader", {}).get(key) for key in _EDITABLE_KEYS},
            cell.metadata.get("workshop", {}),
        )
        for cell in notebook.cells
    ]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def load(path: Path) -> NotebookNode:
    """Read a notebook file.

    Raises:
        WorkshopError: there is no such file, or it is not a notebook of format 4.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise WorkshopError("no such notebook", where=path) from error
    except (ValueError, OSError) as error:
        raise WorkshopError(
            f"not a notebook: {str(error)[:200]}",
            where=path,
            remedy="name an .ipynb file that JupyterLab opens",
        ) from error
    version = content.get("nbformat") if isinstance(content, dict) else None
    if version != nbformat.current_nbformat:
        raise WorkshopError(
            f"notebook format {version}, not {nbformat.current_nbformat}",
            where=path,
            remedy="open it in JupyterLab and save it again",
        )
    try:
        with warnings.catch_warnings():
            # Missing and repeated cell ids: the ids are made anew in any case.
            warnings.simplefilter("ignore")
            notebook: NotebookNode = _nbformat.reads(json.dumps(content), as_version=version)
            _nbformat.validate(notebook)
    except (nbformat.ValidationError, AttributeError, KeyError, TypeError) as error:
        # All but the first: nbformat takes the notebook's parts for granted while it reads them.
        reason = getattr(error, "message", None) or f"{type(error).__name__}: {error}"
        raise WorkshopError(
            f"not a valid notebook: {reason}",
            where=path,
            remedy="open it in JupyterLab and save it again",
        ) from error
    return notebook


def from_notebook(notebook: NotebookNode, where: str | Path) -> tuple[SourceCell, ...]:
    """The cells of a notebook that an author edited. Outputs, ids and folding are left behind.

    Raises:
        WorkshopError: a cell holds what the text format cannot keep: attachments, tags or other
            metadata, raw cells, nbgrader's task cells, or a grade id that does not fit.
    """
    return tuple(
        _from_cell(cell, _place(cell, number, where))
        for number, cell in enumerate(notebook.cells, start=1)
    )


def _place(cell: NotebookNode, number: int, where: str | Path) -> str:
    grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
    name = f" ({grade_id})" if grade_id else ""
    return f"{where}: cell {number}{name}"


def _from_cell(cell: NotebookNode, place: str) -> SourceCell:
    if cell.cell_type not in ("code", "markdown"):
        raise WorkshopError(
            f"a {cell.cell_type} cell cannot be kept as text",
            where=place,
            remedy="change it to markdown or code",
        )
    if cell.get("attachments"):
        raise WorkshopError(
            "a picture pasted into a cell cannot be kept as text",
            where=place,
            remedy="save it as a file, name it in release.txt and show it with ![](name.png)",
        )
    unknown = sorted(set(cell.metadata) - _VOLATILE_CELL - {"nbgrader", "workshop"})
    if unknown:
        raise WorkshopError(
            f"the text format has no place for the cell's {', '.join(unknown)}",
            where=place,
            remedy="remove it in the property inspector of JupyterLab",
        )
    cell_type: CellType = "code" if cell.cell_type == "code" else "markdown"
    meta = cell.metadata.get("nbgrader", {})
    kind = _kind_of(meta, cell_type, place)
    about = dict(cell.metadata.get("workshop", {}))
    return SourceCell(
        kind,
        cell_type,
        cell.source.strip("\n"),
        name=_name_of(meta, kind, place),
        points=_points_of(meta, kind, place),
        quiz=_plain(about.pop(_QUIZ, {})),
        origin=str(about.pop(_ORIGIN, "")),
        extras=_extras_of(about, kind, place),
    )


def _plain(about: Any) -> dict[str, Any]:
    """Metadata without the classes of nbformat."""
    plain: Any = json.loads(json.dumps(about))
    return plain if isinstance(plain, dict) else {}


def _kind_of(meta: NotebookNode, cell_type: CellType, place: str) -> Kind:
    if not meta:
        return Kind.CODE if cell_type == "code" else Kind.PROSE
    unknown = sorted(set(meta) - _NBGRADER_KEYS)
    if unknown or meta.get("schema_version") != SCHEMA_VERSION:
        raise WorkshopError(
            f"nbgrader metadata with unknown keys {unknown}"
            if unknown
            else f"nbgrader metadata of schema {meta.get('schema_version')}, not {SCHEMA_VERSION}",
            where=place,
            remedy="run: nbgrader update NOTEBOOK",
        )
    flags = tuple(bool(meta.get(key)) for key in ("grade", "solution", "locked"))
    if meta.get("task"):
        flags = (True, True, True)  # a combination that no kind has
    if not any(flags):
        return Kind.CODE if cell_type == "code" else Kind.PROSE
    # nbgrader ignores the lock of a cell with a solution and implies it for one with a grade.
    normal = (flags[0], flags[1], not flags[1] and (flags[0] or flags[2]))
    kinds = [kind for kind, wanted in _FLAGS.items() if wanted == normal]
    markdown_only, code_only = (Kind.REFLECTION,), (Kind.SOLUTION, Kind.TEST)
    fits = kinds and not meta.get("task")
    if fits and kinds[0] not in (code_only if cell_type == "markdown" else markdown_only):
        return kinds[0]
    raise WorkshopError(
        f"no kind of cell for a {cell_type} cell with grade={flags[0]}, solution={flags[1]},"
        f" locked={flags[2]}, task={bool(meta.get('task'))}",
        where=place,
        remedy="choose in the Create Assignment panel: code as 'Autograded answer', 'Autograder"
        " tests' or 'Read-only', markdown as 'Manually graded answer' or 'Read-only'",
    )


def _name_of(meta: NotebookNode, kind: Kind, place: str) -> str | None:
    if kind not in _FLAGS:
        return None
    grade_id = str(meta.get("grade_id", ""))
    prefix = TEST_PREFIX if kind is Kind.TEST else ""
    if not grade_id.startswith(prefix) or not NAME.fullmatch(grade_id.removeprefix(prefix)):
        raise WorkshopError(
            f"unknown grade id {grade_id!r} for a {kind.value} cell",
            where=place,
            remedy=f"rename it {TEST_PREFIX}<exercise>, after the solution cell that it tests"
            if prefix
            else f"rename it: {NAME_RULE}",
        )
    return grade_id.removeprefix(prefix)


def _points_of(meta: NotebookNode, kind: Kind, place: str) -> int | float | None:
    if kind not in (Kind.TEST, Kind.REFLECTION):
        return None
    points = meta.get("points")
    if not isinstance(points, int | float) or isinstance(points, bool):
        raise WorkshopError(
            f"points must be a number, but are {points!r}",
            where=place,
            remedy="set the points in the Create Assignment panel",
        )
    if not math.isfinite(points) or points <= 0:
        raise WorkshopError(
            f"points must be above 0, but are {points}",
            where=place,
            remedy="set the points in the Create Assignment panel",
        )
    return int(points) if points == int(points) else float(points)


def _extras_of(extras: Mapping[str, Any], kind: Kind, place: str) -> dict[str, str]:
    known: Sequence[str] = EXTRA_KEYS
    bad = sorted(key for key in extras if key not in known or not isinstance(extras[key], str))
    if bad:
        raise WorkshopError(
            f"unknown workshop metadata: {', '.join(bad)}",
            where=place,
            remedy=f"only text under {', '.join(known)} is kept",
        )
    if extras and kind not in _FLAGS:
        raise WorkshopError(
            "workshop metadata in a cell without a name",
            where=place,
            remedy="remove it in the property inspector of JupyterLab",
        )
    return {key: str(extras[key]) for key in known if key in extras}
