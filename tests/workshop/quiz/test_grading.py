"""Answers handed in: whatever stands there is graded, and no key is within its reach."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

from tests.workshop.quiz.sample import make_course
from workshop.authoring.build import build
from workshop.course import Course
from workshop.grading.feedback import generate_feedback
from workshop.grading.grade import grade
from workshop.quiz.asked import asked
from workshop.quiz.items import load_quizzes

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_gradebooks")]

# What each of them answers to every question, as Python, and what that earns: by hand, for options
# A and B of which the right one is named R, the other W.
TABLE: dict[str, tuple[dict[str, str], dict[str, float]]] = {
    "right": (
        {"single": "'R'", "multiple": "['R']", "truth": "False", "number": "3", "words": "'a b'"},
        {"single": 1, "multiple": 1, "truth": 1, "number": 1, "words": 1},
    ),
    "lower": (
        {"single": "'r'", "multiple": "'r'", "truth": "'false'", "number": "'3'"},
        {"single": 1, "multiple": 1, "truth": 1, "number": 1, "words": 0},
    ),
    "blanks": (
        {"single": "' R '", "multiple": "('R',)", "number": "' 3.05 MB '", "words": "' A-B. '"},
        {"single": 1, "multiple": 1, "truth": 0, "number": 1, "words": 1},
    ),
    "lists": (
        {"single": "['R']", "multiple": "['R', 'W']", "truth": "[False]", "words": "['a b']"},
        {"single": 1, "multiple": 0, "truth": 0, "number": 0, "words": 0},
    ),
    "numbers": (
        {"single": "3", "multiple": "3", "truth": "0", "number": "3.2", "words": "3"},
        {"single": 0, "multiple": 0, "truth": 0, "number": 0, "words": 0},
    ),
    "nothing": ({}, {"single": 0, "multiple": 0, "truth": 0, "number": 0, "words": 0}),
    "megabyte": (
        dict.fromkeys(("single", "multiple", "truth", "number", "words"), "'R' * 1_000_000"),
        {"single": 0, "multiple": 0, "truth": 0, "number": 0, "words": 0},
    ),
    "objects": (
        {"single": "object()", "multiple": "{'R': 1}", "truth": "print", "number": "1j"},
        {"single": 0, "multiple": 0, "truth": 0, "number": 0, "words": 0},
    ),
    "stops": (
        {"single": "1 / 0", "multiple": "['R']"},
        {"single": 0, "multiple": 1, "truth": 0, "number": 0, "words": 0},
    ),
}


@pytest.fixture
def course(tmp_path: Path) -> Course:
    course = make_course(tmp_path / "course")
    build(course)
    return course


def hand_in(course: Course, student: str, answers: dict[str, str]) -> None:
    notebook = nbformat.read(course.release_notebook("ps1", "p1"), as_version=4)
    for cell in notebook.cells:
        if cell.id in answers:
            cell.source = f"{cell.id} = {answers[cell.id]}"
    folder = course.submitted / student / "ps1"
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / "p1.ipynb")


def graded(course: Course, student: str) -> NotebookNode:
    path = course.autograded / student / "ps1" / "p1.ipynb"
    notebook: NotebookNode = nbformat.read(path, as_version=4)
    return notebook


def test_every_answer_gets_what_the_table_says(course: Course) -> None:
    items = {item.id: item for item in load_quizzes(course.quizzes)["one"].items}
    right = {name: asked(items[name]).key.right for name in ("single", "multiple")}

    def lettered(name: str, text: str) -> str:
        if name not in right:
            return text
        (letter,) = right[name]  # type: ignore[misc]
        other = {"A": "B", "B": "A"}[letter]
        swapped = {"'R'": f"'{letter}'", "'W'": f"'{other}'", "'r'": f"'{letter.lower()}'"}
        for old, new in {**swapped, "' R '": f"' {letter} '"}.items():
            text = text.replace(old, new)
        return text

    for student, (answers, _) in TABLE.items():
        hand_in(course, student, {name: lettered(name, text) for name, text in answers.items()})
    report = grade(course, "ps1", [*TABLE])
    found = {
        result.student: {cell.grade_id.removeprefix("test_"): cell.score for cell in result.cells}
        for result in report.results
    }
    assert found == {student: earned for student, (_, earned) in TABLE.items()}
    assert {result.outcome.value for result in report.results if result.outcome} == {"COMPLETED"}


def test_feedback_explains_the_answer_that_was_chosen_and_no_other(course: Course) -> None:
    hand_in(course, "ada", {"truth": "True"})
    grade(course, "ps1", ["ada"])
    pages = generate_feedback(course, "ps1", ["ada"])
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    item = next(i for i in load_quizzes(course.quizzes)["one"].items if i.id == "truth")
    said: Any = item.feedback  # type: ignore[union-attr]
    assert f"Not right. {said.true}" in text
    assert f"Right. {said.false}" not in text


SEARCH = r"""
import gc, os, warnings
warnings.simplefilter("ignore")
needle = "".join(["sec", "ret si", "ngle"])

def holds(value):
    return isinstance(value, str) and needle in value and value is not needle

found = [v[:80] for v in gc.get_objects() if holds(v)]
for each in list(gc.get_objects()):
    if isinstance(each, dict):
        found += [str(v)[:80] for v in list(each.values()) if holds(v)]
    elif isinstance(each, (list, tuple)):
        found += [str(v)[:80] for v in list(each) if holds(v)]
for root in ("/home", "/tmp", "/etc", "/run", os.getcwd(), os.path.expanduser("~")):
    for folder, _, files in os.walk(root):
        for name in files:
            try:
                with open(os.path.join(folder, name), errors="replace") as file:
                    if needle in file.read(5_000_000):
                        found.append(os.path.join(folder, name))
            except OSError:
                pass
print("keys found:", found)
single = None
"""


def test_no_key_is_in_the_kernel_that_runs_a_submission(course: Course) -> None:
    """Feedback on the options stands beside the key: whoever finds one finds the other."""
    source = course.source_notebook("ps1", "p1").read_text(encoding="utf-8")
    assert "secret single" in source
    hand_in(course, "ada", {})
    path = course.submitted / "ada" / "ps1" / "p1.ipynb"
    notebook = nbformat.read(path, as_version=4)
    # Once before its check has run, and once after all of them have.
    next(cell for cell in notebook.cells if cell.id == "single").source = SEARCH
    notebook.cells.append(nbformat.v4.new_code_cell(SEARCH))
    nbformat.write(notebook, path)
    grade(course, "ps1", ["ada"])
    printed = [
        output.text
        for cell in graded(course, "ada").cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream"
    ]
    assert printed == ["keys found: []\n"] * 2, json.dumps(printed)
