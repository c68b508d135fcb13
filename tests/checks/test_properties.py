"""Random models, freezing patterns and parameter groups: do the checks say what brute force says?

The references below go through a drawn tree of modules themselves and compare places component by
component. They use none of PyTorch's names and nothing of ``checks``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from checks.freezing import check_trainable, check_unchanged, snapshot
from checks.optimizer import check_coverage, check_learning_rates, check_rates_by_part
from checks.verdict import Status, Verdict

Place = tuple[str, ...]
Tree = Mapping[str, Any]

# Names that begin alike, as blocks.1 and blocks.10 do.
NAMES = ("1", "10", "a", "ab", "weight_norm")
# Exact, so that the references need no tolerance.
RATES = tuple(
    Fraction(text) for text in ("1e-6", "1e-5", "3e-5", "1e-4", "5e-4", "1e-3", "5e-3", "0.1")
)
thorough = settings(max_examples=200, deadline=None)


# ---------------------------------------------------------------------------- models to be drawn


@dataclass(frozen=True)
class Drawn:
    """A model, and where each of its tensors lies.

    Attributes:
        model: the model.
        parameters: each parameter with its places; one that two layers share has two.
        buffers: each buffer with its place.
        modules: the places of all modules, the model itself included.
    """

    model: nn.Module
    parameters: list[tuple[nn.Parameter, list[Place]]]
    buffers: list[tuple[torch.Tensor, Place]]
    modules: list[Place]

    def places(self) -> list[Place]:
        return [*self.modules, *(place for _, places in self.parameters for place in places)]

    def trainable(self) -> list[nn.Parameter]:
        return [each for each, _ in self.parameters if each.requires_grad]


def layer(kind: str) -> nn.Module:
    return {"linear": nn.Linear(1, 1), "norm": nn.BatchNorm1d(2), "none": nn.ReLU()}[kind]


def built(tree: Tree) -> nn.Module:
    module = nn.Module()
    for name, content in tree.items():
        module.add_module(name, layer(content) if isinstance(content, str) else built(content))
    return module


def walk(module: nn.Module, tree: Any, place: Place = ()) -> Iterator[tuple[Place, nn.Module, Any]]:
    yield place, module, tree
    if not isinstance(tree, str):
        for name, content in tree.items():
            yield from walk(getattr(module, name), content, (*place, name))


TENSORS = {"linear": ("weight", "bias"), "norm": ("weight", "bias"), "none": ()}
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")

trees = st.dictionaries(
    st.sampled_from(NAMES),
    st.recursive(
        st.sampled_from(sorted(TENSORS)),
        lambda inner: st.dictionaries(st.sampled_from(NAMES), inner, min_size=1, max_size=3),
        max_leaves=5,
    ),
    min_size=1,
    max_size=3,
)


@st.composite
def models(draw: st.DrawFn) -> Drawn:
    """A small tree of layers; some parameters are frozen, and two layers may share a weight."""
    tree = draw(trees)
    model = built(tree)
    found = list(walk(model, tree))
    linear = [module for _, module, kind in found if kind == "linear"]
    if len(linear) > 1 and draw(st.booleans()):
        linear[-1].weight = linear[0].weight
    parameters: list[tuple[nn.Parameter, list[Place]]] = []
    buffers = []
    for place, module, kind in found:
        if not isinstance(kind, str):
            continue
        for name in TENSORS[kind]:
            tensor = getattr(module, name)
            known = [places for each, places in parameters if each is tensor]
            if known:
                known[0].append((*place, name))
            else:
                parameters.append((tensor, [(*place, name)]))
        if kind == "norm":
            buffers += [(getattr(module, name), (*place, name)) for name in STATISTICS]
    for parameter, _ in parameters:
        parameter.requires_grad = draw(st.booleans())
    return Drawn(model, parameters, buffers, [place for place, _, _ in found])


def selections(drawn: Drawn) -> st.SearchStrategy[list[str]]:
    """Names of modules and parameters, some cut short, with a dot too many, or unknown."""
    names = sorted({".".join(place) for place in drawn.places()})
    cut = sorted({name[:-1] for name in names if len(name) > 1 and name[-2] != "."})
    known = st.lists(st.sampled_from(names), max_size=3)
    odd = st.lists(st.sampled_from([*names, *cut, f"{names[-1]}.", "unknown"]), max_size=3)
    return st.one_of(known, known, odd)


# ---------------------------------------------------------------------------------- references


def place_of(name: str) -> Place:
    return tuple(part for part in name.split(".") if part)


def lies_in(place: Place, names: Sequence[str]) -> bool:
    return any(place[: len(place_of(name))] == place_of(name) for name in names)


def some_lies_in(places: Sequence[Place], names: Sequence[str]) -> bool:
    return any(lies_in(place, names) for place in places)


def all_known(drawn: Drawn, names: Sequence[str]) -> bool:
    return all(place_of(name) in drawn.places() for name in names)


def assert_verdict(verdict: Verdict, right: bool) -> None:
    assert verdict.status is (Status.PASSED if right else Status.FAILED), verdict


# ---------------------------------------------------------------------------------- freezing


@thorough
@given(models(), st.data())
def test_trainable_is_what_lies_in_the_named_modules(drawn: Drawn, data: st.DataObject) -> None:
    names = data.draw(selections(drawn))
    wanted = [some_lies_in(places, names) for _, places in drawn.parameters]
    if data.draw(st.booleans()):
        for (parameter, _), on in zip(drawn.parameters, wanted, strict=True):
            parameter.requires_grad = on
    as_wanted = [each.requires_grad for each, _ in drawn.parameters] == wanted
    something_trains = any(wanted) or not names
    right = all_known(drawn, names) and as_wanted and something_trains
    assert_verdict(check_trainable(drawn.model, names), right)


@thorough
@given(models(), st.data())
def test_unchanged_is_every_tensor_outside_bit_for_bit(drawn: Drawn, data: st.DataObject) -> None:
    names = data.draw(selections(drawn))
    before = snapshot(drawn.model)
    tensors: list[tuple[torch.Tensor, list[Place]]] = [
        *((tensor.data, places) for tensor, places in drawn.parameters),
        *((tensor, [place]) for tensor, place in drawn.buffers),
    ]
    # Most of what changes may: else nearly every verdict would be a failure.
    most = [index for index, (_, places) in enumerate(tensors) if some_lies_in(places, names)]
    changed = set(data.draw(st.lists(st.sampled_from(most), max_size=4)) if most else [])
    one_more = data.draw(st.booleans())
    if tensors and one_more:
        changed.add(data.draw(st.integers(0, len(tensors) - 1)))
    for index in changed:
        tensors[index][0].add_(1)
    right = all(some_lies_in(tensors[index][1], names) for index in changed)
    assert_verdict(check_unchanged(drawn.model, before, names), right)


# ------------------------------------------------------------------------------- parameter groups


@dataclass(frozen=True)
class Groups:
    """An optimizer, and for each group its rate and its parameters."""

    optimizer: torch.optim.Optimizer
    content: list[tuple[Fraction, list[nn.Parameter]]]

    def rates(self, parameter: nn.Parameter) -> list[Fraction]:
        """A rate for each time that the parameter occurs."""
        return [rate for rate, held in self.content for each in held if each is parameter]


@st.composite
def groups(draw: st.DrawFn, drawn: Drawn, rates: Sequence[Fraction] = RATES) -> Groups:
    """Some groups, half of them right; else with gaps, repetitions, frozen and foreign ones."""
    count = draw(st.integers(1, 4))
    content: list[tuple[Fraction, list[nn.Parameter]]] = [
        (draw(st.sampled_from(rates)), []) for _ in range(count)
    ]
    orderly = draw(st.booleans())
    for parameter, _ in drawn.parameters:
        often = int(parameter.requires_grad) if orderly else draw(st.sampled_from((0, 1, 1, 1, 2)))
        for _ in range(often):
            content[draw(st.integers(0, count - 1))][1].append(parameter)
    if not orderly and draw(st.integers(0, 4)) == 0:
        content[0][1].append(nn.Parameter(torch.zeros(1)))
    # PyTorch refuses some of these groups, yet learners reach them by changing param_groups.
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    optimizer.param_groups = [{"params": held, "lr": float(rate)} for rate, held in content]
    return Groups(optimizer, content)


@thorough
@given(models(), st.data())
def test_coverage_is_each_trainable_one_once_and_nothing_else(
    drawn: Drawn, data: st.DataObject
) -> None:
    held = data.draw(groups(drawn))
    own = {id(parameter) for parameter, _ in drawn.parameters}
    foreign = [each for _, inside in held.content for each in inside if id(each) not in own]
    right = not foreign and all(
        len(held.rates(parameter)) == int(parameter.requires_grad)
        for parameter, _ in drawn.parameters
    )
    assert_verdict(check_coverage(held.optimizer, drawn.model), right)


@thorough
@given(models(), st.data())
def test_learning_rates_of_head_and_backbone(drawn: Drawn, data: st.DataObject) -> None:
    names = data.draw(selections(drawn))
    few = data.draw(st.lists(st.sampled_from(RATES), min_size=1, max_size=2))
    held = data.draw(groups(drawn, data.draw(st.sampled_from([RATES, RATES[1:-1], few]))))
    if data.draw(st.booleans()):  # rates that fit the head, and most often the backbone
        _sort_by_part(held, drawn, names)
    heads: list[Fraction] = []
    backbones: list[Fraction] = []
    for parameter, places in drawn.parameters:
        if parameter.requires_grad:
            (heads if some_lies_in(places, names) else backbones).extend(held.rates(parameter))
    right = (
        all_known(drawn, names)
        and bool(heads and backbones)
        and all(Fraction("5e-4") <= rate <= Fraction("5e-3") for rate in heads)
        and all(Fraction("1e-5") <= rate <= Fraction("1e-4") for rate in backbones)
        and min(heads) >= 10 * max(backbones)
    )
    assert_verdict(check_learning_rates(held.optimizer, drawn.model, head=names), right)


def _sort_by_part(held: Groups, drawn: Drawn, names: Sequence[str]) -> None:
    """Put the head's parameters into a group with 1e-3, the others into one with 1e-4."""
    sides: list[list[nn.Parameter]] = [[], []]
    for parameter, places in drawn.parameters:
        sides[some_lies_in(places, names)] += [parameter] * len(held.rates(parameter))
    held.content[:] = [(Fraction("1e-4"), sides[0]), (Fraction("1e-3"), sides[1])]
    held.optimizer.param_groups = [
        {"params": inside, "lr": float(rate)} for rate, inside in held.content
    ]


@thorough
@given(models(), st.data())
def test_each_trainable_parameter_of_a_part_has_the_parts_rate(
    drawn: Drawn, data: st.DataObject
) -> None:
    few = data.draw(st.lists(st.sampled_from(RATES), min_size=1, max_size=2))
    held = data.draw(groups(drawn, few))
    names = data.draw(selections(drawn))
    expected = {name: data.draw(st.sampled_from(few)) for name in names}
    right = all_known(drawn, names) and all(
        {
            each
            for parameter, places in drawn.parameters
            if parameter.requires_grad and some_lies_in(places, [name])
            for each in held.rates(parameter)
        }
        == {rate}
        for name, rate in expected.items()
    )
    given_rates = {name: float(rate) for name, rate in expected.items()}
    assert_verdict(check_rates_by_part(held.optimizer, drawn.model, given_rates), right)
