"""Are the remedies against forgetting built as they should be, and judged fairly?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import nn

from checks.guard import LearnerError, checked
from checks.models import as_number
from checks.names import PartNames, any_belongs, parts_of, plural
from checks.verdict import Verdict, passed

_RELATIVE = 1e-3  # devices add up hundreds of thousands of numbers in another order
_MARGIN = 0.1
_CASE_WITH_MARGIN = 5


# -------------------------------------------------------------------------------- rehearsal


@checked("rehearsal.memory")
def check_memory(
    memory: object, labels: torch.Tensor, task: Sequence[int], *, per_class: int
) -> Verdict:
    """The memory holds ``per_class`` different examples of each class of a task, and no others.

    Args:
        memory: the learner's row numbers, a tensor ``[K]``.
        labels: ``[N]``, class indexes of all examples.
        task: the classes to keep examples of.
        per_class: how many of each.
    """
    rows = _rows(memory, "The memory", len(labels))
    if len(set(rows)) != len(rows):
        raise LearnerError(
            f"{plural(len(rows) - len(set(rows)), 'row')} of the memory are there twice.",
            expected="different images",
            hint="Draw without putting back: the first numbers of a torch.randperm.",
        )
    kept = [int(labels[row]) for row in rows]
    strange = sorted(set(kept) - set(task))
    if strange:
        raise LearnerError(
            f"The memory holds images of the classes {strange}.",
            expected=f"the classes {sorted(task)}",
            actual=f"the classes {sorted(set(kept))}",
            hint="Are your numbers rows of all labels, or positions among the task's images?",
        )
    counts = {each: kept.count(each) for each in task}
    wrong = {each: count for each, count in counts.items() if count != per_class}
    if wrong:
        each, count = next(iter(wrong.items()))
        raise LearnerError(
            f"The memory holds {plural(count, 'image')} of class {each}.",
            expected=f"{per_class} of each class",
            actual=", ".join(f"{count} of {each}" for each, count in counts.items()),
            hint="Draw from each class by itself, so that none is left out by chance.",
        )
    return passed("rehearsal.memory", f"{plural(per_class, 'image')} of each of the classes.")


@checked("rehearsal.batches")
def check_mixed_batches(
    batches: object, new_rows: torch.Tensor, memory: torch.Tensor, *, new_per_batch: int
) -> Verdict:
    """Each batch brings some new rows and the whole memory; each new row comes once, shuffled.

    Args:
        batches: the learner's, a list of tensors of row numbers.
        new_rows: ``[N]``, none of which is in the memory.
        memory: ``[K]``.
        new_per_batch: how many new rows a batch has; the last one may have fewer.
    """
    if not isinstance(batches, list | tuple) or not batches:
        raise LearnerError(
            "Your function does not give a list of batches.",
            expected="a list of tensors",
            actual=type(batches).__name__,
            hint="Build a list, one tensor of row numbers for each batch, and return it.",
        )
    kept, fresh = set(memory.tolist()), set(new_rows.tolist())
    largest = max(kept | fresh) + 1
    seen: list[int] = []
    for number, batch in enumerate(batches, start=1):
        rows = _rows(batch, f"Batch {number}", largest)
        old = sorted(row for row in rows if row in kept)
        if old != sorted(kept):
            raise LearnerError(
                f"Batch {number} of {len(batches)} has {len(old)} rows of the memory.",
                expected=f"each of the memory's {len(kept)} rows once in every batch",
                actual=f"{len(set(old))} different ones",
                hint="Join each group of new rows with the memory: torch.cat([group, memory]).",
            )
        seen += [row for row in rows if row not in kept]
        new, last = len(rows) - len(old), number == len(batches)
        if new > new_per_batch or (new < new_per_batch and not last):
            raise LearnerError(
                f"Batch {number} has {plural(new, 'new row')}.",
                expected=f"{new_per_batch} in each batch; fewer only in the last one",
                actual=str(new),
                hint="Split the new rows into groups of new_per_batch before you add the memory.",
            )
    if sorted(seen) != sorted(fresh):
        raise LearnerError(
            f"In one epoch {len(fresh & set(seen))} of {len(fresh)} new rows come at least once,"
            f" {plural(len(seen), 'new row')} in all.",
            expected="each new row exactly once",
            hint="Shuffle the new rows once, and cut them into groups, the last one included.",
        )
    if seen == new_rows.tolist():
        raise LearnerError(
            "The new rows come in the order that they were given in.",
            expected="a new random order in every epoch",
            hint="Shuffle them first: new_rows[torch.randperm(len(new_rows))].",
        )
    return passed(
        "rehearsal.batches",
        f"{plural(len(batches), 'batch')} with the whole memory in each, and each new row once.",
    )


def _rows(values: object, what: str, count: int) -> list[int]:
    """Row numbers below ``count`` from a tensor ``[K]``.

    Raises:
        LearnerError: they are something else.
    """
    if (
        not isinstance(values, torch.Tensor)
        or values.dim() != 1
        or values.dtype not in (torch.int64, torch.int32)
    ):
        shape = list(values.shape) if isinstance(values, torch.Tensor) else ""
        raise LearnerError(
            f"{what} is no list of row numbers.",
            expected="an integer tensor [K]",
            actual=f"{getattr(values, 'dtype', type(values).__name__)} {shape}".strip(),
            hint="Row numbers say which images to take; torch.cat joins those of several classes.",
        )
    rows: list[int] = values.tolist()
    outside = [row for row in rows if not 0 <= row < count]
    if outside or not rows:
        raise LearnerError(
            f"{what} has a row number that no image has." if outside else f"{what} is empty.",
            expected=f"numbers from 0 to {count - 1}",
            actual=str(outside[0]) if outside else "no number",
            hint="Take the numbers from torch.where(...)[0].",
        )
    return rows


# ------------------------------------------------------------------------------------- L2-SP


def l2_sp_of(
    model: nn.Module, start: Mapping[str, torch.Tensor], alpha: float, head: PartNames
) -> float:
    """Half of alpha times the squared distance to the starting point (Li et al. 2018).

    Args:
        model: the model whose weights have moved.
        start: the starting values by parameter name.
        alpha: the strength, 0 or more.
        head: names of the modules that are left out.
    """
    parts = parts_of(head)
    squares = (
        (parameter.detach().double().cpu() - start[name].double().cpu()).square().sum().item()
        for name, parameter in model.named_parameters()
        if not any_belongs([name], parts)
    )
    return alpha / 2 * math.fsum(squares)


@checked("penalty.l2_sp")
def check_l2_sp(
    value: object,
    model: nn.Module,
    start: Mapping[str, torch.Tensor],
    alpha: float,
    *,
    head: PartNames = "classifier",
) -> Verdict:
    """The penalty is right, and a gradient can flow through it.

    Args:
        value: the learner's, a tensor with one number.
        model: a model as the one that the learner's function got.
        start: the starting values by parameter name.
        alpha: the strength, above 0.
        head: names of the modules that are left out.
    """
    try:
        found = math.nan if isinstance(value, str) else as_number(value)
    except (TypeError, ValueError, RuntimeError):
        found = math.nan
    if not isinstance(value, torch.Tensor) or not math.isfinite(found):
        raise LearnerError(
            "Your penalty is not a tensor with one finite number.",
            expected="a tensor with one number, which requires a gradient",
            actual=f"{type(value).__name__} {str(value)[:60]}",
            hint="Add up tensors, without .item() or float(), and return the sum.",
        )
    expected = l2_sp_of(model, start, alpha, head)
    if abs(found - expected) > _RELATIVE * expected:
        raise LearnerError(
            f"The penalty is {found:.5g}, but should be {expected:.5g}.",
            expected=f"{expected:.5g}",
            actual=f"{found:.5g}",
            hint=_hint_on_penalty(found, expected, model, start, alpha=alpha, head=head),
        )
    if not value.requires_grad:
        raise LearnerError(
            "The penalty has the right value, but no gradient flows through it: it would not hold"
            " the weights back.",
            expected="requires_grad=True",
            actual="requires_grad=False",
            hint="Leave out torch.no_grad(), .detach(), .data and .item().",
        )
    return passed("penalty.l2_sp", f"The penalty is {found:.5g}, and its gradient flows.")


def _hint_on_penalty(
    found: float,
    expected: float,
    model: nn.Module,
    start: Mapping[str, torch.Tensor],
    *,
    alpha: float,
    head: PartNames,
) -> str:
    def near(other: float) -> bool:
        return abs(found - other) <= _RELATIVE * abs(other)

    zero = {name: torch.zeros_like(values) for name, values in start.items()}
    if near(2 * expected):
        return "It is twice as large as it should be: do not forget the half."
    if near(expected / alpha):
        return "The strength alpha is missing."
    if near(l2_sp_of(model, start, alpha, ())):
        return "Leave the head out: it has to learn the new classes."
    if near(l2_sp_of(model, zero, alpha, head)) or near(l2_sp_of(model, zero, alpha, ())):
        return "This is weight decay: it pulls towards zero. Subtract the starting point."
    if near(alpha / 2 * math.sqrt(2 * expected / alpha)):
        return "Do not take the square root: the penalty is the squared distance."
    return (
        "Square each difference to the starting value, add them all up (a sum, not a mean), over"
        " every parameter but the head's."
    )


# ------------------------------------------------------------------------ does a remedy help?


def remedy_of(
    naive_a: float, naive_b: float, remedy_a: float, remedy_b: float, margin: float = _MARGIN
) -> str:
    """What a remedy is worth: ``helps``, ``no help`` or ``does not learn``.

    Args:
        naive_a: the old task's accuracy after naive training.
        naive_b: the new task's.
        remedy_a: the old task's accuracy with the remedy.
        remedy_b: the new task's.
        margin: differences up to this size do not count.
    """
    if naive_b - remedy_b > margin:
        return "does not learn"
    return "helps" if remedy_a - naive_a > margin else "no help"


@checked("remedies.judged")
def check_remedies(answers: object, cases: Sequence[Sequence[float]]) -> Verdict:
    """Each case is judged by the rule of :func:`remedy_of`.

    Args:
        answers: the learner's, one text for each case.
        cases: accuracies ``(naive_a, naive_b, remedy_a, remedy_b)``, and a margin where there is a
            fifth number.
    """
    if not isinstance(answers, list | tuple) or len(answers) != len(cases):
        raise LearnerError(
            "There is not one answer for each case.",
            expected=plural(len(cases), "answer"),
            actual=type(answers).__name__,
            hint="Restart the kernel and run all cells.",
        )
    for answer, case in zip(answers, cases, strict=True):
        expected = remedy_of(*case)
        if answer == expected:
            continue
        margin = case[4] if len(case) == _CASE_WITH_MARGIN else _MARGIN
        raise LearnerError(
            f"Naive training ends with {case[0]:g} on A and {case[1]:g} on B, a remedy with"
            f" {case[2]:g} and {case[3]:g}; the margin is {margin:g}. Your function answers"
            f" {str(answer)[:40]!r}.",
            expected=repr(expected),
            actual=repr(str(answer)[:40]),
            hint="B decides first: naive_b - remedy_b > margin means that it does not learn. Only"
            " then look at remedy_a - naive_a.",
        )
    return passed("remedies.judged", f"{plural(len(cases), 'case')} judged by the rule.")
