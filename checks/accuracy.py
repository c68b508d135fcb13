"""How accurate is a model really? Measured here, never taken from the learner."""

from __future__ import annotations

import math
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Protocol

import torch
from torch import nn

from checks.guard import LearnerError, calling, checked
from checks.models import device_of, in_evaluation_mode, require_model, shape_or_type
from checks.verdict import Verdict, passed

# A result below the threshold costs points only if a model at the threshold would give it with less
# than this probability, or if more data confirm it.
ERROR_RATE = 0.025
# Small batches: on a CPU they are up to twice as fast as large ones with the default allocator.
BATCH_SIZE = 16


class LabelledData(Protocol):
    """Examples with labels, as ``assets`` and held-out data give them."""

    @property
    def labels(self) -> torch.Tensor:
        """``[N]``, class indexes."""

    def inputs(self) -> torch.Tensor:
        """``[N, ...]``, as the model takes them."""


class LabelledTexts(Protocol):
    """Texts with labels, as ``assets`` and held-out data give them."""

    @property
    def labels(self) -> torch.Tensor:
        """``[N]``, class indexes."""

    @property
    def texts(self) -> list[str]:
        """``N`` texts."""


Inputs = torch.Tensor | Mapping[str, torch.Tensor]
"""What a model is called with: ``[N, ...]``, or for a language model such tensors by name, for
example ``input_ids`` and ``attention_mask``."""

Encode = Callable[[list[str]], Mapping[str, torch.Tensor]]
"""Turns texts into the tensors that a language model takes, by name."""


@dataclass(frozen=True)
class Measurement:
    """A model's answers on labelled data, counted.

    Attributes:
        correct: right answers for each class, by index.
        total: examples of each class, by index.
        device: where the model ran, ``cpu`` or ``cuda:0`` for example.
        seconds: wall time of all forward passes.
        peak_memory_mb: the most memory in use meanwhile, in MB: the GPU's tensors, or on a CPU the
            whole process since it started.
    """

    correct: tuple[int, ...]
    total: tuple[int, ...]
    device: str
    seconds: float
    peak_memory_mb: float

    @property
    def accuracy(self) -> float:
        """The share of right answers, from 0 to 1."""
        return sum(self.correct) / sum(self.total)

    @property
    def balanced_accuracy(self) -> float:
        """The mean over the classes of their shares of right answers; empty classes left out."""
        pairs = [(right, n) for right, n in zip(self.correct, self.total, strict=True) if n]
        return sum(right / n for right, n in pairs) / len(pairs)

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """The accuracy's confidence interval (Wilson 1927)."""
        return wilson_interval(sum(self.correct), sum(self.total), confidence)

    def __add__(self, other: Measurement) -> Measurement:
        """Both together, as if measured at once."""
        return Measurement(
            tuple(a + b for a, b in zip(self.correct, other.correct, strict=True)),
            tuple(a + b for a, b in zip(self.total, other.total, strict=True)),
            self.device,
            self.seconds + other.seconds,
            max(self.peak_memory_mb, other.peak_memory_mb),
        )


