from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workshop.analysis.test_scores import matrix
from workshop.analysis.mastery import mastery

POINTS = (1.0, 3.0, 2.0, 2.0)
NAMES = ("define", "apply", "define", "")


def test_points_count_not_items() -> None:
    table = matrix((1, 0, 2, 0), (0, 3, 2, 0), (1, 3, 1, 0), max_scores=POINTS)
    define, apply = mastery(table, NAMES, mastered=0.66)
    assert (define.name, define.items, define.points) == ("define", 2, 3)
    assert define.earned.value == pytest.approx((1 + 2 / 3 + 2 / 3) / 3)
    assert define.reached.value == 1
    assert apply.earned.value == pytest.approx(2 / 3)


def test_exactly_enough_is_enough() -> None:
    # 0.1 + 0.7 is a little less than 0.8.
    table = matrix((0.1, 0.7), max_scores=(0.3, 0.7))
    assert mastery(table, ("a", "a"), mastered=0.8)[0].reached.value == 1


def test_what_waits_for_a_person_keeps_an_objective_open() -> None:
    table = matrix((1, 0, None, 0), (1, None, None, 0), max_scores=POINTS)
    define, apply = mastery(table, NAMES)
    assert define.earned.value == 1
    assert define.decided == 0
    assert "decided" in define.reached.reason
    assert (apply.decided, apply.reached.value) == (1, 0)


def test_nobody_and_no_points_are_undefined() -> None:
    assert mastery(matrix((None,)), ("a",))[0].earned.value is None
    assert mastery(matrix((1,), max_scores=(0.0,)), ("a",))[0].earned.value is None
    assert mastery(matrix((1,)), ("",)) == ()


@settings(deadline=None)
@given(st.lists(st.tuples(*[st.none() | st.integers(0, 2)] * 4), min_size=1, max_size=12))
def test_shares_are_those_of_pandas(rows: list[tuple[int | None, ...]]) -> None:
    names = ("x", "y", "x", "x")
    table = matrix(*rows, max_scores=(2.0,) * 4)
    long = pd.DataFrame(rows, dtype=float).melt(ignore_index=False).reset_index()
    long["name"] = long["variable"].map(dict(enumerate(names)))
    for each in mastery(table, names):
        own = long[long["name"] == each.name].dropna()
        shares = own.groupby("index")["value"].mean() / 2
        if shares.empty:
            assert each.earned.value is None
        else:
            assert each.earned.value == pytest.approx(shares.mean())
        counts = own.groupby("index")["value"].count()
        assert each.decided == (counts == each.items).sum()
