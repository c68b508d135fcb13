"""The figures of a class report: pure functions of what was gathered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from workshop.analysis.distractors import DistractorStatistics, distractor_statistics
from workshop.analysis.item_analysis import (
    ItemStatistics,
    TestStatistics,
    group_weights,
    statistics_of_items,
    statistics_of_test,
)
from workshop.analysis.mastery import MASTERED, Mastery, mastery
from workshop.analysis.scores import Basis, Floats, basis_of, is_constant
from workshop.reports.failed_checks import FailedCheck, crashed_checks, failed_checks
from workshop.reports.gather import ClassData, State
from workshop.reports.graded_items import GradedItem
from workshop.reports.grading_time import GradingTime, grading_time
from workshop.reports.review import ToReview, to_review

_STEP = 10
# Below this, chance moves discrimination and reliability a lot.
_SMALL_CLASS = 30
_FEWEST_FOR_GROUPS = 4


@dataclass(frozen=True)
class ScoreBin:
    """How many scores lie in a tenth of what can be earned.

    Attributes:
        low: percent of the points, included.
        high: percent of the points; included in the last bin only, which also takes scores above.
        complete: how many scores are final.
        waiting: how many may still rise, since a part of them is undecided.
    """

    low: int
    high: int
    complete: int
    waiting: int


@dataclass(frozen=True)
class ItemReport:
    """What the report says of one item.

    Attributes:
        item: what it is.
        statistics: how it behaved.
        distractors: how its options behaved; None if it has none.
    """

    item: GradedItem
    statistics: ItemStatistics
    distractors: DistractorStatistics | None

    def to_dict(self, *, keys: bool) -> dict[str, Any]:
        """For JSON; options and keys only on request."""
        told = None if self.distractors is None else self.distractors.to_dict(keys=keys)
        return {**self.item.to_dict(), **self.statistics.to_dict(), "distractors": told}


@dataclass(frozen=True)
class ClassReport:
    """What there is to say of a class.

    Attributes:
        assignment: the assignment's name.
        submissions: how many came how far, by state.
        max_score: the points that can be earned.
        distribution: the scores.
        test: the whole test.
        items: each item, in the assignment's order.
        failed_checks: the most frequent first.
        objectives: in the order in which the items name them.
        topics: likewise.
        mastered: the share of points from which on they count as reached.
        time: how long grading took.
        review: what to look at, and why.
        notes: what to know before reading the numbers.
    """

    assignment: str
    submissions: dict[str, int]
    max_score: float
    distribution: tuple[ScoreBin, ...]
    test: TestStatistics
    items: tuple[ItemReport, ...]
    failed_checks: tuple[FailedCheck, ...]
    objectives: tuple[Mastery, ...]
    topics: tuple[Mastery, ...]
    mastered: float
    time: GradingTime
    review: tuple[ToReview, ...]
    notes: tuple[str, ...]

    def to_dict(self, *, keys: bool = False) -> dict[str, Any]:
        """For JSON. No student is named; options and keys of quiz items only on request."""
        return {
            "assignment": self.assignment,
            "submissions": self.submissions,
            "max_score": self.max_score,
            "distribution": [dict(each.__dict__) for each in self.distribution],
            "test": self.test.to_dict(),
            "items": [each.to_dict(keys=keys) for each in self.items],
            "failed_checks": [each.to_dict() for each in self.failed_checks],
            "mastered": self.mastered,
            "objectives": [each.to_dict() for each in self.objectives],
            "topics": [each.to_dict() for each in self.topics],
            "grading_time": self.time.to_dict(),
            "review": [each.to_dict() for each in self.review],
            "notes": list(self.notes),
        }


def class_report(
    data: ClassData,
    *,
    mastered: float = MASTERED,
    clean: Callable[[str], str] = lambda text: text,
) -> ClassReport:
    """Work out all figures.

    Args:
        data: what was gathered.
        mastered: the share of an objective's points from which on it counts as reached.
        clean: takes out of students' and checks' texts what the report must not show.
    """
    basis = basis_of(data.matrix)
    items = tuple(
        ItemReport(item, statistics, _distractors(data, basis, item))
        for item, statistics in zip(data.items, statistics_of_items(data.matrix), strict=True)
    )
    crashed = crashed_checks(data.items, data.work)
    test = statistics_of_test(data.matrix)
    states = Counter(each.state.value for each in data.submissions)
    return ClassReport(
        assignment=data.assignment,
        submissions={state.value: states[state.value] for state in State},
        max_score=float(sum(data.matrix.max_scores)),
        distribution=_distribution(data),
        test=test,
        items=items,
        failed_checks=failed_checks(data.items, data.work, clean),
        objectives=mastery(data.matrix, [item.objective for item in data.items], mastered=mastered),
        topics=mastery(data.matrix, [item.topic for item in data.items], mastered=mastered),
        mastered=mastered,
        time=grading_time(data.entries),
        review=tuple(
            reason
            for each in items
            for reason in to_review(each.item, each.statistics, each.distractors, crashed)
        ),
        notes=(*_notes(data, basis, test), *map(clean, data.notes)),
    )


def _distribution(data: ClassData) -> tuple[ScoreBin, ...]:
    worth = sum(data.matrix.max_scores)
    counts: Counter[tuple[int, State]] = Counter()
    for each in data.submissions:
        if each.score is not None and worth > 0:
            percent = 100 * each.score / worth
            place = min(max(int(round(percent, 6) // _STEP), 0), 100 // _STEP - 1)
            counts[place, each.state] += 1
    return tuple(
        ScoreBin(
            low=place * _STEP,
            high=(place + 1) * _STEP,
            complete=counts[place, State.COMPLETE],
            waiting=counts[place, State.WAITING],
        )
        for place in range(100 // _STEP)
    )


def _distractors(data: ClassData, basis: Basis, item: GradedItem) -> DistractorStatistics | None:
    if not item.options:
        return None
    asked = [each for each in data.matrix.students if item.name in data.work[each].choices]
    return distractor_statistics(
        item.name,
        item.options,
        item.keys,
        [data.work[each].choices[item.name] for each in asked],
        _groups(data, basis, asked),
    )


def _groups(data: ClassData, basis: Basis, asked: list[str]) -> tuple[Floats, Floats] | None:
    """How far each of some students belongs to the upper and lower 27 %; None without groups."""
    if len(basis.totals) < _FEWEST_FOR_GROUPS or is_constant(basis.totals):
        return None
    names = [data.matrix.students[row] for row in basis.students]
    upper, lower = (
        dict(zip(names, map(float, weights), strict=True))
        for weights in group_weights(basis.totals)
    )
    return (
        np.array([upper.get(each, 0.0) for each in asked]),
        np.array([lower.get(each, 0.0) for each in asked]),
    )


def _notes(data: ClassData, basis: Basis, test: TestStatistics) -> list[str]:
    notes = []
    if test.students < _SMALL_CLASS:
        notes.append(
            f"Totals can be compared for {test.students} students. In a class of fewer than"
            f" {_SMALL_CLASS}, chance moves discrimination, correlation and reliability a lot:"
            " take them as a hint."
        )
    waiting = sum(
        each is None
        for row, submission in zip(data.matrix.scores, data.submissions, strict=True)
        if submission.score is not None
        for each in row
    )
    if waiting:
        notes.append(
            f"{waiting} scores are still open. They count as missing, never as 0: decide them in"
            " the formgrader, and make the report again."
        )
    set_aside = [
        name
        for column, name in enumerate(data.matrix.items)
        if column not in basis.items and data.matrix.max_scores[column] > 0
    ]
    if set_aside:
        notes.append(
            "Not in the totals, because fewer than half of the students have a score:"
            f" {', '.join(set_aside)}."
        )
    left_out = sum(each is not None for each in data.matrix.totals) - test.students
    if left_out:
        whose = "1 student" if left_out == 1 else f"{left_out} students"
        notes.append(f"Not in statistics of totals, for an open score: {whose}.")
    if data.unread:
        notes.append(
            f"{len(data.unread)} graded notebooks cannot be read: their verdicts and answers are"
            " missing here. Grade them again; workshop report names them."
        )
    return notes
