"""Item analysis against published examples, scipy, pandas, and what must hold for any class."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tests.workshop.analysis.test_scores import matrix
from workshop.analysis.item_analysis import (
    correlation,
    cronbach_alpha,
    discrimination_index,
    facility_index,
    group_weights,
    statistics_of_items,
    statistics_of_test,
)
from workshop.analysis.scores import Floats, ScoreMatrix, Statistic

# K. L. Wuensch, "The Kuder-Richardson 20", East Carolina University, StatHelp/KR20.txt: ten
# students, ten items. It gives each p, the items' variances pq and the totals' variance 5.84.
WUENSCH = [
    (1, 1, 1, 1, 1, 1, 0, 1, 1, 0),
    (1, 0, 1, 1, 0, 1, 1, 1, 0, 1),
    (1, 1, 1, 1, 0, 1, 1, 0, 0, 1),
    (0, 0, 1, 0, 0, 0, 1, 0, 0, 0),
    (0, 0, 0, 0, 0, 1, 0, 0, 1, 0),
    (1, 1, 1, 0, 1, 1, 1, 1, 1, 1),
    (1, 1, 0, 1, 1, 1, 0, 1, 1, 1),
    (1, 1, 1, 1, 1, 1, 1, 1, 0, 1),
    (0, 1, 0, 1, 1, 1, 1, 1, 0, 1),
    (1, 1, 0, 1, 1, 0, 1, 1, 1, 0),
]
WUENSCH_P = [0.7, 0.7, 0.6, 0.7, 0.6, 0.8, 0.7, 0.7, 0.5, 0.6]
WUENSCH_VARIANCE = 5.84

# The data set "cronbach_wide_missing" of pingouin (R. Vallat, Journal of Open Source Software 3,
# 2018), after real-statistics.com. Its documentation gives alpha = 0.8016949152542373 after
# listwise deletion, checked against R's psych::alpha(use = "complete.obs").
PINGOUIN: list[tuple[int | None, ...]] = [
    (1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1),
    (1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0),
    (None, 0, 1, 1, None, 1, 1, 1, 1, 0, 0),
    (1, 1, 1, 0, 1, 1, 0, 1, 1, 0, 0),
    (1, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0),
    (0, 1, None, 0, 1, 1, 1, 1, 0, 0, 0),
    (1, 1, 1, 1, 0, 0, 1, 0, 0, 0, 0),
    (1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0),
    (0, 1, 0, 1, 1, 0, 0, 0, 0, 1, 0),
    (1, 0, 0, 1, 0, 1, 0, 0, None, 0, 0),
    (1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0),
    (1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0),
]
PINGOUIN_ALPHA = 0.8016949152542373

CLOSE = 1e-9


def known(statistic: Statistic) -> float:
    assert statistic.value is not None, statistic.reason
    return statistic.value


class TestPublishedExamples:
    def test_kr20(self) -> None:
        table = matrix(*WUENSCH)
        found = [known(each.facility) for each in statistics_of_items(table)]
        assert found == pytest.approx(WUENSCH_P)
        test = statistics_of_test(table)
        assert known(test.sd) ** 2 * 9 / 10 == pytest.approx(WUENSCH_VARIANCE)
        pq = sum(p * (1 - p) for p in WUENSCH_P)
        assert known(test.kr20) == pytest.approx(10 / 9 * (1 - pq / WUENSCH_VARIANCE))
        assert test.kr20 == test.alpha

    def test_alpha_after_listwise_deletion(self) -> None:
        test = statistics_of_test(matrix(*PINGOUIN))
        assert test.students == 9
        assert known(test.alpha) == pytest.approx(PINGOUIN_ALPHA, abs=1e-12)


def drawn(seed: int, students: int, items: int, missing: float) -> ScoreMatrix:
    random = np.random.default_rng(seed)
    ability, level = random.normal(size=(students, 1)), random.normal(size=(1, items))
    points = np.clip(np.round(1.5 + ability - level + random.normal(size=(students, items))), 0, 3)
    gaps = random.random((students, items)) < missing
    rows = [
        tuple(None if gap else float(value) for gap, value in zip(*pair, strict=True))
        for pair in zip(gaps, points, strict=True)
    ]
    return matrix(*rows, max_scores=(3.0,) * items)


@pytest.mark.parametrize("missing", [0.0, 0.05])
@pytest.mark.parametrize("seed", range(5))
class TestAgainstPandasAndScipy:
    """The same numbers, worked out in another way by other libraries."""

    def frame(self, table: ScoreMatrix) -> pd.DataFrame:
        return pd.DataFrame(table.scores, columns=list(table.items), dtype=float)

    def test_items(self, seed: int, missing: float) -> None:
        table = drawn(seed, 120, 8, missing)
        frame = self.frame(table)
        whole = frame.dropna()
        for each in statistics_of_items(table):
            assert known(each.facility) == pytest.approx(frame[each.item].mean() / 3)
            assert each.students == frame[each.item].count()
            rest = whole.drop(columns=each.item).sum(axis=1)
            expected = stats.pearsonr(whole[each.item], rest).statistic
            assert known(each.point_biserial) == pytest.approx(expected)

    def test_the_whole(self, seed: int, missing: float) -> None:
        table = drawn(seed, 120, 8, missing)
        whole = self.frame(table).dropna()
        test = statistics_of_test(table)
        # Alpha from the mean covariance and the mean variance, not from the totals.
        covariances = whole.cov().to_numpy()
        items = len(covariances)
        mean_variance = np.diag(covariances).mean()
        mean_covariance = (covariances.sum() - np.trace(covariances)) / (items * (items - 1))
        expected = items * mean_covariance / (mean_variance + (items - 1) * mean_covariance)
        assert known(test.alpha) == pytest.approx(expected)
        totals = whole.sum(axis=1)
        assert known(test.mean) == pytest.approx(totals.mean())
        assert known(test.median) == pytest.approx(totals.median())
        assert known(test.sem) == pytest.approx(totals.std() * np.sqrt(1 - expected))
        assert test.kr20.value is None

    def test_dichotomous_items(self, seed: int, missing: float) -> None:
        scores = drawn(seed, 90, 6, missing).scores
        rows = [tuple(None if x is None else float(x > 1) for x in row) for row in scores]
        table = matrix(*rows)
        whole = self.frame(table).dropna()
        for each in statistics_of_items(table):
            rest = whole.drop(columns=each.item).sum(axis=1)
            expected = stats.pointbiserialr(whole[each.item], rest).statistic
            assert known(each.point_biserial) == pytest.approx(expected)
        assert known(statistics_of_test(table).kr20) == pytest.approx(
            known(cronbach_alpha(whole.to_numpy()))
        )

    def test_upper_and_lower_group(self, seed: int, missing: float) -> None:
        table = drawn(seed, 100, 8, missing)
        whole = self.frame(table).dropna()
        # Totals without ties: sorting then leaves no choice.
        spread = np.random.default_rng(seed).permutation(len(whole)) * 1e-3
        totals = whole.sum(axis=1).to_numpy() + spread
        size = int(0.27 * len(whole) + 0.5)
        order = pd.Series(totals, index=whole.index).sort_values()
        for name in table.items:
            upper = whole.loc[order.index[-size:], name].mean()
            lower = whole.loc[order.index[:size], name].mean()
            found = discrimination_index(whole[name].to_numpy(), totals, 3.0)
            assert known(found) == pytest.approx((upper - lower) / 3)


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), min_size=4, max_size=6), st.data())
def test_ties_are_the_mean_over_all_ways_to_break_them(totals: list[int], data: Any) -> None:
    scores = data.draw(st.lists(st.integers(0, 2), min_size=len(totals), max_size=len(totals)))
    size = int(0.27 * len(totals) + 0.5)
    differences = []
    for order in itertools.permutations(range(len(totals))):
        ranked = sorted(order, key=lambda student: totals[student])  # stable
        upper = sum(scores[each] for each in ranked[-size:])
        lower = sum(scores[each] for each in ranked[:size])
        differences.append((upper - lower) / size / 2)
    found = discrimination_index(np.array(scores, float), np.array(totals, float), 2.0)
    if len(set(totals)) == 1:
        assert found.value is None
    else:
        assert known(found) == pytest.approx(np.mean(differences), abs=CLOSE)


scores_of_a_class = st.integers(0, 7).flatmap(
    lambda items: st.lists(
        st.tuples(*[st.none() | st.sampled_from([0.0, 0.5, 1.0])] * items), max_size=9
    )
)


class TestAnyClass:
    @settings(deadline=None)
    @given(scores_of_a_class)
    def test_nothing_fails_and_all_stays_in_its_range(self, rows: list[tuple[Any, ...]]) -> None:
        table = matrix(*rows)
        for each in statistics_of_items(table):
            for statistic, low in (
                (each.facility, 0),
                (each.discrimination, -1),
                (each.point_biserial, -1),
            ):
                assert statistic.reason if statistic.value is None else not statistic.reason
                assert statistic.value is None or low - CLOSE <= statistic.value <= 1 + CLOSE
        test = statistics_of_test(table)
        assert test.alpha.value is None or test.alpha.value <= 1 + CLOSE
        assert test.sem.value is None or test.sem.value >= 0

    @settings(deadline=None)
    @given(scores_of_a_class, st.randoms(use_true_random=False))
    def test_the_order_of_students_does_not_matter(
        self, rows: list[tuple[Any, ...]], random: Any
    ) -> None:
        shuffled = random.sample(rows, len(rows))
        if not rows:
            return
        one, other = matrix(*rows), matrix(*shuffled)
        for left, right in zip(statistics_of_items(one), statistics_of_items(other), strict=True):
            for name in ("facility", "discrimination", "point_biserial"):
                same(getattr(left, name), getattr(right, name))
        same(statistics_of_test(one).alpha, statistics_of_test(other).alpha)

    @settings(deadline=None)
    @given(scores_of_a_class)
    def test_other_points_change_no_share(self, rows: list[tuple[Any, ...]]) -> None:
        if not rows:
            return
        width = len(rows[0])
        tripled = [tuple(None if x is None else 3 * x for x in row) for row in rows]
        one, other = matrix(*rows), matrix(*tripled, max_scores=(3.0,) * width)
        for left, right in zip(statistics_of_items(one), statistics_of_items(other), strict=True):
            for name in ("facility", "discrimination", "point_biserial"):
                same(getattr(left, name), getattr(right, name))
        same(statistics_of_test(one).alpha, statistics_of_test(other).alpha)

    @settings(deadline=None)
    @given(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=2, max_size=8))
    def test_two_items_with_the_same_scores_are_wholly_consistent(
        self, column: list[float]
    ) -> None:
        test = statistics_of_test(matrix(*[(each, each) for each in column]))
        if len(set(column)) > 1:
            assert known(test.alpha) == pytest.approx(1)
            assert known(test.sem) == pytest.approx(0, abs=1e-6)
        else:
            assert "same" in test.alpha.reason


def same(one: Statistic, other: Statistic) -> None:
    assert (one.value is None) == (other.value is None)
    if one.value is not None:
        assert one.value == pytest.approx(other.value, abs=CLOSE)


@settings(deadline=None)
@given(st.lists(st.floats(0, 100), min_size=4, max_size=60))
def test_groups_have_their_size_and_nobody_counts_more_than_once(totals: list[float]) -> None:
    upper, lower = group_weights(np.array(totals))
    size = max(1, int(0.27 * len(totals) + 0.5))
    for weights in (upper, lower):
        assert weights.sum() == pytest.approx(size)
        assert ((weights >= -CLOSE) & (weights <= 1 + CLOSE)).all()


class TestUndefined:
    """Each is said to be undefined, with its own reason, and none is 0."""

    def test_one_student(self) -> None:
        item = statistics_of_items(matrix((1, 0)))[0]
        test = statistics_of_test(matrix((1, 0)))
        assert known(item.facility) == 1
        for each in (item.discrimination, item.point_biserial, test.alpha, test.sd, test.sem):
            assert each.value is None
            assert "1 student" in each.reason

    def test_a_constant_item(self) -> None:
        right, other = statistics_of_items(matrix(*[(1, x) for x in (0, 1, 0, 1)]))
        assert "same score" in right.point_biserial.reason
        assert known(right.discrimination) == 0
        assert "same total without" in other.point_biserial.reason

    def test_a_total_with_rounding_is_still_constant(self) -> None:
        # 0.3 + 0.6 - 0.3 is not 0.6.
        rows = [(0.3, 0.6), (0.7, 0.6), (0.1, 0.6), (0.9, 0.6)]
        assert "same total" in statistics_of_items(matrix(*rows))[0].point_biserial.reason

    def test_an_answer_that_nobody_has_read(self) -> None:
        rows = [(1, 1, None), (0, 1, None), (1, 0, None), (0, 0, None)]
        *read, waiting = statistics_of_items(matrix(*rows))
        assert (waiting.students, waiting.undecided, waiting.dichotomous) == (0, 4, None)
        assert "nobody" in waiting.facility.reason
        assert all(each.discrimination.value is not None for each in read)
        assert statistics_of_test(matrix(*rows)).items == 2

    def test_an_answer_that_few_have_is_held_against_the_others_totals(self) -> None:
        rows = [(0, 0, 0), (1, 1, 1), (0, 1, 0), (1, 0, None), (0, 0, None), (1, 1, None)]
        rows += [(1, 1, None)]
        few = statistics_of_items(matrix(*rows))[2]
        assert few.students == 3
        assert known(few.point_biserial) == pytest.approx(
            stats.pearsonr([0, 1, 0], [0, 2, 1]).statistic
        )

    def test_one_item(self) -> None:
        test = statistics_of_test(matrix((1,), (0,), (1,)))
        assert test.alpha.reason.startswith("1 item")
        assert test.sem.reason.startswith("alpha is undefined")

    def test_alpha_below_zero_has_no_standard_error(self) -> None:
        test = statistics_of_test(matrix((1, 0, 1), (0, 1, 0), (1, 0, 0), (0, 1, 1)))
        assert known(test.alpha) < 0
        assert "below 0" in test.sem.reason

    def test_kr20_is_for_items_that_are_right_or_wrong_and_worth_the_same(self) -> None:
        partly = statistics_of_test(matrix((1, 0.5), (0, 0), (1, 1)))
        assert partly.kr20.reason.startswith("1 of 2 items")
        rows = [(1.0, 2.0), (0.0, 0.0), (1.0, 0.0)]
        assert (
            "different points" in statistics_of_test(matrix(*rows, max_scores=(1, 2))).kr20.reason
        )

    def test_an_item_without_points(self) -> None:
        item = statistics_of_items(matrix((0, 1), (0, 0), (0, 1), (0, 1), max_scores=(0, 1)))[0]
        assert "no points" in item.facility.reason
        assert "no points" in item.discrimination.reason


def test_a_perfect_item_discriminates_fully_and_a_turned_one_the_other_way() -> None:
    totals = np.arange(20.0)
    right: Floats = (totals >= 10).astype(np.float64)
    assert known(discrimination_index(right, totals, 1.0)) == 1
    assert known(discrimination_index(1 - right, totals, 1.0)) == -1
    assert known(correlation(1 - right, totals)) == pytest.approx(
        -known(correlation(right, totals))
    )
    assert known(facility_index(right, 1.0)) == 0.5
