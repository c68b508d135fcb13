"""Do an optimizer's parameter groups hold what they should, with the rates that they should?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from checks.guard import LearnerError, checked
from checks.models import names_of_tensors, require_model, require_parts
from checks.names import any_belongs, describe, first, parts_of, plural, share
from checks.verdict import Verdict, passed

_ROUNDING = 1e-6  # relative: 3e-4 * 10 is not exactly 3e-3


@dataclass(frozen=True)
class Group:
    """One parameter group.

    Attributes:
        learning_rate: the base rate; what schedulers have made of it since does not count.
        weight_decay: None where the optimizer has none.
        parameters: the names of each parameter; empty for one that is not the model's.
    """

    learning_rate: float
    weight_decay: float | None
    parameters: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class GroupFacts:
    """What an optimizer holds of a model.

    Attributes:
        kind: the optimizer's class.
        groups: its parameter groups, in order.
        trainable: the names of each trainable parameter of the model.
        frozen: the names of each frozen one.
    """

    kind: str
    groups: tuple[Group, ...]
    trainable: tuple[tuple[str, ...], ...]
    frozen: tuple[tuple[str, ...], ...]


def observe_groups(optimizer: torch.optim.Optimizer, model: nn.Module) -> GroupFacts:
    """Look at the parameter groups of any PyTorch optimizer.

    Raises:
        LearnerError: this is no optimizer, or no model.
    """
    require_model(model)
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise LearnerError(
            "There is no optimizer to look at.",
            expected="a torch.optim.Optimizer",
            actual=type(optimizer).__name__,
            hint="Does your function end with `return torch.optim.AdamW(...)`?",
        )
    names = names_of_tensors(model)
    return GroupFacts(
        kind=type(optimizer).__name__,
        groups=tuple(
            Group(
                _base_rate(group),
                None if group.get("weight_decay") is None else float(group["weight_decay"]),
                tuple(names.get(id(parameter), ()) for parameter in group["params"]),
            )
            for group in optimizer.param_groups
        ),
        trainable=tuple(names[id(each)] for each in model.parameters() if each.requires_grad),
        frozen=tuple(names[id(each)] for each in model.parameters() if not each.requires_grad),
    )


def _base_rate(group: Mapping[str, Any]) -> float:
    """The rate that the learner gave.

    A scheduler changes ``lr`` and keeps the rate that it started from in ``initial_lr``; for
    OneCycleLR that is only the warm-up's start, and the rate given is ``max_lr``.
    """
    for key in ("max_lr", "initial_lr", "lr"):
        if group.get(key) is not None:
            return float(group[key])
    return float("nan")


# ------------------------------------------------------------------------------------ coverage


def judge_coverage(facts: GroupFacts) -> Verdict:
    """Every trainable parameter is in exactly one group, and no frozen one in any."""
    held = Counter(names for group in facts.groups for names in group.parameters)
    foreign = held.pop((), 0)
    repeated = [names[0] for names, count in held.items() if count > 1]
    forgotten = [names[0] for names in facts.trainable if names not in held]
    frozen = [names[0] for names in facts.frozen if names in held]
    if foreign:
        raise LearnerError(
            f"{plural(foreign, 'parameter')} in the optimizer {'is' if foreign == 1 else 'are'} not"
            " this model's.",
            hint="Build the optimizer from the parameters of the model that you were given. A layer"
            " that is replaced after the optimizer was built is not in it.",
        )
    if forgotten:
        raise LearnerError(
            f"{share(forgotten, len(facts.trainable))} trainable parameters are in no group"
            f"{first(forgotten)}.",
            expected="each trainable parameter in exactly one group",
            hint="They would never be updated. Which of your lists should they be in?",
        )
    if repeated:
        raise LearnerError(
            f"{plural(len(repeated), 'parameter')} occur more than once{first(repeated)}.",
            expected="each trainable parameter in exactly one group",
            hint="Sort the parameters with `if` and `else`, so that each lands in one list.",
        )
    if frozen:
        raise LearnerError(
            f"{share(frozen, len(facts.frozen))} frozen parameters are in the optimizer"
            f"{first(frozen)}.",
            expected="no frozen parameter in any group",
            hint="Take a parameter only if it requires a gradient: `if parameter.requires_grad`.",
        )
    return passed(
        "optimizer.coverage",
        f"{plural(len(facts.groups), 'group')} hold each of the"
        f" {plural(len(facts.trainable), 'trainable parameter')} once, and no frozen one.",
    )


@checked("optimizer.coverage")
def check_coverage(optimizer: torch.optim.Optimizer, model: nn.Module) -> Verdict:
    """The groups cover every trainable parameter exactly once, and no frozen one."""
    return judge_coverage(observe_groups(optimizer, model))


# ------------------------------------------------------------------------------- learning rates


def judge_learning_rates(
    facts: GroupFacts,
    head: tuple[str, ...],
    *,
    backbone_range: tuple[float, float],
    head_range: tuple[float, float],
    min_ratio: float,
) -> Verdict:
    """Head and backbone have rates within their ranges and far enough apart."""
    trainable = set(facts.trainable)
    pairs = [
        (any_belongs(names, head), group.learning_rate)
        for group in facts.groups
        for names in group.parameters
        if names in trainable
    ]
    heads = sorted({rate for in_head, rate in pairs if in_head})
    backbones = sorted({rate for in_head, rate in pairs if not in_head})
    _require_range(describe(head), heads, head_range)
    _require_range("the backbone", backbones, backbone_range)
    ratio = heads[0] / backbones[-1]
    if ratio < min_ratio * (1 - _ROUNDING):
        raise LearnerError(
            f"The head's learning rate is only {ratio:.3g} times the backbone's.",
            expected=f"at least {min_ratio:g} times",
            actual=f"{_rates(heads)} for the head, {_rates(backbones)} for the backbone",
            hint="The head starts from little and may move fast, pretrained weights must not.",
        )
    return passed(
        "optimizer.learning_rates",
        f"The head learns with {_rates(heads)}, the backbone with {_rates(backbones)}.",
    )


def _require_range(part: str, rates: Sequence[float], allowed: tuple[float, float]) -> None:
    low, high = allowed
    expected = f"{low:g}" if low == high else f"from {low:g} to {high:g}"
    if not rates:
        raise LearnerError(
            f"No trainable parameter of {part} is in the optimizer.",
            expected=f"a group for {part} with a learning rate {expected}",
            hint="Print `len(group['params'])` of each group: is one of them empty or missing?",
        )
    wrong = [rate for rate in rates if not low * (1 - _ROUNDING) <= rate <= high * (1 + _ROUNDING)]
    if wrong:
        raise LearnerError(
            f"The learning rate of {part} is {_rates(wrong)}.",
            expected=expected,
            actual=_rates(wrong),
            hint=f'Give its group a rate of its own: {{"params": ..., "lr": {high:g}}}.',
        )


def _rates(rates: Sequence[float]) -> str:
    return " and ".join(f"{rate:g}" for rate in rates)


@checked("optimizer.learning_rates")
def check_learning_rates(
    optimizer: torch.optim.Optimizer,
    model: nn.Module,
    *,
    head: str | Sequence[str] = "classifier",
    backbone_range: tuple[float, float] = (1e-5, 1e-4),
    head_range: tuple[float, float] = (5e-4, 5e-3),
    min_ratio: float = 10.0,
) -> Verdict:
    """Each group has the learning rate that its part should have, schedulers left out of account.

    Args:
        optimizer: any PyTorch optimizer.
        model: the learner's model.
        head: names of the modules that are the head; the other trainable parameters are the
            backbone's.
        backbone_range: lowest and highest rate of the backbone.
        head_range: lowest and highest rate of the head.
        min_ratio: how many times the backbone's rate the head's must be.
    """
    parts = require_parts(require_model(model), head)
    return judge_learning_rates(
        observe_groups(optimizer, model),
        parts,
        backbone_range=backbone_range,
        head_range=head_range,
        min_ratio=min_ratio,
    )


def judge_rates_by_part(facts: GroupFacts, expected: Mapping[str, float]) -> Verdict:
    """The trainable parameters of each part learn with the part's rate."""
    trainable = set(facts.trainable)
    for part, value in expected.items():
        parts = parts_of(part)
        found = {
            group.learning_rate
            for group in facts.groups
            for names in group.parameters
            if names in trainable and any_belongs(names, parts)
        }
        _require_range(describe(parts), sorted(found), (value, value))
    rates = ", ".join(f"{part} with {value:g}" for part, value in expected.items())
    return passed("optimizer.rates_by_part", f"Each part learns with its own rate: {rates}.")


