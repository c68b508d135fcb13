"""Does a learner's training loop do the right thing between its first batch and its last?"""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_pre_hook

from checks.guard import LearnerError, calling, checked
from checks.models import (
    NORM_LAYERS,
    as_number,
    depends_on_mode,
    require_facts,
    require_model,
    require_parts,
)
from checks.names import PartNames, any_belongs, belongs, first, plural, share
from checks.verdict import Verdict, passed

# train_head(head, features, labels) -> losses
TrainHead = Callable[[nn.Linear, torch.Tensor, torch.Tensor], object]
# train(model, inputs, labels, epochs) -> one value for each epoch
Train = Callable[[nn.Module, torch.Tensor, torch.Tensor, int], object]

# A linear layer that has learned anything gets nearly all of the clusters below right, guessing
# half of them.
_LEARNED = 0.9
# So far apart that a low rate, or few steps, are enough to tell the clusters apart.
_POINTS, _DIMENSIONS, _DISTANCE = 128, 32, 10.0


# --------------------------------------------------------------------------------- a linear head


@dataclass(frozen=True)
class HeadTrainingFacts:
    """What was seen while a learner's function trained a linear layer on two clusters.

    Attributes:
        steps: how many optimizer steps were taken.
        stale_steps: in how many of them the gradient of an earlier backward pass was still in it.
        weight: the trained layer's weight, ``[2, 32]``.
        bias: its bias, ``[2]``.
        losses: what the function returned, where that is a list of finite numbers.
        returned: the type of what was returned.
        failure: the learner's exception, if there was one.
    """

    __pydantic_config__: ClassVar[dict[str, bool]] = {"arbitrary_types_allowed": True}

    steps: int = 0
    stale_steps: int = 0
    weight: torch.Tensor | None = None
    bias: torch.Tensor | None = None
    losses: tuple[float, ...] | None = None
    returned: str = "NoneType"
    failure: LearnerError | None = None


