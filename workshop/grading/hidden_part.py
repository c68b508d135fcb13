"""The hidden part of a graded cell: which of it runs in the learner's kernel, and which outside.

An author writes what is graded, by which checks, for how many points::

    graded(
        (2, checks.check_trainable(freeze_backbone(new_model()), "classifier")),
        (3, checks.check_accuracy(feature_model, held_out(), threshold())),
        like=new_model,
    )

An argument that uses one of the learner's names is evaluated in the learner's kernel, and a
portrait of its value comes out. Everything else, thresholds and held-out data above all, is
evaluated by the grader, who also runs the check.
"""

from __future__ import annotations

import ast
import builtins
import inspect
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from workshop.dataflow import names_of
from workshop.errors import WorkshopError

CALL = "graded"
_CHECK = "_check"
BUILTIN_NAMES = frozenset(dir(builtins))
# What only the grader has; workshop.grading.hidden gives the values.
SECRET_NAMES = ("held_out", "held_out_texts", "public_test", "reference_features", "threshold")
_MAKING = (ast.Assign, ast.AnnAssign, ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


@dataclass(frozen=True)
class GradedCheck:
    """One check with its points.

    Attributes:
        points: what it is worth.
        call: the call of the check, in which each argument that comes from the learner is the name
            of a slot.
        shown: for each slot the expression that is evaluated in the learner's kernel.
    """

    points: float
    call: ast.Call
    shown: dict[str, str]

    @property
    def name(self) -> str:
        """The checking function's name, ``check_trainable`` for example."""
        function = self.call.func
        return function.attr if isinstance(function, ast.Attribute) else ast.unparse(function)


@dataclass(frozen=True)
class HiddenPart:
    """A hidden part, taken apart.

    Attributes:
        checks: the checks, in order.
        outside: statements for the grader, run before the checks.
        inside: statements for the learner's kernel, run before the expressions; no more than these
            need.
        models: expressions of models that both sides know; optimizers are described relative to
            them.
        like: the expression for what makes the model that the learner started from; None if none
            is given.
    """

    checks: tuple[GradedCheck, ...]
    outside: str
    inside: str
    models: tuple[str, ...]
    like: str | None

    @property
    def expressions(self) -> tuple[str, ...]:
        """What is evaluated in the learner's kernel, each once."""
        return tuple(dict.fromkeys(text for check in self.checks for text in check.shown.values()))


def declares_checks(source: str) -> bool:
    """Whether a hidden part ends in ``graded(...)``; else it is a test of nbgrader's kind."""
    try:
        return _call_of(ast.parse(source).body) is not None
    except SyntaxError:
        return False


def take_apart(
    source: str, *, trusted: Collection[str], secret: Collection[str], where: str
) -> HiddenPart:
    """Split a hidden part.

    Args:
        source: its text, without the markers around it.
        trusted: names that the grader has too: the notebook's locked cells define them.
        secret: names that only the grader has, such as ``held_out``.
        where: the cell, for messages.

    Raises:
        WorkshopError: it is no Python, does not have the form above, or checks nothing that comes
            from the learner.
    """
    try:
        body = ast.parse(source).body
    except SyntaxError as error:
        raise _fault(f"the hidden part is no Python: {error.msg}", where) from error
    call = _call_of(body)
    if call is None:
        raise _fault(f"the hidden part does not end in {CALL}(...)", where)
    known, hidden = set(trusted) | BUILTIN_NAMES, set(secret)
    outside, inside = [], []
    for statement in body[:-1]:
        names = names_of(ast.unparse(statement))
        tainted, uses_secrets = names.uses - known - hidden, bool(names.uses & hidden)
        if tainted and uses_secrets:
            raise _fault(f"a statement mixes {min(tainted)} with secrets", where)
        if tainted and not names.defines:
            raise _fault(
                f"`{ast.unparse(statement)}` changes things in the learner's kernel only: let a"
                " function do it and return the result",
                where,
            )
        # A name that gets another value is what this value is.
        known, hidden = known - names.defines, hidden - names.defines
        if not tainted:
            outside.append(statement)
            (hidden if uses_secrets else known).update(names.defines)
        if not uses_secrets:
            inside.append(statement)
    like = next((word.value for word in call.keywords if word.arg == "like"), None)
    if like is not None and not _uses(like) <= known:
        raise _fault(f"like={ast.unparse(like)} is nothing that both sides have", where)
    checks = tuple(_checks(call, known | hidden, hidden, where))
    shown = {name for check in checks for text in check.shown.values() for name in _names(text)}
    needed, reached = _needed(inside, shown)
    return HiddenPart(
        checks=checks,
        outside=_text(outside),
        inside=_text(needed),
        models=_models(checks, outside, known & reached),
        like=None if like is None else ast.unparse(like),
    )


def _needed(statements: list[ast.stmt], names: set[str]) -> tuple[list[ast.stmt], set[str]]:
    """The statements on which some names depend, and these and all names that they use.

    So a quiz's key, or a number that is expected, never enters the learner's kernel.
    """
    found = [names_of(ast.unparse(statement)) for statement in statements]
    made = {name for each in found for name in each.defines}
    needed, kept = set(names), []
    for statement, each in zip(reversed(statements), reversed(found), strict=True):
        only_makes = isinstance(statement, _MAKING) and needed.isdisjoint(each.defines)
        # `state = net.eval()` changes `net`.
        if only_makes and needed.isdisjoint(each.uses & made):
            continue
        kept.append(statement)
        needed |= each.uses
    return kept[::-1], needed


def _call_of(body: list[ast.stmt]) -> ast.Call | None:
    last = body[-1] if body else None
    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call):
        function = last.value.func
        if isinstance(function, ast.Name) and function.id == CALL:
            return last.value
    return None


