"""Curves come out of a kernel that was the learner's: data with limits, and drawn as such."""

from __future__ import annotations

import re
from typing import Any

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_output

from tests.workshop.reports.learner import curves
from workshop.learn.curves import CURVES_MIME
from workshop.reports.student_charts import drawn, specification
from workshop.reports.student_curves import Curve, Curves, curves_in

LINE = {"name": "a", "x": [1.0, 2.0], "y": [0.5, None]}
DATA: dict[str, Any] = {"xlabel": "epoch", "ylabel": "accuracy", "curves": [LINE]}


def cell(*data: Any, **meta: Any) -> NotebookNode:
    """A cell that shows pictures of curves; locked, if nothing else is said."""
    kind = {"grade_id": "curves", "grade": False, "solution": False, "locked": True, **meta}
    outputs = [new_output("display_data", {CURVES_MIME: each, "image/png": ""}) for each in data]
    return new_code_cell("", outputs=outputs, metadata={"nbgrader": kind})


def test_curves_of_locked_cells_are_found_in_order() -> None:
    found = curves_in([cell(DATA), cell(), cell({**DATA, "ylabel": "loss"})])
    assert [each.ylabel for each in found] == ["accuracy", "loss"]
    assert found[0].curves[0].points == [(1.0, 0.5)]


@pytest.mark.parametrize("meta", [{"solution": True}, {"grade": True, "points": 1}])
def test_a_learners_own_cells_are_passed_over(meta: dict[str, Any]) -> None:
    assert curves_in([cell(DATA, **meta)]) == ()


@pytest.mark.parametrize(
    "data",
    [
        "curves",
        {},
        {**DATA, "curves": []},
        {**DATA, "more": 1},
        {**DATA, "ylabel": "x" * 1_000},
        {**DATA, "curves": [LINE] * 50},
        {**DATA, "curves": [LINE, LINE]},
        {**DATA, "curves": [{**LINE, "x": [1.0] * 100_000}]},
        {**DATA, "curves": [{**LINE, "y": [float("nan"), float("inf")]}]},
        {**DATA, "curves": [{**LINE, "y": [1e300, 1.0]}]},
        {**DATA, "curves": [{**LINE, "y": ["1", "2"]}, {**LINE, "name": ["b"]}]},
        {**DATA, "curves": [{**LINE, "y": [None, None]}]},
    ],
)
def test_what_is_no_picture_of_curves_is_passed_over(data: Any) -> None:
    assert [each.xlabel for each in curves_in([cell(data, DATA)])] == ["epoch"]


def test_no_more_than_a_page_has_room_for() -> None:
    assert len(curves_in([cell(*[DATA] * 500)])) <= 20


def test_signs_that_turn_text_are_taken_out_of_names() -> None:
    (found,) = curves_in([cell({**DATA, "curves": [{**LINE, "name": "a\u202eb"}]})])
    assert found.curves[0].name == "a b"


def test_the_table_holds_every_value_and_no_other() -> None:
    assert curves().table == [(1.0, [0.7, 0.5]), (2.0, [0.8, None]), (3.0, [0.85, 0.6])]


def test_a_drawing_names_each_curve_and_holds_nothing_live() -> None:
    evil = "</svg><script>alert(1)</script>\"'&"
    svg = str(drawn(curves(evil)))
    assert svg.count("</svg>") == 1
    assert set(re.findall(r"<(\w+)", svg)) <= {"svg", "g", "path", "line", "text", "rect"}
    assert "from scratch" in svg
    assert "validation accuracy" in svg
    assert not re.search(r"\son\w+=|href=\"(?!http://www.w3.org)", svg)


def test_each_curve_has_a_colour_and_a_shape_of_its_own() -> None:
    svg = str(drawn(curves()))
    strokes = set(re.findall(r'stroke="(#[0-9a-f]{6})"', svg))
    assert {"#3d7fd0", "#c8641b"} <= strokes


@pytest.mark.parametrize("count", [1, 3, 61])
def test_epochs_are_counted_in_few_whole_numbers(count: int) -> None:
    epochs = [float(each) for each in range(count)]
    line = Curve(name="a", x=[*epochs], y=[0.5] * count)
    ticks = specification(Curves(xlabel="step", ylabel="y", curves=[line]))["encoding"]["x"]["axis"]
    assert set(ticks["values"]) <= set(epochs)
    assert ticks["values"][0] == 0
    assert len(ticks["values"]) <= 8


def test_a_missing_value_interrupts_its_line() -> None:
    (rows,) = specification(curves())["datasets"].values()
    scratch = [row["y"] for row in rows if row["name"] == "from scratch"]
    assert scratch == [0.5, None, 0.6]
