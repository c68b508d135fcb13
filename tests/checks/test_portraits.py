"""Portraits are plain data, whatever the thing is."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from checks.guard import LearnerError
from checks.portraits import LONGEST_NAME, LONGEST_TEXT, Portrayer, failure_of
from checks.training import LoopFacts

Maker = Callable[[], nn.Module]


def portrait(thing: object) -> dict[str, Any]:
    found = Portrayer().portray(thing)
    json.dumps(found, allow_nan=False).encode()
    return found


@pytest.mark.parametrize(
    ("thing", "expected"),
    [
        (None, {"kind": "value", "value": None}),
        (True, {"kind": "value", "value": True}),
        (3, {"kind": "value", "value": 3}),
        (0.5, {"kind": "value", "value": 0.5}),
        ("a", {"kind": "value", "value": "a"}),
        (np.float32(0.5), {"kind": "value", "value": 0.5}),
        (np.float64(0.5), {"kind": "value", "value": 0.5}),
        (np.int64(3), {"kind": "value", "value": 3}),
        (np.bool_(True), {"kind": "value", "value": True}),
        (np.float32("nan"), {"kind": "number", "value": "nan"}),
        (float("nan"), {"kind": "number", "value": "nan"}),
        (float("-inf"), {"kind": "number", "value": "-inf"}),
        (2**63, {"kind": "object", "type": "int"}),
        ({"a": 1}, {"kind": "object", "type": "dict"}),
        (nn.Linear, {"kind": "object", "type": "type"}),
        ((), {"kind": "sequence", "type": "tuple", "items": []}),
    ],
    ids=repr,
)
def test_plain_things(thing: object, expected: dict[str, Any]) -> None:
    assert portrait(thing) == expected


def test_order_of_a_set_is_always_the_same_also_of_mixed_items() -> None:
    values = [each["value"] for each in portrait({"b", 3, "a", None})["items"]]
    assert values == ["a", "b", 3, None]


def test_facts_are_those_of_checks_only() -> None:
    @dataclass
    class Mine:
        epochs: int = 3

    assert portrait(LoopFacts(epochs=1, images=2))["kind"] == "facts"
    assert portrait(Mine()) == {"kind": "object", "type": "Mine"}


def test_texts_are_cut_to_what_the_receiver_takes() -> None:
    kind = type("N" * 1000, (), {})
    assert len(portrait("x" * 100_000)["value"]) == LONGEST_TEXT
    assert len(portrait(kind())["type"]) == LONGEST_NAME
    told = failure_of(LearnerError("r" * 5000, expected="e" * 5000, actual=None, hint="\udcff"))
    assert [len(each or "") for each in told.values()] == [LONGEST_TEXT, LONGEST_TEXT, 0, 1]
    json.dumps(told, ensure_ascii=False).encode()


@pytest.mark.parametrize("items", [[[]] * 100_001, list(range(100_001))], ids=["lists", "numbers"])
def test_too_many_items_are_refused(items: object) -> None:
    with pytest.raises(LearnerError, match="too large"):
        portrait(items)


def test_list_that_holds_itself_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(LearnerError, match="too large"):
        portrait(endless)


def test_one_thing_that_is_too_large_does_not_spoil_the_next() -> None:
    portrayer = Portrayer()
    with pytest.raises(LearnerError):
        portrayer.portray([0] * 200_000)
    assert portrayer.portray([1])["kind"] == "sequence"


def test_model_is_described_by_names_flags_and_tensors(small_net: Maker) -> None:
    model = small_net()
    model.get_submodule("stem").requires_grad_(False).eval()
    portrayer = Portrayer()
    found = portrayer.portray(model)
    assert found["modules"]["stem.1"] == {
        "type": "BatchNorm2d",
        "training": False,
        "flagged": False,
    }
    assert not found["parameters"]["stem.0.weight"]["requires_grad"]
    assert found["parameters"]["classifier.bias"]["requires_grad"]
    kept = portrayer.tensors[found["buffers"]["stem.1.running_mean"]["tensor"]]
    assert torch.equal(kept, model.get_buffer("stem.1.running_mean"))


def test_shared_tensor_is_kept_once_under_both_names(tied_net: Maker) -> None:
    portrayer = Portrayer()
    parameters = portrayer.portray(tied_net())["parameters"]
    assert parameters["embedding.weight"] == parameters["head.weight"]
    assert len(portrayer.tensors) == len(parameters) - 1


def test_portrait_does_not_change_with_the_model(small_net: Maker) -> None:
    model, portrayer = small_net(), Portrayer()
    name = portrayer.portray(model)["parameters"]["classifier.bias"]["tensor"]
    before = portrayer.tensors[name].clone()
    with torch.no_grad():
        model.get_parameter("classifier.bias").add_(1)
    assert torch.equal(portrayer.tensors[name], before)


def test_optimizer_is_described_relative_to_known_models(small_net: Maker) -> None:
    model = small_net()
    head = [*model.get_submodule("classifier").parameters()]
    optimizer = torch.optim.SGD([*head, nn.Parameter(torch.ones(1))], lr=0.1, momentum=0.9)
    (group,) = Portrayer({"model": model}).portray(optimizer)["groups"]
    places = [["model", "classifier.weight"], ["model", "classifier.bias"], None]
    assert group["parameters"] == places
    assert group["options"] == {"lr": 0.1, "weight_decay": 0.0, "momentum": 0.9}


def with_weight(weight: torch.Tensor) -> nn.Module:
    layer = nn.Linear(2, 2)
    layer.weight = nn.Parameter(weight, requires_grad=False)
    return layer


@pytest.mark.parametrize(
    "layer",
    [
        nn.LazyLinear(2),
        nn.Linear(2, 2, device="meta"),
        with_weight(torch.eye(2).to_sparse()),
    ],
    ids=["lazy", "meta", "sparse"],
)
def test_layer_without_numbers_is_the_learners_mistake(layer: nn.Module) -> None:
    with pytest.raises(LearnerError, match="cannot be read"):
        portrait(layer)
