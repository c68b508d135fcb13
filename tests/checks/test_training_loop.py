"""Whole trainings of a partly frozen model, right ones and those that beginners write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from checks.training import LoopFacts, check_loop_epochs, check_loop_mode, observe_loop
from checks.verdict import Status, Verdict

Maker = Callable[[], nn.Module]
PARTS = ["blocks.1", "classifier"]


def assert_failed(verdict: Verdict, *words: str) -> None:
    assert (verdict.status, verdict.score) == (Status.FAILED, 0.0), verdict
    for word in words:
        assert word in verdict.rationale


def left_alone(_: nn.Module) -> None:
    """The mode stays what it was."""


def set_training_mode(model: nn.Module) -> None:
    model.train()
    for name in ("stem", "blocks.0"):
        model.get_submodule(name).eval()


def fine_tune(
    model: nn.Module,
    inputs: torch.Tensor,
    labels: torch.Tensor,
    epochs: int,
    *,
    set_mode: Callable[[nn.Module], object] = set_training_mode,
    batches: Callable[[list[torch.Tensor]], list[torch.Tensor]] = list,
    evaluate_with_gradients: bool = False,
) -> list[float]:
    """As the exercise wants it, with places to do it in another way."""
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    accuracies = []
    for _ in range(epochs):
        set_mode(model)
        for rows in batches(list(torch.split(torch.randperm(len(inputs)), 8))):
            loss = cross_entropy(model(inputs[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        model.eval()
        with torch.set_grad_enabled(evaluate_with_gradients):
            right = model(inputs).argmax(dim=1) == labels
        accuracies.append(right.float().mean().item())
    return accuracies


@pytest.fixture
def model(small_net: Maker) -> nn.Module:
    """Only ``PARTS`` are trainable."""
    model = small_net().requires_grad_(False)
    for name in PARTS:
        model.get_submodule(name).requires_grad_(True)
    return model


@pytest.fixture
def watch(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> Callable[..., LoopFacts]:
    """Observes :func:`fine_tune` with some changes, or another function."""

    def observe(train: Any = fine_tune, epochs: int = 2, **changes: Any) -> LoopFacts:
        changed = partial(train, **changes)
        return observe_loop(changed, model, images, labels, trained=PARTS, epochs=epochs)

    return observe


Watch = Callable[..., LoopFacts]


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_right_loop_passes_both_checks(watch: Watch, epochs: int) -> None:
    facts = watch(epochs=epochs)
    verdicts = [check_loop_mode(facts), check_loop_epochs(facts)]
    assert [each.status for each in verdicts] == [Status.PASSED] * 2
    assert [each.check for each in verdicts] == ["training.mode", "training.epochs"]
    assert facts.norm_layers == (2, 1)


def test_model_is_left_as_it_was(model: nn.Module, watch: Watch) -> None:
    state = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    watch()
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert not model._forward_pre_hooks


def test_evaluation_mode_left_on_in_the_second_epoch_is_seen(watch: Watch) -> None:
    modes: Iterator[Any] = iter([set_training_mode, left_alone])
    facts = watch(set_mode=lambda model: next(modes)(model))
    assert_failed(check_loop_mode(facts), "all 1", "blocks.1.1")
    assert check_loop_epochs(facts).status is Status.PASSED


def test_frozen_layers_in_training_mode_are_named(watch: Watch) -> None:
    assert_failed(check_loop_mode(watch(set_mode=nn.Module.train)), "all 2", "blocks.0.1")


def test_frozen_layer_awake_in_the_last_epoch_only_is_seen(watch: Watch) -> None:
    modes: Iterator[Any] = iter([set_training_mode, nn.Module.train])
    facts = watch(set_mode=lambda model: next(modes)(model))
    assert_failed(check_loop_mode(facts), "all 2")


def test_norm_layers_without_statistics_have_no_mode_to_be_in(
    model: nn.Module, watch: Watch
) -> None:
    model.get_submodule("stem")._modules["1"] = nn.InstanceNorm2d(4)

    def all_but_batch_norm(model: nn.Module) -> None:
        model.train().get_submodule("blocks.0").eval()

    assert check_loop_mode(watch(set_mode=all_but_batch_norm)).status is Status.PASSED


def test_one_batch_only_is_seen(watch: Watch) -> None:
    verdict = check_loop_epochs(watch(batches=lambda rows: rows[:1]))
    assert_failed(verdict)
    assert verdict.expected == "40 images"
    assert verdict.actual == "16 images"


def test_last_batch_left_out_is_seen(watch: Watch) -> None:
    assert check_loop_epochs(watch(batches=lambda rows: rows[:-1])).actual == "32 images"


def test_evaluation_with_gradients_is_not_taken_for_training_unseen(watch: Watch) -> None:
    assert_failed(check_loop_epochs(watch(evaluate_with_gradients=True)))


def test_other_number_of_epochs_is_seen(watch: Watch) -> None:
    def three(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor, _: int) -> Any:
        return fine_tune(model, inputs, labels, 3)

    assert check_loop_epochs(watch(three)).actual == "60 images"


@pytest.mark.parametrize("returned", [None, 0.5, [0.5], [0.5] * 3])
def test_other_values_than_one_for_each_epoch_fail(watch: Watch, returned: Any) -> None:
    def train(*arguments: Any) -> Any:
        fine_tune(*arguments)
        return returned

    facts = watch(train)
    assert_failed(check_loop_epochs(facts), "returned")
    assert check_loop_mode(facts).status is Status.PASSED


def test_exception_in_the_learners_code_is_explained_by_both_checks(watch: Watch) -> None:
    def stops(*_: Any) -> Any:
        raise KeyError("mine")

    facts = watch(stops)
    assert_failed(check_loop_mode(facts), "KeyError")
    assert_failed(check_loop_epochs(facts), "KeyError")


def test_loop_that_never_trains_is_told(watch: Watch) -> None:
    def without_gradients(*arguments: Any) -> Any:
        return [0.5, 0.5]

    facts = watch(without_gradients)
    assert_failed(check_loop_mode(facts), "No image")
    assert_failed(check_loop_epochs(facts), "No image")


def test_images_passed_by_name_are_counted(watch: Watch) -> None:
    class ByName(nn.Module):
        def __init__(self, model: nn.Module) -> None:
            super().__init__()
            self.model = model

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            answers: torch.Tensor = self.model(images=images)
            return answers

    def train(model: nn.Module, *arguments: Any) -> Any:
        return fine_tune(ByName(model), *arguments, set_mode=lambda _: set_training_mode(model))

    assert check_loop_epochs(watch(train)).status is Status.PASSED


@pytest.mark.parametrize("thing", [None, "model"])
def test_something_else_than_a_model_is_told_by_the_judges(
    images: torch.Tensor, labels: torch.Tensor, thing: Any
) -> None:
    facts = observe_loop(fine_tune, thing, images, labels, trained=PARTS)
    assert_failed(check_loop_mode(facts), "no model")
    assert_failed(check_loop_epochs(facts), "no model")


def test_missing_part_is_told_by_the_judges(
    model: nn.Module, images: torch.Tensor, labels: torch.Tensor
) -> None:
    facts = observe_loop(fine_tune, model, images, labels, trained=["classifier", "fc"])
    assert_failed(check_loop_mode(facts), "fc")


@pytest.mark.parametrize("check", [check_loop_mode, check_loop_epochs])
@pytest.mark.parametrize(
    "facts", [None, True, "facts", object()], ids=lambda each: type(each).__name__
)
def test_what_nobody_observed_fails(check: Callable[[Any], Verdict], facts: object) -> None:
    verdict = check(facts)
    assert verdict.status is Status.FAILED
    assert verdict.expected == "LoopFacts"


def test_watching_shuffles_alike_and_draws_nothing_of_the_learners(watch: Watch) -> None:
    drawn: list[torch.Tensor] = []

    def drawing(*given: Any) -> list[float]:
        drawn.append(torch.randperm(1000))
        return fine_tune(*given)

    for seed in (1, 2):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        watch(drawing)
        assert torch.get_rng_state().equal(before)
    assert drawn[0].equal(drawn[1])
