"""What checks ask of a model first, and that looking at it leaves it as it was."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from checks.guard import LearnerError
from checks.models import (
    depends_on_mode,
    device_of,
    in_evaluation_mode,
    names_of_tensors,
    require_model,
    require_parts,
)


class DropPath(nn.Module):
    """Called as timm's stochastic depth, which `checks` knows by its name only."""

    def __init__(self, drop_prob: float | None) -> None:
        super().__init__()
        self.drop_prob = drop_prob


class StochasticDepth(nn.Module):
    """Called as torchvision's."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p


@pytest.mark.parametrize("thing", [None, nn.Linear, {"a": 1}, (nn.Linear(1, 1),)])
def test_something_else_than_a_model_is_the_learners_mistake(thing: object) -> None:
    with pytest.raises(LearnerError) as caught:
        require_model(thing)
    assert caught.value.actual == type(thing).__name__
    assert "return" in str(caught.value.hint)


def test_model_is_handed_on() -> None:
    model = nn.Linear(1, 1)
    assert require_model(model) is model


def test_missing_module_is_named(small_net: Callable[[], nn.Module]) -> None:
    with pytest.raises(LearnerError, match="fc"):
        require_parts(small_net(), ["classifier", "fc"])


@pytest.mark.parametrize("selection", ["classifier", "", (), "classifier.weight", ["blocks.0"]])
def test_present_parts_are_found(small_net: Callable[[], nn.Module], selection: str) -> None:
    assert require_parts(small_net(), selection) is not None


def test_missing_number_is_not_found_in_a_longer_one(numbered_blocks: nn.Module) -> None:
    del numbered_blocks.get_submodule("blocks")._modules["5"]
    with pytest.raises(LearnerError, match=r"blocks\.5\b"):
        require_parts(numbered_blocks, "blocks.5")


def test_device_is_that_of_the_parameters() -> None:
    assert device_of(nn.Linear(1, 1, device="meta")) == torch.device("meta")
    assert device_of(nn.ReLU()) == torch.device("cpu")


@pytest.mark.parametrize(
    ("layer", "answer"),
    [
        (nn.BatchNorm2d(2), True),
        (nn.BatchNorm1d(2), True),
        (nn.SyncBatchNorm(2), True),
        (nn.BatchNorm2d(2, track_running_stats=False), False),
        (nn.InstanceNorm2d(2), False),
        (nn.InstanceNorm2d(2, track_running_stats=True), True),
        (nn.Dropout(0.1), True),
        (nn.Dropout(0.0), False),
        (nn.Dropout2d(0.1), True),
        (nn.LayerNorm(2), False),
        (nn.GroupNorm(1, 2), False),
        (nn.Linear(2, 2), False),
        (DropPath(0.1), True),
        (DropPath(None), False),
        (DropPath(0.0), False),
        (StochasticDepth(0.2), True),
        (StochasticDepth(0.0), False),
    ],
    ids=repr,
)
def test_layers_that_act_differently_in_training_mode(layer: nn.Module, answer: bool) -> None:
    assert depends_on_mode(layer) is answer


def test_mixed_modes_come_back_exactly(small_net: Callable[[], nn.Module]) -> None:
    model = small_net()
    for index, module in enumerate(model.modules()):
        module.training = index % 3 == 0
    before = [module.training for module in model.modules()]
    with in_evaluation_mode(model):
        assert not any(module.training for module in model.modules())
        assert not torch.is_grad_enabled()
    assert [module.training for module in model.modules()] == before
    assert torch.is_grad_enabled()


def test_modes_come_back_after_an_exception(small_net: Callable[[], nn.Module]) -> None:
    model = small_net().train()
    with pytest.raises(KeyError), in_evaluation_mode(model):
        raise KeyError
    assert all(module.training for module in model.modules())


def test_shared_tensor_has_all_its_names(tied_net: Callable[[], nn.Module]) -> None:
    model = tied_net()
    names = names_of_tensors(model)
    assert names[id(model.get_parameter("head.weight"))] == ("embedding.weight", "head.weight")
    assert names[id(model.get_parameter("body.bias"))] == ("body.bias",)
    assert len(names) == len(list(model.parameters()))
