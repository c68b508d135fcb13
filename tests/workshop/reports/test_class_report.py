from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.workshop.reports.classroom import Classroom, in_memory
from workshop.reports.class_report import ClassReport, class_report
from workshop.reports.gather import ClassData, State
from workshop.reports.graded_items import GradedItem


def data(items: Sequence[GradedItem], **room: float) -> ClassData:
    return in_memory("ps1", items, Classroom(**room))  # type: ignore[arg-type] # by name


def test_everybody_with_a_score_is_in_one_bin(items: Sequence[GradedItem]) -> None:
    report = class_report(data(items, students=50, rejected=2))
    assert sum(each.complete for each in report.distribution) == 50
    assert sum(each.waiting for each in report.distribution) == 0
    assert report.submissions["rejected"] == 2
    assert report.max_score == 12


@pytest.mark.parametrize(
    ("score", "place"), [(0, 0), (1.2, 1), (1.19, 0), (11.99, 9), (12, 9), (15, 9), (-1, 0)]
)
def test_bins_include_their_lower_end_and_the_last_takes_what_is_above(
    items: Sequence[GradedItem], score: float, place: int
) -> None:
    gathered = data(items, students=1, rejected=0)
    one = replace(gathered.submissions[0], score=score, state=State.WAITING)
    report = class_report(replace(gathered, submissions=(one,)))
    assert [each.waiting for each in report.distribution].index(1) == place


def test_unread_answers_are_open_everywhere_and_nowhere_zero(items: Sequence[GradedItem]) -> None:
    report = class_report(data(items, students=40, read_by_hand=0))
    why = next(each for each in report.items if each.item.name == "why")
    assert why.statistics.facility.value is None
    assert report.submissions["waiting for a decision"] == 40
    assert report.test.items == 5
    assert report.test.alpha.value is not None
    evaluate = next(each for each in report.objectives if each.name == "evaluate")
    assert evaluate.reached.value is None
    assert any("why" in note for note in report.notes)
    assert any(note.startswith("40 scores are still open") for note in report.notes)


def test_distractors_of_choices_and_truths_only(items: Sequence[GradedItem]) -> None:
    report = class_report(data(items, students=120))
    told = {each.item.name: each.distractors for each in report.items}
    assert [name for name, each in told.items() if each] == ["single", "several", "truth"]
    single = told["single"]
    assert single is not None
    assert (single.asked, single.never_chosen) == (120, 1)
    assert single.unread > 0
    assert any(
        (each.item, each.reason) == ("single", "distractor_never_chosen") for each in report.review
    )
    key = next(each for each in single.options if each.is_key)
    assert key.upper.value is not None
    assert key.lower.value is not None
    assert key.upper.value > key.lower.value


def test_what_counts_as_reached_is_the_instructors_to_say(items: Sequence[GradedItem]) -> None:
    gathered = data(items, students=60)
    shares = [
        class_report(gathered, mastered=share).objectives[0].reached.value or 0.0
        for share in (0.0, 0.5, 1.0)
    ]
    assert shares[0] == 1
    assert shares == sorted(shares, reverse=True)


def test_a_small_class_is_warned_of_chance(items: Sequence[GradedItem]) -> None:
    assert any("chance" in note for note in class_report(data(items, students=29)).notes)
    assert class_report(data(items, students=30, rejected=0)).notes == ()


@pytest.mark.parametrize("students", [0, 1, 2, 3])
def test_hardly_anybody_is_no_problem(items: Sequence[GradedItem], students: int) -> None:
    report = class_report(data(items, students=students, rejected=1))
    assert report.test.alpha.value is None or students > 1
    json.dumps(report.to_dict(keys=True), allow_nan=False)


def names_no_one(report: ClassReport) -> bool:
    return "student0" not in json.dumps(report.to_dict(keys=True))


def test_the_report_names_no_student_and_no_key_unless_asked(items: Sequence[GradedItem]) -> None:
    gathered = data(items, students=40)
    unread = ("student0001: p1.ipynb: broken",)
    report = class_report(replace(gathered, unread=unread))
    assert names_no_one(report)
    assert any("1 graded notebooks" in note for note in report.notes)
    text = json.dumps(report.to_dict())
    assert "is_key" not in text
    assert "first" not in text
    assert "is_key" in json.dumps(report.to_dict(keys=True))
