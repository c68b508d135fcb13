"""Drops, gains and standardised features, against scikit-learn, NumPy and the bootstrap."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score, confusion_matrix
from sklearn.preprocessing import StandardScaler

from checks.shift import (
    check_chosen_by_chance,
    check_domain_weights,
    check_drop,
    check_few,
    check_remedy_gain,
    check_standardised,
    drop_between,
    gain_between,
)
from checks.verdict import Status, Verdict

SOURCE = torch.tensor([[170, 30], [16, 64]])
TARGET = torch.tensor([[20, 30], [3, 9]])


def drawn(seed: int, n: int = 400) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Labels, and the answers of two models that find the same examples easy."""
    numbers = torch.Generator().manual_seed(seed)
    labels = (torch.rand(n, generator=numbers) < 0.3).long()
    easy = torch.rand(n, generator=numbers)
    after = easy + 0.05 * torch.randn(n, generator=numbers)
    return (
        labels,
        torch.where(easy < 0.6, labels, 1 - labels),
        torch.where(after < 0.75, labels, 1 - labels),
    )


def as_matrix(labels: torch.Tensor, answers: torch.Tensor) -> torch.Tensor:
    return torch.tensor(confusion_matrix(labels, answers))


def assert_failed(verdict: Verdict) -> None:
    assert (verdict.status, verdict.score) == (Status.FAILED, 0.0), verdict
    assert verdict.hint


def assert_passed(verdict: Verdict) -> None:
    assert verdict.status is Status.PASSED, verdict


# ------------------------------------------------------------------------------ drop and gain


def test_the_drop_is_the_difference_of_scikit_learns_balanced_accuracies() -> None:
    labels, first, second = drawn(0)
    found = drop_between(as_matrix(labels, first), as_matrix(labels, second))
    expected = balanced_accuracy_score(labels, first) - balanced_accuracy_score(labels, second)
    assert found.value == pytest.approx(expected)


def test_the_drops_interval_covers_what_a_simulation_says() -> None:
    numbers = np.random.default_rng(0)
    recalls, totals = np.array([[0.85, 0.8], [0.4, 0.75]]), np.array([[200, 80], [50, 12]])
    right = numbers.binomial(totals, recalls, size=(20_000, 2, 2)) / totals
    spread = (right[:, 0].mean(axis=1) - right[:, 1].mean(axis=1)).std()
    found = drop_between(SOURCE, TARGET)
    assert (found.high - found.low) / (2 * 1.96) == pytest.approx(spread, rel=0.02)


def test_the_gain_is_scikit_learns_and_its_interval_the_bootstraps() -> None:
    labels, before, after = drawn(1)
    found = gain_between(before, after, labels)
    assert found.value == pytest.approx(
        balanced_accuracy_score(labels, after) - balanced_accuracy_score(labels, before)
    )
    numbers = np.random.default_rng(1)
    difference = (after == labels).numpy().astype(float) - (before == labels).numpy()
    groups = [difference[labels.numpy() == label] for label in (0, 1)]
    gains = np.mean(
        [numbers.choice(each, size=(4_000, len(each))).mean(axis=1) for each in groups], axis=0
    )
    assert (found.high - found.low) / (2 * 1.96) == pytest.approx(gains.std(), rel=0.05)


def test_a_paired_interval_is_narrower_than_that_of_independent_tests() -> None:
    labels, before, after = drawn(2)
    paired = gain_between(before, after, labels)
    apart = drop_between(as_matrix(labels, after), as_matrix(labels, before))
    assert paired.high - paired.low < apart.high - apart.low
    unpaired = (apart.value, apart.low, apart.high)
    assert_failed(check_remedy_gain(unpaired, before, after, labels))


@pytest.mark.parametrize("kind", [tuple, list, torch.tensor])
def test_right_numbers_pass_in_any_sequence(kind: Callable[[Any], Any]) -> None:
    expected = drop_between(SOURCE, TARGET)
    values = kind([expected.value, expected.low, expected.high])
    assert_passed(check_drop(values, SOURCE, TARGET))
    labels, before, after = drawn(3)
    gain = gain_between(before, after, labels)
    assert_passed(check_remedy_gain(kind([gain.value, gain.low, gain.high]), before, after, labels))


HOSTILE = [None, 0.1, "abc", (0.1, 0.0), (math.nan, 0.0, 1.0), ("a", "b", "c"), [], {}, object()]


@pytest.mark.parametrize("returned", HOSTILE)
def test_what_is_no_interval_fails(returned: object) -> None:
    labels, before, after = drawn(4)
    assert_failed(check_drop(returned, SOURCE, TARGET))
    assert_failed(check_remedy_gain(returned, before, after, labels))


