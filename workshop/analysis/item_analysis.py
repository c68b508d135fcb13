"""How items and a whole test behaved in a class: classical test theory.

Facility index: mean score of an item as a share of its points ("item difficulty" p in textbooks,
where a high one means easy). Discrimination index: facility among the best 27 % less that among
the weakest 27 % (Kelley 1939, Journal of Educational Psychology 30). Corrected point-biserial: the
correlation of an item with the total of the others. Cronbach's alpha (1951, Psychometrika 16),
which is KR-20 (Kuder and Richardson 1937, Psychometrika 2) where items are dichotomous. Standard
error of measurement: SD * sqrt(1 - alpha).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from workshop.analysis.scores import (
    ROUNDING,
    Basis,
    Floats,
    ScoreMatrix,
    Statistic,
    basis_of,
    is_constant,
    undefined,
)

_GROUP_PERCENT = 27
_FEWEST_FOR_GROUPS = 4
_FEWEST_FOR_CORRELATION = 3


@dataclass(frozen=True)
class ItemStatistics:
    """How one item behaved.

    Attributes:
        item: its name.
        max_score: the points that it is worth.
        students: how many have a score for it.
        undecided: how many have a score for something else, but none for it.
        dichotomous: whether each of its scores is all or nothing; None without any score.
        facility: mean score as a share of its points, 0 to 1.
        discrimination: upper-lower 27 %, -1 to 1.
        point_biserial: correlation with the total of the other items, -1 to 1.
    """

    item: str
    max_score: float
    students: int
    undecided: int
    dichotomous: bool | None
    facility: Statistic
    discrimination: Statistic
    point_biserial: Statistic

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        statistics = {
            name: getattr(self, name).to_dict()
            for name in ("facility", "discrimination", "point_biserial")
        }
        return {**self.__dict__, **statistics}


@dataclass(frozen=True)
class TestStatistics:
    """How the whole test behaved, over the students and items of a basis.

    Attributes:
        students: how many are counted.
        items: how many are counted.
        max_score: the points that those items are worth.
        mean: of the totals, in points.
        median: of the totals, in points.
        sd: sample standard deviation of the totals, in points.
        alpha: Cronbach's alpha of the points.
        kr20: the same number, where all items are dichotomous and worth the same.
        sem: standard error of measurement, in points.
    """

    __test__ = False  # for pytest, which takes the name for a test's

    students: int
    items: int
    max_score: float
    mean: Statistic
    median: Statistic
    sd: Statistic
    alpha: Statistic
    kr20: Statistic
    sem: Statistic

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            name: each.to_dict() if isinstance(each, Statistic) else each
            for name, each in self.__dict__.items()
        }


def statistics_of_items(matrix: ScoreMatrix) -> tuple[ItemStatistics, ...]:
    """The statistics of each item, in the matrix's order."""
    basis = basis_of(matrix)
    values = matrix.values
    scored = ~np.isnan(values).all(axis=1)
    return tuple(
        _of_item(matrix, basis, values, index, int(scored.sum()))
        for index in range(len(matrix.items))
    )


def _of_item(
    matrix: ScoreMatrix, basis: Basis, values: Floats, index: int, scored: int
) -> ItemStatistics:
    max_score = matrix.max_scores[index]
    column = values[:, index]
    decided = column[~np.isnan(column)]
    rows = np.array(basis.students, dtype=int)
    known = ~np.isnan(column[rows])
    own, totals = column[rows][known], basis.totals[known]
    # An item that was set aside is in no total, so there is nothing to take out of it.
    rest = totals - own if index in basis.items else totals
    return ItemStatistics(
        item=matrix.items[index],
        max_score=max_score,
        students=len(decided),
        undecided=scored - len(decided),
        dichotomous=is_dichotomous(decided, max_score) if len(decided) else None,
        facility=facility_index(decided, max_score),
        discrimination=discrimination_index(own, totals, max_score),
        point_biserial=correlation(own, rest),
    )


def is_dichotomous(scores: Floats, max_score: float) -> bool:
    """Whether all scores are nothing or everything."""
    slack = ROUNDING * max(1.0, max_score)
    return bool(((np.abs(scores) <= slack) | (np.abs(scores - max_score) <= slack)).all())


def facility_index(scores: Floats, max_score: float) -> Statistic:
    """The mean score as a share of the points.

    Args:
        scores: the points of those whose score is decided.
        max_score: what the item is worth.
    """
    if max_score <= 0:
        return undefined("the item is worth no points")
    if not len(scores):
        return undefined("nobody has a score for it yet")
    return Statistic(float(scores.mean()) / max_score)


