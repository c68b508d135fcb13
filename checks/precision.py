"""Mixed precision: forward passes in few bits, weights and steps in full ones."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar
from unittest import mock

import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_pre_hook

from checks.guard import LearnerError, calling, checked
from checks.models import device_of, require_facts, require_model
from checks.names import first, plural
from checks.verdict import Verdict, passed

# train(model, inputs, labels): one training step, or some
Train = Callable[[nn.Module, torch.Tensor, torch.Tensor], object]


@dataclass(frozen=True)
class PrecisionFacts:
    """What was seen while a learner's function trained a copy of a model.

    Attributes:
        passes: forward passes with gradients.
        reduced: in how many of them autocast was on.
        dtype: what autocast computed in then, ``bfloat16`` for example; empty if it never was on.
        steps: steps of an optimizer.
        steps_inside: in how many of them autocast was on.
        scaled: how many losses a ``GradScaler`` has scaled.
        changed: names of parameters that are not of 32 bits any more.
        moved: whether any parameter has another value than before.
        finite: whether all parameters are finite numbers.
        failure: the learner's exception, if there was one.
    """

    __pydantic_config__: ClassVar[dict[str, bool]] = {"arbitrary_types_allowed": True}

    passes: int = 0
    reduced: int = 0
    dtype: str = ""
    steps: int = 0
    steps_inside: int = 0
    scaled: int = 0
    changed: tuple[str, ...] = ()
    moved: bool = False
    finite: bool = True
    failure: LearnerError | None = None


def observe_mixed_precision(
    train: Train, model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor
) -> PrecisionFacts:
    """Let ``train(model, inputs, labels)`` train a copy of the model, and watch.

    It does not raise for the learner's mistakes: they are in the facts, for the judges.

    Args:
        train: the learner's function: at least one training step.
        model: with parameters of 32 bits; its state stays as it is.
        inputs: ``[N, ...]``, on the model's device.
        labels: ``[N]``, likewise.
    """
    try:
        probe = copy.deepcopy(require_model(model)).train()
        with _watching(probe) as (passes, steps, scaled):
            calling(train, probe, inputs, labels)
    except LearnerError as error:
        return PrecisionFacts(failure=error)
    before, after = dict(model.named_parameters()), dict(probe.named_parameters())
    return PrecisionFacts(
        passes=len(passes),
        reduced=sum(map(bool, passes)),
        dtype=next(filter(None, passes), ""),
        steps=len(steps),
        steps_inside=sum(steps),
        scaled=len(scaled),
        changed=tuple(name for name, each in after.items() if each.dtype != torch.float32),
        moved=any(
            not torch.equal(before[name].detach().cpu(), each.detach().float().cpu())
            for name, each in after.items()
            if name in before
        ),
        finite=all(bool(torch.isfinite(each).all()) for each in after.values()),
    )


@contextlib.contextmanager
def _watching(model: nn.Module) -> Iterator[tuple[list[str], list[bool], list[None]]]:
    """For each forward pass what autocast computes in, for each step whether it is on; scalings."""
    kind = device_of(model).type
    passes: list[str] = []
    steps: list[bool] = []
    scaled: list[None] = []
    original = torch.amp.GradScaler.scale

    def scale(self: torch.amp.GradScaler, outputs: Any) -> Any:
        scaled.append(None)
        return original(self, outputs)

    def before_forward(*_: object) -> None:
        if torch.is_grad_enabled():
            on = torch.is_autocast_enabled(kind)
            passes.append(str(torch.get_autocast_dtype(kind)).removeprefix("torch.") if on else "")

    hooks = (
        model.register_forward_pre_hook(before_forward),
        register_optimizer_step_pre_hook(lambda *_: steps.append(torch.is_autocast_enabled(kind))),
    )
    try:
        with mock.patch.object(torch.amp.GradScaler, "scale", scale):
            yield passes, steps, scaled
    finally:
        for hook in hooks:
            hook.remove()


@checked("precision.autocast")
def check_autocast(facts: PrecisionFacts) -> Verdict:
    """Every forward pass of the training computes in few bits, and every step in full ones.

    Args:
        facts: what :func:`observe_mixed_precision` saw.
    """
    require_facts(facts, PrecisionFacts)
    if not facts.passes:
        raise LearnerError(
            "The model was not called with gradients.",
            hint="Compute the loss from model(inputs), outside torch.no_grad().",
        )
    if facts.reduced < facts.passes:
        raise LearnerError(
            f"{plural(facts.passes - facts.reduced, 'forward pass')} of {facts.passes} computed"
            " in full precision.",
            hint="Put the forward pass and the loss inside `with torch.autocast(device.type,"
            " dtype=torch.bfloat16):`.",
        )
    if not facts.steps:
        raise LearnerError(
            "No optimizer took a step.", hint="After loss.backward() comes optimizer.step()."
        )
    if facts.steps_inside:
        raise LearnerError(
            f"In {facts.steps_inside} of {plural(facts.steps, 'step')} autocast was still on.",
            hint="Only the forward pass and the loss belong inside autocast; backward() and step()"
            " come after it, further left.",
        )
    if facts.dtype == "float16" and facts.scaled < facts.steps:
        raise LearnerError(
            "In float16 small gradients become zero, and nothing scales the loss.",
            hint="Use bfloat16, which has the range of float32, or torch.amp.GradScaler.",
        )
    return passed(
        "precision.autocast", f"Forward passes compute in {facts.dtype}, steps in float32."
    )


@checked("precision.weights")
def check_full_precision_weights(facts: PrecisionFacts) -> Verdict:
    """The weights are trained, and stay numbers of 32 bits.

    Args:
        facts: what :func:`observe_mixed_precision` saw.
    """
    require_facts(facts, PrecisionFacts)
    if facts.changed:
        raise LearnerError(
            f"{plural(len(facts.changed), 'parameter')} no longer hold numbers of 32 bits"
            f"{first(facts.changed)}.",
            hint="Do not call model.half() or .to(torch.bfloat16): a small step would be rounded"
            " away. autocast turns copies of the weights into few bits, and leaves the weights.",
        )
    if not facts.moved:
        raise LearnerError(
            "The weights did not change.",
            hint="loss.backward() and then optimizer.step(), with an optimizer over the model's"
            " parameters.",
        )
    if not facts.finite:
        raise LearnerError(
            "Some weights are no finite numbers any more.",
            hint="A lower learning rate; with float16 also torch.amp.GradScaler.",
        )
    return passed("precision.weights", "The weights were trained, in 32 bits.")
