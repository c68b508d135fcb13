"""Are features and single values what they should be?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from checks.guard import LearnerError, checked
from checks.models import as_number
from checks.verdict import Verdict, passed

# Devices, batch sizes and numbers of threads round differently; a real mistake changes features by
# as much as they vary themselves.
_RELATIVE = 0.02


@dataclass(frozen=True)
class FeatureFacts:
    """What was seen of a matrix of features.

    Attributes:
        kind: its type.
        shape: its shape; empty if it is no tensor.
        floating: whether its numbers are floating point.
        finite: whether all of them are finite.
        has_graph: whether it requires a gradient.
        errors: for each row the distance to the expected one, relative to its length.
        reordered: whether the rows are the expected ones in another order.
    """

    kind: str
    shape: tuple[int, ...] = ()
    floating: bool = False
    finite: bool = False
    has_graph: bool = False
    errors: tuple[float, ...] = ()
    reordered: bool = False


def observe_features(features: object, expected: torch.Tensor | None = None) -> FeatureFacts:
    """Look at features, and compare them with expected ones where there are any.

    Args:
        features: the learner's, ``[N, D]``.
        expected: ``[N, D]``.
    """
    if not isinstance(features, torch.Tensor):
        return FeatureFacts(type(features).__name__)
    values = features.detach().cpu()
    facts = {
        "kind": type(features).__name__,
        "shape": tuple(values.shape),
        "floating": values.is_floating_point(),
        "finite": bool(torch.isfinite(values).all()),
        "has_graph": features.requires_grad,
    }
    comparable = facts["floating"] and facts["finite"]
    if expected is None or values.shape != expected.shape or not comparable:
        return FeatureFacts(**facts)  # type: ignore[arg-type] # one type for each key, as above
    target = expected.detach().cpu().float()
    errors = (values.float() - target).norm(dim=1) / target.norm(dim=1).clamp_min(1e-12)
    return FeatureFacts(
        **facts,  # type: ignore[arg-type] # see above
        errors=tuple(errors.tolist()),
        reordered=_reordered(values.float(), target),
    )


def _reordered(values: torch.Tensor, target: torch.Tensor) -> bool:
    distances = torch.cdist(target, values)
    nearest = distances.argmin(dim=1)
    errors = distances.min(dim=1).values / target.norm(dim=1).clamp_min(1e-12)
    return bool((errors <= _RELATIVE).all()) and not torch.equal(nearest, torch.arange(len(target)))


def judge_features(facts: FeatureFacts, rows: int, columns: int) -> Verdict:
    """The features have the right shape, no graph, and the expected values where there are any."""
    if facts.shape != (rows, columns) or not facts.floating:
        raise LearnerError(
            "The features have the wrong shape or type.",
            expected=f"a float tensor [{rows}, {columns}]",
            actual=f"a {'float' if facts.floating else 'non-float'} tensor {list(facts.shape)}"
            if facts.shape
            else facts.kind,
            hint="Keep each batch's features in a list, join them with torch.cat, and return them.",
        )
    if facts.has_graph:
        raise LearnerError(
            "The features still carry the graph of how they were computed, which keeps every"
            " intermediate result in memory.",
            expected="requires_grad=False",
            actual="requires_grad=True",
            hint="Compute them inside `with torch.no_grad():`.",
        )
    if not facts.finite:
        raise LearnerError(
            "The features are not all finite numbers.",
            hint="Are the inputs the normalised ones, `train.inputs()`?",
        )
    wrong = [row for row, error in enumerate(facts.errors) if error > _RELATIVE]
    if facts.reordered and wrong:
        raise LearnerError(
            "These are the features of the right images, but in another order: they do not fit"
            " the labels any more.",
            hint="Go through the inputs in order, without shuffling.",
        )
    if wrong:
        raise LearnerError(
            f"{len(wrong)} of {rows} rows are not the pretrained backbone's features of these"
            " images.",
            hint="Is the model in evaluation mode while you extract? Does the backbone still have"
            " its pretrained weights? Are these the images that were asked for?",
        )
    return passed("data.features", f"{rows} rows of {columns} features, without a graph.")


@checked("data.features")
def check_features(
    features: object,
    expected: torch.Tensor | None = None,
    *,
    rows: int | None = None,
    columns: int | None = None,
) -> Verdict:
    """Features have the right shape and type, carry no graph, and equal the expected ones.

    Args:
        features: the learner's, ``[rows, columns]``.
        expected: what they should be, ``[rows, columns]``; only the shape is checked without.
        rows: how many images; needed only without ``expected``.
        columns: how many features an image has; needed only without ``expected``.

    Returns:
        The verdict.
    """
    if expected is not None:
        rows, columns = expected.shape
    if rows is None or columns is None:
        raise TypeError("Expected either `expected`, or `rows` and `columns`")
    return judge_features(observe_features(features, expected), rows, columns)


@checked("data.normalised")
def check_normalised(
    inputs: object, images: torch.Tensor, mean: Sequence[float], std: Sequence[float]
) -> Verdict:
    """Grey images became what a source model takes: ``(pixel / 255 - mean) / std``, by channel.

    Args:
        inputs: the learner's, float32 ``[N, 3, H, W]``.
        images: uint8 ``[N, 1, H, W]``.
        mean: of each of the three channels of the source model's training images, from 0 to 1.
        std: their standard deviations.
    """
    count, _, height, width = images.shape
    shape, centre, spread = (count, 3, height, width), _by_channel(mean), _by_channel(std)
    if not isinstance(inputs, torch.Tensor) or tuple(inputs.shape) != shape:
        raise LearnerError(
            "The inputs have the wrong shape.",
            expected=f"a tensor {list(shape)}",
            actual=str(list(inputs.shape))
            if isinstance(inputs, torch.Tensor)
            else type(inputs).__name__,
            hint="images.expand(-1, 3, -1, -1) shows a grey image in three channels.",
        )
    if inputs.dtype != torch.float32:
        raise LearnerError(
            "The inputs have the wrong type.",
            expected="torch.float32",
            actual=f"{inputs.dtype}",
            hint="images.float() turns whole numbers into torch.float32.",
        )
    pixels, found = images.detach().cpu().float(), inputs.detach().cpu()
    if torch.allclose(found, (pixels / 255 - centre) / spread, atol=1e-3):
        return passed("data.normalised", "The inputs are normalised as the source model's were.")
    mistakes = {
        "The pixels are not scaled from 0-255 to 0-1 first.": (pixels - centre) / spread,
        "The pixels are scaled, but the mean and the deviation are not used.": pixels / 255,
        "The inputs are multiplied by the deviation, not divided.": (pixels / 255 - centre)
        * spread,
        "The deviation is not used.": pixels / 255 - centre,
    }
    named = [text for text, wrong in mistakes.items() if torch.allclose(found, wrong.expand(shape))]
    means = [f"{each:.2f}" for each in found.double().mean(dim=(0, 2, 3)).tolist()]
    right = ((pixels / 255 - centre) / spread).double().mean(dim=(0, 2, 3)).tolist()
    raise LearnerError(
        named[0] if named else "The inputs are not normalised with the source model's numbers.",
        expected=f"means of the channels {', '.join(f'{each:.2f}' for each in right)}",
        actual=", ".join(means),
        hint="(images / 255 - mean) / std, with mean and std reshaped to [3, 1, 1], so that each"
        " channel gets its own.",
    )


def _by_channel(numbers: Sequence[float]) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.float32)[:, None, None]


@checked("value.equal")
def check_value(name: str, actual: object, expected: float, *, tolerance: float = 1e-4) -> Verdict:
    """A single number is right.

    Args:
        name: what to call it.
        actual: the learner's; a tensor with one element counts as its number.
        expected: what it should be.
        tolerance: how far off it may be.
    """
    try:
        value = as_number(actual)
    except (TypeError, ValueError, RuntimeError):
        value = math.nan
    if isinstance(actual, str) or math.isnan(value):
        raise LearnerError(
            f"{name} is not a number.",
            expected=f"{expected:g}",
            actual=f"{type(actual).__name__} {str(actual)[:60]}",
            hint="Does your function return it?",
        )
    if abs(value - expected) > tolerance:
        raise LearnerError(
            f"{name} is {value:g}, but should be {expected:g}.",
            expected=f"{expected:g}",
            actual=f"{value:g}",
            hint="Work the example through by hand: which numbers do you need, which did you take?",
        )
    return passed("value.equal", f"{name} is {value:g}, as it should be.")
