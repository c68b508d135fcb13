"""What makes a sequence of cells a notebook that nbgrader can release and grade."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from workshop.authoring.cells import Kind, SourceCell
from workshop.authoring.hidden_rules import Locator, check_hidden_parts
from workshop.authoring.regions import Piece, Region, RegionError, split, visible
from workshop.errors import WorkshopError

# Which region may stand in which cell. Everything else would be released or graded wrongly.
_REGIONS: dict[Kind, tuple[Region, ...]] = {
    Kind.SOLUTION: (Region.SOLUTION,),
    Kind.TEST: (Region.HIDDEN_TESTS,),
    Kind.REFLECTION: (Region.SOLUTION, Region.MARK_SCHEME),
}


def check_cells(cells: Iterable[SourceCell], where: str | Path) -> None:
    """Check that the cells fit together.

    Args:
        cells: the whole notebook in order.
        where: the text file, for ``file:line`` in errors. For cells without line numbers the
            cell's number and name are given instead.

    Raises:
        WorkshopError: a name is used twice, a test has no exercise before it, a marker of a
            region is wrong or in the wrong kind of cell, a hidden test does not come last, or the
            code is not Python (in the solution or in what is left of it for students), or a hidden
            part is none that the grader can decide.
    """
    cells = tuple(cells)
    numbers = {id(cell): number for number, cell in enumerate(cells, start=1)}

    def locate(cell: SourceCell, line: int) -> str:
        if cell.line:
            return f"{where}:{cell.first_line + line}"
        name = f" ({cell.grade_id})" if cell.grade_id else ""
        return f"{where}: cell {numbers[id(cell)]}{name}, line {line + 1}"

    _check_names(cells, locate)
    for cell in cells:
        try:
            pieces = split(cell.source)
        except RegionError as error:
            raise WorkshopError(
                error.problem, where=locate(cell, error.line), remedy=error.remedy
            ) from error
        _check_regions(cell, pieces, locate)
        if cell.cell_type == "code":
            _check_syntax(cell, locate)
    check_hidden_parts(cells, locate)


def _check_names(cells: tuple[SourceCell, ...], locate: Locator) -> None:
    seen: dict[str, SourceCell] = {}
    exercises: set[str] = set()
    for cell in cells:
        if cell.name is None or cell.grade_id is None:
            continue
        first = seen.setdefault(cell.grade_id, cell)
        if first is not cell:
            raise WorkshopError(
                f"the name {cell.grade_id!r} is used twice",
                where=_marker(cell, locate),
                remedy=f"rename this cell or the one at {_marker(first, locate)}"
                ' (test="x" takes the name test_x)',
            )
        if cell.kind is Kind.SOLUTION:
            exercises.add(cell.name)
        if cell.kind is Kind.TEST and cell.name not in exercises:
            raise WorkshopError(
                f"a test of {cell.name!r}, but there is no such exercise before it",
                where=_marker(cell, locate),
                remedy=f'put a cell marked solution="{cell.name}" above the test',
            )


def _marker(cell: SourceCell, locate: Locator) -> str:
    return locate(cell, cell.line - cell.first_line if cell.line else 0)


def _check_regions(cell: SourceCell, pieces: tuple[Piece, ...], locate: Locator) -> None:
    allowed = _REGIONS.get(cell.kind, ())
    for piece in pieces:
        if piece.region is not None and piece.region not in allowed:
            owners = " or ".join(kind.value for kind in _REGIONS if piece.region in _REGIONS[kind])
            raise WorkshopError(
                f"{piece.region.begin!r} in a {cell.kind.value} cell",
                where=locate(cell, piece.start - 1),
                remedy=f"it belongs into a {owners} cell; elsewhere nbgrader does not take it out",
            )
    found = [piece.region for piece in pieces]
    if cell.kind in (Kind.SOLUTION, Kind.REFLECTION) and Region.SOLUTION not in found:
        raise WorkshopError(
            f"a {cell.kind.value} cell without {Region.SOLUTION.begin!r}",
            where=_marker(cell, locate),
            remedy="put the answer between the two markers; without them the whole cell, the"
            " question included, would be replaced by a stub",
        )
    if cell.kind is Kind.TEST:
        _check_hidden_tests(cell, pieces, locate)


def _check_hidden_tests(cell: SourceCell, pieces: tuple[Piece, ...], locate: Locator) -> None:
    hidden = [piece for piece in pieces if piece.region is Region.HIDDEN_TESTS]
    if len(hidden) != 1:
        raise WorkshopError(
            f"a test cell needs one region of hidden tests, but has {len(hidden)}",
            where=_marker(cell, locate),
            remedy=f"put what decides between {Region.HIDDEN_TESTS.begin!r} and"
            f" {Region.HIDDEN_TESTS.end!r}",
        )
    if hidden[0].indent:
        raise WorkshopError(
            "hidden tests must not be indented",
            where=locate(cell, hidden[0].start - 1),
            remedy="without them the block around may be empty in the release",
        )
    after = [piece for piece in pieces if piece.start > hidden[0].start and piece.text.strip()]
    if after:
        raise WorkshopError(
            "text after the hidden tests",
            where=locate(cell, after[0].start),
            remedy="move it before them: the cell's last value must be the grade",
        )


def _check_syntax(cell: SourceCell, locate: Locator) -> None:
    """Both what the author wrote and what students get must at least be Python."""
    for source, whose in ((cell.source, ""), (visible(cell.source, is_code=True), "student's ")):
        error = _syntax_error(source)
        if error is None:
            continue
        # Lines of the student's version are not lines of the file.
        place = _marker(cell, locate) if whose else locate(cell, (error.lineno or 1) - 1)
        raise WorkshopError(
            f"the {whose}code is not Python: {error.msg}",
            where=place,
            remedy="what is left when the solution is replaced by a stub must be Python too"
            if whose
            else "correct it; a cell marker inside a string cuts the string in two",
        )


def _syntax_error(source: str) -> SyntaxError | None:
    # Imported here: it takes a while and only building needs it.
    from IPython.core import inputtransformer2  # noqa: PLC0415

    transformers: Any = inputtransformer2  # IPython's functions have no types

    if source.lstrip().startswith("%%"):
        return None  # a cell magic: what follows need not be Python
    try:
        with warnings.catch_warnings():
            # An odd escape in a string is the linter's business.
            warnings.simplefilter("ignore")
            compile(
                transformers.TransformerManager().transform_cell(source),
                "<cell>",
                "exec",
                flags=ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
            )
    except SyntaxError as error:
        return error
    return None