def observe_head_training(train_head: TrainHead, seed: int = 0) -> HeadTrainingFacts:
    """Let ``train_head`` train a linear layer on 128 points of two well separated clusters.

    It does not raise for the learner's mistakes: they are in the facts, for the judge.

    Args:
        train_head: the learner's function.
        seed: decides points, weights and the order in which the learner shuffles.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head, points, labels = _problem()
        try:
            with _counting_steps(head.weight) as stale:
                returned = calling(train_head, head, points[:_POINTS], labels[:_POINTS])
        except LearnerError as error:
            return HeadTrainingFacts(failure=error)
    return HeadTrainingFacts(
        steps=len(stale),
        stale_steps=sum(stale),
        weight=head.weight.detach().to("cpu", torch.float32),
        bias=head.bias.detach().to("cpu", torch.float32),
        losses=_numbers(returned),
        returned=type(returned).__name__,
    )


def _problem() -> tuple[nn.Linear, torch.Tensor, torch.Tensor]:
    """The untrained layer, the points to train and to test with, and their labels."""
    points, labels = _clusters(2 * _POINTS)
    return nn.Linear(_DIMENSIONS, 2), points, labels


@contextlib.contextmanager
def _counting_steps(weight: torch.Tensor) -> Iterator[list[bool]]:
    """A list that gets, for each optimizer step on ``weight``, whether its gradient was stale."""
    added: list[bool] = []  # for each backward pass since the last step: was there a gradient yet?
    stale: list[bool] = []

    def on_gradient(_: torch.Tensor) -> None:
        added.append(weight.grad is not None and bool(weight.grad.any()))

    def before_step(optimizer: torch.optim.Optimizer, *_: object) -> None:
        held = any(each is weight for group in optimizer.param_groups for each in group["params"])
        if held and weight.grad is not None and added:
            stale.append(any(added))
            added.clear()

    hooks = (
        weight.register_hook(on_gradient),  # type: ignore[no-untyped-call] # PyTorch left it untyped
        register_optimizer_step_pre_hook(before_step),
    )
    try:
        yield stale
    finally:
        for hook in hooks:
            hook.remove()


@checked("training.head")
def check_head_training(facts: HeadTrainingFacts, seed: int = 0) -> Verdict:
    """The head learns, from fresh gradients, and its losses are returned and fall.

    Args:
        facts: what :func:`observe_head_training` saw.
        seed: the same as there.
    """
    require_facts(facts, HeadTrainingFacts)
    moved, accuracy = _tested(facts, seed)
    if not facts.steps or not moved:
        raise LearnerError(
            "No optimizer took a step on the head's weights."
            if moved
            else "The head's weights did not change.",
            hint="Each batch needs loss.backward() and then optimizer.step(), with an optimizer"
            " over head.parameters().",
        )
    if facts.stale_steps:
        raise LearnerError(
            f"In {facts.stale_steps} of {facts.steps} steps the gradients of earlier batches were"
            " still there: backward() adds to them.",
            hint="Call optimizer.zero_grad() before loss.backward().",
        )
    if accuracy < _LEARNED:
        raise LearnerError(
            f"On two clusters that a linear layer tells apart, your head gets {accuracy:.0%}"
            " right.",
            hint="Does each row of features keep its own label when you shuffle? Is the loss the"
            " cross-entropy of the head's raw output?",
        )
    if facts.losses is None:
        raise LearnerError(
            "Your function does not return a list of losses.",
            expected="a list of numbers",
            actual=facts.returned,
            hint="Append each epoch's mean loss, with .item(), to a list, and return it.",
        )
    if len(facts.losses) < 2 or facts.losses[-1] >= facts.losses[0]:  # noqa: PLR2004 - first and last
        raise LearnerError(
            "The losses that you return do not fall from the first epoch to the last.",
            hint="Return one mean loss for each epoch, in their order.",
        )
    return passed("training.head", "The head learns, and its loss falls.")


def _tested(facts: HeadTrainingFacts, seed: int) -> tuple[bool, float]:
    """Whether the weights are not the first ones, and their accuracy on points not trained with."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head, points, labels = _problem()
    if facts.weight is None or facts.bias is None:
        return False, 0.0
    if facts.weight.shape != head.weight.shape or facts.bias.shape != head.bias.shape:
        return False, 0.0
    weight, bias = facts.weight.detach().float(), facts.bias.detach().float()
    answers = (points[_POINTS:] @ weight.T + bias).argmax(dim=1)
    moved = not torch.equal(head.weight.detach(), weight)
    return moved, (answers == labels[_POINTS:]).float().mean().item()


