"""Training of a linear head, right loops and those that beginners write."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from checks.training import check_head_training, observe_head_training
from checks.verdict import Status, Verdict

EPOCHS = 6
ADAMW = partial(torch.optim.AdamW, lr=0.01)


def assert_failed(verdict: Verdict, *words: str) -> None:
    assert (verdict.status, verdict.score) == (Status.FAILED, 0.0), verdict
    for word in words:
        assert word in verdict.rationale


def judged(train: Any, seed: int = 0) -> Verdict:
    return check_head_training(observe_head_training(train, seed), seed)


def nothing(_: nn.Module) -> None:
    """No extra step."""


def train_head(
    head: nn.Linear,
    features: torch.Tensor,
    labels: torch.Tensor,
    *,
    make: Callable[..., torch.optim.Optimizer] = ADAMW,
    clear: Callable[[torch.optim.Optimizer], object] = torch.optim.Optimizer.zero_grad,
    after_backward: Callable[[nn.Module], object] = nothing,
) -> list[float]:
    """As the exercise wants it, with places to do it in another way."""
    optimizer = make(head.parameters())
    losses = []
    for _ in range(EPOCHS):
        total = 0.0
        for rows in torch.split(torch.randperm(len(features)), 32):
            loss = cross_entropy(head(features[rows]), labels[rows])
            clear(optimizer)
            loss.backward()  # type: ignore[no-untyped-call]
            after_backward(head)
            optimizer.step()
            total += loss.item() * len(rows)
        losses.append(total / len(features))
    return losses


OPTIMIZERS: list[Any] = [
    ADAMW,
    partial(torch.optim.Adam, lr=0.01, weight_decay=0.01),
    partial(torch.optim.SGD, lr=0.1),
    partial(torch.optim.SGD, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.1),
    partial(torch.optim.RMSprop, lr=0.01),
    partial(torch.optim.SGD, lr=0.1, foreach=True),
]


@pytest.mark.parametrize("make", OPTIMIZERS)
@pytest.mark.parametrize("seed", [0, 1])
def test_head_trained_with_any_optimizer_passes(make: Any, seed: int) -> None:
    verdict = judged(partial(train_head, make=make), seed)
    assert (verdict.check, verdict.status) == ("training.head", Status.PASSED)


@pytest.mark.parametrize("to_none", [True, False])
def test_both_ways_to_clear_gradients_pass(to_none: bool) -> None:
    def clear(optimizer: torch.optim.Optimizer) -> None:
        optimizer.zero_grad(set_to_none=to_none)

    facts = observe_head_training(partial(train_head, clear=clear))
    assert (facts.steps, facts.stale_steps) == (4 * EPOCHS, 0)


@pytest.mark.parametrize(
    "after_backward",
    [
        lambda head: nn.utils.clip_grad_norm_(head.parameters(), 0.01),
        lambda head: nn.utils.clip_grad_value_(head.parameters(), 0.001),
        lambda head: head.weight.grad.mul_(2),
    ],
    ids=["norm", "value", "scaled"],
)
def test_changed_gradients_are_not_taken_for_old_ones(after_backward: Any) -> None:
    train = partial(train_head, after_backward=after_backward, make=OPTIMIZERS[0])
    facts = observe_head_training(train)
    assert (facts.steps, facts.stale_steps) == (4 * EPOCHS, 0)
    assert judged(train).status is Status.PASSED


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_gradients_that_were_never_cleared_are_seen(make: Any) -> None:
    train = partial(train_head, make=make, clear=lambda optimizer: optimizer)
    facts = observe_head_training(train)
    assert facts.stale_steps == facts.steps - 1 == 4 * EPOCHS - 1
    assert_failed(judged(train), f"{facts.stale_steps} of {facts.steps}")


def test_gradients_cleared_once_an_epoch_are_seen() -> None:
    batches = iter(range(10_000))

    def clear(optimizer: torch.optim.Optimizer) -> None:
        if next(batches) % 4 == 0:
            optimizer.zero_grad()

    facts = observe_head_training(partial(train_head, clear=clear))
    assert facts.stale_steps == 3 * EPOCHS


def test_uncleared_gradients_are_seen_although_they_are_clipped() -> None:
    train = partial(
        train_head,
        clear=lambda optimizer: optimizer,
        after_backward=lambda head: nn.utils.clip_grad_norm_(head.parameters(), 0.01),
    )
    assert_failed(judged(train), "earlier batches")


def test_step_of_another_optimizer_does_not_count() -> None:
    other = torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=0.1)

    def clear(optimizer: torch.optim.Optimizer) -> None:
        other.step()
        optimizer.zero_grad()

    assert observe_head_training(partial(train_head, clear=clear)).steps == 4 * EPOCHS


def test_gradients_cleared_before_the_step_change_nothing() -> None:
    train = partial(train_head, after_backward=lambda head: head.zero_grad())
    assert_failed(judged(train), "did not change")


def test_loop_without_steps_changes_nothing() -> None:
    def never_steps(head: nn.Linear, features: torch.Tensor, labels: torch.Tensor) -> Any:
        cross_entropy(head(features), labels).backward()  # type: ignore[no-untyped-call]
        return [1.0, 0.5]

    assert_failed(judged(never_steps), "did not change")


def test_weights_changed_without_an_optimizer_are_told() -> None:
    def by_hand(head: nn.Linear, *_: Any) -> Any:
        with torch.no_grad():
            head.weight.add_(1)
        return [1.0, 0.5]

    assert_failed(judged(by_hand), "No optimizer")


def test_optimizer_over_a_copy_of_the_head_changes_nothing() -> None:
    def copied(_: nn.Linear, features: torch.Tensor, labels: torch.Tensor) -> Any:
        return train_head(nn.Linear(32, 2), features, labels)

    assert_failed(judged(copied), "did not change")


def test_labels_shuffled_apart_from_their_features_are_seen() -> None:
    def apart(head: nn.Linear, features: torch.Tensor, labels: torch.Tensor) -> Any:
        return train_head(head, features, labels[torch.randperm(len(labels))])

    assert_failed(judged(apart), "% right")


@pytest.mark.parametrize("returned", [None, 0.5, ["a"], [[1.0, 0.5]], [1.0, float("nan")]])
def test_losses_that_are_no_list_of_numbers_fail(returned: Any) -> None:
    def train(*arguments: Any) -> Any:
        train_head(*arguments)
        return returned

    verdict = judged(train)
    assert_failed(verdict, "list of losses")
    assert verdict.actual == type(returned).__name__


@pytest.mark.parametrize("returned", [[], [0.5], [0.5, 0.5], [0.1, 0.2], (3, 2, 4)])
def test_losses_that_do_not_fall_fail(returned: Any) -> None:
    def train(*arguments: Any) -> Any:
        train_head(*arguments)
        return returned

    assert_failed(judged(train), "fall")


def test_losses_may_be_tensors_with_their_graphs() -> None:
    def train(*arguments: Any) -> Any:
        return [nn.Parameter(torch.tensor(loss)) * 1 for loss in train_head(*arguments)]

    assert judged(train).status is Status.PASSED


def test_exception_in_the_loop_is_explained_and_leaves_no_hook_behind() -> None:
    def stops(head: nn.Linear, *_: Any) -> Any:
        raise KeyError("mine")

    assert_failed(judged(stops), "KeyError")
    assert judged(train_head).status is Status.PASSED


@pytest.mark.parametrize("seed", range(12))
def test_right_training_passes_whatever_the_seed(seed: int) -> None:
    """The notebook shows one seed to learners, and the hidden test has another."""
    assert judged(train_head, seed).status is Status.PASSED
    assert judged(slow_head, seed).status is Status.PASSED


def slow_head(
    head: nn.Linear, features: torch.Tensor, labels: torch.Tensor, epochs: int = 30
) -> list[float]:
    """A low rate, and one step for each epoch."""
    optimizer = torch.optim.SGD(head.parameters(), lr=1e-2)
    losses = []
    for _ in range(epochs):
        loss = nn.functional.cross_entropy(head(features), labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call] # PyTorch left it untyped
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_head_turned_into_another_precision_is_still_judged() -> None:
    def doubled(head: nn.Linear, features: torch.Tensor, labels: torch.Tensor) -> Any:
        return train_head(head.double(), features.double(), labels)

    assert judged(doubled).status is Status.PASSED


def test_random_numbers_of_the_notebook_are_left_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    judged(train_head)
    assert torch.equal(torch.rand(1), expected)


def test_facts_of_another_seed_do_not_pass() -> None:
    assert_failed(check_head_training(observe_head_training(train_head, 0), 1), "% right")


def test_what_nobody_observed_fails() -> None:
    nothing: Any = None
    assert check_head_training(nothing).status is Status.FAILED
