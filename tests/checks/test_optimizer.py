"""Parameter groups, as PyTorch's own optimizers and schedulers make them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    OneCycleLR,
    SequentialLR,
    StepLR,
)

from checks.optimizer import (
    check_coverage,
    check_learning_rates,
    check_rates_by_part,
    check_weight_decay,
)
from checks.verdict import Status, Verdict

Maker = Callable[[], nn.Module]
Optimizer = torch.optim.Optimizer
KINDS = [
    torch.optim.SGD,
    torch.optim.Adam,
    torch.optim.AdamW,
    torch.optim.RMSprop,
    torch.optim.Adagrad,
    torch.optim.NAdam,
]


@pytest.fixture
def model(small_net: Maker) -> nn.Module:
    """The small model with everything but ``stem`` trainable."""
    model = small_net()
    model.get_submodule("stem").requires_grad_(False)
    return model


def parameters(model: nn.Module, *names: str) -> list[nn.Parameter]:
    return [each for name in names for each in model.get_submodule(name).parameters()]


def grouped(
    model: nn.Module,
    kind: Any = torch.optim.AdamW,
    backbone_rate: float | torch.Tensor = 1e-4,
    head_rate: float | torch.Tensor = 1e-3,
    **settings: Any,
) -> Optimizer:
    optimizer: Optimizer = kind(
        [
            {"params": parameters(model, "blocks"), "lr": backbone_rate},
            {"params": parameters(model, "classifier"), "lr": head_rate},
        ],
        **settings,
    )
    return optimizer


def assert_failed(verdict: Verdict, *words: str) -> None:
    assert (verdict.status, verdict.score) == (Status.FAILED, 0.0), verdict
    for word in words:
        assert word in verdict.rationale


# ------------------------------------------------------------------------------------ coverage


@pytest.mark.parametrize("kind", KINDS)
def test_every_trainable_parameter_once_passes(model: nn.Module, kind: Any) -> None:
    verdict = check_coverage(grouped(model, kind), model)
    assert (verdict.check, verdict.status) == ("optimizer.coverage", Status.PASSED)


def test_lbfgs_with_its_single_group_passes(model: nn.Module) -> None:
    optimizer = torch.optim.LBFGS(parameters(model, "blocks", "classifier"))
    assert check_coverage(optimizer, model).status is Status.PASSED


def test_forgotten_head_is_named(model: nn.Module) -> None:
    optimizer = torch.optim.SGD(parameters(model, "blocks"), lr=0.1)
    assert_failed(check_coverage(optimizer, model), "2 of 10", "classifier.weight")


def test_frozen_parameters_in_a_group_are_named(model: nn.Module) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    assert_failed(check_coverage(optimizer, model), "all 4", "stem.0.weight")


def test_parameters_of_another_model_are_counted(model: nn.Module, small_net: Maker) -> None:
    optimizer = grouped(small_net())
    assert_failed(check_coverage(optimizer, model), "10 parameters", "not this model's")


def test_head_replaced_after_the_optimizer_was_built_is_seen(model: nn.Module) -> None:
    optimizer = grouped(model)
    model.classifier = nn.Linear(8, 2)
    assert_failed(check_coverage(optimizer, model), "2 parameters", "not this model's")


def test_parameter_that_occurs_twice_is_named(model: nn.Module) -> None:
    optimizer = grouped(model)
    # PyTorch refuses this where it can see it, and only warns within a group.
    optimizer.param_groups[0]["params"].append(model.get_parameter("classifier.bias"))
    assert_failed(check_coverage(optimizer, model), "1 parameter", "classifier.bias")


def test_overlapping_groups_stop_in_pytorch_already(model: nn.Module) -> None:
    groups: Any = [{"params": model.parameters()}, {"params": parameters(model, "classifier")}]
    with pytest.raises(ValueError, match="more than one parameter group"):
        torch.optim.SGD(groups, lr=0.1)


def test_shared_tensor_is_one_parameter(tied_net: Maker) -> None:
    model = tied_net()
    assert check_coverage(torch.optim.SGD(model.parameters(), lr=1), model).status is Status.PASSED
    without = [model.get_parameter("body.weight"), model.get_parameter("body.bias")]
    verdict = check_coverage(torch.optim.SGD(without, lr=1), model)
    assert_failed(verdict, "1 of 3", "embedding.weight")


@pytest.mark.parametrize("thing", [None, torch.optim.SGD, [{"lr": 0.1}]])
def test_something_else_than_an_optimizer_fails(model: nn.Module, thing: Any) -> None:
    for verdict in (
        check_coverage(thing, model),
        check_learning_rates(thing, model),
        check_weight_decay(thing, model, 0.01),
    ):
        assert_failed(verdict)
        assert verdict.actual == type(thing).__name__


def test_something_else_than_a_model_fails(model: nn.Module) -> None:
    nothing: Any = None
    for verdict in (
        check_coverage(grouped(model), nothing),
        check_learning_rates(grouped(model), nothing),
        check_weight_decay(grouped(model), nothing, 0.01),
    ):
        assert_failed(verdict)


# ------------------------------------------------------------------------------- learning rates


@pytest.mark.parametrize("kind", KINDS)
def test_rates_that_differ_enough_pass(model: nn.Module, kind: Any) -> None:
    verdict = check_learning_rates(grouped(model, kind), model)
    assert (verdict.check, verdict.status) == ("optimizer.learning_rates", Status.PASSED)


@pytest.mark.parametrize("rate", [1e-4, 1e-3])
def test_one_rate_for_everything_fails(model: nn.Module, rate: float) -> None:
    optimizer = torch.optim.AdamW(parameters(model, "blocks", "classifier"), lr=rate)
    assert_failed(check_learning_rates(optimizer, model), f"{rate:g}")


def test_part_with_the_wrong_rate_is_named(model: nn.Module) -> None:
    verdict = check_learning_rates(grouped(model, backbone_rate=1e-2), model)
    assert_failed(verdict, "the backbone", "0.01")
    assert_failed(check_learning_rates(grouped(model, head_rate=0.1), model), "classifier", "0.1")


@pytest.mark.parametrize("rate", [0.0, float("nan"), -1.0])
def test_impossible_rate_is_a_wrong_one(model: nn.Module, rate: float) -> None:
    optimizer = grouped(model)
    optimizer.param_groups[1]["lr"] = rate
    assert_failed(check_learning_rates(optimizer, model), "classifier")


def test_rates_too_close_together_fail(model: nn.Module) -> None:
    verdict = check_learning_rates(grouped(model, head_rate=5e-4), model)
    assert_failed(verdict, "5 times")


def test_ends_of_a_range_belong_to_it_despite_rounding(model: nn.Module) -> None:
    optimizer = grouped(model, backbone_rate=3e-4 / 3, head_rate=3e-4 / 3 * 10)
    exact: dict[str, Any] = {"backbone_range": (1e-4, 1e-4), "head_range": (1e-3, 1e-3)}
    assert check_learning_rates(optimizer, model, **exact).status is Status.PASSED


def test_forgotten_part_is_named(model: nn.Module) -> None:
    optimizer = torch.optim.SGD(parameters(model, "blocks"), lr=1e-4)
    assert_failed(check_learning_rates(optimizer, model), "classifier")
    optimizer = torch.optim.SGD(parameters(model, "classifier"), lr=1e-3)
    assert_failed(check_learning_rates(optimizer, model), "the backbone")


def test_missing_head_is_named(model: nn.Module) -> None:
    assert_failed(check_learning_rates(grouped(model), model, head="fc"), "fc")


def test_several_groups_of_one_part_each_count(model: nn.Module) -> None:
    optimizer = torch.optim.SGD(
        [
            {"params": parameters(model, "blocks.0"), "lr": 1e-5},
            {"params": parameters(model, "blocks.1"), "lr": 1e-4},
            {"params": parameters(model, "classifier"), "lr": 1e-3},
        ]
    )
    assert check_learning_rates(optimizer, model).status is Status.PASSED
    optimizer.param_groups[1]["lr"] = 5e-4
    assert_failed(check_learning_rates(optimizer, model), "the backbone", "0.0005")


def test_rates_given_as_tensors_are_read(model: nn.Module) -> None:
    optimizer = grouped(model, torch.optim.Adam, torch.tensor(1e-4), torch.tensor(1e-3))
    assert check_learning_rates(optimizer, model).status is Status.PASSED
    optimizer = grouped(model, torch.optim.Adam, torch.tensor(1e-2), torch.tensor(1e-3))
    assert_failed(check_learning_rates(optimizer, model), "the backbone")


def warm_up(optimizer: Optimizer) -> LRScheduler:
    return LambdaLR(optimizer, lambda step: (step + 1) / 100)


def warm_up_then_cosine(optimizer: Optimizer) -> LRScheduler:
    parts = [LinearLR(optimizer, 0.01, total_iters=2), CosineAnnealingLR(optimizer, 10)]
    return SequentialLR(optimizer, parts, milestones=[2])


SCHEDULERS = [
    lambda optimizer: StepLR(optimizer, 1, gamma=0.1),
    lambda optimizer: CosineAnnealingLR(optimizer, 10),
    lambda optimizer: OneCycleLR(optimizer, max_lr=[1e-4, 1e-3], total_steps=10),
    warm_up,
    warm_up_then_cosine,
]


@pytest.fixture
def quiet() -> Iterator[None]:
    """SequentialLR calls its schedulers in a way that PyTorch itself warns of."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module=r"torch\.optim")
        yield


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("steps", [0, 1, 4])
@pytest.mark.parametrize("make", SCHEDULERS)
def test_what_a_scheduler_made_of_the_rate_does_not_count(
    model: nn.Module, make: Callable[[Optimizer], LRScheduler], steps: int
) -> None:
    optimizer = grouped(model, torch.optim.SGD)
    scheduler = make(optimizer)
    for _ in range(steps):
        optimizer.step()
        scheduler.step()
    assert check_learning_rates(optimizer, model).status is Status.PASSED


