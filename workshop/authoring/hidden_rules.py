"""What makes a hidden part one that the grader can decide; its author hears it before release."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from workshop.authoring.cells import Kind, SourceCell
from workshop.authoring.regions import Region, text_of
from workshop.dataflow import names_of
from workshop.errors import WorkshopError
from workshop.grading.hidden_part import SECRET_NAMES, declares_checks, take_apart
from workshop.grading.trusted import shared_names

Locator = Callable[[SourceCell, int], str]


def check_hidden_parts(cells: Iterable[SourceCell], locate: Locator) -> None:
    """Check every ``graded(...)``. The cells' code must be Python.

    Args:
        cells: the whole notebook in order.
        locate: gives ``file:line`` for a cell and a line in it, from 0.

    Raises:
        WorkshopError: a part cannot be taken apart, its points are not the cell's, or an exercise
            gives a name that the grader takes from a locked cell another value.
    """
    cells = tuple(cells)
    graded = {
        id(cell): text
        for cell in cells
        if cell.kind is Kind.TEST
        and declares_checks(text := text_of(cell.source, Region.HIDDEN_TESTS))
    }
    if not graded:
        return
    locked = [cell for cell in cells if cell.kind is Kind.LOCKED and cell.cell_type == "code"]
    for cell in locked:
        _check_locked(cell, locate)
    trusted = shared_names(cell.source for cell in locked)
    for cell in cells:
        if id(cell) in graded:
            _check_part(cell, graded[id(cell)], trusted, locate)
        elif cell.kind is Kind.SOLUTION:
            _check_exercise(cell, trusted, locate)


def _check_locked(cell: SourceCell, locate: Locator) -> None:
    try:
        names_of(cell.source)
    except SyntaxError as error:
        raise WorkshopError(
            "a locked cell that only IPython understands",
            where=locate(cell, (error.lineno or 1) - 1),
            remedy="the grader runs it as Python: move magics into a cell of their own, unlocked",
        ) from error


def _check_part(cell: SourceCell, text: str, trusted: frozenset[str], locate: Locator) -> None:
    lines = cell.source.split("\n")
    begins = next(n for n, line in enumerate(lines) if Region.HIDDEN_TESTS.begin in line)
    where = locate(cell, begins)
    part = take_apart(text, trusted=trusted, secret=SECRET_NAMES, where=where)
    points = sum(check.points for check in part.checks)
    if not math.isclose(points, float(cell.points or 0)):
        raise WorkshopError(
            f"the checks are worth {points:g} points, the cell {cell.points:g}",
            where=where,
            remedy="make them the same: what a cell is worth is what its checks are worth together",
        )


def _check_exercise(cell: SourceCell, trusted: frozenset[str], locate: Locator) -> None:
    try:
        changed = names_of(cell.source).defines & trusted
    except SyntaxError:  # magics; what they define is not known
        return
    if changed:
        raise WorkshopError(
            f"this exercise gives {min(changed)!r} a value, but a locked cell does so as well",
            where=locate(cell, 0),
            remedy="use another name: the grader would take the locked cell's for the learner's",
        )