def group_weights(totals: Floats) -> tuple[Floats, Floats]:
    """How far each student belongs to the best and to the weakest 27 %.

    Students with the same total at a group's edge share its last places equally, so that the
    result does not depend on the order of the students. That is the mean over all ways to choose
    among them.

    Args:
        totals: points, of four students or more.

    Returns:
        The weights in the upper and in the lower group, 0 to 1, each with the group's size as sum.
    """
    size = max(1, (_GROUP_PERCENT * len(totals) + 50) // 100)
    rounded = np.round(totals / ROUNDING) if len(totals) else totals
    return _best(rounded, size), _best(-rounded, size)


def _best(totals: Floats, size: int) -> Floats:
    edge = np.sort(totals)[-size]
    above, tied = totals > edge, totals == edge
    weights: Floats = above + tied * (size - above.sum()) / tied.sum()
    return weights


def discrimination_index(scores: Floats, totals: Floats, max_score: float) -> Statistic:
    """The facility index in the upper 27 % less that in the lower 27 %, by total.

    Args:
        scores: each student's points for the item.
        totals: each student's points for all items.
        max_score: what the item is worth.
    """
    if max_score <= 0:
        return undefined("the item is worth no points")
    if len(totals) < _FEWEST_FOR_GROUPS:
        return undefined(
            f"27 % of {_students(len(totals))} is not even one; four with a total are needed"
        )
    if is_constant(totals):
        return undefined("all totals are the same, so nobody is in an upper or a lower group")
    upper, lower = group_weights(totals)
    difference = (scores @ upper) / upper.sum() - (scores @ lower) / lower.sum()
    return Statistic(float(difference) / max_score)


def correlation(scores: Floats, rest: Floats) -> Statistic:
    """Pearson's correlation of an item with the total of the others.

    Where the item is dichotomous, that is the corrected point-biserial.

    Args:
        scores: each student's points for the item.
        rest: each student's points for the others.
    """
    if len(scores) < _FEWEST_FOR_CORRELATION:
        return undefined(f"{_students(len(scores))} with a total; three are needed")
    if is_constant(scores):
        return undefined("everybody has the same score")
    if is_constant(rest):
        return undefined("everybody has the same total without this item")
    one, other = scores - scores.mean(), rest - rest.mean()
    value = float(one @ other) / math.sqrt(float(one @ one) * float(other @ other))
    return Statistic(min(1.0, max(-1.0, value)))


def statistics_of_test(matrix: ScoreMatrix) -> TestStatistics:
    """The statistics of the whole test."""
    basis = basis_of(matrix)
    max_scores = np.array(matrix.max_scores)[list(basis.items)]
    totals, nobody = basis.totals, undefined("nobody has all of these scores yet")
    alpha = cronbach_alpha(basis.values)
    return TestStatistics(
        students=len(basis.students),
        items=len(basis.items),
        max_score=float(max_scores.sum()),
        mean=Statistic(float(totals.mean())) if len(totals) else nobody,
        median=Statistic(float(np.median(totals))) if len(totals) else nobody,
        sd=_sd(totals),
        alpha=alpha,
        kr20=kr20(basis.values, max_scores, alpha),
        sem=standard_error_of_measurement(totals, alpha),
    )


def _sd(totals: Floats) -> Statistic:
    if len(totals) < 2:  # noqa: PLR2004 - what a spread takes
        return undefined(f"{_students(len(totals))} with a total; two are needed")
    return Statistic(float(totals.std(ddof=1)))


def cronbach_alpha(values: Floats) -> Statistic:
    """Cronbach's alpha: k / (k - 1) * (1 - sum of the items' variances / variance of the totals).

    Args:
        values: points, (students, items), without gaps.
    """
    students, items = values.shape
    if items < 2:  # noqa: PLR2004 - between which there can be consistency
        return undefined(f"{items} item{'' if items == 1 else 's'}; two are needed")
    if students < 2:  # noqa: PLR2004 - what a variance takes
        return undefined(f"{_students(students)} with all scores; two are needed")
    totals = values.sum(axis=1)
    if is_constant(totals):
        return undefined("all totals are the same")
    ratio = float(values.var(axis=0, ddof=1).sum()) / float(totals.var(ddof=1))
    return Statistic(items / (items - 1) * (1 - ratio))


def kr20(values: Floats, max_scores: Floats, alpha: Statistic) -> Statistic:
    """Kuder-Richardson formula 20, which is alpha for items that are right or wrong.

    Args:
        values: points, (students, items), without gaps.
        max_scores: what each item is worth.
        alpha: Cronbach's alpha of these values.
    """
    if alpha.value is None:
        return alpha
    if not is_constant(max_scores):
        return undefined("the items are worth different points; alpha allows for that")
    partly = [
        not is_dichotomous(column, worth)
        for column, worth in zip(values.T, max_scores, strict=True)
    ]
    if any(partly):
        return undefined(
            f"{sum(partly)} of {len(partly)} items gave part of their points; alpha allows for that"
        )
    return alpha


def standard_error_of_measurement(totals: Floats, alpha: Statistic) -> Statistic:
    """How far a total is from a student's true one: SD * sqrt(1 - alpha), in points."""
    if alpha.value is None:
        return undefined(f"alpha is undefined: {alpha.reason}")
    if alpha.value < 0:
        return undefined("alpha is below 0")
    return Statistic(float(totals.std(ddof=1)) * math.sqrt(max(0.0, 1 - alpha.value)))


def _students(count: int) -> str:
    return f"{count} student{'' if count == 1 else 's'}"