def _checks(call: ast.Call, known: set[str], secret: set[str], where: str) -> Iterator[GradedCheck]:
    if not call.args or any(word.arg != "like" for word in call.keywords):
        raise _fault(f"{CALL} takes (points, check) pairs, and `like=`", where)
    for pair in call.args:
        match pair:
            case ast.Tuple(
                elts=[ast.Constant(value=int() | float() as points), ast.Call() as check]
            ) if not isinstance(points, bool):
                yield _check(float(points), check, known, secret, where)
            case _:
                raise _fault(f"{ast.unparse(pair)} is no pair (points, check(...))", where)


def _check(
    points: float, call: ast.Call, known: set[str], secret: set[str], where: str
) -> GradedCheck:
    shown: dict[str, str] = {}
    if not _uses(call.func) <= known:
        raise _fault(f"{ast.unparse(call.func)} is no check that the grader has", where)
    if any(isinstance(each, ast.Starred) for each in call.args) or not all(
        word.arg for word in call.keywords
    ):
        raise _fault(f"{ast.unparse(call)} has arguments with stars", where)

    def slotted(argument: ast.expr) -> ast.expr:
        uses = _uses(argument)
        if uses <= known:
            return argument
        if uses & secret:
            raise _fault(f"{ast.unparse(argument)} mixes the learner's names with secrets", where)
        slot = f"_shown_{len(shown)}"
        shown[slot] = ast.unparse(argument)
        return ast.Name(slot, ast.Load())

    arguments = [slotted(each) for each in call.args]
    keywords = [ast.keyword(word.arg, slotted(word.value)) for word in call.keywords]
    if not shown:
        raise _fault(f"{ast.unparse(call)} checks nothing that the learner made", where)
    return GradedCheck(points, ast.Call(call.func, arguments, keywords), shown)


def _uses(expression: ast.expr) -> frozenset[str]:
    return _names(ast.unparse(expression))


def _names(text: str) -> frozenset[str]:
    return names_of(text).uses


def _models(
    checks: tuple[GradedCheck, ...], outside: list[ast.stmt], known: set[str]
) -> tuple[str, ...]:
    """Names that both sides define in the hidden part and that checks take next to a portrait.

    What no portrait was made of stays outside: it may be a key.
    """
    made = {name for statement in outside for name in names_of(ast.unparse(statement)).defines}
    used = {name for check in checks for argument in check.call.args for name in _uses(argument)}
    return tuple(sorted(made & used & known))


def _text(statements: list[ast.stmt]) -> str:
    return "\n".join(ast.unparse(each) for each in statements)


def _fault(what: str, where: str) -> WorkshopError:
    return WorkshopError(
        what,
        where=where,
        remedy="docs/author tells how the hidden part of a graded cell is written",
    )


def called(check: GradedCheck, values: dict[str, Any], names: dict[str, Any]) -> Any:
    """Call a check with the learner's values in their slots.

    Args:
        check: the check.
        values: for each slot what goes there.
        names: the grader's names.

    Raises:
        LearnerError: the check found a mistake of the learner's.
        Exception: the check crashed. A check of ours would hide that behind a verdict.
    """
    function = _evaluated(check.call.func, names)
    bare = ast.Call(ast.Name(_CHECK, ast.Load()), check.call.args, check.call.keywords)
    return _evaluated(bare, {**names, **values, _CHECK: inspect.unwrap(function)})


def _evaluated(expression: ast.expr, names: dict[str, Any]) -> Any:
    whole = ast.fix_missing_locations(ast.Expression(expression))
    return eval(compile(whole, "<hidden part>", "eval"), names)  # noqa: S307 - the author's own
