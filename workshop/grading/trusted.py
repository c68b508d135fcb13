"""The names that the grader shares with a notebook, without any of the learner's code.

An assignment's locked cells load data, make pristine models and name their parts. Those that need
nothing of the learner's run here as well, so that a hidden part can speak of ``new_model()`` and
mean the same on both sides.

Here they compute on the CPU, wherever a kernel does: what a learner's model is compared with, and
measured by, is then the same on every machine, and a GPU's memory is left to those who train.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
from collections.abc import Iterable, Mapping, Set
from pathlib import Path
from typing import Any
from unittest import mock

from nbformat import NotebookNode

from workshop.dataflow import names_of
from workshop.errors import WorkshopError
from workshop.grading.hidden_part import BUILTIN_NAMES
from workshop.grading.records import nbgrader_of
from workshop.learn.running import DEVICE


def locked_sources(notebook: NotebookNode) -> tuple[tuple[str, str], ...]:
    """Name and text of each locked code cell that is not graded, in order."""
    return tuple(
        (str(nbgrader_of(cell)["grade_id"]), str(cell.source))
        for cell in notebook.cells
        if cell.cell_type == "code"
        and nbgrader_of(cell).get("locked")
        and not nbgrader_of(cell).get("grade")
        and not nbgrader_of(cell).get("solution")
    )


# More than any assignment has notebooks: submissions ask for them in turn.
@functools.lru_cache(maxsize=12)
def trusted_names(
    cells: tuple[tuple[str, str], ...], features: Path | None = None
) -> Mapping[str, Any]:
    """Run the cells that use only what the ones before them define.

    Args:
        cells: what :func:`locked_sources` gives.
        features: where features of frozen models that they compute are kept for submissions to
            read; None for this user's own cache.

    Returns:
        The names that they define. Do not change it: it is kept for the next submission.

    Raises:
        WorkshopError: one of the cells stopped.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    for grade_id, source in cells:
        _run(source, names, grade_id, features)
    return names


def shared_names(sources: Iterable[str]) -> frozenset[str]:
    """The names that :func:`trusted_names` would give for these cells, without running them.

    Raises:
        SyntaxError: a cell is no Python.
    """
    known: set[str] = set()
    for source in sources:
        if _runs_alone(source, known):
            known |= names_of(source).defines
    return frozenset(known)


def _runs_alone(source: str, known: Set[str]) -> bool:
    """Whether a locked cell needs nothing of the learner's."""
    return names_of(source).uses <= BUILTIN_NAMES | known


def _run(source: str, names: dict[str, Any], grade_id: str, features: Path | None) -> None:
    printed = io.StringIO()
    # Pictures are drawn for nobody here; in a kernel that is started later they are. And what
    # hidden parts compute later, of held-out data, must not come to lie with these features.
    kept = {} if features is None else {"WORKSHOP_CACHE": str(features)}
    environment = mock.patch.dict(os.environ, {"MPLBACKEND": "Agg", DEVICE: "cpu", **kept})
    try:
        if not _runs_alone(source, names.keys()):
            return
        code = compile(source, f"<cell {grade_id}>", "exec")
        with (
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
            environment,
        ):
            exec(code, names)  # noqa: S102 - the author's own cell
    except Exception as error:
        raise WorkshopError(
            f"the locked cell {grade_id} stopped with {type(error).__name__}: {error}",
            where="the grader's own copy of the assignment",
            remedy="run the source notebook in JupyterLab, correct the cell, build again",
        ) from error
