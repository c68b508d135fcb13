"""Training in mixed precision is told from training in full, or in few, bits. All on a CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from checks.precision import (
    PrecisionFacts,
    check_autocast,
    check_full_precision_weights,
    observe_mixed_precision,
)
from checks.verdict import Status, Verdict

Train = Callable[[nn.Module, torch.Tensor, torch.Tensor], Any]


def small_model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))


def seen(train: Train) -> PrecisionFacts:
    torch.manual_seed(1)
    return observe_mixed_precision(
        train, small_model(), torch.randn(16, 4), torch.randint(2, (16,))
    )


def judged(train: Train) -> tuple[Verdict, Verdict]:
    facts = seen(train)
    return check_autocast(facts), check_full_precision_weights(facts)


def loss_of(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return nn.functional.cross_entropy(model(inputs), labels)


def stepped(model: nn.Module, loss: torch.Tensor) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loss.backward()  # type: ignore[no-untyped-call] # PyTorch left it untyped
    optimizer.step()


def mixed(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = loss_of(model, inputs, labels)
    stepped(model, loss)


def test_mixed_precision_passes() -> None:
    assert [each.status for each in judged(mixed)] == [Status.PASSED, Status.PASSED]
    assert seen(mixed).dtype == "bfloat16"


def test_several_steps_pass_too_and_evaluation_does_not_count() -> None:
    def train(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> None:
        for _ in range(3):
            mixed(model, inputs, labels)
            with torch.no_grad():
                model(inputs)

    assert [each.status for each in judged(train)] == [Status.PASSED, Status.PASSED]
    assert seen(train).passes == 3


def full(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> None:
    stepped(model, loss_of(model, inputs, labels))


def only_once(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> None:
    mixed(model, inputs, labels)
    full(model, inputs, labels)


def all_inside(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        full(model, inputs, labels)


def no_step(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = loss_of(model, inputs, labels)
    loss.backward()  # type: ignore[no-untyped-call] # PyTorch left it untyped


def no_gradients(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> None:
    with torch.no_grad():
        loss_of(model, inputs, labels)


def half_without_scaling(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> None:
    with torch.autocast("cpu", dtype=torch.float16):
        loss = loss_of(model, inputs, labels)
    stepped(model, loss)


@pytest.mark.parametrize(
    "train", [full, only_once, all_inside, no_step, no_gradients, half_without_scaling]
)
def test_other_ways_to_compute_are_not_mixed_precision(train: Train) -> None:
    verdict = check_autocast(seen(train))
    assert verdict.status is Status.FAILED
    assert verdict.hint


def test_half_precision_with_scaled_gradients_passes() -> None:
    def train(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> None:
        scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        with torch.autocast("cpu", dtype=torch.float16):
            loss = loss_of(model, inputs, labels)
        scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        scaler.step(optimizer)
        scaler.update()

    assert [each.status for each in judged(train)] == [Status.PASSED, Status.PASSED]


def everything_in_few_bits(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> None:
    mixed(model.to(torch.bfloat16), inputs.to(torch.bfloat16), labels)


def diverged(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> None:
    mixed(model, inputs, labels)
    with torch.no_grad():
        next(model.parameters())[0] = float("nan")


@pytest.mark.parametrize("train", [everything_in_few_bits, diverged, no_step])
def test_weights_have_to_be_trained_and_stay_exact(train: Train) -> None:
    assert check_full_precision_weights(seen(train)).status is Status.FAILED


def test_an_exception_is_explained_and_leaves_nothing_behind() -> None:
    def stops(*_: Any) -> None:
        raise KeyError("mine")

    before = torch.amp.GradScaler.scale
    assert "KeyError" in check_autocast(seen(stops)).rationale
    assert torch.amp.GradScaler.scale is before
    optimizer = torch.optim.SGD(small_model().parameters(), lr=0.1)
    optimizer.step()  # no hook of ours is called


def test_the_model_stays_as_it_is() -> None:
    model = small_model()
    state = {name: each.clone() for name, each in model.state_dict().items()}
    observe_mixed_precision(mixed, model, torch.randn(4, 4), torch.zeros(4, dtype=torch.int64))
    assert all(torch.equal(each, state[name]) for name, each in model.state_dict().items())


def test_what_nobody_observed_fails() -> None:
    nothing: Any = None
    assert check_autocast(nothing).status is Status.FAILED
    assert check_full_precision_weights(nothing).status is Status.FAILED
