from __future__ import annotations

from dataclasses import replace

from workshop.analysis.distractors import DistractorStatistics
from workshop.analysis.item_analysis import ItemStatistics
from workshop.analysis.scores import Statistic, undefined
from workshop.reports.graded_items import GradedItem
from workshop.reports.review import to_review

ITEM = GradedItem("head", "p1", "test_head", 2.0)
GOOD = ItemStatistics("head", 2.0, 50, 0, True, Statistic(0.6), Statistic(0.4), Statistic(0.3))
OPTIONS = DistractorStatistics("head", 50, 0, (), Statistic(1.0), 0, 0, False)


def reasons(
    statistics: ItemStatistics = GOOD,
    distractors: DistractorStatistics | None = OPTIONS,
    crashed: int = 0,
) -> list[str]:
    found = to_review(ITEM, statistics, distractors, {"head": crashed})
    assert all(each.item == "head" and each.what and each.advice for each in found)
    return [each.reason for each in found]


def test_a_good_item_gives_no_reason() -> None:
    assert reasons() == []
    assert reasons(distractors=None) == []


def test_facility() -> None:
    for value, expected in ((0.19, ["too_hard"]), (0.2, []), (0.95, []), (0.96, ["too_easy"])):
        assert reasons(replace(GOOD, facility=Statistic(value))) == expected


def test_negative_discrimination_is_said_once() -> None:
    turned = replace(GOOD, point_biserial=Statistic(-0.1), discrimination=Statistic(-0.2))
    assert reasons(turned) == ["negative_point_biserial"]
    only_groups = replace(GOOD, discrimination=Statistic(-0.2))
    assert reasons(only_groups) == ["negative_discrimination"]


def test_what_is_undefined_is_no_reason() -> None:
    nothing = undefined("why")
    unknown = replace(GOOD, facility=nothing, discrimination=nothing, point_biserial=nothing)
    assert reasons(unknown) == []


def test_distractors() -> None:
    assert reasons(distractors=replace(OPTIONS, never_chosen=1)) == ["distractor_never_chosen"]
    assert reasons(distractors=replace(OPTIONS, tempts_the_best=True)) == ["distractor_beats_key"]


def test_few_students_say_nothing_of_facility_and_distractors() -> None:
    assert reasons(replace(GOOD, students=4, facility=Statistic(0.0))) == []
    few = replace(OPTIONS, asked=30, unread=11, never_chosen=2, tempts_the_best=True)
    assert reasons(distractors=few) == []


def test_a_check_that_went_wrong_comes_first() -> None:
    assert reasons(replace(GOOD, facility=Statistic(0.1)), crashed=2) == [
        "check_crashed",
        "too_hard",
    ]
