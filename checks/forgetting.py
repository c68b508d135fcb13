"""How much of an earlier task does a model still know after a later one?

Accuracy on a task is measured in two ways (van de Ven and Tolias 2019): with all logits competing
(class-incremental), and with the task's own logits alone (task-incremental). They differ when the
head has learned to prefer the newer classes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from checks.accuracy import LabelledData, Measurement, measure
from checks.freezing import Pristine, snapshot
from checks.guard import LearnerError, checked
from checks.models import number_or_nan, require_model, require_parts
from checks.names import PartNames, belongs, describe
from checks.verdict import Verdict, passed

_ROUNDING = 1e-4


# ----------------------------------------------------------------------- accuracy on one task


def accuracy_on_task(
    logits: torch.Tensor, labels: torch.Tensor, task: Sequence[int], *, own: bool = False
) -> float:
    """The share of a task's examples that are right, counted one by one.

    Args:
        logits: ``[N, C]``.
        labels: ``[N]``, class indexes.
        task: the classes of the task.
        own: whether only the task's logits compete; otherwise all do.

    Raises:
        ValueError: no example belongs to the task.
    """
    classes = list(task) if own else list(range(logits.shape[1]))
    hits: list[bool] = [
        max(classes, key=row.__getitem__) == label
        for row, label in zip(logits.tolist(), labels.tolist(), strict=True)
        if label in task
    ]
    if not hits:
        raise ValueError(f"Expected examples of the classes {list(task)}, but there are none")
    return sum(hits) / len(hits)


@checked("forgetting.accuracy")
def check_task_accuracy(
    value: object,
    logits: torch.Tensor,
    labels: torch.Tensor,
    task: Sequence[int],
    *,
    own: bool = False,
) -> Verdict:
    """The accuracy on a task is the one that was asked for.

    Args:
        value: the learner's, from 0 to 1.
        logits: ``[N, C]``.
        labels: ``[N]``, class indexes.
        task: the classes of the task.
        own: whether only the task's logits compete; otherwise all do.
    """
    found = _number(value, "Your function does not return an accuracy.", "a number from 0 to 1")
    expected = accuracy_on_task(logits, labels, task, own=own)
    if abs(found - expected) <= _ROUNDING:
        return passed("forgetting.accuracy", f"The accuracy is {found:.3f}, as it should be.")
    every = accuracy_on_task(logits, labels, range(logits.shape[1]))
    other = accuracy_on_task(logits, labels, task, own=not own)
    hint = "Work it through by hand for five rows: which rows count, and which logits compete?"
    if abs(found - other) <= _ROUNDING:
        hint = (
            "All logits compete in your answer. Take the columns of the task first."
            if own
            else "Only the task's logits compete in your answer. Leave all columns in."
        )
    elif abs(found - every) <= _ROUNDING:
        hint = "This is the accuracy on all images. Only those of the task count."
    elif found > 1:
        hint = "Give a share from 0 to 1, not a count and not per cent."
    elif own:
        hint = (
            "The largest of the task's columns is a position in the task. Which label is at this"
            " position? Compare that with the true label."
        )
    raise LearnerError(
        f"The accuracy on the classes {list(task)} is {expected:.3f}, but your function says"
        f" {found:.3f}.",
        expected=f"{expected:.3f}",
        actual=f"{found:.3f}",
        hint=hint,
    )


# -------------------------------------------------------------------------- backward transfer


def backward_transfer_of(matrix: torch.Tensor) -> float:
    """The mean change of the earlier tasks' accuracies (Lopez-Paz and Ranzato 2017).

    Args:
        matrix: ``[T, T]``; entry ``[i, j]`` is the accuracy on task ``j`` after learning task
            ``i``. T is at least 2.
    """
    rows: list[list[float]] = matrix.tolist()
    last = len(rows) - 1
    return sum(rows[last][task] - rows[task][task] for task in range(last)) / last


@checked("forgetting.backward_transfer")
def check_backward_transfer(value: object, matrix: torch.Tensor) -> Verdict:
    """Backward transfer is right; see :func:`backward_transfer_of`."""
    found = _number(value, "Your function does not return a number.", "a number from -1 to 1")
    expected = backward_transfer_of(matrix)
    if abs(found - expected) <= _ROUNDING:
        return passed("forgetting.backward_transfer", f"Backward transfer is {found:.3f}.")
    tasks = len(matrix)
    known = {
        "Earlier tasks have got worse when the value is negative: the end minus the beginning.": (
            -expected
        ),
        "The matrix is read the wrong way round: a row for what was learned last, a column for"
        " the task that is tested.": backward_transfer_of(matrix.T),
        "There are T - 1 earlier tasks: divide by that number, not by T.": (
            expected * (tasks - 1) / tasks
        ),
        "This is the sum over the earlier tasks. Take the mean.": expected * (tasks - 1),
        "This is the mean accuracy at the end. Subtract what each task began with.": (
            sum(matrix[-1].tolist()) / tasks
        ),
    }
    hint = next(
        (text for text, wrong in known.items() if abs(found - wrong) <= _ROUNDING),
        "For each task but the last: its entry in the last row minus its entry on the diagonal.",
    )
    raise LearnerError(
        f"Backward transfer of these {tasks} tasks is {expected:.3f}, but your function says"
        f" {found:.3f}.",
        expected=f"{expected:.3f}",
        actual=f"{found:.3f}",
        hint=hint,
    )


def _number(value: object, rationale: str, expected: str) -> float:
    number = math.nan if isinstance(value, str) else number_or_nan(value)
    if not math.isfinite(number):
        raise LearnerError(
            rationale,
            expected=expected,
            actual=f"{type(value).__name__} {str(value)[:60]}",
            hint="Does your function end with `return`? `.item()` makes a number of a tensor.",
        )
    return number


# ------------------------------------------------------------- what a model knows, measured here


class _Chosen(nn.Module):
    """A model of which only some logits are left, in the order given."""

    def __init__(self, model: nn.Module, classes: Sequence[int]) -> None:
        super().__init__()
        self.model, self.classes = model, list(classes)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        chosen: torch.Tensor = self.model(inputs)[:, self.classes]
        return chosen


def measure_task(
    model: nn.Module, data: LabelledData, classes: Sequence[int], *, own: bool = False
) -> Measurement:
    """How a model does on one task.

    Args:
        model: gives logits ``[B, C]`` for inputs ``[B, ...]``.
        data: examples of the task; a label is a position in ``classes``.
        classes: which of the model's logits belongs to each label.
        own: whether only these logits compete; otherwise all do.

    Raises:
        LearnerError: this is no model, it raised, or its answers have the wrong shape.
    """
    if own:
        return measure(_Chosen(require_model(model), classes), data.inputs(), data.labels)
    labels = torch.tensor(list(classes))[data.labels]
    return measure(require_model(model), data.inputs(), labels)


@checked("forgetting.learned")
def check_learned(
    model: nn.Module,
    data: LabelledData,
    classes: Sequence[int],
    *,
    least: float,
    own: bool = False,
) -> Verdict:
    """The model knows a task: its accuracy, measured here, is far from guessing.

    Args:
        model: the learner's model.
        data: examples of the task; a label is a position in ``classes``.
        classes: which of the model's logits belongs to each label.
        least: the accuracy asked for, with a wide margin. No verdict states it.
        own: whether only the task's logits compete; otherwise all do.
    """
    measured = measure_task(model, data, classes, own=own)
    found = _in_words(measured, classes, own=own)
    if measured.accuracy >= least:
        return passed("forgetting.learned", found)
    guess = 1 / len(classes)
    raise LearnerError(
        f"{found} That is less than a right solution reaches.",
        hint="It answers with other classes than this task's nearly always: was it trained on"
        " another task since, without old examples, or never on this one?"
        if not own and measured.accuracy < guess / 2
        else "Was this very model trained on this task, on the right rows, with fit's own rates"
        " and epochs? Does it start from the model that the exercise names?",
    )


@checked("forgetting.forgotten")
def check_forgotten(
    model: nn.Module, data: LabelledData, classes: Sequence[int], *, most: float
) -> Verdict:
    """The model has lost a task: with all logits competing hardly any of its examples is right.

    Args:
        model: the learner's model.
        data: examples of the task; a label is a position in ``classes``.
        classes: which of the model's logits belongs to each label.
        most: the accuracy that naive training stays far below. No verdict states it.
    """
    measured = measure_task(model, data, classes)
    found = _in_words(measured, classes, own=False)
    if measured.accuracy <= most:
        return passed("forgetting.forgotten", f"{found} It is forgotten, as you will see.")
    raise LearnerError(
        f"{found} A model that went on with the other task alone would have forgotten it.",
        hint="Train this model on the rows of the second task only. Is it a copy that you trained,"
        " and not the first model under another name?",
    )


def _in_words(measured: Measurement, classes: Sequence[int], *, own: bool) -> str:
    low, high = measured.interval()
    rule = "only its own logits" if own else "all logits"
    return (
        f"Measured again on {sum(measured.total)} images of the classes {list(classes)}, with"
        f" {rule} competing: {measured.accuracy:.1%} right (95 % confidence {low:.1%} to"
        f" {high:.1%})."
    )


@checked("forgetting.continued")
def check_continued(
    model: nn.Module, start: nn.Module, pristine: nn.Module, parts: PartNames
) -> Verdict:
    """The model went on from ``start``: it has moved, and is nearer to it than to the first model.

    Args:
        model: the learner's model, after more training.
        start: the model that it should have started from.
        pristine: the model that ``start`` began as.
        parts: names of the modules whose weights are compared.
    """
    names = require_parts(require_model(model), parts)
    weights = snapshot(model)
    near = _distance(weights, snapshot(require_model(start)), names)
    far = _distance(weights, snapshot(pristine), names)
    if near == 0:
        raise LearnerError(
            f"The weights of {describe(names)} are exactly those that training started from.",
            hint="Are the two models one and the same? Train a copy: copy.deepcopy(model).",
        )
    if not near < far:  # NaN lands here as well
        raise LearnerError(
            f"The weights of {describe(names)} are nearer to the pretrained model's than to those"
            " of the model that this one should have started from.",
            hint="Start from a copy of the model that the exercise names, not from a new one.",
        )
    return passed(
        "forgetting.continued",
        f"The weights of {describe(names)} went on from where they should.",
    )


def _distance(weights: Pristine, others: Pristine, parts: Sequence[str]) -> float:
    chosen = [name for name in others if belongs(name, parts) and name in weights]
    squares = [
        (weights[name].double() - others[name].double()).square().sum().item()
        for name in chosen
        if weights[name].shape == others[name].shape and others[name].is_floating_point()
    ]
    return math.sqrt(sum(squares))
