"""Which names a piece of Python takes from elsewhere, and which it leaves behind."""

from __future__ import annotations

import ast
import symtable
from collections.abc import Sequence
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
    _follow(ast.parse(source).body, uses, defines)
    return CellNames(frozenset(uses), frozenset(defines))


def _follow(statements: Sequence[ast.stmt], uses: set[str], defines: set[str]) -> None:
    """Add what statements use and define, one after the other, also within loops and blocks."""
    for statement in statements:
        match statement:
            case ast.With() | ast.AsyncWith():
                for item in statement.items:
                    _take(ast.Expr(item.context_expr), uses, defines)
                    _bind(item.optional_vars, uses, defines)
                _follow(statement.body, uses, defines)
            case ast.For() | ast.AsyncFor():
                _take(ast.Expr(statement.iter), uses, defines)
                _bind(statement.target, uses, defines)
                _follow([*statement.body, *statement.orelse], uses, defines)
            case ast.If():
                _take(ast.Expr(statement.test), uses, defines)
                # What one branch defines, the other has not.
                before = set(defines)
                for branch in (statement.body, statement.orelse):
                    made = set(before)
                    _follow(branch, uses, made)
                    defines |= made
            case _:
                _take(statement, uses, defines)


def _take(statement: ast.stmt, uses: set[str], defines: set[str]) -> None:
    table = symtable.symtable(ast.unparse(statement), "<cell>", "exec")
    uses |= (_used(table) | _added_to(statement)) - defines
    defines |= _defined(table)


def _bind(target: ast.expr | None, uses: set[str], defines: set[str]) -> None:
    """A loop's or block's own names: ``for TARGET in ...``, ``with ... as TARGET``."""
    if target is not None:
        _take(ast.Assign([target], ast.Constant(None), lineno=0), uses, defines)


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
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        own = {each for node in ast.walk(statement) for each in _made_global(node)}
    else:
        own = None
    targets = [each.target for each in ast.walk(statement) if isinstance(each, ast.AugAssign)]
    names = {each.id for each in targets if isinstance(each, ast.Name)}
    return names if own is None else names & own


def _made_global(node: ast.AST) -> list[str]:
    return node.names if isinstance(node, ast.Global) else []


def _defined(table: symtable.SymbolTable) -> set[str]:
    """Module-level names that a scope or one inside it (``global x``) gives a value to."""
    at_top = table.get_type() == "module"
    own = {
        each.get_name()
        for each in table.get_symbols()
        if (each.is_assigned() or each.is_imported()) and (at_top or each.is_declared_global())
    }
    return own.union(*(_defined(child) for child in table.get_children()))