def test_a_wrong_sign_or_width_fails() -> None:
    right = drop_between(SOURCE, TARGET)
    half = right.high - right.value
    for value, width in ((-right.value, half), (right.value, 2 * half), (right.value, half / 2)):
        assert_failed(check_drop((value, value - width, value + width), SOURCE, TARGET))


# ---------------------------------------------------------------------------- standardisation


def domains() -> tuple[torch.Tensor, torch.Tensor]:
    numbers = torch.Generator().manual_seed(0)
    return (
        torch.randn(80, 5, generator=numbers) * torch.arange(1, 6) + 2,
        torch.randn(60, 5, generator=numbers) - 3,
    )


def test_scikit_learns_scaler_fitted_in_each_domain_passes() -> None:
    source, target = domains()
    scaled = [
        torch.tensor(StandardScaler().fit_transform(each), dtype=torch.float32)
        for each in (source, target)
    ]
    assert_passed(check_standardised(scaled, source, target))


def test_another_domains_statistics_fail() -> None:
    source, target = domains()
    scaler = StandardScaler().fit(source)
    both = StandardScaler().fit(torch.cat([source, target]))
    for by in (scaler, both):
        scaled = [torch.tensor(by.transform(each)).float() for each in (source, target)]
        assert_failed(check_standardised(scaled, source, target))


def test_a_feature_that_never_varies_becomes_zero() -> None:
    source, target = domains()
    source[:, 1] = 7.0
    scaled = [
        torch.tensor(StandardScaler().fit_transform(each)).float() for each in (source, target)
    ]
    assert_passed(check_standardised(scaled, source, target))
    scaled[0][:, 1] = math.nan
    assert_failed(check_standardised(scaled, source, target))


@pytest.mark.parametrize("returned", [None, 3, (None, None), (torch.zeros(80, 5),), "ab"])
def test_what_is_no_pair_of_matrices_fails(returned: object) -> None:
    assert_failed(check_standardised(returned, *domains()))


# --------------------------------------------------------------------------------- few labels

LABELS = torch.tensor([0, 1, 1, 0, 2] * 12)


def test_a_budget_is_kept() -> None:
    rows = torch.cat([torch.where(LABELS.eq(each))[0][:4] for each in (0, 1, 2)])
    assert_passed(check_few(rows, LABELS, 4))


@pytest.mark.parametrize(
    "rows",
    [
        None,
        [0, 1, 4],
        torch.tensor([0.0, 1.0, 4.0]),
        torch.tensor([[0, 1, 4]]),
        torch.tensor([0, 1]),
        torch.tensor([0, 0, 1, 1, 4, 4]),
        torch.tensor([0, 3, 1, 2, 4, 60]),
        torch.tensor([0, 3, 1, 2, 4, -1]),
        torch.tensor([0, 3, 5, 1, 2, 4]),
        torch.tensor([], dtype=torch.int64),
        torch.ones(60, dtype=torch.bool),
    ],
)
def test_a_budget_that_is_not_kept_fails(rows: object) -> None:
    assert_failed(check_few(rows, LABELS, 2))


def test_choices_that_do_not_depend_on_the_seed_fail() -> None:
    assert_passed(check_chosen_by_chance([torch.tensor([1, 2]), torch.tensor([3, 4])]))
    assert_failed(check_chosen_by_chance([torch.tensor([1, 2]), torch.tensor([2, 1])]))
    assert_failed(check_chosen_by_chance([None, None]))


DOMAINS = torch.tensor([0, 0, 0, 1, 0, 1])


@pytest.mark.parametrize("scale", [1.0, 100.0, 1e-3])
def test_equal_totals_pass_at_any_scale(scale: float) -> None:
    weights = scale * torch.tensor([0.25, 0.25, 0.25, 0.5, 0.25, 0.5])
    assert_passed(check_domain_weights(weights, DOMAINS))


@pytest.mark.parametrize(
    "weights",
    [
        None,
        torch.ones(6),
        torch.ones(2),
        torch.tensor([0.25, 0.25, 0.25, 0.9, 0.25, 0.1]),
        torch.tensor([0.0, 0, 0, 1, 0, 1]),
        torch.tensor([math.nan] * 6),
        -torch.tensor([0.25, 0.25, 0.25, 0.5, 0.25, 0.5]),
    ],
)
def test_unequal_totals_fail(weights: object) -> None:
    assert_failed(check_domain_weights(weights, DOMAINS))
