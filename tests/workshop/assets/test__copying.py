"""A copy is what ``copy.deepcopy`` gives."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import timm
import torch
from torch import nn

from workshop.assets._copying import copied


def described(model: nn.Module) -> list[Any]:
    """Everything that modules hold, tensors by their content, flags and places in memory."""

    def plain(thing: Any) -> Any:
        if isinstance(thing, torch.Tensor):
            numbers = None if thing.is_meta else thing.tolist()
            return type(thing), thing.dtype, thing.stride(), thing.requires_grad, numbers
        if isinstance(thing, nn.Module):
            return type(thing)
        if isinstance(thing, dict):
            return type(thing), {key: plain(each) for key, each in thing.items()}
        if isinstance(thing, list | tuple):
            return type(thing), [plain(each) for each in thing]
        return type(thing), repr(thing)

    return [
        (name, [*vars(module)], plain(vars(module)))
        for name, module in model.named_modules(remove_duplicate=False)
    ]


def odd_model() -> nn.Module:
    """With what networks for images have seldom."""
    shared = nn.Linear(2, 2)
    model = nn.Sequential(shared, nn.Sequential(shared, nn.BatchNorm1d(2)), nn.Linear(2, 2))
    model.get_submodule("2").weight = shared.weight
    model.register_buffer("by_nobody", torch.arange(3), persistent=False)
    model.register_buffer("nothing", None)
    model.register_module("no_module", None)
    model.append(nn.Sequential())
    vars(model).update(sizes=[1, [2]], twice=({"a": 1}, {"b"}), weight_again=shared.weight)
    model.register_forward_hook(print)
    model[1].requires_grad_(False).eval()
    return model


@pytest.mark.parametrize(
    "make",
    [
        lambda: timm.create_model("tf_efficientnet_lite0", num_classes=2),
        lambda: timm.create_model("resnet18").to(memory_format=torch.channels_last),
        odd_model,
    ],
)
def test_it_is_a_deep_copy(make: Any) -> None:
    model = make()
    made = copied(model)
    assert described(made) == described(copy.deepcopy(model))
    assert described(made) == described(model)
    assert {*map(id, made.modules())}.isdisjoint(map(id, model.modules()))
    before = described(model)
    with torch.no_grad():
        for each in (*made.parameters(), *made.buffers()):
            each.zero_()
    made.train(not made.training).requires_grad_(False)
    made.register_forward_pre_hook(print)
    for module in made.modules():
        for thing in vars(module).values():
            if isinstance(thing, dict | list):
                thing.clear()
    assert described(model) == before


def test_what_is_shared_stays_shared() -> None:
    made: Any = copied(odd_model())
    assert made[0] is made[1][0]
    assert made[2].weight is made[0].weight
    assert made.weight_again is made[0].weight
