from __future__ import annotations

from dataclasses import replace

from workshop.analysis.curriculum import Served, curriculum, holes, to_markdown
from workshop.course import Course
from workshop.quiz.items import Objective

COMPLETE = [
    Served("m", "n" if exercise else "", f"{each.value}_{exercise}", each, "LoRA", 2, exercise)
    for each in Objective
    for exercise in (True, False)
]


def test_exercises_are_found_with_their_points(tiny_course: Course) -> None:
    found = {each.name: each for each in curriculum(tiny_course)}
    assert found["double"] == Served(
        "small", "doubling", "double", "implement", "arithmetic", 2, exercise=True
    )
    assert found["total"].points == 1
    assert found["why_double"].points == 4


def test_a_complete_course_has_no_hole() -> None:
    assert holes(COMPLETE, ["LoRA"]) == []


def test_what_is_missing_is_named() -> None:
    assert holes(COMPLETE[1:], ["LoRA", "rank"]) == [
        "no exercise serves the objective define",
        "nothing is about rank",
    ]
    unnamed = replace(COMPLETE[0], objective="", name="extra")
    misspelt = replace(COMPLETE[0], objective="defin", topic="", name="other")
    assert holes([*COMPLETE, unnamed, misspelt], []) == [
        "m/n: extra names no objective",
        "m/n: other names no topic",
        "other: 'defin' is no objective",
    ]


def test_the_tables_count_points_of_exercises_alone() -> None:
    table = to_markdown(COMPLETE)
    (row,) = (line for line in table.splitlines() if line.startswith("| LoRA"))
    assert row.split("|")[3].strip() == "10"
    assert "m/n: `define_True`, `distinguish_True`" in row
    assert "`define_False`, `distinguish_False`" in row
