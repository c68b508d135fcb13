"""Was transfer worth it? Rankings of sources, crossings of curves, and gains with their interval.

Every check computes what is right from the numbers that the learner's function was given, so a
hidden part only says which numbers those were.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import combinations
from statistics import NormalDist, fmean, stdev

import torch
from scipy.special import stdtrit

from checks.guard import LearnerError, checked
from checks.models import number_or_nan
from checks.verdict import Verdict, passed

Numbers = Sequence[float] | torch.Tensor
Interval = tuple[float, float, float]

VERDICTS = ("positive", "negative", "undecided")
_ROUNDING = 1e-4
# Interpolated sizes are as large as data sets: rounding grows with them.
_RELATIVE = 1e-3
_LONGEST_SHOWN = 60


# ------------------------------------------------------------------------ rankings of sources


def kendall_tau(first: Numbers, second: Numbers) -> float:
    """Kendall's tau-a: pairs in the same order minus pairs in opposite order, over all pairs.

    Args:
        first: ``[N]``, one score for each source.
        second: ``[N]``, another score for each source, in the same order.

    Raises:
        ValueError: there are fewer than two, or not as many of one as of the other.
    """
    signs = _orders(first, second)
    return sum(signs) / len(signs)


def _orders(first: Numbers, second: Numbers) -> list[int]:
    """For each pair of sources 1 if both scores order it alike, -1 if not, 0 at a tie."""
    rows = list(zip(_floats(first), _floats(second), strict=True))
    if len(rows) < 2:  # noqa: PLR2004 - a pair
        raise ValueError("Expected at least two sources to rank")
    products = ((a[0] - b[0]) * (a[1] - b[1]) for a, b in combinations(rows, 2))
    return [(product > 0) - (product < 0) for product in products]


@checked("transfer.ranking")
def check_ranking(actual: object, first: Numbers, second: Numbers) -> Verdict:
    """Kendall's tau of two scores of the same sources (Kendall 1938) is right.

    Args:
        actual: the learner's.
        first: ``[N]``, what the learner's function was given first.
        second: ``[N]``, what it was given second.
    """
    signs = _orders(first, second)
    expected = sum(signs) / len(signs)
    value = _number("Kendall's tau", actual)
    alike = signs.count(1) / len(signs)
    _require_near(
        "Kendall's tau",
        value,
        expected,
        {
            -expected: "The sign is wrong: a pair that both scores order alike counts +1.",
            alike: "That is the share of pairs in the same order. Pairs in opposite order are"
            " subtracted.",
            sum(signs): "Divide by the number of pairs.",
            sum(signs) / len(_floats(first)): "Divide by the number of pairs, not of sources.",
            sum(signs) / (2 * len(signs)): "Count each pair once: there are n (n - 1) / 2 pairs.",
            2 * alike - 1: "A tie is neither in the same nor in opposite order: it counts 0.",
        },
        "Go through all pairs, and look at the sign of (a_i - a_j) * (b_i - b_j).",
    )
    return passed("transfer.ranking", f"Kendall's tau is {value:.3f}, as it should be.")


# ------------------------------------------------------------------------ crossings of curves


def crossing(sizes: Numbers, ahead: Numbers, behind: Numbers) -> float | None:
    """The size at which the curve ``behind`` reaches the curve ``ahead``.

    Between two sizes both curves are taken as straight lines over the logarithm of the size.

    Args:
        sizes: ``[N]``, positive, increasing.
        ahead: ``[N]``, one accuracy for each size.
        behind: ``[N]``, the other curve.

    Returns:
        The first size without a lead; None if the lead lasts over all sizes.
    """
    positions = [math.log2(size) for size in _floats(sizes)]
    leads = [a - b for a, b in zip(_floats(ahead), _floats(behind), strict=True)]
    if leads[0] <= 0:
        return _floats(sizes)[0]
    for index in range(1, len(leads)):
        before, after = leads[index - 1], leads[index]
        if after <= 0:
            share = before / (before - after)
            return float(
                2 ** (positions[index - 1] + share * (positions[index] - positions[index - 1]))
            )
    return None


@checked("transfer.crossing")
def check_crossing(actual: object, sizes: Numbers, ahead: Numbers, behind: Numbers) -> Verdict:
    """The size at which one learning curve reaches another is right, or rightly None.

    Args:
        actual: the learner's: a size, or None where the curves do not cross.
        sizes: ``[N]``, what the learner's function was given.
        ahead: ``[N]``, as well.
        behind: ``[N]``, as well.
    """
    expected = crossing(sizes, ahead, behind)
    if expected is None:
        if actual is not None:
            raise LearnerError(
                "These curves do not cross within the sizes measured, but a crossing was found.",
                expected="None",
                actual=f"{type(actual).__name__} {str(actual)[:_LONGEST_SHOWN]}",
                hint="Beyond the largest size nothing was measured: return None.",
            )
        return passed("transfer.crossing", "No crossing within the sizes measured, rightly.")
    if actual is None:
        raise LearnerError(
            "These curves cross, but your function returned None.",
            expected="the size at which the lead is gone",
            actual="None",
            hint="Find the first size with a lead of 0 or less; is there a `return` on every way?",
        )
    value = _number("The crossing", actual)
    measured = _floats(sizes)
    after = next((size for size in measured if size >= expected), measured[-1])
    before = max((size for size in measured if size <= expected), default=measured[0])
    leads = [a - b for a, b in zip(_floats(ahead), _floats(behind), strict=True)]
    index = measured.index(after)
    mistakes = {}
    if index and after != before:
        share = leads[index - 1] / (leads[index - 1] - leads[index])
        straight = before + share * (after - before)
        mistakes[straight] = "Interpolate over the logarithm of the size, as the picture does."
        mistakes[after] = "That is the first size measured after the crossing: interpolate."
        mistakes[before] = "That is the last size measured before the crossing: interpolate."
        mistakes[2 ** (math.log2(after) - share * math.log2(after / before))] = (
            "The share counts from the size before the crossing."
        )
    _require_near(
        "The crossing",
        value,
        expected,
        mistakes,
        "The lead falls from d0 to d1 between two sizes: it is 0 after the share d0 / (d0 - d1)"
        " of the way.",
        tolerance=_RELATIVE * expected,
    )
    return passed("transfer.crossing", f"The curves cross at {value:.1f}, as they should.")


# --------------------------------------------------------------------- gains with an interval


def paired_gain(transfer: Numbers, scratch: Numbers, confidence: float = 0.95) -> Interval:
    """The mean gain over scratch and its interval, paired over seeds (Student's t).

    Args:
        transfer: ``[N]``, the accuracy with transfer for each seed.
        scratch: ``[N]``, the accuracy from scratch for the same seeds.
        confidence: from 0 to 1.

    Returns:
        The mean difference, and the lower and the upper end of its interval.
    """
    gains = [a - b for a, b in zip(_floats(transfer), _floats(scratch), strict=True)]
    if len(gains) < 2:  # noqa: PLR2004 - one value has no spread
        raise ValueError("Expected at least two seeds")
    half = stdev(gains) / math.sqrt(len(gains)) * _quantile(confidence, len(gains) - 1)
    return fmean(gains), fmean(gains) - half, fmean(gains) + half


def _quantile(confidence: float, freedom: int) -> float:
    return float(stdtrit(freedom, (1 + confidence) / 2))


@checked("transfer.gain")
def check_gain(
    actual: object, transfer: Numbers, scratch: Numbers, *, confidence: float = 0.95
) -> Verdict:
    """The gain over scratch and its interval, paired over seeds, are right.

    Args:
        actual: the learner's three numbers: the mean gain, the interval's lower and upper end.
        transfer: ``[N]``, what the learner's function was given.
        scratch: ``[N]``, as well.
        confidence: the interval's, from 0 to 1.
    """
    mean, low, high = paired_gain(transfer, scratch, confidence)
    found = _three(actual)
    if abs(found[0] + mean) <= _ROUNDING < abs(mean):
        raise LearnerError(
            "The gain has the wrong sign.",
            expected=f"{mean:+.4f}",
            actual=f"{found[0]:+.4f}",
            hint="It is positive where transfer is better: transfer minus scratch.",
        )
    _require_near("The gain", found[0], mean, {}, "Average the differences over the seeds.")
    if found[1] > found[2]:
        raise LearnerError(
            "The lower end of your interval lies above the upper one.",
            hint="Return the mean, then mean - half, then mean + half.",
        )
    if abs((found[1] + found[2]) / 2 - mean) > _ROUNDING:
        raise LearnerError(
            "Your interval does not lie around the gain.",
            hint="It reaches equally far to both sides of the mean.",
        )
    half = (found[2] - found[1]) / 2
    _require_near(
        "Half of the interval's width",
        half,
        (high - low) / 2,
        _wrong_halves(_floats(transfer), _floats(scratch), confidence),
        "It is the t quantile times the standard error of the differences.",
    )
    return passed("transfer.gain", f"{mean:+.3f}, from {low:+.3f} to {high:+.3f}: all right.")


def _wrong_halves(
    transfer: Sequence[float], scratch: Sequence[float], confidence: float
) -> dict[float, str]:
    count = len(transfer)
    gains = [a - b for a, b in zip(transfer, scratch, strict=True)]
    spread, root = stdev(gains), math.sqrt(count)
    t = _quantile(confidence, count - 1)
    unpaired = math.sqrt((stdev(transfer) ** 2 + stdev(scratch) ** 2) / count)
    return {
        t * unpaired: "That is the interval of two separate samples. Both arms share their seeds:"
        " take the differences first.",
        _quantile(confidence, 2 * count - 2) * unpaired: "That is the interval of two separate"
        " samples. Both arms share their seeds: take the differences first.",
        NormalDist().inv_cdf((1 + confidence) / 2) * spread / root: "That is the normal"
        " distribution's quantile: with so few seeds Student's t is wider.",
        t * spread: "That is the spread of single differences. Their mean is known better: divide"
        " by the square root of their number.",
        t * spread / count: "Divide by the square root of the number of seeds.",
        t * spread * math.sqrt((count - 1) / count) / root: "Divide the squares by n - 1: the"
        " spread is estimated from the sample.",
        _quantile(2 * confidence - 1, count - 1) * spread / root: "The interval has two ends:"
        " (1 - confidence) / 2 lies beyond each.",
        _quantile(confidence, count) * spread / root: "n differences have n - 1 degrees of"
        " freedom.",
        spread / root: "That is the standard error: multiply it by the t quantile.",
    }


@checked("transfer.verdict")
def check_transfer_verdict(actual: object, low: float, high: float) -> Verdict:
    """The verdict on a gain fits its interval; negative transfer is flagged.

    Negative transfer is a gain below zero (Wang et al. 2019): the source makes it worse.

    Args:
        actual: the learner's: ``positive``, ``negative`` or ``undecided``.
        low: the interval's lower end, which the learner's function was given.
        high: its upper end.
    """
    expected = "positive" if low > 0 else "negative" if high < 0 else "undecided"
    if not isinstance(actual, str) or actual not in VERDICTS:
        raise LearnerError(
            "Your function gives none of the three verdicts.",
            expected=", ".join(VERDICTS),
            actual=f"{type(actual).__name__} {str(actual)[:_LONGEST_SHOWN]}",
            hint="Return one of the three words, in small letters.",
        )
    if actual != expected:
        raise LearnerError(
            f"A gain with an interval from {low:+.3f} to {high:+.3f} was called {actual}.",
            expected=expected,
            actual=actual,
            hint="Where does 0 lie: below the whole interval, above it, or inside?",
        )
    return passed("transfer.verdict", f"An interval from {low:+.3f} to {high:+.3f}: {actual}.")


# ----------------------------------------------------------------------------- what all share


def _floats(numbers: Numbers) -> list[float]:
    values: Iterable[float] = (
        numbers.detach().flatten().tolist() if isinstance(numbers, torch.Tensor) else numbers
    )
    return [float(value) for value in values]


def _number(name: str, actual: object) -> float:
    value = math.nan if isinstance(actual, str | bool) else number_or_nan(actual)
    if not math.isfinite(value):
        raise LearnerError(
            f"{name} is not a finite number.",
            actual=f"{type(actual).__name__} {str(actual)[:_LONGEST_SHOWN]}",
            hint="Does your function return it?",
        )
    return value


def _three(actual: object) -> Interval:
    items = actual.tolist() if isinstance(actual, torch.Tensor) and actual.dim() else actual
    if not isinstance(items, tuple | list) or len(items) != 3:  # noqa: PLR2004 - as said below
        raise LearnerError(
            "Your function does not return three numbers.",
            expected="the mean gain, the interval's lower end, its upper end",
            actual=type(actual).__name__,
            hint="End with `return mean, low, high`.",
        )
    mean, low, high = (_number("One of the three", each) for each in items)
    return mean, low, high


def _require_near(
    name: str,
    value: float,
    expected: float,
    mistakes: dict[float, str],
    hint: str,
    *,
    tolerance: float = _ROUNDING,
) -> None:
    if abs(value - expected) <= tolerance:
        return
    known = (advice for wrong, advice in mistakes.items() if abs(value - wrong) <= tolerance)
    raise LearnerError(
        f"{name} is {value:.4g}, but should be {expected:.4g}.",
        expected=f"{expected:.4g}",
        actual=f"{value:.4g}",
        hint=next(known, hint),
    )
