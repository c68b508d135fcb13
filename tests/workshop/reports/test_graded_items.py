from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.workshop.reports.conftest import POINTS
from workshop.course import Course
from workshop.grading.gradebook import CellGrade
from workshop.reports.graded_items import GradedItem, ItemKind, describe_items


def grade(name: str, notebook: str = "p1", points: float = 1.0) -> CellGrade:
    return CellGrade(notebook, name, None, None, None, points, False)


@pytest.fixture
def by_name(written_course: Path) -> dict[str, GradedItem]:
    found, notes = describe_items(
        Course.at(written_course), "ps1", [grade(each) for each in (*POINTS, "test_number")]
    )
    assert notes == ()
    return {each.name: each for each in found}


def test_objective_topic_and_kind_are_those_of_the_text(by_name: dict[str, GradedItem]) -> None:
    assert [*by_name] == ["double", "total", "why", "single", "several", "truth", "number"]
    told = {name: (each.kind, each.objective, each.topic) for name, each in by_name.items()}
    assert told["double"] == (ItemKind.EXERCISE, "implement", "arithmetic")
    assert told["why"] == (ItemKind.WRITTEN, "evaluate", "sums")
    assert told["truth"] == (ItemKind.QUIZ, "define", "words")
    assert by_name["single"].difficulty == "easy"
    assert by_name["double"].difficulty == ""


def test_options_and_keys_are_those_that_learners_see(by_name: dict[str, GradedItem]) -> None:
    single, truth = by_name["single"], by_name["truth"]
    assert sorted(single.options) == ["A", "B", "C", "D"]
    assert [single.options[key] for key in single.keys] == ["the <b>first</b> option"]
    assert truth.options == {"True": "True", "False": "False"}
    assert truth.keys == {"False"}
    assert by_name["number"].options == {}
    assert by_name["number"].keys == by_name["double"].keys == frozenset()
    assert "first" not in str(single.to_dict())


def test_a_name_in_two_notebooks_is_told_apart(written_course: Path) -> None:
    grades = [grade("test_x", "a"), grade("test_x", "b"), grade("x", "b"), grade("test_y", "b")]
    items, notes = describe_items(Course.at(written_course), "ps1", grades)
    assert [each.name for each in items] == ["a/x", "b/test_x", "b/x", "y"]
    # There are no such notebooks, so nothing more is known of them.
    assert len(notes) == 2
    assert items[0].objective == ""


def test_a_text_that_cannot_be_read_costs_the_objectives_only(
    written_course: Path, tmp_path: Path
) -> None:
    shutil.copytree(written_course, tmp_path / "course")
    course = Course.at(tmp_path / "course")
    course.text("ps1", "p1").write_text("# %% unknown='kind'\n")
    items, notes = describe_items(course, "ps1", [grade("test_double"), grade("why")])
    assert [each.kind for each in items] == [ItemKind.EXERCISE, ItemKind.WRITTEN]
    assert "p1" in notes[0]
