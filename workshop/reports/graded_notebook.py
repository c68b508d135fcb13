"""A graded notebook read as data, quickly and with limits: everything in it may be a student's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import to_notebook

from workshop.grading.censor import Censor
from workshop.grading.devices import ON_CPU, Device, recorded
from workshop.grading.records import KEY, Outcome

UNREADABLE = (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What reading a notebook can raise, whatever is in the file."""

_LARGEST_FILE = 200_000_000


@dataclass(frozen=True)
class GradedNotebook:
    """What one graded notebook holds.

    Attributes:
        name: without ending.
        cells: those with a name of nbgrader's, in order.
        censor: finds what repeats its hidden tests and mark schemes.
        outcome: how its grading ended.
        message: what went wrong with the whole of it; empty if nothing did.
        device: what it was graded on.
    """

    name: str
    cells: tuple[NotebookNode, ...]
    censor: Censor
    outcome: Outcome
    message: str
    device: Device = ON_CPU


def read_graded(path: Path) -> GradedNotebook:
    """Read one; it is not validated, which takes longer than all the rest.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no notebook, or too large. A notebook that somebody has changed can raise
            anything in ``UNREADABLE``.
    """
    if path.stat().st_size > _LARGEST_FILE:
        raise ValueError("it is larger than 200 MB")
    content: Any = json.loads(path.read_text(encoding="utf-8"))
    cells = content["cells"]
    record = content.get("metadata", {}).get(KEY, {})
    named = [cell for cell in cells if cell["metadata"].get("nbgrader")]
    return GradedNotebook(
        name=path.stem,
        # In a file, texts are lists of lines.
        cells=tuple(to_notebook({"cells": named, "metadata": {}}).cells),
        censor=Censor.of(_source(cell) for cell in cells),
        outcome=Outcome(record.get("outcome", Outcome.COMPLETED)),
        message=str(record.get("message", "")),
        device=recorded(record.get("device")),
    )


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)
