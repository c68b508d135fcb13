"""Are the numbers right that tell how far two domains are apart, and what a remedy brings?

Formulas are those of the binomial and of the paired difference; the second is McNemar's, class by
class (Altman and Bland 2011 on differences; Brodersen et al. 2010 on balanced accuracy).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import torch

from checks.guard import LearnerError, checked
from checks.models import as_number, shape_or_type
from checks.verdict import Verdict, passed

_NORMAL_95 = NormalDist().inv_cdf(0.975)
# Learners divide by n or by n - 1, and take 1.96 or 2: neither moves a limit by more than this.
_LIMIT_TOLERANCE = 0.004
_VALUE_TOLERANCE = 1e-4
_STANDARDISED_TOLERANCE = 0.02  # of a standard deviation: n or n - 1, and a small constant
_THREE = 3
_MATRIX = 2


@dataclass(frozen=True)
class Difference:
    """A difference of two balanced accuracies with the limits of its 95 % interval."""

    value: float
    low: float
    high: float


def drop_between(source: torch.Tensor, target: torch.Tensor) -> Difference:
    """The drop of balanced accuracy from a source test to a target test, and its 95 % interval.

    The two tests are independent, so the variances of all recalls add; each recall is a binomial
    share. Normal approximation.

    Args:
        source: counts ``[C, C]``, a row for each true class, each with at least one example.
        target: likewise.
    """
    shares, variances = zip(*map(_recalls, (source, target)), strict=True)
    value = (shares[0].mean() - shares[1].mean()).item()
    error = math.sqrt(sum(each.sum().item() / len(each) ** 2 for each in variances))
    return Difference(value, value - _NORMAL_95 * error, value + _NORMAL_95 * error)


def gain_between(before: torch.Tensor, after: torch.Tensor, labels: torch.Tensor) -> Difference:
    """The gain of balanced accuracy on the same examples, and its 95 % interval.

    Each example gives -1, 0 or 1. Within a class the mean of these has the variance of a mean; the
    classes are independent. Normal approximation.

    Args:
        before: ``[N]``, the answers without the remedy.
        after: ``[N]``, the answers with it.
        labels: ``[N]``; each class occurs at least twice.
    """
    differences = (after == labels).double() - (before == labels).double()
    groups = [differences[labels == label] for label in _present(labels)]
    value = sum(each.mean().item() for each in groups) / len(groups)
    variance = sum(each.var().item() / len(each) for each in groups)
    error = math.sqrt(variance) / len(groups)
    return Difference(value, value - _NORMAL_95 * error, value + _NORMAL_95 * error)


def _present(values: torch.Tensor) -> list[int]:
    return sorted(set(values.tolist()))


def _recalls(matrix: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """For each class the share of right answers, and the variance of that share."""
    counts = matrix.double()
    total = counts.sum(dim=1)
    shares = counts.diag() / total
    return shares, shares * (1 - shares) / total


# ------------------------------------------------------------------- a difference and its interval


@checked("shift.drop")
def check_drop(returned: object, source: torch.Tensor, target: torch.Tensor) -> Verdict:
    """A drop of balanced accuracy and its interval, for two independent tests.

    Args:
        returned: the learner's ``(drop, low, high)``, as shares.
        source: confusion matrix ``[2, 2]`` of the source test.
        target: of the target test.
    """
    expected = drop_between(source, target)
    found = _difference(returned, "drop")
    _compare_value(found, expected, "drop", "source minus target, each the mean of two recalls")
    _compare_width(
        found,
        expected,
        hint="Two tests with other cells: the variances of the four recalls add, p (1 - p) / n"
        " each. The mean of two recalls has a quarter of the sum of their variances.",
    )
    return passed("shift.drop", f"The drop is {_said(expected)}.")


@checked("shift.gain")
def check_remedy_gain(
    returned: object, before: torch.Tensor, after: torch.Tensor, labels: torch.Tensor
) -> Verdict:
    """A remedy's gain in balanced accuracy and its interval, on the same examples.

    Args:
        returned: the learner's ``(gain, low, high)``, as shares.
        before: ``[N]``, answers without the remedy.
        after: ``[N]``, answers with it.
        labels: ``[N]``, the truth.
    """
    expected = gain_between(before, after, labels)
    found = _difference(returned, "gain")
    _compare_value(found, expected, "gain", "the mean over the classes of the mean difference")
    matrices = [_matrix(answers, labels) for answers in (after, before)]
    apart = drop_between(matrices[0], matrices[1])
    unpaired = abs((found.high - found.low) - (apart.high - apart.low)) <= _LIMIT_TOLERANCE
    _compare_width(
        found,
        expected,
        hint="This is the interval for two tests with different cells. Here both models answered"
        " the same ones: take the variance of the differences, cell by cell."
        if unpaired
        else "In each class: the variance of the differences, divided by the number of cells of"
        " that class. The mean of two classes has a quarter of the sum.",
    )
    return passed("shift.gain", f"The gain is {_said(expected)}.")


def _matrix(answers: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    classes = int(max(answers.max().item(), labels.max().item())) + 1
    flat = torch.bincount(labels * classes + answers, minlength=classes**2)
    return flat.reshape(classes, classes)


def _difference(returned: object, name: str) -> Difference:
    if not isinstance(returned, tuple | list | torch.Tensor) or len(returned) != _THREE:
        kind = type(returned).__name__
        raise LearnerError(
            f"Your function does not return the {name} and two limits.",
            expected=f"three numbers: {name}, low, high",
            actual=kind if not hasattr(returned, "__len__") else f"{len(returned)} in a {kind}",
            hint=f"End with `return {name}, low, high`.",
        )
    try:
        values = [as_number(each) for each in returned]
    except (TypeError, ValueError, RuntimeError):
        values = [math.nan]
    if not all(map(math.isfinite, values)):
        raise LearnerError(
            f"The {name} or one of its limits is not a finite number.",
            expected="three numbers",
            actual=str(returned)[:60],
            hint="Does a class occur in the numbers that you divide by?",
        )
    return Difference(*values)


def _compare_value(found: Difference, expected: Difference, name: str, what: str) -> None:
    if abs(found.value - expected.value) > _VALUE_TOLERANCE:
        flipped = abs(found.value + expected.value) <= _VALUE_TOLERANCE
        raise LearnerError(
            f"The {name} is {found.value:.3f}.",
            expected=f"{expected.value:.3f}",
            actual=f"{found.value:.3f}",
            hint="The sign is the wrong way round." if flipped else f"It is {what}.",
        )


def _compare_width(found: Difference, expected: Difference, *, hint: str) -> None:
    off = max(abs(found.low - expected.low), abs(found.high - expected.high))
    if off > _LIMIT_TOLERANCE:
        raise LearnerError(
            f"The interval goes from {found.low:.3f} to {found.high:.3f}.",
            expected=f"from {expected.low:.3f} to {expected.high:.3f}",
            actual=f"from {found.low:.3f} to {found.high:.3f}",
            hint=hint,
        )


def _said(each: Difference) -> str:
    return f"{each.value:.3f}, with a 95 % interval from {each.low:.3f} to {each.high:.3f}"


# ------------------------------------------------------------------------------ standardisation


@checked("shift.standardised")
def check_standardised(returned: object, source: torch.Tensor, target: torch.Tensor) -> Verdict:
    """Both domains are standardised, each feature with its own domain's statistics.

    A feature that never varies in a domain becomes 0 there.

    Args:
        returned: the learner's pair, source and target features after standardisation.
        source: ``[N, D]`` features as they were.
        target: ``[M, D]``.
    """
    if not isinstance(returned, tuple | list) or len(returned) != _MATRIX:
        raise LearnerError(
            "Your function does not return two matrices.",
            expected="two float tensors: the source's features and the target's",
            actual=type(returned).__name__,
            hint="End with `return new_source, new_target`.",
        )
    for name, found, own, other in zip(
        ("source", "target"), returned, (source, target), (target, source), strict=True
    ):
        _check_one_domain(name, found, own, other)
    return passed(
        "shift.standardised",
        "In each domain every feature has mean 0 and standard deviation 1, by its own statistics.",
    )


def _check_one_domain(name: str, found: object, own: torch.Tensor, other: torch.Tensor) -> None:
    if not isinstance(found, torch.Tensor) or found.shape != own.shape:
        raise LearnerError(
            f"The {name}'s features have the wrong shape.",
            expected=f"a tensor {list(own.shape)}",
            actual=shape_or_type(found),
            hint="Standardise each column; the shape stays as it is.",
        )
    values = found.detach().cpu().float()
    if not torch.isfinite(values).all():
        raise LearnerError(
            f"The {name}'s features are not all finite after standardisation.",
            expected="0 for a feature that never varies",
            hint="A feature that is the same for all cells has standard deviation 0: add a small"
            " number, such as 1e-6, to what you divide by.",
        )
    if _close(values, _standardised(own, own)):
        return
    wrong = {
        f"They are standardised with the other domain's statistics: the {name} keeps its shift.": (
            _standardised(own, other)
        ),
        "Both domains are standardised with the same, pooled statistics: the shift between them"
        " stays.": _standardised(own, torch.cat([own, other])),
        "They have mean 0, but not standard deviation 1.": own - own.mean(dim=0),
        "Each cell is standardised over its own features: take the statistics of each feature over"
        " the cells, dim=0.": _standardised(own.T, own.T).T,
        "They are divided by the variance: divide by its square root.": (
            (own - own.mean(dim=0)) / (own.var(dim=0) + 1e-6)
        ),
    }
    known = [text for text, each in wrong.items() if _close(values, each)]
    raise LearnerError(
        f"The {name}'s features are not standardised by the {name}'s own statistics.",
        expected=f"mean 0 and standard deviation 1 of each feature over the {name}'s cells",
        actual=f"means up to {values.mean(dim=0).abs().max():.2f}, standard deviations from"
        f" {values.std(dim=0).min():.2f} to {values.std(dim=0).max():.2f}",
        hint=known[0]
        if known
        else "Subtract the mean of each column and divide by its standard"
        " deviation, both computed from this domain alone.",
    )


def _standardised(features: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    centre, scale = reference.mean(dim=0), reference.std(dim=0)
    return (features - centre) / (scale + 1e-6)


def _close(values: torch.Tensor, expected: torch.Tensor) -> bool:
    allowed = _STANDARDISED_TOLERANCE * (1 + expected.abs())
    return bool(((values - expected).abs() <= allowed).all())


# -------------------------------------------------------------------------------- a few labels


@checked("shift.budget")
def check_few(rows: object, labels: torch.Tensor, per_class: int) -> Verdict:
    """A choice of rows keeps to the budget: so many of each class, none twice.

    Args:
        rows: the learner's choice, int64 ``[classes * per_class]``.
        labels: ``[N]``, the class of each row.
        per_class: how many of each class are allowed.
    """
    classes = len(_present(labels))
    if not isinstance(rows, torch.Tensor) or rows.dim() != 1 or rows.dtype != torch.int64:
        raise LearnerError(
            "There are no row numbers to look at.",
            expected=f"a tensor of {classes * per_class} whole numbers",
            actual=f"{rows.dtype} {list(rows.shape)}"
            if isinstance(rows, torch.Tensor)
            else type(rows).__name__,
            hint="Join the rows of each class with torch.cat, and return them.",
        )
    if len(rows) and not (int(rows.min()) >= 0 and int(rows.max()) < len(labels)):
        raise LearnerError(
            f"Some row numbers lie outside 0 to {len(labels) - 1}.",
            hint="torch.randperm(n) numbers the rows of a class, not those of the data set: look"
            " up which row each of them is.",
        )
    if len(_present(rows)) < len(rows):
        raise LearnerError(
            "Some rows are chosen more than once.",
            hint="Draw without replacement: torch.randperm, not torch.randint.",
        )
    counts = torch.bincount(labels[rows], minlength=classes).tolist()
    if counts != [per_class] * classes:
        raise LearnerError(
            f"The choice holds {', '.join(map(str, counts))} rows of the classes.",
            expected=f"{per_class} of each",
            actual=", ".join(map(str, counts)),
            hint="Find the rows of one class with torch.where(labels == label)[0], and take that"
            " many of them; then the next class.",
        )
    return passed("shift.budget", f"{per_class} rows of each class, none twice.")


@checked("shift.random_choice")
def check_chosen_by_chance(choices: object) -> Verdict:
    """Several choices from the same rows differ: they were drawn, not taken from the front.

    Args:
        choices: what the learner's function gave under different seeds, each ``[K]``.
    """
    if not isinstance(choices, tuple | list) or not all(
        isinstance(each, torch.Tensor) and each.dim() == 1 and len(each) for each in choices
    ):
        raise LearnerError("There are no row numbers to look at.", hint="Return a tensor of rows.")
    if len({tuple(sorted(each.tolist())) for each in choices}) < len(choices):
        raise LearnerError(
            "Under different seeds the same rows are chosen.",
            hint="The first rows of a file often have something in common, such as the panel that"
            " they come from: draw them with torch.randperm.",
        )
    return passed("shift.random_choice", "Another seed draws other rows.")


@checked("shift.weights")
def check_domain_weights(weights: object, domains: torch.Tensor) -> Verdict:
    """Each domain has the same total weight, and each example of a domain the same.

    Args:
        weights: the learner's, ``[N]``; only their proportions matter.
        domains: ``[N]``, the domain of each example, from 0.
    """
    if not isinstance(weights, torch.Tensor) or weights.shape != domains.shape:
        raise LearnerError(
            "There is not one weight for each example.",
            expected=f"a float tensor [{len(domains)}]",
            actual=f"a tensor {list(weights.shape)}"
            if isinstance(weights, torch.Tensor)
            else type(weights).__name__,
            hint="Return a weight for each entry of `domains`.",
        )
    values = weights.detach().cpu().double()
    if not torch.isfinite(values).all() or not (values > 0).all():
        raise LearnerError(
            "Some weights are not positive, finite numbers.", hint="Every example counts."
        )
    groups = [values[domains == each] for each in _present(domains)]
    if any((each.max() - each.min()) > 1e-4 * each.max() for each in groups):  # rounding
        raise LearnerError(
            "Examples of one domain have different weights.",
            hint="A weight depends on the size of the example's domain and on nothing else.",
        )
    totals = torch.stack([each.sum() for each in groups])
    if (totals.max() - totals.min()) > 1e-3 * totals.max():  # rounding
        shares = ", ".join(f"{each:.0%}" for each in (totals / totals.sum()).tolist())
        raise LearnerError(
            f"The domains have {shares} of the whole weight.",
            expected="the same for each domain",
            actual=shares,
            hint="What does a domain's weight add up to when each of its examples gets one divided"
            " by their number?",
        )
    return passed("shift.weights", "Each domain has the same total weight.")
