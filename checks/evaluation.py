"""Does a learner's evaluation function measure in the right mode, and rightly?"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from checks.guard import LearnerError, calling, checked
from checks.models import (
    as_number,
    depends_on_mode,
    device_of,
    in_evaluation_mode,
    require_facts,
    require_model,
)
from checks.names import share
from checks.verdict import Verdict, passed

# evaluate(model, inputs, labels) -> (accuracy, confusion matrix)
Evaluate = Callable[[nn.Module, torch.Tensor, torch.Tensor], object]
Counts = tuple[tuple[int, ...], ...]

_ROUNDING = 1e-4
_BATCH_SIZE = 16


@dataclass(frozen=True)
class EvaluationFacts:
    """What was seen while a learner's function evaluated a model that was in training mode.

    Attributes:
        calls: how many times the model was called.
        in_training_mode: in how many of these calls it was in training mode.
        with_gradients: in how many of these calls gradients were recorded.
        accuracy: what the function returned; None if it returned something else.
        counts: the matrix that it returned; None if it returned something else.
        returned: the type of what was returned.
        failure: the learner's exception, if there was one.
    """

    __pydantic_config__: ClassVar[dict[str, bool]] = {"arbitrary_types_allowed": True}

    calls: int = 0
    in_training_mode: int = 0
    with_gradients: int = 0
    accuracy: float | None = None
    counts: Counts | None = None
    returned: str = "NoneType"
    failure: LearnerError | None = None


def observe_evaluation(
    evaluate: Evaluate, model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor
) -> EvaluationFacts:
    """Let ``evaluate`` measure a copy of the model, and watch.

    It does not raise for the learner's mistakes: they are in the facts, for the judges.

    Args:
        evaluate: the learner's function.
        model: the model, whose state stays as it is.
        inputs: ``[N, ...]``, as the model takes them.
        labels: ``[N]``, the true classes.
    """
    try:
        return _observed(evaluate, model, inputs, labels)
    except LearnerError as error:
        return EvaluationFacts(failure=error)


def _observed(
    evaluate: Evaluate, model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor
) -> EvaluationFacts:
    probe = copy.deepcopy(require_model(model)).train()  # forgetting eval() shows here
    layers = [module for module in probe.modules() if depends_on_mode(module)]
    calls: list[tuple[bool, bool]] = []
    handle = probe.register_forward_pre_hook(
        lambda *_: calls.append((any(each.training for each in layers), torch.is_grad_enabled()))
    )
    try:
        returned = calling(evaluate, probe, inputs, labels)
    finally:
        handle.remove()
    accuracy, counts = _understood(returned)
    return EvaluationFacts(
        calls=len(calls),
        in_training_mode=sum(training for training, _ in calls),
        with_gradients=sum(gradients for _, gradients in calls),
        accuracy=accuracy,
        counts=counts,
        returned=type(returned).__name__,
    )


def _counts(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    device = device_of(model)
    with in_evaluation_mode(model):
        logits = torch.cat(
            [model(each.to(device)).cpu() for each in torch.split(inputs, _BATCH_SIZE)]
        )
    classes = logits.shape[1]
    cells = torch.bincount(labels.cpu() * classes + logits.argmax(dim=1), minlength=classes**2)
    return cells.reshape(classes, classes)


def _understood(returned: object) -> tuple[float, Counts] | tuple[None, None]:
    """Accuracy and counts, if that is what was returned."""
    if not isinstance(returned, tuple | list) or len(returned) != 2:  # noqa: PLR2004 - a pair
        return None, None
    try:
        accuracy = as_number(returned[0])
        matrix = torch.as_tensor(returned[1]).detach().cpu().double()
    except (TypeError, ValueError, RuntimeError):
        return None, None
    square = matrix.dim() == 2 and matrix.shape[0] == matrix.shape[1]  # noqa: PLR2004 - a matrix
    if not square or not torch.isfinite(matrix).all() or math.isnan(accuracy):
        return None, None
    return accuracy, _rows(matrix.round())


def _rows(counts: torch.Tensor) -> Counts:
    return tuple(tuple(int(value) for value in row) for row in counts.tolist())


@checked("evaluation.mode")
def check_evaluation_mode(seen: EvaluationFacts) -> Verdict:
    """Every forward pass was in evaluation mode and without gradients.

    Args:
        seen: what :func:`observe_evaluation` saw.
    """
    require_facts(seen, EvaluationFacts)
    if not seen.calls:
        raise LearnerError(
            "Your function never called the model.", hint="Call model(batch) for every batch."
        )
    if seen.in_training_mode:
        raise LearnerError(
            f"The model was in training mode in {_of_calls(seen.in_training_mode, seen)}:"
            " BatchNorm then uses the batch's statistics, and changes its own.",
            hint="Call model.eval() before the loop.",
        )
    if seen.with_gradients:
        raise LearnerError(
            f"Gradients were recorded in {_of_calls(seen.with_gradients, seen)}, which costs"
            " memory and time for nothing.",
            hint="Wrap the loop in `with torch.no_grad():`.",
        )
    return passed("evaluation.mode", "Evaluation mode, and no gradients.")


def _of_calls(count: int, seen: EvaluationFacts) -> str:
    return f"{share(range(count), seen.calls)} forward passes"


@checked("evaluation.result")
def check_evaluation_result(
    seen: EvaluationFacts, model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor
) -> Verdict:
    """Accuracy and confusion matrix equal those measured here.

    Args:
        seen: what :func:`observe_evaluation` saw with the same model and data.
        model: the model.
        inputs: ``[N, ...]``, as the model takes them.
        labels: ``[N]``, the true classes.
    """
    require_facts(seen, EvaluationFacts)
    matrix = _counts(model, inputs, labels)
    expected_accuracy, expected_counts = (matrix.diag().sum() / matrix.sum()).item(), _rows(matrix)
    if seen.accuracy is None or seen.counts is None:
        raise LearnerError(
            "Your function does not return an accuracy and a matrix of counts.",
            expected="a number from 0 to 1, and a tensor [classes, classes]",
            actual=seen.returned,
            hint="End with `return accuracy, matrix`.",
        )
    if seen.counts != expected_counts:
        if seen.counts == tuple(zip(*expected_counts, strict=True)):
            raise LearnerError(
                "Rows and columns of your confusion matrix are swapped.",
                hint="A row for each true class, a column for each answer: matrix[true, answer].",
            )
        raise LearnerError(
            "Your confusion matrix has other counts than the model's answers give.",
            expected=f"{sum(map(sum, expected_counts))} images in all",
            actual=f"{sum(map(sum, seen.counts))} images in all",
            hint="Count every image once, the last batch included, with the model in evaluation"
            " mode.",
        )
    if abs(seen.accuracy - expected_accuracy) > _ROUNDING:
        raise LearnerError(
            "Your accuracy does not fit your own confusion matrix.",
            expected=f"{expected_accuracy:.3f}",
            actual=f"{seen.accuracy:.3f}",
            hint="Right answers over all images: the sum of the diagonal over the sum of the"
            " matrix.",
        )
    return passed("evaluation.result", "Accuracy and confusion matrix are right.")
