"""Does training stop at the right time, with the right weights?

Early stopping as in Prechelt 1998, *Early Stopping - But When?*: training ends when the validation
loss has not fallen below its lowest value for some epochs (the patience), and the weights of the
best epoch are used.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import nn

from checks.guard import LearnerError, calling, checked
from checks.models import as_number, require_facts
from checks.names import first, plural, share
from checks.verdict import Verdict, passed

# train_until(model, one_epoch, validation_loss, stop, keeper, most_epochs) -> losses
TrainUntil = Callable[..., object]

_MOST_EPOCHS = 10_000  # no loop here is asked for a hundredth of it
_FORGOTTEN = 99.0  # what the weights hold when they are to be restored


def epochs_until_stop(losses: Sequence[float], patience: int) -> int | None:
    """After how many epochs training stops; None if it goes on.

    Args:
        losses: the validation loss of each epoch.
        patience: how many epochs in a row without a new lowest loss end the training.
    """
    lowest, waited = math.inf, 0
    for epoch, loss in enumerate(losses, start=1):
        waited = 0 if loss < lowest else waited + 1
        lowest = min(lowest, loss)
        if waited == patience:
            return epoch
    return None


@checked("stopping.epoch")
def check_stopping(decisions: object, losses: Sequence[float], patience: int) -> Verdict:
    """A rule stops after the right epoch.

    Args:
        decisions: what the learner's rule said after each epoch, ``True`` for stop. What it would
            say after the right one does not matter.
        losses: the validation loss of each epoch.
        patience: how many epochs without a new lowest loss end the training.
    """
    expected = epochs_until_stop(losses, patience)
    answers = _as_answers(decisions)
    if answers is None or len(answers) < len(losses):
        raise LearnerError(
            "The rule does not answer True or False after each epoch.",
            expected="True or False",
            actual=type(decisions).__name__ if answers is None else "fewer answers than epochs",
            hint="Does should_stop return a comparison in every case?",
        )
    stopped = next((epoch for epoch, answer in enumerate(answers, start=1) if answer), None)
    if stopped != expected:
        shown = ", ".join(f"{loss:g}" for loss in losses)
        raise LearnerError(
            f"With the losses {shown} and a patience of {patience}, training should end elsewhere.",
            expected=_ending(expected),
            actual=_ending(stopped),
            hint="Count the epochs since the lowest loss of all so far; an equal loss is no new"
            " lowest one.",
        )
    return passed("stopping.epoch", f"Training ends where it should: {_ending(expected)}.")


def _as_answers(decisions: object) -> list[bool] | None:
    if not isinstance(decisions, list | tuple):
        return None
    try:
        return [bool(as_number(each)) for each in decisions]
    except (TypeError, ValueError, RuntimeError):
        return None


def _ending(epoch: int | None) -> str:
    return "it goes on to the end" if epoch is None else f"after epoch {epoch}"


# --------------------------------------------------------------------------------- the best weights


@dataclass(frozen=True)
class KeeperFacts:
    """What a learner's keeper of the best weights put back into a small model.

    In epoch ``n`` every parameter and buffer of the model holds the number ``n``.

    Attributes:
        losses: the validation loss of each epoch.
        restored: for each tensor its name and what it held after ``restore``.
        failure: the learner's exception, if there was one.
    """

    __pydantic_config__: ClassVar[dict[str, bool]] = {"arbitrary_types_allowed": True}

    losses: tuple[float, ...]
    restored: tuple[tuple[str, float], ...] = ()
    failure: LearnerError | None = None


def observe_keeper(make: Callable[[], Any], losses: Sequence[float]) -> KeeperFacts:
    """Let ``make()`` see one epoch for each loss, with ``update(model, loss)``; then ``restore``.

    It does not raise for the learner's mistakes: they are in the facts, for the judge.

    Args:
        make: the learner's class, or what makes one.
        losses: the validation loss of each epoch.
    """
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))

    try:
        keeper = calling(make)
        update, restore = _method(keeper, "update"), _method(keeper, "restore")
        for epoch, loss in enumerate(losses, start=1):
            _fill(model, epoch)
            calling(update, model, loss)
        _fill(model, _FORGOTTEN)
        calling(restore, model)
    except LearnerError as error:
        return KeeperFacts(tuple(losses), failure=error)
    held = tuple(
        (name, float(each.detach().flatten()[0].item()))
        for name, each in (*model.named_parameters(), *model.named_buffers())
    )
    return KeeperFacts(tuple(losses), held)


def _method(thing: object, name: str) -> Callable[..., object]:
    method: object = getattr(thing, name, None)
    if not callable(method):
        raise LearnerError(f"There is no method {name}.", hint=f"Keep the line `def {name}`.")
    return method


def _fill(model: nn.Module, number: float) -> None:
    """In place, as an optimizer and BatchNorm do it."""
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            tensor.fill_(number)


@checked("stopping.best_weights")
def check_best_weights(facts: KeeperFacts) -> Verdict:
    """After ``restore`` every parameter and buffer is that of the epoch with the lowest loss.

    Args:
        facts: what :func:`observe_keeper` saw.
    """
    require_facts(facts, KeeperFacts)
    best = min(range(len(facts.losses)), key=facts.losses.__getitem__, default=-1) + 1
    wrong = [(name, held) for name, held in facts.restored if held != best]
    if not wrong and facts.restored:
        return passed("stopping.best_weights", f"All weights are those of epoch {best}, the best.")
    held = {value for _, value in wrong}
    expected = f"the weights of epoch {best}, whose loss is the lowest"
    if held == {_FORGOTTEN}:
        names = [name for name, _ in wrong]
        raise LearnerError(
            f"{share(names, len(facts.restored))} tensors are as they were before restore"
            f"{first(names)}.",
            expected=expected,
            actual="the weights after the last epoch",
            hint="state_dict() holds the model's own tensors, which go on changing: keep copies"
            " (copy.deepcopy), of parameters and of buffers, and load them in restore.",
        )
    raise LearnerError(
        "The restored weights are those of another epoch.",
        expected=expected,
        actual=f"those of epoch {min(held):g}" if len(held) == 1 else "some of several epochs",
        hint="Keep a new copy when, and only when, the loss is lower than all before it.",
    )


# ---------------------------------------------------------------------------------- the whole loop


@dataclass
class StoppingFacts:
    """What was seen while a learner's loop trained with early stopping.

    Attributes:
        losses: what the validation loss is after each epoch.
        patience: of the rule that the loop was given.
        most_epochs: how many epochs it may take.
        epochs: how many it took.
        measured: after which epochs it measured the validation loss.
        kept: after which epoch, and with which loss, the keeper was told.
        restored: after which epochs the best weights were put back.
        returned: the losses that it returned; None if it returned something else.
        failure: the learner's exception, if there was one.
    """

    __pydantic_config__: ClassVar[dict[str, bool]] = {"arbitrary_types_allowed": True}

    losses: tuple[float, ...]
    patience: int
    most_epochs: int
    epochs: int = 0
    measured: list[int] = field(default_factory=list)
    kept: list[tuple[int, float]] = field(default_factory=list)
    restored: list[int] = field(default_factory=list)
    returned: list[float] | None = None
    failure: LearnerError | None = None


def observe_early_stopping(
    train_until: TrainUntil, losses: Sequence[float], patience: int, most_epochs: int = 20
) -> StoppingFacts:
    """Let a learner's loop train a stand-in for a model, whose validation losses are given.

    ``train_until(model, one_epoch, validation_loss, stop, keeper, most_epochs)`` gets an epoch that
    only counts, a right rule and a keeper that notes what it is told. It does not raise for the
    learner's mistakes: they are in the facts, for the judges.

    Args:
        train_until: the learner's function.
        losses: the validation loss after each epoch; the last one stays for all later ones.
        patience: of the rule.
        most_epochs: how many epochs the loop may take.
    """
    facts = StoppingFacts(tuple(losses), patience, most_epochs)
    model = nn.Linear(1, 1)

    def one_epoch(*_: object) -> float:
        facts.epochs += 1
        if facts.epochs > 10 * most_epochs:
            raise LearnerError("Your loop does not end.", hint="Stop when stop(losses) is True.")
        return 0.0  # a training loss, lower than any validation loss here

    def validation_loss(*_: object) -> float:
        facts.measured.append(facts.epochs)
        return losses[min(facts.epochs, len(losses)) - 1]

    def stop(history: object, *_: object) -> bool:
        return epochs_until_stop(_all_numbers(history), patience) is not None

    class Keeper:
        def update(self, _: nn.Module, loss: float) -> None:
            facts.kept.append((facts.epochs, _all_numbers([loss])[0]))

        def restore(self, _: nn.Module) -> None:
            facts.restored.append(facts.epochs)

    try:
        returned = calling(
            train_until, model, one_epoch, validation_loss, stop, Keeper(), most_epochs
        )
    except LearnerError as error:
        facts.failure = error
        return facts
    with contextlib.suppress(LearnerError):
        facts.returned = _all_numbers(returned)
    return facts


def _all_numbers(things: object) -> list[float]:
    """A learner's list of losses.

    Raises:
        LearnerError: it is none.
    """
    try:
        if isinstance(things, list | tuple):
            return [as_number(each) for each in things]
    except (TypeError, ValueError, RuntimeError):
        pass
    raise LearnerError(
        "A loss, or a list of losses, was expected.",
        actual=type(things).__name__,
        hint="stop(losses) takes the list of all losses so far, keeper.update(model, loss) one"
        " number.",
    )


def _require_loop(facts: StoppingFacts) -> int:
    """After how many epochs the loop should have ended."""
    require_facts(facts, StoppingFacts)
    if not facts.epochs or not facts.losses:
        raise LearnerError("No epoch was trained.", hint="Call one_epoch(model) in your loop.")
    if max(facts.epochs, facts.most_epochs) > _MOST_EPOCHS:
        raise LearnerError("Far more epochs were trained than were asked for.")
    return epochs_until_stop(_given(facts, facts.most_epochs), facts.patience) or facts.most_epochs


def _given(facts: StoppingFacts, epochs: int) -> list[float]:
    """The validation losses after the first epochs; the last one stays for all later ones."""
    last = len(facts.losses) - 1
    return [facts.losses[min(epoch, last)] for epoch in range(epochs)]


@checked("stopping.loop")
def check_stopping_loop(facts: StoppingFacts) -> Verdict:
    """The loop trains and measures epoch by epoch, ends where the rule says, returns the losses.

    Args:
        facts: what :func:`observe_early_stopping` saw.
    """
    expected = _require_loop(facts)
    if facts.epochs != expected:
        raise LearnerError(
            "The loop took another number of epochs than it should.",
            expected=plural(expected, "epoch"),
            actual=plural(facts.epochs, "epoch"),
            hint="After every epoch append the validation loss, ask stop(losses), and break out of"
            " the loop when it says True.",
        )
    if facts.measured != list(range(1, expected + 1)):
        raise LearnerError(
            "The validation loss was not measured once after every epoch.",
            expected=f"after epochs 1 to {expected}",
            actual=f"{plural(len(facts.measured), 'time')}",
            hint="First one_epoch(model), then validation_loss(model), once each.",
        )
    if facts.returned != _given(facts, expected):
        raise LearnerError(
            "Your function does not return the validation loss of every epoch.",
            expected=f"a list of {plural(expected, 'loss')}",
            actual="no list of numbers"
            if facts.returned is None
            else plural(len(facts.returned), "value"),
            hint="Return the list that you ask the rule about.",
        )
    return passed("stopping.loop", f"{plural(expected, 'epoch')}, and then it stopped.")


@checked("stopping.restored")
def check_restored(facts: StoppingFacts) -> Verdict:
    """The keeper hears of every epoch, and puts the best weights back once, at the end.

    Args:
        facts: what :func:`observe_early_stopping` saw.
    """
    _require_loop(facts)
    told = [epoch for epoch, _ in facts.kept]
    if told != list(range(1, facts.epochs + 1)):
        raise LearnerError(
            "The keeper does not hear of every epoch.",
            expected=f"after epochs 1 to {facts.epochs}",
            actual=plural(len(told), "call"),
            hint="Call keeper.update(model, loss) after each epoch, the last one included.",
        )
    if [loss for _, loss in facts.kept] != _given(facts, facts.epochs):
        raise LearnerError(
            "The keeper is told another loss than the epoch's validation loss.",
            hint="Give it what validation_loss(model) returned for this epoch.",
        )
    if facts.restored != [facts.epochs]:
        raise LearnerError(
            "The best weights are not put back exactly once, after the last epoch.",
            actual=plural(len(facts.restored), "call"),
            hint="keeper.restore(model), behind the loop: also when the loop ends without a stop.",
        )
    return passed("stopping.restored", "The best weights are put back at the end.")
