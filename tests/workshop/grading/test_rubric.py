"""Graders see the rubric above a written answer; students never do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

from tests.workshop.grading.conftest import ASSIGNMENT, NOTEBOOK, TinyCourse
from workshop.grading.rubric import ShowRubric

RUBRIC = "One point for the factor."
MARK_SCHEME = f"=== BEGIN MARK SCHEME ===\n{RUBRIC}\n=== END MARK SCHEME ==="
OF_THE_FORMGRADER = {
    "submission_id": "1",
    "assignment_id": ASSIGNMENT,
    "notebook_id": NOTEBOOK,
    "base_url": "",
}


@pytest.fixture
def course(tiny: TinyCourse) -> TinyCourse:
    """A course whose written answer has a mark scheme."""
    path = tiny.course.source_notebook(ASSIGNMENT, NOTEBOOK)
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.id == "why":
            cell.source = f"{MARK_SCHEME}\n{cell.source}"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return tiny


def shown(course: TinyCourse, resources: dict[str, Any], folder: Path | None = None) -> str:
    """The texts of an answered notebook as they are shown."""
    notebook: NotebookNode = course.answered()
    folder = folder or course.course.autograded / "ada" / ASSIGNMENT
    found, _ = ShowRubric().preprocess(  # type: ignore[no-untyped-call]
        notebook, {**resources, "metadata": {"path": str(folder)}}
    )
    return "\n\n".join(cell.source for cell in found.cells)


def test_it_stands_right_above_the_answer(course: TinyCourse) -> None:
    text = shown(course, OF_THE_FORMGRADER)
    assert text.count(RUBRIC) == 1
    assert 0 < text.index("Because they have one factor more.") - text.index(RUBRIC) < 40
    assert "MARK SCHEME" not in text


def test_feedback_has_none(course: TinyCourse) -> None:
    about = {"nbgrader": {"assignment": ASSIGNMENT, "notebook": NOTEBOOK, "student": "ada"}}
    assert RUBRIC not in shown(course, about)


def test_without_a_source_the_answer_is_shown_all_the_same(
    course: TinyCourse, tmp_path: Path
) -> None:
    assert "one factor more" in shown(course, OF_THE_FORMGRADER, tmp_path)
    path = course.course.source_notebook(ASSIGNMENT, NOTEBOOK)
    for text in ("{", '{"cells": 1}', f'{{"cells": [{json.dumps("text")}]}}'):
        path.write_text(text, encoding="utf-8")
        assert "one factor more" in shown(course, OF_THE_FORMGRADER)
    path.unlink()
    assert "one factor more" in shown(course, OF_THE_FORMGRADER)


def test_the_courses_configuration_asks_for_it_in_the_formgrader_alone(tiny: TinyCourse) -> None:
    config = tiny.course.nbgrader_config()
    name = f"{ShowRubric.__module__}.{ShowRubric.__name__}"
    assert name in config.HTMLExporter.preprocessors
    assert name not in config.FeedbackExporter.preprocessors
