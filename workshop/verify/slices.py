"""Which cells of a notebook a change in one cell can reach, and which those need.

A wrong solution of one exercise cannot change the score of another that uses nothing of it. Leaving
out what cannot be reached makes verifying several times faster. Names are followed, as Python's
compiler sees them; objects that a cell changes in place are not, so a cell should only change what
it has made or what its exercise is about. ``workshop verify --full`` runs everything.
"""

from __future__ import annotations

import ast
import copy
import symtable
from collections.abc import Sequence
from dataclasses import dataclass

from nbformat import NotebookNode

from workshop.grading.records import is_graded, nbgrader_of


@dataclass(frozen=True)
class CellNames:
    """The names through which a cell depends on others.

    Attributes:
        uses: names that it takes from cells before it.
        defines: names that it leaves for cells after it.
    """

    uses: frozenset[str]
    defines: frozenset[str]


def names_of(source: str) -> CellNames:
    """The names that a code cell uses and defines.

    A name that a statement of the cell has defined is the cell's own from then on. What stands in
    a function's body counts as used where the function is defined.

    Raises:
        SyntaxError: this is no Python.
    """
    uses: set[str] = set()
    defines: set[str] = set()
    for statement in ast.parse(source).body:
        table = symtable.symtable(ast.unparse(statement), "<cell>", "exec")
        uses |= (_used(table) | _added_to(statement)) - defines
        defines |= _defined(table)
    return CellNames(frozenset(uses), frozenset(defines))


def _used(table: symtable.SymbolTable) -> set[str]:
    """Module-level names that a scope or one inside it refers to."""
    at_top = table.get_type() == "module"
    own = {
        each.get_name()
        for each in table.get_symbols()
        if each.is_referenced() and (at_top or each.is_global())
    }
    return own.union(*(_used(child) for child in table.get_children()))


def _added_to(statement: ast.stmt) -> set[str]:
    """Names that ``+=`` changes, which for the symbol table are only assigned."""
    targets = [each.target for each in ast.walk(statement) if isinstance(each, ast.AugAssign)]
    return {each.id for each in targets if isinstance(each, ast.Name)}


def _defined(table: symtable.SymbolTable) -> set[str]:
    """Module-level names that a scope or one inside it (``global x``) gives a value to."""
    at_top = table.get_type() == "module"
    own = {
        each.get_name()
        for each in table.get_symbols()
        if (each.is_assigned() or each.is_imported()) and (at_top or each.is_declared_global())
    }
    return own.union(*(_defined(child) for child in table.get_children()))


def sliced(notebook: NotebookNode, grade_id: str) -> NotebookNode:
    """A copy with only the code cells that matter when the cell ``grade_id`` changes.

    Kept are the graded cells that the change can reach, and every cell that one of them needs.
    A cell with a syntax error may do anything, so then nothing is left out.
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
    needed = _needed(names, [index for index in reached if is_graded(code[index])])
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


def _needed(names: Sequence[CellNames], targets: Sequence[int]) -> set[int]:
    """The targets and every cell before them that defines something they use."""
    needed = set(targets)
    waiting = list(targets)
    while waiting:
        index = waiting.pop()
        for earlier in range(index):
            if earlier not in needed and names[earlier].defines & names[index].uses:
                needed.add(earlier)
                waiting.append(earlier)
    return needed
