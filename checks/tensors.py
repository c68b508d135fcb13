"""Does a tensor hold the numbers that it should?"""

from __future__ import annotations

import torch

from checks.guard import LearnerError, checked
from checks.models import shape_or_type
from checks.names import share
from checks.verdict import Verdict, passed


@checked("value.tensor")
def check_tensor(
    name: str,
    actual: object,
    expected: torch.Tensor,
    *,
    tolerance: float = 1e-4,
    hint: str | None = None,
) -> Verdict:
    """A tensor has the expected shape and numbers, and carries no graph.

    Args:
        name: what to call it.
        actual: the learner's, of any number of dimensions but none.
        expected: what it should be.
        tolerance: how far off a number may be, relative to the largest one of its row.
        hint: what to do next where numbers differ.
    """
    if not isinstance(actual, torch.Tensor) or actual.shape != expected.shape:
        raise LearnerError(
            f"{name}: not the tensor that was asked for.",
            expected=f"a tensor {list(expected.shape)}",
            actual=shape_or_type(actual),
            hint="Does your function return it, with a row for each example?",
        )
    if actual.requires_grad:
        raise LearnerError(
            f"{name}: the graph of how they were computed is still there, which keeps every"
            " intermediate result in memory.",
            expected="requires_grad=False",
            actual="requires_grad=True",
            hint="Compute them inside `with torch.no_grad():`.",
        )
    values = actual.detach().cpu().float()
    target = expected.detach().cpu().float()
    if not torch.isfinite(values).all():
        raise LearnerError(f"{name}: not all numbers are finite.", hint=hint)
    scale = target.abs().reshape(len(target), -1).amax(dim=1).clamp_min(1e-12)
    errors = (values - target).abs().reshape(len(target), -1).amax(dim=1) / scale
    wrong = (errors > tolerance).nonzero().flatten().tolist()
    if wrong:
        raise LearnerError(
            f"{name}: {share(wrong, len(target))} rows hold other numbers, first: row {wrong[0]}.",
            hint=hint or "Work one row through by hand.",
        )
    return passed("value.tensor", f"{name}: {list(values.shape)}, as they should be.")