@pytest.mark.parametrize("make", SCHEDULERS[:2])
def test_scheduler_does_not_hide_a_wrong_rate(
    model: nn.Module, make: Callable[[Optimizer], LRScheduler]
) -> None:
    optimizer = grouped(model, torch.optim.SGD, backbone_rate=1e-3, head_rate=1e-2)
    scheduler = make(optimizer)
    for _ in range(8):
        optimizer.step()
        scheduler.step()
    assert_failed(check_learning_rates(optimizer, model), "classifier", "0.01")


def test_rate_of_a_tensor_under_a_scheduler_is_the_one_given(model: nn.Module) -> None:
    optimizer = grouped(model, torch.optim.Adam, torch.tensor(1e-4), torch.tensor(1e-3))
    scheduler = warm_up(optimizer)
    optimizer.step()
    scheduler.step()
    assert check_learning_rates(optimizer, model).status is Status.PASSED


def test_shared_tensor_has_the_heads_rate(tied_net: Maker) -> None:
    model = tied_net()
    optimizer = torch.optim.SGD(
        [
            {"params": parameters(model, "body"), "lr": 1e-4},
            {"params": parameters(model, "embedding"), "lr": 1e-3},
        ]
    )
    assert check_learning_rates(optimizer, model, head="head").status is Status.PASSED


