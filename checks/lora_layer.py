"""A learner's own LoRA layer: how it starts, what of it trains, and what it computes.

``y = W x + b + (alpha / r) B A x`` with ``A`` random and ``B`` zero at first, so that training
starts from exactly the pretrained layer (Hu et al. 2021, section 4.1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import nn

from checks.guard import LearnerError, calling, checked
from checks.models import require_facts, require_model
from checks.names import listing
from checks.verdict import Verdict, passed

# make(base, r, alpha) -> the layer
MakeLayer = Callable[[nn.Linear, int, float], object]

_ROWS, _CLOSE = 6, 1e-4


@dataclass(frozen=True)
class LoraLayerFacts:
    """What was seen of a layer that wraps a linear layer.

    Attributes:
        a_shape: the shape of its ``A``.
        b_shape: the shape of its ``B``.
        a_spread: the standard deviation of the numbers in ``A`` at first.
        b_is_zero: whether ``B`` was all zero at first.
        trainable: names of its parameters that require a gradient; ``A`` and ``B`` for these two,
            wherever else they are registered.
        first: its answer to the probe at first.
        adapted: its answer after ``A`` and ``B`` were given other numbers.
        failure: the learner's exception, if there was one.
    """

    __pydantic_config__: ClassVar[dict[str, bool]] = {"arbitrary_types_allowed": True}

    a_shape: tuple[int, ...] = ()
    b_shape: tuple[int, ...] = ()
    a_spread: float = 0.0
    b_is_zero: bool = False
    trainable: tuple[str, ...] = ()
    first: torch.Tensor | None = None
    adapted: torch.Tensor | None = None
    failure: LearnerError | None = None


def observe_lora_layer(
    make: MakeLayer, *, inputs: int, outputs: int, rank: int, alpha: float, seed: int = 0
) -> LoraLayerFacts:
    """Let the learner's class wrap a linear layer, and try it with other ``A`` and ``B``.

    It does not raise for the learner's mistakes: they are in the facts, for the judges.

    Args:
        make: the learner's class: called with the linear layer, r and alpha.
        inputs: of the linear layer.
        outputs: of the linear layer.
        rank: r.
        alpha: the numerator of the scale.
        seed: decides all random numbers.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            base, *numbers = _problem(inputs, outputs, rank, seed)
            return _observed(require_model(calling(make, base, rank, alpha)), *numbers)
        except LearnerError as error:
            return LoraLayerFacts(failure=error)


def _observed(
    layer: nn.Module, probe: torch.Tensor, down: torch.Tensor, up: torch.Tensor
) -> LoraLayerFacts:
    layer.eval()
    a, b = (_parameter(layer, name) for name in ("A", "B"))
    start = _answer(layer, probe)
    facts = LoraLayerFacts(
        a_shape=tuple(a.shape),
        b_shape=tuple(b.shape),
        a_spread=float(a.detach().float().std()) if a.numel() > 1 else 0.0,
        b_is_zero=not bool(b.detach().any()),
        trainable=tuple(
            "A" if each is a else "B" if each is b else name
            for name, each in layer.named_parameters()
            if each.requires_grad
        ),
        first=start,
    )
    if a.shape != down.shape or b.shape != up.shape:
        return facts
    with torch.no_grad():
        a.copy_(down)
        b.copy_(up)
    return replace(facts, adapted=_answer(layer, probe))


def _parameter(layer: nn.Module, name: str) -> nn.Parameter:
    found: object = getattr(layer, name, None)
    if isinstance(found, nn.Parameter):
        return found
    raise LearnerError(
        f"The layer has no parameter {name}.",
        expected=f"self.{name} = nn.Parameter(...)",
        actual=type(found).__name__,
        hint="Assign it in __init__, after super().__init__().",
    )


