"""What several checks ask of a model before they look closer."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

import torch
from torch import nn

from checks.guard import LearnerError
from checks.names import PartNames, listing, parts_of


class Facts(Protocol):
    """What an observer of the learner's function saw."""

    @property
    def failure(self) -> LearnerError | None:
        """Why there is nothing to judge; None if there is something."""


F = TypeVar("F", bound=Facts)

# The layers that act differently in training mode, apart from dropout.
NORM_LAYERS = (nn.modules.batchnorm._BatchNorm, nn.modules.instancenorm._InstanceNorm)
DROPOUT_LAYERS = (nn.modules.dropout._DropoutNd,)


def require_model(thing: object) -> nn.Module:
    """The learner's model, if it is one.

    Raises:
        LearnerError: it is something else, often None from a function without ``return``.
    """
    if isinstance(thing, nn.Module):
        return thing
    raise LearnerError(
        "There is no model to look at.",
        expected="a torch.nn.Module",
        actual=type(thing).__name__,
        hint="Does your function end with `return model`?",
    )


def require_facts(thing: object, kind: type[F]) -> F:
    """What an observer saw, if it is that and there is something to judge.

    Raises:
        LearnerError: it is something else, or the learner's function failed.
    """
    if isinstance(thing, kind):
        if thing.failure is not None:
            raise thing.failure
        return thing
    raise LearnerError(
        "There is nothing to look at that was observed.",
        expected=kind.__name__,
        actual=type(thing).__name__,
        hint="Restart the kernel and run all cells.",
    )


def shape_or_type(thing: object) -> str:
    """A tensor's shape, or of what type a thing is that is no tensor."""
    return str(list(thing.shape)) if isinstance(thing, torch.Tensor) else type(thing).__name__


def require_parts(model: nn.Module, selection: PartNames) -> tuple[str, ...]:
    """The names of the selected modules, all of which the model has.

    Raises:
        LearnerError: the model has lost one of them.
    """
    parts = parts_of(selection)
    # A layer or a tensor that stands in two places has two names, and both are the model's.
    known = {name for name, _ in model.named_modules(remove_duplicate=False)}
    known |= {name for name, _ in model.named_parameters(remove_duplicate=False)}
    missing = [part for part in parts if part not in known]
    if missing:
        raise LearnerError(
            f"The model has no module {listing(missing)}.",
            hint="Work on the model that the exercise gives you, and keep the names of its"
            " modules: assigning a layer to another name adds a layer instead of replacing one.",
        )
    return parts


def as_number(value: object) -> float:
    """What ``float`` makes of a value, without PyTorch's warning where it still carries a graph.

    Raises:
        TypeError, ValueError, RuntimeError: it is not one number.
    """
    plain = value.detach() if isinstance(value, torch.Tensor) else value
    return float(plain)  # type: ignore[arg-type] # what it cannot take is the learner's mistake


def number_or_nan(value: object) -> float:
    """What :func:`as_number` gives; NaN where the value is not one number."""
    try:
        return as_number(value)
    except (TypeError, ValueError, RuntimeError):
        return math.nan


def device_of(model: nn.Module) -> torch.device:
    """The device of the model's first parameter; the CPU if it has none."""
    return next((parameter.device for parameter in model.parameters()), torch.device("cpu"))


def depends_on_mode(module: nn.Module) -> bool:
    """Whether a layer computes something else in training mode than in evaluation mode."""
    if isinstance(module, NORM_LAYERS):
        return module.track_running_stats
    if isinstance(module, DROPOUT_LAYERS):
        return module.p > 0
    # timm's and torchvision's stochastic depth. Without a probability they do nothing.
    return (
        type(module).__name__ in ("DropPath", "StochasticDepth")
        and (getattr(module, "drop_prob", None) or getattr(module, "p", None) or 0) > 0
    )


@contextlib.contextmanager
def in_evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; afterwards every module has the mode that it had."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        with torch.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training


def names_of_tensors(model: nn.Module) -> dict[int, tuple[str, ...]]:
    """All names of each parameter by ``id``: a tensor that two layers share has two."""
    names: dict[int, tuple[str, ...]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        names[id(parameter)] = (*names.get(id(parameter), ()), name)
    return names


def first_names(names: Sequence[tuple[str, ...]]) -> list[str]:
    """One name for each tensor."""
    return [each[0] for each in names]