# --------------------------------------------------------------------------------- weight decay


@pytest.mark.parametrize("kind", KINDS)
def test_weight_decay_that_was_asked_for_passes(model: nn.Module, kind: Any) -> None:
    verdict = check_weight_decay(grouped(model, kind, weight_decay=0.01), model, 0.01)
    assert (verdict.check, verdict.status) == ("optimizer.weight_decay", Status.PASSED)


def test_other_weight_decay_fails(model: nn.Module) -> None:
    verdict = check_weight_decay(grouped(model, torch.optim.SGD), model, 0.01)
    assert_failed(verdict, "0")
    assert "SGD" in str(verdict.hint)
    assert_failed(check_weight_decay(grouped(model, weight_decay=0.1), model, 0.01), "0.1")


def test_optimizer_without_weight_decay_has_none(model: nn.Module) -> None:
    optimizer = torch.optim.LBFGS(parameters(model, "blocks", "classifier"))
    assert_failed(check_weight_decay(optimizer, model, 0.01), "none")


def test_weight_decay_of_one_group_only_is_seen(model: nn.Module) -> None:
    optimizer = grouped(model, weight_decay=0.01)
    optimizer.param_groups[1]["weight_decay"] = 0.0
    assert_failed(check_weight_decay(optimizer, model, 0.01))
    expected = {"blocks": 0.01, "classifier": 0.0}
    assert check_weight_decay(optimizer, model, expected).status is Status.PASSED
    assert_failed(check_weight_decay(optimizer, model, {"classifier": 0.01}), "classifier")