def _problem(
    inputs: int, outputs: int, rank: int, seed: int
) -> tuple[nn.Linear, torch.Tensor, torch.Tensor, torch.Tensor]:
    """The linear layer, the probe, and the numbers that ``A`` and ``B`` are given."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layer = nn.Linear(inputs, outputs)
        return (
            layer,
            torch.randn(_ROWS, inputs),
            torch.randn(rank, inputs),
            torch.randn(outputs, rank),
        )


def _answer(layer: nn.Module, probe: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        returned: object = calling(layer, probe)
    if not isinstance(returned, torch.Tensor):
        raise LearnerError(
            "The layer's forward gives no tensor.",
            actual=type(returned).__name__,
            hint="Does forward end with `return`?",
        )
    return returned.detach().float().cpu()


@checked("lora.start")
def check_lora_start(
    seen: LoraLayerFacts, *, inputs: int, outputs: int, rank: int, seed: int = 0
) -> Verdict:
    """At first ``A`` is random and ``B`` zero, and the layer answers like the one that it wraps.

    Args:
        seen: what :func:`observe_lora_layer` saw, with the same numbers.
        inputs: as there.
        outputs: as there.
        rank: as there.
        seed: as there.
    """
    facts = require_facts(seen, LoraLayerFacts)
    wanted = {"A": (rank, inputs), "B": (outputs, rank)}
    for name, shape in (("A", facts.a_shape), ("B", facts.b_shape)):
        if shape != wanted[name]:
            raise LearnerError(
                f"{name} has the wrong shape.",
                expected=str(list(wanted[name])),
                actual=str(list(shape)),
                hint="A leads from the inputs down to the rank: [r, in]. B leads up: [out, r].",
            )
    if not facts.b_is_zero:
        raise LearnerError(
            "B is not zero at first: the model would no longer be the pretrained one.",
            expected="B all zero",
            hint="torch.zeros(...) for B.",
        )
    if not facts.a_spread > 0:
        raise LearnerError(
            "A is constant at first: with B zero as well, no gradient would ever reach either.",
            expected="A random",
            hint="torch.randn(...) for A, times something small.",
        )
    base, probe, _, _ = _problem(inputs, outputs, rank, seed)
    with torch.no_grad():
        expected = base(probe)
    if not _close(facts.first, expected):
        raise LearnerError(
            "Before training, the layer does not answer like the one that it wraps.",
            expected="W x + b, since B is zero",
            hint="Call the wrapped layer, with its bias, and leave its weights as they are.",
        )
    return passed("lora.start", "A is random, B zero: it starts as the layer that it wraps.")


@checked("lora.frozen")
def check_lora_frozen(seen: LoraLayerFacts) -> Verdict:
    """Only ``A`` and ``B`` train.

    Args:
        seen: what :func:`observe_lora_layer` saw.
    """
    facts = require_facts(seen, LoraLayerFacts)
    if set(facts.trainable) != {"A", "B"}:
        raise LearnerError(
            f"What trains is {listing(sorted(facts.trainable)) or 'nothing'}.",
            expected="A and B",
            actual=listing(sorted(facts.trainable)) or "nothing",
            hint="Freeze the wrapped layer, weight and bias: base.requires_grad_(False).",
        )
    return passed("lora.frozen", "Only A and B train.")


@checked("lora.update")
def check_lora_update(
    seen: LoraLayerFacts, *, inputs: int, outputs: int, rank: int, alpha: float, seed: int = 0
) -> Verdict:
    """With other ``A`` and ``B`` the layer computes ``W x + b + (alpha / r) B A x``.

    Args:
        seen: what :func:`observe_lora_layer` saw, with the same numbers.
        inputs: as there.
        outputs: as there.
        rank: as there.
        alpha: as there.
        seed: as there.
    """
    facts = require_facts(seen, LoraLayerFacts)
    base, probe, down, up = _problem(inputs, outputs, rank, seed)
    with torch.no_grad():
        plain = base(probe)
        update = probe @ (up @ down).T
    if facts.adapted is None:
        raise LearnerError(
            "A and B have other shapes than [r, in] and [out, r].",
            expected=f"A {[rank, inputs]}, B {[outputs, rank]}",
            actual=f"A {list(facts.a_shape)}, B {list(facts.b_shape)}",
        )
    if _close(facts.adapted, plain + alpha / rank * update):
        return passed("lora.update", "W x + b + (alpha / r) B A x, as it should be.")
    guesses = {
        "the update is missing": plain,
        "the update is not scaled": plain + update,
        "the update is scaled by alpha, without the division by r": plain + alpha * update,
        "the update is divided by r, but not multiplied by alpha": plain + update / rank,
        "the scale is r / alpha": plain + rank / alpha * update,
        "the wrapped layer's own answer is missing": alpha / rank * update,
        "the wrapped layer's bias is missing": plain - base.bias.detach() + alpha / rank * update,
    }
    likely = next((what for what, guess in guesses.items() if _close(facts.adapted, guess)), None)
    raise LearnerError(
        "With other numbers in A and B the layer computes something else"
        + (f": {likely}." if likely else "."),
        expected="W x + b + (alpha / r) B A x",
        hint="For rows of inputs x that is base(x) + alpha / r * (x @ A.T @ B.T).",
    )


def _close(found: torch.Tensor | None, expected: torch.Tensor) -> bool:
    return (
        found is not None
        and found.shape == expected.shape
        and torch.allclose(found, expected, rtol=_CLOSE, atol=_CLOSE)
    )
