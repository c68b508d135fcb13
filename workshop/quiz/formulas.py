"""Formulas in quiz items: arithmetic over named numbers, and nothing else."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping

Number = int | float

_LARGEST_EXPONENT = 64
_BINARY: Mapping[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}


class FormulaError(ValueError):
    """A formula that cannot be evaluated; the text says why."""


def names_in(formula: str) -> set[str]:
    """The names that a formula uses.

    Raises:
        FormulaError: it is no formula.
    """
    return {node.id for node in ast.walk(_parsed(formula)) if isinstance(node, ast.Name)}


def evaluated(formula: str, values: Mapping[str, Number]) -> Number:
    """The value of a formula.

    Args:
        formula: made of names, numbers, parentheses and ``+ - * / // % **``.
        values: what the names stand for.

    Raises:
        FormulaError: it has other parts, or no finite value.
    """
    try:
        value = _value(_parsed(formula), values)
    except (ArithmeticError, TypeError) as error:
        raise FormulaError(f"{formula!r} has no value: {error}") from error
    if isinstance(value, complex) or not math.isfinite(value):
        raise FormulaError(f"{formula!r} has no finite value")
    return value


def _parsed(formula: str) -> ast.expr:
    try:
        return ast.parse(formula.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise FormulaError(f"{formula!r} is no formula") from error


def _value(node: ast.expr, values: Mapping[str, Number]) -> Number:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return number
        case ast.Name(id=name) if name in values:
            return values[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, values)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            one, other = _value(left, values), _value(right, values)
            if isinstance(op, ast.Pow) and abs(other) > _LARGEST_EXPONENT:
                raise FormulaError(f"the exponent {other} is too large")
            return _BINARY[type(op)](one, other)
    raise FormulaError(f"{ast.unparse(node)!r} is no part of a formula")
