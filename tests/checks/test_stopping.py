"""Early stopping, held against a table of all short sequences worked out from the definition."""

from __future__ import annotations

import copy
import itertools
import math
from typing import Any

import pytest
import torch
from torch import nn

from checks.stopping import (
    check_best_weights,
    check_restored,
    check_stopping,
    check_stopping_loop,
    epochs_until_stop,
    observe_early_stopping,
    observe_keeper,
)
from checks.verdict import Status, Verdict


def passes(verdict: Verdict) -> bool:
    assert verdict.status in (Status.PASSED, Status.FAILED), verdict
    return verdict.status is Status.PASSED


def stops(losses: tuple[float, ...], patience: int) -> bool:
    """By the definition: the first lowest loss lies at least `patience` epochs back."""
    return len(losses) - 1 - losses.index(min(losses)) >= patience


@pytest.mark.parametrize("patience", [1, 2, 3])
def test_all_short_sequences_stop_by_the_definition(patience: int) -> None:
    for losses in itertools.product((0.0, 1.0, 2.0), repeat=5):
        expected = next((n for n in range(1, 6) if stops(losses[:n], patience)), None)
        assert epochs_until_stop(losses, patience) == expected
        right = [stops(losses[:n], patience) for n in range(1, 6)]
        assert passes(check_stopping(right, losses, patience))
        late = [False, *right[:-1]]
        assert passes(check_stopping(late, losses, patience)) is (expected is None)


LOSSES = (0.9, 0.6, 0.7, 0.5, 0.65, 0.55, 0.52)


def test_answers_after_the_stop_do_not_matter() -> None:
    assert passes(check_stopping([False] * 6 + [True, False], (*LOSSES, 0.1), 3))


@pytest.mark.parametrize(
    "answers",
    [
        [False] * 7,
        [True] * 7,
        [False] * 5 + [True, True],
        [None] * 7,
        ["no"] * 7,
        [False] * 3,
        None,
        True,
        [torch.zeros(2)] * 7,
        [math.nan] * 7,
    ],
)
def test_other_answers_fail(answers: Any) -> None:
    assert not passes(check_stopping(answers, LOSSES, 3))


def test_answers_may_be_tensors_or_numbers() -> None:
    assert passes(check_stopping([0.0] * 6 + [torch.tensor(True)], LOSSES, 3))


# --------------------------------------------------------------------------------- the best weights


class Keeper:
    """A right one."""

    def __init__(self) -> None:
        self.loss = math.inf
        self.state: dict[str, torch.Tensor] = {}

    def update(self, model: nn.Module, loss: float) -> None:
        if loss < self.loss:
            self.loss, self.state = loss, copy.deepcopy(model.state_dict())

    def restore(self, model: nn.Module) -> None:
        model.load_state_dict(self.state)


class NoCopy(Keeper):
    def update(self, model: nn.Module, loss: float) -> None:
        self.state = model.state_dict()


class Last(Keeper):
    def update(self, model: nn.Module, loss: float) -> None:
        self.state = copy.deepcopy(model.state_dict())


class OnlyParameters(Keeper):
    def restore(self, model: nn.Module) -> None:
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.copy_(self.state[name])


class NoRestore(Keeper):
    def restore(self, model: nn.Module) -> None:
        model.state_dict().update(self.state)


class Raising(Keeper):
    def restore(self, model: nn.Module) -> None:
        raise RuntimeError


class Misnamed:
    def note(self, model: nn.Module, loss: float) -> None: ...


@pytest.mark.parametrize("losses", list(itertools.permutations((0.3, 0.5, 0.7, 0.7))))
def test_right_keeper_passes_and_wrong_ones_fail(losses: tuple[float, ...]) -> None:
    assert passes(check_best_weights(observe_keeper(Keeper, losses)))
    best_is_last = losses[-1] == min(losses)
    assert passes(check_best_weights(observe_keeper(Last, losses))) is best_is_last
    for wrong in (NoCopy, OnlyParameters, NoRestore, Raising, Misnamed, lambda: None):
        assert not passes(check_best_weights(observe_keeper(wrong, losses)))


def test_forgotten_buffers_are_named() -> None:
    verdict = check_best_weights(observe_keeper(OnlyParameters, [0.5, 0.7]))
    assert "running_mean" in verdict.rationale
    assert "0.weight" not in verdict.rationale


def test_first_of_two_equal_losses_is_the_best() -> None:
    assert passes(check_best_weights(observe_keeper(Keeper, [0.7, 0.5, 0.5])))


def test_facts_of_another_kind_fail() -> None:
    checks: tuple[Any, ...] = (check_best_weights, check_stopping_loop, check_restored)
    for check in checks:
        assert not passes(check(None))


# ---------------------------------------------------------------------------------- the whole loop


def train_until(*given: Any) -> Any:
    model, one_epoch, validation_loss, stop, keeper, most_epochs = given
    losses: list[float] = []
    while len(losses) < most_epochs and not (losses and stop(losses)):
        one_epoch(model)
        losses.append(validation_loss(model))
        keeper.update(model, losses[-1])
    keeper.restore(model)
    return losses


def judged(train: Any, losses: tuple[float, ...] = LOSSES, most: int = 20) -> list[bool]:
    facts = observe_early_stopping(train, losses, patience=3, most_epochs=most)
    return [passes(check_stopping_loop(facts)), passes(check_restored(facts))]


@pytest.mark.parametrize("losses", list(itertools.product((0.2, 0.4, 0.6), repeat=4)))
def test_right_loop_passes_whatever_the_losses(losses: tuple[float, ...]) -> None:
    assert judged(train_until, losses) == [True, True]
    assert judged(train_until, losses, most=3) == [True, True]


def test_loop_that_ends_elsewhere_fails() -> None:
    def on_and_on(*given: Any) -> Any:
        model, one, loss, _, keeper, most = given
        return train_until(model, one, loss, lambda _: False, keeper, most)

    def too_short(*given: Any) -> Any:
        return train_until(*given[:-1], 2)

    assert judged(on_and_on) == [False, True]
    assert judged(too_short) == [False, True]


def test_loop_without_an_end_ends() -> None:
    def endless(*given: Any) -> Any:
        while True:
            given[1](given[0])

    assert judged(endless) == [False, False]


def test_missing_or_repeated_restore_fails() -> None:
    class Silent:
        def __init__(self, keeper: Any, times: int) -> None:
            self.update, self.keeper, self.times = keeper.update, keeper, times

        def restore(self, model: Any) -> None:
            for _ in range(self.times):
                self.keeper.restore(model)

    for times in (0, 2):

        def train(*given: Any, times: int = times) -> Any:
            model, one, loss, stop, keeper, most = given
            return train_until(model, one, loss, stop, Silent(keeper, times), most)

        assert judged(train) == [True, False]


@pytest.mark.parametrize("returned", [None, 0.5, [], "losses", [None]])
def test_other_results_fail(returned: Any) -> None:
    def train(*given: Any) -> Any:
        train_until(*given)
        return returned

    assert judged(train) == [False, True]


@pytest.mark.parametrize(
    "train",
    [
        lambda *_: None,
        lambda model, one, loss, stop, keeper, most: one(model) and stop(None),
        lambda model, one, loss, stop, keeper, most: stop(0.5),
        lambda model, one, loss, stop, keeper, most: stop(["a"]),
        lambda model, one, loss, stop, keeper, most: keeper.update(0.5, model),
        lambda model, one, loss, stop, keeper, most: keeper.update(model),
        lambda model: None,
    ],
)
def test_calls_with_something_else_are_the_learners_mistake(train: Any) -> None:
    assert judged(train) == [False, False]
