"""Is a vector or a table of numbers what it should be?"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from checks.guard import LearnerError, checked
from checks.verdict import Verdict, passed

_ROUNDING = 1e-4
_LONGEST_SHOWN = 60


@checked("results.equal")
def check_results(
    name: str,
    actual: object,
    expected: Sequence[float] | torch.Tensor,
    *,
    tolerance: float = _ROUNDING,
) -> Verdict:
    """A vector or a table of numbers is right: its shape, its order and its values.

    Args:
        name: what to call it.
        actual: the learner's; truth values count as 0 and 1.
        expected: what it should be, of any shape.
        tolerance: how far off each number may be.
    """
    target = torch.as_tensor(expected).detach().cpu().double()
    values = _as_tensor(name, actual, target)
    if values.shape != target.shape:
        turned = target.dim() > 1 and values.shape == target.mT.shape
        raise LearnerError(
            f"{name}: rows and columns are swapped." if turned else f"{name}: the shape is wrong.",
            expected=str(list(target.shape)),
            actual=str(list(values.shape)),
            hint="What does a row stand for, and what a column?",
        )
    if not torch.isfinite(values).all():
        raise LearnerError(
            f"{name}: not all numbers are finite.", hint="Is something divided by 0?"
        )
    wrong = int(((values - target).abs() > tolerance).sum())
    if wrong:
        reordered = torch.allclose(
            values.flatten().sort().values, target.flatten().sort().values, atol=tolerance
        )
        raise LearnerError(
            f"{name}: the right numbers stand in the wrong places."
            if reordered and target.numel() > 1
            else f"{name}: {wrong} of {target.numel()} numbers are wrong.",
            hint="Keep the order of what you were given."
            if reordered
            else "Work through a small example by hand: which numbers belong to which place?",
        )
    return passed("results.equal", f"{name}: all {target.numel()} numbers are right.")


def _as_tensor(name: str, actual: object, target: torch.Tensor) -> torch.Tensor:
    kind = "one number" if target.dim() == 0 else f"numbers of shape {list(target.shape)}"
    if isinstance(actual, torch.Tensor | list | tuple | int | float):
        try:
            values = torch.as_tensor(actual).detach().cpu()
        except (TypeError, ValueError, RuntimeError):
            values = None
        if values is not None and not values.is_complex():
            return values.double()
    raise LearnerError(
        f"{name}: there are no numbers to look at.",
        expected=kind,
        actual=f"{type(actual).__name__} {str(actual)[:_LONGEST_SHOWN]}",
        hint="Does your function return them?",
    )