def test_weight_decay_of_a_part_in_no_group_is_not_set(model: nn.Module) -> None:
    optimizer = torch.optim.AdamW(parameters(model, "blocks"), weight_decay=0.01)
    assert_failed(check_weight_decay(optimizer, model, {"classifier": 0.01}), "classifier")


def test_weight_decay_given_as_a_tensor_is_read(model: nn.Module) -> None:
    optimizer = grouped(model)
    for group in optimizer.param_groups:
        group["weight_decay"] = torch.tensor(0.01)
    assert check_weight_decay(optimizer, model, 0.01).status is Status.PASSED


# --------------------------------------------------------------------------------- rates by part

RATES = {"blocks": 1e-4, "classifier": 1e-3}


@pytest.mark.parametrize("kind", KINDS)
def test_each_part_has_its_own_rate(model: nn.Module, kind: Any) -> None:
    assert check_rates_by_part(grouped(model, kind), model, RATES).status is Status.PASSED


@pytest.mark.parametrize(
    ("backbone_rate", "head_rate", "named"),
    [(1e-3, 1e-3, "blocks"), (1e-4, 1e-4, "classifier"), (1e-3, 1e-4, "blocks")],
)
def test_a_part_with_another_rate_is_named(
    model: nn.Module, backbone_rate: float, head_rate: float, named: str
) -> None:
    optimizer = grouped(model, backbone_rate=backbone_rate, head_rate=head_rate)
    verdict = check_rates_by_part(optimizer, model, RATES)
    assert verdict.status is Status.FAILED
    assert named in verdict.rationale


def test_a_part_that_the_optimizer_does_not_know_is_named(model: nn.Module) -> None:
    optimizer = torch.optim.AdamW([{"params": parameters(model, "classifier"), "lr": 1e-3}])
    verdict = check_rates_by_part(optimizer, model, RATES)
    assert verdict.status is Status.FAILED
    assert "blocks" in verdict.rationale


def test_one_group_for_two_parts_is_right_only_if_they_learn_alike(model: nn.Module) -> None:
    together = torch.optim.AdamW(parameters(model, "blocks", "classifier"), lr=1e-4)
    alike = {"blocks": 1e-4, "classifier": 1e-4}
    assert check_rates_by_part(together, model, alike).status is Status.PASSED
    assert check_rates_by_part(together, model, RATES).status is Status.FAILED


def test_a_schedule_does_not_hide_the_rates_of_parts(model: nn.Module) -> None:
    optimizer = grouped(model)
    LambdaLR(optimizer, lambda step: 0.0)
    assert check_rates_by_part(optimizer, model, RATES).status is Status.PASSED
