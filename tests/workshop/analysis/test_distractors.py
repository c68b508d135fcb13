from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workshop.analysis.distractors import DistractorStatistics, distractor_statistics

OPTIONS = {"A": "right", "B": "tempting", "C": "rare", "D": "silly"}
Choices = list[frozenset[str] | None]


def chosen(letters: str) -> Choices:
    return [None if each == "-" else frozenset(each) for each in letters]


def found(choices: Choices, keys: str = "A", **more: object) -> DistractorStatistics:
    return distractor_statistics("q", OPTIONS, keys, choices, None)


def test_a_distractor_works_from_five_percent_on() -> None:
    # Of 100: B by 20, C by 5, D by 4.
    statistics = found(chosen("A" * 71 + "B" * 20 + "C" * 5 + "D" * 4))
    assert statistics.efficiency.value == pytest.approx(2 / 3)
    assert (statistics.nonfunctional, statistics.never_chosen) == (1, 0)
    assert found(chosen("A" * 95 + "B" * 5)).never_chosen == 2


def test_who_gave_no_answer_was_asked_all_the_same() -> None:
    statistics = found(chosen("AAB-"))
    assert (statistics.asked, statistics.unread) == (4, 1)
    assert [each.share.value for each in statistics.options] == [0.5, 0.25, 0, 0]


def test_undefined_where_nobody_answered_or_all_is_right() -> None:
    assert "nobody" in found(chosen("--")).efficiency.reason
    assert found(chosen("--")).never_chosen == 0
    assert "nobody" in found([]).efficiency.reason
    assert "all options" in found(chosen("AB"), keys="ABCD").efficiency.reason
    assert "groups" in found(chosen("AB")).options[0].upper.reason


def test_groups_are_weighed() -> None:
    groups = np.array([1.0, 0.5, 0.5, 0.0]), np.array([0.0, 0.5, 0.5, 1.0])
    statistics = distractor_statistics("q", OPTIONS, "A", chosen("AABB"), groups)
    assert [each.upper.value for each in statistics.options] == [0.75, 0.25, 0, 0]
    assert [each.lower.value for each in statistics.options] == [0.25, 0.75, 0, 0]
    assert not statistics.tempts_the_best
    turned = distractor_statistics("q", OPTIONS, "A", chosen("BBAA"), groups)
    assert turned.tempts_the_best


def test_the_key_is_told_only_on_request() -> None:
    statistics = found(chosen("AB"))
    assert "options" not in statistics.to_dict(keys=False)
    assert "right" not in str(statistics.to_dict(keys=False))
    assert statistics.to_dict(keys=True)["options"][0]["is_key"]


@settings(deadline=None)
@given(st.lists(st.none() | st.frozensets(st.sampled_from("ABCD"), min_size=1), max_size=40))
def test_counts_are_those_of_pandas(choices: Choices) -> None:
    statistics = found(choices, keys="AB")
    table = pd.Series([[*(each or ())] for each in choices], dtype=object).explode()
    counts = table.value_counts()
    for option in statistics.options:
        assert option.chosen == counts.get(option.letter, 0)
    assert statistics.unread == sum(each is None for each in choices)
