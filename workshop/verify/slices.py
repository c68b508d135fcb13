"""Which cells of a notebook a change in one cell can reach, and which those need.

A wrong solution of one exercise cannot change the score of another that uses nothing of it. Leaving
out what cannot be reached makes verifying several times faster. Names are followed, as Python's
compiler sees them; objects that a cell changes in place are not, so a cell should only change what
it has made or what its exercise is about. ``workshop verify --full`` runs everything.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Sequence, Set

from nbformat import NotebookNode

from workshop.dataflow import CellNames, names_of
from workshop.grading.records import is_graded, nbgrader_of


def sliced(
    notebook: NotebookNode, grade_id: str, only: Collection[str] | None = None
) -> NotebookNode:
    """A copy with only the code cells that matter when the cell ``grade_id`` changes.

    Kept are the graded cells that the change can reach, and every cell that one of them needs.
    A cell with a syntax error may do anything, so then nothing is left out.

    Args:
        notebook: not changed.
        grade_id: the cell that changes.
        only: of the graded cells those alone; all for None.
    """
    result = copy.deepcopy(notebook)
    code = [cell for cell in result.cells if cell.cell_type == "code"]
    try:
        names = [names_of(cell.source) for cell in code]
    except SyntaxError:
        return result
    changed = next(
        index for index, cell in enumerate(code) if nbgrader_of(cell).get("grade_id") == grade_id
    )
    reached = _reached(names, changed)
    graded = {index for index, cell in enumerate(code) if is_graded(cell)}
    asked = {
        index for index in graded if only is None or nbgrader_of(code[index])["grade_id"] in only
    }
    locked = {index for index, cell in enumerate(code) if _is_shared(cell)}
    needed = _needed(names, [index for index in reached if index in asked], graded, locked)
    kept = {id(code[index]) for index in needed | {changed}}
    result.cells = [cell for cell in result.cells if cell.cell_type != "code" or id(cell) in kept]
    return result


def needed_by(cells: Sequence[NotebookNode], targets: Sequence[int]) -> list[int]:
    """The indexes of the targets and of all code cells before them that they need, in order."""
    return sorted(_needed([names_of(cell.source) for cell in cells], targets))


def reached_from(cells: Sequence[NotebookNode], changed: int) -> list[int]:
    """The indexes of the code cells that use something of one cell, directly or not, in order."""
    return _reached([names_of(cell.source) for cell in cells], changed)


def _reached(names: Sequence[CellNames], changed: int) -> list[int]:
    """Cells after ``changed`` that use something of it, directly or through others."""
    tainted = set(names[changed].defines)
    reached = []
    for index in range(changed + 1, len(names)):
        if names[index].uses & tainted:
            reached.append(index)
            tainted |= names[index].defines
    return reached


def _needed(
    names: Sequence[CellNames],
    targets: Sequence[int],
    graded: Set[int] = frozenset(),
    locked: Set[int] = frozenset(),
) -> set[int]:
    """The targets and every cell before them that defines something they use.

    The grader decides a graded cell with the names of all locked cells, later ones too.
    """
    needed = set(targets)
    waiting = list(targets)
    while waiting:
        index = waiting.pop()
        for other in sorted({*range(index), *(locked if index in graded else ())}):
            if other not in needed and names[other].defines & names[index].uses:
                needed.add(other)
                waiting.append(other)
    return needed


def _is_shared(cell: NotebookNode) -> bool:
    """Whether the grader runs this cell as well."""
    meta = nbgrader_of(cell)
    return bool(meta.get("locked") and not meta.get("grade") and not meta.get("solution"))
