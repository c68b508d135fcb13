"""The scores of a class as a table of students and items, and numbers that may be undefined."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Sums of points differ in their last digits by the order in which they were added.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Statistic:
    """A number, or the reason why there is none. Undefined is never 0.

    Attributes:
        value: the number; None if it is undefined.
        reason: why it is undefined, in words that follow "undefined:"; empty if it is not.
    """

    value: float | None
    reason: str = ""

    def __post_init__(self) -> None:
        if (self.value is None) != bool(self.reason):
            raise ValueError("a statistic has either a value or a reason why there is none")
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError(f"a statistic cannot be {self.value}")

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"value": self.value, "reason": self.reason}


def undefined(reason: str) -> Statistic:
    """A statistic that has no value, and why."""
    return Statistic(None, reason)


@dataclass(frozen=True)
class ScoreMatrix:
    """What each student earned with each item.

    Attributes:
        students: their names, one for each row.
        items: the items' names, one for each column.
        max_scores: the points that each item is worth; 0 for one that is only looked at.
        scores: points, (students, items); None where nothing is decided: the answer waits for a
            person, the check went wrong, or the submission was not graded.

    Raises:
        ValueError: the sizes do not agree, a name stands twice, or a number is not finite.
    """

    students: tuple[str, ...]
    items: tuple[str, ...]
    max_scores: tuple[float, ...]
    scores: tuple[tuple[float | None, ...], ...]

    def __post_init__(self) -> None:
        if len(self.scores) != len(self.students) or len(self.max_scores) != len(self.items):
            raise ValueError("a row for each student and a maximum for each item are needed")
        if any(len(row) != len(self.items) for row in self.scores):
            raise ValueError("each row needs a score, or None, for each item")
        for names in (self.students, self.items):
            if len(set(names)) < len(names):
                raise ValueError("each student and each item stands in the table once")
        numbers = [*self.max_scores, *(each for row in self.scores for each in row)]
        if not all(math.isfinite(each) for each in numbers if each is not None):
            raise ValueError("scores are finite numbers")

    @property
    def values(self) -> Floats:
        """The scores, (students, items), with NaN where nothing is decided."""
        table = np.array(self.scores, dtype=float).reshape(len(self.students), len(self.items))
        return np.asarray(table, dtype=np.float64)

    @property
    def totals(self) -> tuple[float | None, ...]:
        """Each student's points so far, by row; None for a student without any score."""
        decided = [[each for each in row if each is not None] for row in self.scores]
        return tuple(float(sum(row)) if row else None for row in decided)

    @property
    def complete(self) -> tuple[bool, ...]:
        """Whether everything of a student's is decided, by row."""
        return tuple(all(each is not None for each in row) for row in self.scores)


@dataclass(frozen=True)
class Basis:
    """Whose totals are compared, and of which items they are made: a table without gaps.

    Most statistics relate an item to a total, and a total with a gap is not comparable. An item
    that is decided for fewer than half of the students who have any score is set aside: it is part
    of no total. Then students who still have a gap are left out (listwise deletion). So an essay
    that nobody has read yet costs no student, and a check that crashed once costs only that one.

    Attributes:
        students: the rows that remain.
        items: the columns that remain.
        values: points, (students, items), without NaN.
        totals: the sum of each row.
    """

    students: tuple[int, ...]
    items: tuple[int, ...]
    values: Floats
    totals: Floats


def basis_of(matrix: ScoreMatrix) -> Basis:
    """The part of a matrix that totals can be made of; it may be empty."""
    values = matrix.values
    decided = ~np.isnan(values)
    scored = decided.any(axis=1)
    share = decided[scored].mean(axis=0) if scored.any() else np.zeros(len(matrix.items))
    items = np.flatnonzero((share >= 0.5) & (np.array(matrix.max_scores) > 0))  # noqa: PLR2004
    # A student has a gap where the items that remain are not all decided.
    students = np.flatnonzero(scored & decided[:, items].all(axis=1) & (len(items) > 0))
    kept = values[np.ix_(students, items)]
    return Basis(
        tuple(map(int, students)), tuple(map(int, items)), kept, np.asarray(kept.sum(axis=1))
    )


def is_constant(values: Floats) -> bool:
    """Whether all values are the same, up to rounding."""
    if not len(values):
        return True
    spread = float(values.max() - values.min())
    return spread <= ROUNDING * max(1.0, float(np.abs(values).max()))
