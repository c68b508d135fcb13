"""Look at a submission before nbgrader does: what cannot be graded is rejected, with a remedy."""

from __future__ import annotations

import difflib
import json
import warnings
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode, from_dict
from nbformat.v4 import new_notebook

from workshop.errors import WorkshopError
from workshop.grading.records import new_cell
from workshop.grading.timestamps import TIMESTAMP, parse_stamp, read_stamp

_FORMAT = 4
_LARGEST = 64 * 1024 * 1024  # bytes; more is a notebook full of forgotten outputs
_SAVE_AGAIN = "open it in JupyterLab, save it and hand it in again"


class RejectedSubmission(WorkshopError):
    """A submission that cannot be graded as it is. It gets no score, not even zero."""


def check_folder(folder: Path, notebooks: Sequence[str]) -> None:
    """Look at a submission's folder.

    Args:
        folder: the student's folder for one assignment.
        notebooks: names of the assignment's notebooks, without ending.

    Raises:
        RejectedSubmission: it is no folder, holds a symbolic link, a special file or none of the
            notebooks, or gives a time of submission that is no date.
    """
    if not folder.is_dir():
        raise RejectedSubmission(
            "there is a file where the submission's folder should be",
            where=folder,
            remedy="put the notebook into a folder of this name",
        )
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise RejectedSubmission(
                "a submission must not hold symbolic links",
                where=path,
                remedy="replace the link by the file itself, or delete it",
            )
        if not (path.is_file() or path.is_dir()):
            raise RejectedSubmission(
                "a submission must not hold pipes, sockets or devices",
                where=path,
                remedy="delete it",
            )
    found = sorted(path.stem for path in folder.glob("*.ipynb"))
    if not set(found) & set(notebooks):
        raise RejectedSubmission(
            f"no notebook {_listed(notebooks)}",
            where=folder,
            remedy=rename_hint(found, notebooks) or f"add {_listed(notebooks)}",
        )
    _check_timestamp(folder)


def rename_hint(found: Sequence[str], expected: Sequence[str]) -> str:
    """Which of the files found is probably meant by which expected name; empty if none is."""
    for name in found:
        near = difflib.get_close_matches(name, expected, n=1, cutoff=0.5)
        if near or len(found) == len(expected) == 1:
            return f"rename {name}.ipynb to {(near or expected)[0]}.ipynb"
    return ""


def read_notebook(path: Path) -> NotebookNode:
    """Read a notebook that anyone may have made, of any format version, as version 4.5.

    Outputs are not read: they are none of a learner's work, and may be broken or huge.

    Raises:
        RejectedSubmission: the file is missing, empty, cut off, no JSON or no notebook, or has a
            format version that cannot be read.
    """
    content = _parsed(path, _text(path))
    if not isinstance(content, dict) or not {"cells", "worksheets"} & content.keys():
        raise RejectedSubmission(
            "this is JSON, but no notebook", where=path, remedy="hand in the .ipynb file itself"
        )
    version = content.get("nbformat")
    if version not in (2, 3, _FORMAT):
        raise RejectedSubmission(
            f"notebook format {version!r} cannot be read", where=path, remedy=_SAVE_AGAIN
        )
    if version != _FORMAT:
        content = _upgraded(path, content)
    return _clean(path, content)


def _text(path: Path) -> str:
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= _LARGEST else b""
    except OSError as error:
        raise RejectedSubmission(
            f"cannot be read: {error.strerror}", where=path, remedy="hand the notebook in again"
        ) from error
    if size > _LARGEST:
        raise RejectedSubmission(
            f"the notebook has {size / 2**20:.0f} MiB, more than {_LARGEST / 2**20:.0f}",
            where=path,
            remedy="clear all outputs in JupyterLab, save and hand it in again",
        )
    if not data.strip():
        raise RejectedSubmission("the file is empty", where=path, remedy=_SAVE_AGAIN)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RejectedSubmission(
            "this is no notebook: it is not even text", where=path, remedy=_SAVE_AGAIN
        ) from error


def _parsed(path: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        # An unterminated string reaches to the end: a line end inside it is another error.
        at_end = error.pos >= len(text.rstrip()) - 1 or error.msg.startswith("Unterminated")
        if text.lstrip().startswith("{") and at_end:
            problem = f"the file is cut off at line {error.lineno}"
        elif text.lstrip().startswith("{"):
            problem = f"the notebook is broken at line {error.lineno}: {error.msg}"
        else:
            problem = "this is no notebook: it is not JSON"
        raise RejectedSubmission(problem, where=path, remedy=_SAVE_AGAIN) from error
    except RecursionError as error:
        raise RejectedSubmission(
            "the notebook is nested too deeply", where=path, remedy=_SAVE_AGAIN
        ) from error


def _upgraded(path: Path, content: dict[str, Any]) -> dict[str, Any]:
    """A notebook of an older format as version 4. Outputs are dropped first: they break easily."""
    for sheet in _dicts(content.get("worksheets")):
        for cell in _dicts(sheet.get("cells")):
            if "outputs" in cell:
                cell["outputs"] = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            old = nbformat.reader.reads(json.dumps(content))
            upgraded: dict[str, Any] = nbformat.convert(old, _FORMAT)
    except Exception as error:
        raise RejectedSubmission(
            f"the old notebook format {content.get('nbformat')} cannot be upgraded: {error}",
            where=path,
            remedy=_SAVE_AGAIN,
        ) from error
    return upgraded


def _clean(path: Path, content: dict[str, Any]) -> NotebookNode:
    """A valid notebook from one whose every part may be of the wrong type."""
    cells = content.get("cells")
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise RejectedSubmission("the notebook's cells are broken", where=path, remedy=_SAVE_AGAIN)
    metadata = content.get("metadata")
    notebook: NotebookNode = new_notebook()
    # Set afterwards, unvalidated: restoring takes what it knows of metadata and drops the rest.
    notebook.cells = [_clean_cell(path, number, cell) for number, cell in enumerate(cells, 1)]
    notebook.metadata = from_dict(metadata if isinstance(metadata, dict) else {})
    return notebook


def _clean_cell(path: Path, number: int, cell: dict[str, Any]) -> NotebookNode:
    kind = cell.get("cell_type")
    source = cell.get("source")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    metadata = cell.get("metadata", {})
    if (
        kind not in ("code", "markdown", "raw")
        or not isinstance(source, str)
        or not isinstance(metadata, dict)
    ):
        raise RejectedSubmission(f"cell {number} is broken", where=path, remedy=_SAVE_AGAIN)
    # A new id each: copies of a cell share theirs, and then the notebook would not be valid.
    clean = new_cell(kind, source, cell_id=f"cell-{number}", metadata=from_dict(metadata))
    if clean.cell_type == "markdown" and _are_attachments(cell.get("attachments")):
        clean.attachments = cell["attachments"]
    return clean


def _are_attachments(value: object) -> bool:
    """Whether these are pictures that were pasted into a text."""
    return isinstance(value, dict) and all(
        isinstance(bundle, dict) and all(isinstance(each, str) for each in bundle.values())
        for bundle in value.values()
    )


def _check_timestamp(folder: Path) -> None:
    text = ""
    try:
        text = read_stamp(folder)
        if text:
            parse_stamp(text, UTC)
    except (OSError, ValueError) as error:
        raise RejectedSubmission(
            f"{text[:40]!r} is no time of submission" if text else str(error),
            where=folder / TIMESTAMP,
            remedy="correct or delete the file",
        ) from error


def _dicts(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _listed(notebooks: Sequence[str]) -> str:
    return ", ".join(f"{name}.ipynb" for name in notebooks)