def _clusters(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Points ``[count, 32]`` of two clusters, some standard deviations apart, and their labels."""
    labels = torch.randint(0, 2, (count,))
    centres = torch.randn(2, _DIMENSIONS)
    apart = (centres[1] - centres[0]).norm()
    return _DISTANCE * centres[labels] / apart + torch.randn(count, _DIMENSIONS), labels


def _numbers(returned: object) -> tuple[float, ...] | None:
    if not isinstance(returned, list | tuple):
        return None
    try:
        values = tuple(map(as_number, returned))
    except (TypeError, ValueError, RuntimeError):
        return None
    return values if all(map(math.isfinite, values)) else None


# ------------------------------------------------------------------------------ a whole training


@dataclass
class LoopFacts:
    """What was seen while a learner's function trained a partly frozen model.

    Attributes:
        epochs: how many epochs were asked for.
        images: how many images each epoch has.
        failure: the learner's exception, if there was one.
        norm_layers: how many normalisation layers are frozen, and how many train.
        images_seen: how many images went through the model while gradients were recorded.
        frozen_awake: frozen normalisation layers that were in training mode in one of these passes.
        trained_asleep: normalisation layers that train and were in evaluation mode in one.
        returned: how many values the function returned; None if that is no list.
    """

    __pydantic_config__: ClassVar[dict[str, bool]] = {"arbitrary_types_allowed": True}

    epochs: int
    images: int
    failure: LearnerError | None = None
    norm_layers: tuple[int, int] = (0, 0)
    images_seen: int = 0
    frozen_awake: set[str] = field(default_factory=set)
    trained_asleep: set[str] = field(default_factory=set)
    returned: int | None = None


def observe_loop(
    train: Train,
    model: nn.Module,
    inputs: torch.Tensor,
    labels: torch.Tensor,
    *,
    trained: PartNames,
    epochs: int = 2,
) -> LoopFacts:
    """Let ``train(model, inputs, labels, epochs)`` train a copy of the model, and watch its modes.

    It does not raise for the learner's mistakes: they are in the facts, for the judges.

    Args:
        train: the learner's function.
        model: a partly frozen model, whose state stays as it is.
        inputs: ``[N, ...]``; few are enough.
        labels: ``[N]``.
        trained: names of the modules that train; the rest is frozen.
        epochs: how many epochs to ask for.
    """
    facts = LoopFacts(epochs=epochs, images=len(inputs))
    try:
        probe = copy.deepcopy(require_model(model))
        parts = require_parts(probe, trained)
        # A loop shuffles: alike each time, and without a trace in what the learner draws later.
        with _watching(probe, parts, facts), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            returned = calling(train, probe, inputs, labels, epochs)
    except LearnerError as error:
        facts.failure = error
    else:
        facts.returned = len(returned) if isinstance(returned, list | tuple) else None
    return facts


@contextlib.contextmanager
def _watching(model: nn.Module, parts: tuple[str, ...], facts: LoopFacts) -> Iterator[None]:
    norms = {
        name: each
        for name, each in model.named_modules()
        if isinstance(each, NORM_LAYERS) and depends_on_mode(each)
    }
    training = sum(any_belongs([name], parts) for name in norms)
    facts.norm_layers = (len(norms) - training, training)

    def before_forward(
        _: nn.Module, arguments: tuple[object, ...], named: dict[str, object]
    ) -> None:
        if not torch.is_grad_enabled():
            return
        batch = next(iter((*arguments, *named.values())), None)
        facts.images_seen += len(batch) if isinstance(batch, torch.Tensor) else 0
        for name, module in norms.items():
            if belongs(name, parts) and not module.training:
                facts.trained_asleep.add(name)
            elif not belongs(name, parts) and module.training:
                facts.frozen_awake.add(name)

    handle = model.register_forward_pre_hook(before_forward, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


def _require_training(facts: LoopFacts) -> None:
    require_facts(facts, LoopFacts)
    if not facts.images_seen:
        raise LearnerError(
            "No image went through the model while gradients were recorded.",
            hint="Call model(batch) in your loop, outside torch.no_grad().",
        )


@checked("training.mode")
def check_loop_mode(facts: LoopFacts) -> Verdict:
    """In every training step the frozen part is in evaluation mode and the trained part is not."""
    _require_training(facts)
    frozen, training = facts.norm_layers
    if facts.frozen_awake:
        awake = sorted(facts.frozen_awake)
        raise LearnerError(
            f"{share(awake, frozen)} frozen BatchNorm layers were in training mode while you"
            f" trained{first(awake)}.",
            hint="Call set_training_mode(model) at the start of each epoch, and no model.train()"
            " after it.",
        )
    if facts.trained_asleep:
        asleep = sorted(facts.trained_asleep)
        raise LearnerError(
            f"{share(asleep, training)} BatchNorm layers that train were in evaluation mode in a"
            f" training step{first(asleep)}.",
            hint="Evaluating switches the whole model to evaluation mode: call"
            " set_training_mode(model) at the start of every epoch.",
        )
    return passed("training.mode", "Every layer was in the right mode in every training step.")


@checked("training.epochs")
def check_loop_epochs(facts: LoopFacts) -> Verdict:
    """Every epoch sees every image once, and one value is returned for each."""
    _require_training(facts)
    expected = facts.epochs * facts.images
    if facts.images_seen != expected:
        raise LearnerError(
            f"In {plural(facts.epochs, 'epoch')} of {plural(facts.images, 'image')} the model saw"
            f" another number of images than it should.",
            expected=plural(expected, "image"),
            actual=plural(facts.images_seen, "image"),
            hint="Each epoch goes once through all batches of a new permutation of the rows.",
        )
    if facts.returned != facts.epochs:
        found = "no list" if facts.returned is None else plural(facts.returned, "value")
        raise LearnerError(
            f"For {plural(facts.epochs, 'epoch')} your function returned {found}.",
            hint="Append the validation accuracy once an epoch, and return the list.",
        )
    return passed("training.epochs", "Every epoch saw every image once.")