@checked("optimizer.rates_by_part")
def check_rates_by_part(
    optimizer: torch.optim.Optimizer, model: nn.Module, expected: Mapping[str, float]
) -> Verdict:
    """Each named part learns with the rate that was asked for, schedulers left out of account.

    Args:
        optimizer: any PyTorch optimizer.
        model: the learner's model.
        expected: the rate of each part, by the name of its module.
    """
    for part in expected:
        require_parts(require_model(model), part)
    return judge_rates_by_part(observe_groups(optimizer, model), expected)


# --------------------------------------------------------------------------------- weight decay


def judge_weight_decay(facts: GroupFacts, expected: Mapping[str, float]) -> Verdict:
    """The parameters of each part have the part's weight decay."""
    for part, value in expected.items():
        parts = parts_of(part)
        found = {
            group.weight_decay
            for group in facts.groups
            for names in group.parameters
            if any_belongs(names, parts) or (not names and part == "")
        }
        wrong = [each for each in found if not _equal(each, value)]
        if wrong or not found:
            actual = ", ".join("none" if each is None else f"{each:g}" for each in wrong)
            raise LearnerError(
                f"The weight decay of {describe(parts)} is {actual or 'not set'}.",
                expected=f"{value:g}",
                actual=actual or "no parameters",
                hint=f"Pass weight_decay={value:g} to torch.optim.{facts.kind}, or to the group.",
            )
    return passed("optimizer.weight_decay", "The weight decay is what was asked for.")


def _equal(actual: float | None, expected: float) -> bool:
    return actual is not None and abs(actual - expected) <= _ROUNDING * max(abs(expected), 1e-6)


@checked("optimizer.weight_decay")
def check_weight_decay(
    optimizer: torch.optim.Optimizer, model: nn.Module, expected: float | Mapping[str, float]
) -> Verdict:
    """The groups have the weight decay that was asked for.

    Args:
        optimizer: any PyTorch optimizer.
        model: the learner's model.
        expected: one value for all groups, or a value for each of several modules by name.
    """
    wanted = expected if isinstance(expected, Mapping) else {"": expected}
    return judge_weight_decay(observe_groups(optimizer, model), wanted)