def wilson_interval(correct: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """The score interval of a proportion, which stays within 0 and 1 (Wilson 1927).

    Args:
        correct: successes, 0 to ``total``.
        total: trials, at least 1.
        confidence: of the two-sided interval, between 0 and 1.

    Raises:
        ValueError: an argument is outside its range.
    """
    if not (0 <= correct <= total and total >= 1 and 0 < confidence < 1):
        raise ValueError(
            "Expected 0 <= `correct` <= `total`, `total` >= 1 and 0 < `confidence` < 1, but got"
            f" {correct}, {total} and {confidence}"
        )
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, scale = correct / total, 1 + z * z / total
    centre = (share + z * z / (2 * total)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / total + (z / (2 * total)) ** 2)
    return max(0.0, centre - half), min(1.0, centre + half)


def measure(
    model: nn.Module, inputs: Inputs, labels: torch.Tensor, *, batch_size: int = BATCH_SIZE
) -> Measurement:
    """Let a model answer, in evaluation mode on its own device, and count.

    The model is left as it was.

    Args:
        model: gives logits ``[B, C]`` for inputs ``[B, ...]``.
        inputs: ``[N, ...]``; or such tensors by name, which the model then gets by name.
        labels: int64 ``[N]``.
        batch_size: inputs at a time.

    Raises:
        LearnerError: the model raised, or its answers have the wrong shape or are not finite.
    """
    require_model(model)
    device, on_gpu = device_of(model), device_of(model).type == "cuda"
    if on_gpu:
        torch.cuda.reset_peak_memory_stats(device)
    began = time.perf_counter()
    with in_evaluation_mode(model):
        logits = torch.cat(
            [_answer(model, batch) for batch in _batches(inputs, batch_size, device)]
        )
    seconds = time.perf_counter() - began
    classes = max(logits.shape[1], int(labels.max()) + 1)
    right = labels[logits.argmax(dim=1) == labels]
    return Measurement(
        tuple(torch.bincount(right, minlength=classes).tolist()),
        tuple(torch.bincount(labels, minlength=classes).tolist()),
        str(device),
        seconds,
        torch.cuda.max_memory_allocated(device) / 1e6 if on_gpu else _peak_of_process(),
    )


def _batches(inputs: Inputs, size: int, device: torch.device) -> Iterator[Inputs]:
    if isinstance(inputs, torch.Tensor):
        yield from (part.to(device) for part in torch.split(inputs, size))
        return
    for parts in zip(*(torch.split(each, size) for each in inputs.values()), strict=True):
        yield {name: part.to(device) for name, part in zip(inputs, parts, strict=True)}


def _answer(model: nn.Module, batch: Inputs) -> torch.Tensor:
    returned: object
    if isinstance(batch, torch.Tensor):
        rows, returned = len(batch), calling(model, batch)
    else:
        rows, returned = len(next(iter(batch.values()))), calling(model, **batch)
    logits = getattr(returned, "logits", returned)  # transformers' models wrap theirs
    if (
        not isinstance(logits, torch.Tensor)
        or logits.dim() != 2  # noqa: PLR2004 - [B, C]
        or len(logits) != rows
        or not logits.shape[1]
    ):
        raise LearnerError(
            "The model's answer has the wrong shape.",
            expected=f"[{rows}, classes] for {rows} inputs",
            actual=shape_or_type(logits),
            hint="Is the head the last layer, and a linear one?",
        )
    if not torch.isfinite(logits).all():
        raise LearnerError(
            "The model's answers are not all finite numbers.",
            expected="finite numbers",
            actual="NaN or infinity",
            hint="The training has diverged: start again from a new model, with a lower learning"
            " rate.",
        )
    return logits.detach().float().cpu()


def _peak_of_process() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def judge_accuracy(measured: Measurement, threshold: float) -> Verdict:
    """The accuracy reaches the threshold, which the verdict does not tell."""
    low, high = measured.interval()
    found = (
        f"Measured again on {sum(measured.total)} examples: {measured.accuracy:.1%} right (95 %"
        f" confidence {low:.1%} to {high:.1%}; {measured.device}, {measured.seconds:.1f} s,"
        f" peak memory {measured.peak_memory_mb:,.0f} MB)."
    )
    if measured.accuracy >= threshold:
        return passed("accuracy.achieved", found)
    raise LearnerError(
        f"{found} That is less than a right solution reaches.",
        hint=_hint_on_accuracy(measured),
    )


def _hint_on_accuracy(measured: Measurement) -> str:
    shares = [right / n for right, n in zip(measured.correct, measured.total, strict=True) if n]
    if max(shares) == 1 and min(shares) == 0:
        return (
            "The model gives the same answer to every example. Was it trained, and does its loss"
            " fall? A learning rate that is too high does this too."
        )
    if measured.accuracy < 1.2 / len(shares):
        return "This is close to guessing: was this very model trained, on the right labels?"
    return (
        "Does it start from the pretrained weights, was it trained on all training examples, and"
        " is it evaluated in evaluation mode?"
    )


@checked("accuracy.achieved")
def check_accuracy(
    model: nn.Module,
    data: LabelledData | LabelledTexts,
    threshold: float,
    *,
    reserve: LabelledData | LabelledTexts | None = None,
    encode: Encode | None = None,
    error_rate: float = ERROR_RATE,
) -> Verdict:
    """The model's accuracy on ``data``, measured here, reaches the threshold.

    A result below the threshold, but so near that chance may explain it, is measured again on
    ``data`` and ``reserve`` together before it costs points.

    Args:
        model: the learner's model.
        data: labelled data that the model has not seen.
        threshold: the accuracy asked for, from 0 to 1. No verdict states it.
        reserve: more such data.
        encode: for texts: turns them into what the model takes.
        error_rate: how probable, at most, a result this low may be for a model exactly at the
            threshold if it is to count without a second measurement.
    """
    measured = measure(model, inputs_of(data, encode), data.labels)
    within_margin = measured.interval(1 - 2 * error_rate)[1] >= threshold
    if reserve is not None and measured.accuracy < threshold and within_margin:
        measured += measure(model, inputs_of(reserve, encode), reserve.labels)
    return judge_accuracy(measured, threshold)


def inputs_of(data: LabelledData | LabelledTexts, encode: Encode | None) -> Inputs:
    """What the model is measured on: the data's own inputs, or its texts, encoded.

    Raises:
        TypeError: these are texts, and nothing tells how to encode them.
    """
    if encode is not None:
        return encode(data.texts)  # type: ignore[union-attr] # only texts are given with it
    if hasattr(data, "inputs"):
        return data.inputs()
    raise TypeError("Expected `encode` with texts: it turns them into what the model takes")
