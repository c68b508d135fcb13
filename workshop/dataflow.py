"""Which names a piece of Python takes from elsewhere, and which it leaves behind."""

from __future__ import annotations

import ast
import symtable
from dataclasses import dataclass


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
