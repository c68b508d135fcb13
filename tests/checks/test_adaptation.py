"""Adapted statistics, against PyTorch's own cumulative averages; what a model is worth."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from sklearn.metrics import balanced_accuracy_score
from torch import nn

from checks.adaptation import (
    check_balanced_accuracy,
    check_only_statistics,
    check_target_statistics,
    target_statistics,
)
from checks.verdict import Status

INPUTS = 3 + 2 * torch.randn(50, 3, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Conv2d(4, 5, 3),
        nn.BatchNorm2d(5),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(5, 2),
    ).eval()


def adapted(net: nn.Module, *, momentum: float | None = None, reset: bool = True) -> nn.Module:
    """As a learner would, dropout left alone."""
    model = copy.deepcopy(net)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            if reset:
                module.reset_running_stats()
            module.momentum = momentum
            module.train()
    with torch.no_grad():
        for batch in torch.split(INPUTS, 16):
            model(batch)
    return model.eval()


def test_the_expected_statistics_are_pytorchs_cumulative_average(net: nn.Module) -> None:
    model = adapted(net)
    for name, (mean, variance) in target_statistics(net, INPUTS, 16).items():
        layer: Any = model.get_submodule(name)
        torch.testing.assert_close(layer.running_mean, mean.float())
        torch.testing.assert_close(layer.running_var, variance.float())


def test_taking_them_leaves_the_model_as_it_was(net: nn.Module) -> None:
    before = {name: each.clone() for name, each in net.state_dict().items()}
    target_statistics(net, INPUTS)
    assert not net.training
    assert all(torch.equal(each, before[name]) for name, each in net.state_dict().items())


def test_an_adapted_model_passes(net: nn.Module) -> None:
    model = adapted(net)
    assert check_target_statistics(model, net, INPUTS, 16).status is Status.PASSED
    assert check_only_statistics(model, net).status is Status.PASSED


@pytest.mark.parametrize("settings", [{"momentum": 0.1}, {"momentum": None, "reset": False}])
def test_old_statistics_that_linger_fail(net: nn.Module, settings: dict[str, Any]) -> None:
    if settings["momentum"] is None:  # many batches were seen before: they all count
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                assert module.num_batches_tracked is not None
                module.num_batches_tracked += 100
    verdict = check_target_statistics(adapted(net, **settings), net, INPUTS, 16)
    assert verdict.status is Status.FAILED


def test_an_untouched_model_fails_both(net: nn.Module) -> None:
    model = copy.deepcopy(net)
    assert check_target_statistics(model, net, INPUTS, 16).status is Status.FAILED
    assert check_only_statistics(model, net).status is Status.FAILED


def test_a_moved_parameter_fails(net: nn.Module) -> None:
    model = adapted(net)
    with torch.no_grad():
        next(model.parameters())[0, 0, 0, 0] += 1e-6
    verdict = check_only_statistics(model, net)
    assert verdict.status is Status.FAILED
    assert check_target_statistics(model, net, INPUTS, 16).status is Status.PASSED


def test_training_mode_left_on_fails(net: nn.Module) -> None:
    verdict = check_only_statistics(adapted(net).train(), net)
    assert verdict.status is Status.FAILED


@pytest.mark.parametrize("model", [None, 3, "model", nn.Linear(2, 2)])
def test_no_model_and_another_model_fail(net: nn.Module, model: Any) -> None:
    assert check_target_statistics(model, net, INPUTS, 16).status is Status.FAILED
    assert check_only_statistics(model, net).status is Status.FAILED


def test_statistics_that_are_not_finite_fail(net: nn.Module) -> None:
    model: Any = adapted(net)
    model[1].running_mean.fill_(float("nan"))
    assert check_target_statistics(model, net, INPUTS, 16).status is Status.FAILED


# ------------------------------------------------------------------------------ what it is worth


@dataclass
class Data:
    features: torch.Tensor
    labels: torch.Tensor

    def inputs(self) -> torch.Tensor:
        return self.features


class Signs(nn.Module):
    """Answers 1 where the first feature is positive."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return torch.stack([-inputs[:, 0], inputs[:, 0]], dim=1)


def data(right: int, total: int = 100) -> Data:
    """Half of each class, of which so many are answered rightly in each."""
    labels = torch.tensor([0, 1]).repeat_interleave(total // 2)
    signs = torch.where(torch.arange(total) % (total // 2) < right, 1, -1)
    return Data(((2.0 * labels - 1) * signs)[:, None], labels)


@pytest.mark.parametrize(("right", "share"), [(40, 1.0), (35, 0.5), (30, 0.0), (20, 0.0)])
def test_points_grow_from_the_floor_to_the_goal(right: int, share: float) -> None:
    verdict = check_balanced_accuracy(Signs(), data(right), 0.8, floor=0.6)
    assert verdict.score == pytest.approx(share)
    assert (verdict.status is Status.PASSED) == (share == 1)


def test_uneven_classes_are_measured_as_scikit_learn_does() -> None:
    uneven = data(30)
    rows = torch.arange(60)  # all of class 0, ten of class 1
    sample = Data(uneven.features[rows], uneven.labels[rows])
    answers = (sample.features[:, 0] > 0).long()
    value = balanced_accuracy_score(sample.labels, answers)
    verdict = check_balanced_accuracy(Signs(), sample, 1.0, floor=0.5)
    assert verdict.score == pytest.approx(2 * value - 1)


def test_a_close_result_is_measured_again() -> None:
    near, reserve = data(38), data(44)
    assert check_balanced_accuracy(Signs(), near, 0.8).status is Status.FAILED
    verdict = check_balanced_accuracy(Signs(), near, 0.8, reserve=reserve)
    assert verdict.status is Status.PASSED


def test_no_model_fails_and_a_floor_above_the_goal_is_ours() -> None:
    nothing: Any = None
    assert check_balanced_accuracy(nothing, data(30), 0.8).status is Status.FAILED
    assert check_balanced_accuracy(Signs(), data(30), 0.8, floor=0.9).status is Status.ERROR
