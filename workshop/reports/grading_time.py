"""How long submissions took to grade, from the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from workshop.analysis.scores import Statistic, undefined
from workshop.grading.journal import Entry

_MOST_BINS = 20


@dataclass(frozen=True)
class Bin:
    """How many values lie in a range.

    Attributes:
        low: the range's lower end, which belongs to it.
        high: its upper end, which belongs to the last range only.
        count: how many lie in it.
    """

    low: float
    high: float
    count: int


@dataclass(frozen=True)
class GradingTime:
    """How long submissions took to grade, by the entries that their scores come from.

    Attributes:
        submissions: how many there are.
        median: seconds for one.
        p90: seconds within which nine of ten were done.
        longest: seconds.
        total: seconds for all of them, one after the other.
        began: when the first was begun, in UTC, ISO 8601; empty if there is none.
        ended: when the last was done.
        outcomes: how many ended how, by outcome.
        bins: how many took how many seconds.
    """

    submissions: int
    median: Statistic
    p90: Statistic
    longest: Statistic
    total: Statistic
    began: str
    ended: str
    outcomes: dict[str, int]
    bins: tuple[Bin, ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        data = {
            name: each.to_dict() if isinstance(each, Statistic) else each
            for name, each in self.__dict__.items()
        }
        return data | {"bins": [dict(each.__dict__) for each in self.bins]}


def grading_time(entries: Sequence[Entry]) -> GradingTime:
    """How long grading took."""
    seconds = [each for entry in entries if (each := _seconds(entry)) is not None]
    counts = Counter(entry.outcome.value for entry in entries)
    none = undefined("the log has no entry that these scores come from")

    def statistic(value: float) -> Statistic:
        return Statistic(float(value))

    return GradingTime(
        submissions=len(entries),
        median=statistic(np.median(seconds)) if seconds else none,
        p90=statistic(np.percentile(seconds, 90)) if seconds else none,
        longest=statistic(max(seconds)) if seconds else none,
        total=statistic(sum(seconds)) if seconds else none,
        began=min((entry.began for entry in entries), default=""),
        ended=max((entry.ended for entry in entries), default=""),
        outcomes=dict(sorted(counts.items())),
        bins=_bins(seconds),
    )


def _seconds(entry: Entry) -> float | None:
    """How long one took; None if the log does not tell."""
    try:
        passed = datetime.fromisoformat(entry.ended) - datetime.fromisoformat(entry.began)
    except (ValueError, TypeError):
        return None
    return max(0.0, passed.total_seconds())


def _bins(seconds: Sequence[float]) -> tuple[Bin, ...]:
    """Ranges of equal, round width that begin at 0, at most twenty of them."""
    if not seconds:
        return ()
    longest = max(seconds)
    widths = (factor * 10**power for power in range(-1, 7) for factor in (1, 2, 5))
    width = next((each for each in widths if longest < each * _MOST_BINS), longest)
    edges = np.arange(int(longest / width) + 2) * width
    counts, _ = np.histogram(seconds, edges)
    return tuple(
        Bin(round(float(low), 3), round(float(high), 3), int(count))
        for low, high, count in zip(edges, edges[1:], counts, strict=False)
    )
