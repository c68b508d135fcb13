from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workshop.grading.journal import Entry, Why
from workshop.grading.records import Outcome
from workshop.reports.grading_time import grading_time

BEGAN = datetime(2026, 3, 2, 9, tzinfo=UTC)


def entry(seconds: float, outcome: Outcome = Outcome.COMPLETED) -> Entry:
    ended = (BEGAN + timedelta(seconds=seconds)).isoformat()
    return Entry(
        assignment="ps1",
        student="ada",
        why=Why.FIRST,
        outcome=outcome,
        message="",
        user="instructor",
        host="machine",
        assignment_version="1",
        package_version="1",
        submission="0",
        notebooks=(),
        began=BEGAN.isoformat(),
        ended=ended,
    )


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**8).map(lambda x: x / 1000), min_size=1, max_size=50))
def test_figures_are_those_of_numpy_and_every_submission_is_in_one_bin(
    seconds: list[float],
) -> None:
    time = grading_time([entry(each) for each in seconds])
    assert time.median.value == pytest.approx(np.median(seconds))
    assert time.p90.value == pytest.approx(np.quantile(seconds, 0.9))
    assert time.longest.value == pytest.approx(max(seconds))
    assert time.total.value == pytest.approx(sum(seconds))
    assert sum(each.count for each in time.bins) == len(seconds)
    assert len(time.bins) <= 21
    assert time.bins[0].low == 0
    assert time.bins[-1].high >= max(seconds)


def test_without_a_log_there_is_no_time_not_zero_seconds() -> None:
    time = grading_time([])
    assert time.median.value is None
    assert time.total.reason
    assert (time.bins, time.began, time.outcomes) == ((), "", {})


def test_outcomes_are_counted() -> None:
    time = grading_time([entry(1), entry(2), entry(3, Outcome.TIMED_OUT)])
    assert time.outcomes == {"COMPLETED": 2, "TIMED_OUT": 1}


def test_a_time_that_cannot_be_read_costs_only_itself() -> None:
    broken = replace(entry(1), began="yesterday")
    assert grading_time([broken, entry(4)]).median.value == 4
