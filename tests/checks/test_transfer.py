"""Rankings, crossings and gains: right ones as scipy has them, wrong ones by their mistake."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest
import torch
from scipy import optimize, stats

from checks.transfer import (
    check_crossing,
    check_gain,
    check_ranking,
    check_transfer_verdict,
    crossing,
    kendall_tau,
    paired_gain,
)
from checks.verdict import Status, Verdict

TRANSFER, SCRATCH = [0.80, 0.84, 0.79, 0.85, 0.83], [0.71, 0.77, 0.72, 0.73, 0.75]
SIZES, AHEAD = [10, 20, 40], [0.8, 0.85, 0.9]
NO_NUMBERS: list[object] = [
    None,
    "0.5",
    float("nan"),
    float("inf"),
    True,
    [0.5, 0.6],
    torch.zeros(2),
    1j,
    {},
]


def assert_passed(verdict: Verdict) -> None:
    assert verdict.status is Status.PASSED, verdict


def assert_failed(verdict: Verdict) -> None:
    assert (verdict.status, verdict.score) == (Status.FAILED, 0.0), verdict


# -------------------------------------------------------------------------------- rankings


@pytest.mark.parametrize("seed", range(10))
def test_tau_without_ties_is_scipys(seed: int) -> None:
    draw = random.Random(seed)
    first, second = ([draw.random() for _ in range(7)] for _ in range(2))
    expected = float(stats.kendalltau(first, second).statistic)
    assert kendall_tau(first, second) == pytest.approx(expected)
    assert_passed(check_ranking(np.float64(expected), torch.tensor(first), second))


def test_tie_counts_nothing_and_its_pair_counts() -> None:
    assert kendall_tau([1, 1, 2], [1, 2, 3]) == pytest.approx(2 / 3)
    assert kendall_tau([1, 1], [1, 2]) == 0


@pytest.mark.parametrize("wrong", [-0.6, 0.8, 6.0, 0.3, 1.2, *NO_NUMBERS])
def test_wrong_tau_fails(wrong: object) -> None:
    first, second = [0.3, -0.2, 0.9, 0.5, 0.1], [0.71, 0.74, 0.9, 0.88, 0.6]
    assert_failed(check_ranking(wrong, first, second))


def test_reversed_tau_is_told() -> None:
    assert "sign" in str(check_ranking(-1.0, [1, 2, 3], [1, 2, 3]).hint)


@pytest.mark.parametrize(("first", "second"), [([1.0], [1.0]), ([1.0, 2.0], [1.0])])
def test_ranking_of_too_few_is_our_mistake(first: list[float], second: list[float]) -> None:
    assert check_ranking(1.0, first, second).status is Status.ERROR


# -------------------------------------------------------------------------------- crossings


@pytest.mark.parametrize("seed", range(10))
def test_crossing_is_where_the_interpolated_curves_meet(seed: int) -> None:
    draw = random.Random(seed)
    ahead = [0.8 + 0.05 * draw.random() for _ in SIZES]
    behind = [0.6, 0.7 + 0.05 * draw.random(), 0.9]

    def lead(position: float) -> float:
        over = np.log2(SIZES)
        return float(np.interp(position, over, ahead) - np.interp(position, over, behind))

    expected = 2 ** optimize.brentq(lead, math.log2(10), math.log2(40))
    assert crossing(SIZES, ahead, behind) == pytest.approx(expected)
    assert_passed(check_crossing(expected, SIZES, ahead, behind))


def test_first_of_two_crossings_counts() -> None:
    found = crossing([1, 2, 4, 8, 16], [1, 1, 1, 1, 1], [0, 2, 0, 2, 2])
    assert found == pytest.approx(math.sqrt(2))


def test_curve_that_starts_ahead_crosses_at_the_first_size() -> None:
    assert crossing(SIZES, AHEAD, [0.8, 0.7, 0.7]) == 10
    assert_passed(check_crossing(10, SIZES, AHEAD, [0.85, 0.7, 0.7]))
    assert_failed(check_crossing(None, SIZES, AHEAD, [0.85, 0.7, 0.7]))


def test_curves_that_touch_at_the_end_cross_there() -> None:
    assert_passed(check_crossing(40.0, SIZES, AHEAD, [0.5, 0.6, 0.9]))
    assert_failed(check_crossing(20.0, SIZES, AHEAD, [0.5, 0.6, 0.9]))


@pytest.mark.parametrize("found", [40, 10.0, math.inf, "None", False, math.nan])
def test_without_a_crossing_only_none_is_right(found: object) -> None:
    behind = [0.5, 0.6, 0.7]
    assert crossing(SIZES, AHEAD, behind) is None
    assert_passed(check_crossing(None, SIZES, AHEAD, behind))
    assert_failed(check_crossing(found, SIZES, AHEAD, behind))


@pytest.mark.parametrize("wrong", [10, 20, 40, 30, 26.5, *NO_NUMBERS])
def test_wrong_crossing_fails(wrong: object) -> None:
    assert_failed(check_crossing(wrong, SIZES, [0.8] * 3, [0.6, 0.7, 0.9]))


# -------------------------------------------------------------------------------- gains


@pytest.mark.parametrize("confidence", [0.5, 0.8, 0.95, 0.99])
@pytest.mark.parametrize("count", [2, 5, 30])
def test_gain_is_that_of_scipys_paired_test(count: int, confidence: float) -> None:
    draw = np.random.default_rng(count)
    transfer, scratch = draw.normal(0.8, 0.03, count), draw.normal(0.75, 0.04, count)
    low, high = stats.ttest_rel(transfer, scratch).confidence_interval(confidence)
    found = paired_gain(transfer.tolist(), scratch.tolist(), confidence)
    assert found == pytest.approx(((low + high) / 2, low, high))
    tensors = torch.from_numpy(transfer), torch.from_numpy(scratch)
    for shown in (found, list(found), torch.tensor(found)):
        assert_passed(check_gain(shown, *tensors, confidence=confidence))


def changed(mean: float = 0.0, half: float = 1.0) -> tuple[float, float, float]:
    """The right gain, moved, and with another width."""
    right, low, _ = paired_gain(TRANSFER, SCRATCH)
    width = (right - low) * half
    return right + mean, right + mean - width, right + mean + width


@pytest.mark.parametrize(
    "wrong",
    [
        changed(mean=0.01),
        changed(half=0.5),
        changed(half=1.1),
        changed(half=-1.0),
        changed(half=0.0),
        tuple(-each for each in changed()),
        (changed()[0], changed()[1] - 0.01, changed()[2]),
        changed()[:2],
        changed()[0],
        None,
        "0.08, 0.05, 0.1",
        (0.08, None, 0.1),
        (math.nan,) * 3,
    ],
)
def test_wrong_gain_fails(wrong: Any) -> None:
    assert_failed(check_gain(wrong, TRANSFER, SCRATCH))


@pytest.mark.parametrize(
    ("half", "word"),
    [
        (stats.norm.ppf(0.975) * stats.sem(np.subtract(TRANSFER, SCRATCH)), "normal"),
        (stats.t.ppf(0.95, 4) * stats.sem(np.subtract(TRANSFER, SCRATCH)), "two ends"),
        (stats.t.ppf(0.975, 4) * np.subtract(TRANSFER, SCRATCH).std(ddof=1), "square root"),
        (stats.t.ppf(0.975, 4) * math.hypot(stats.sem(TRANSFER), stats.sem(SCRATCH)), "separate"),
        (stats.sem(np.subtract(TRANSFER, SCRATCH)), "standard error"),
    ],
)
def test_known_mistake_in_the_width_is_named(half: float, word: str) -> None:
    mean = paired_gain(TRANSFER, SCRATCH)[0]
    verdict = check_gain((mean, mean - half, mean + half), TRANSFER, SCRATCH)
    assert_failed(verdict)
    assert word in str(verdict.hint)


@pytest.mark.parametrize(("transfer", "scratch"), [([0.5], [0.4]), ([0.5, 0.6], [0.4])])
def test_gain_without_pairs_is_our_mistake(transfer: list[float], scratch: list[float]) -> None:
    assert check_gain((0.1, 0.0, 0.2), transfer, scratch).status is Status.ERROR


# -------------------------------------------------------------------------------- verdicts


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.01, 0.2, "positive"),
        (-0.2, -0.01, "negative"),
        (-0.1, 0.1, "undecided"),
        (0.0, 0.2, "undecided"),
        (-0.2, 0.0, "undecided"),
    ],
)
def test_one_of_three_words_is_right(low: float, high: float, expected: str) -> None:
    for word in ("positive", "negative", "undecided"):
        verdict = check_transfer_verdict(word, low, high)
        assert (verdict.status is Status.PASSED) == (word == expected)


@pytest.mark.parametrize("thing", [None, True, "Positive", "", 1.0, ["positive"], torch.ones(2)])
def test_anything_else_is_no_verdict(thing: object) -> None:
    assert_failed(check_transfer_verdict(thing, 0.1, 0.2))
