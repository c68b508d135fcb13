"""A course with two exercises, a written answer and four quiz items, and a class that did it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workshop.reports.classroom import Classroom, fill
from workshop.authoring.build import build
from workshop.course import CONFIG_NAME, Course
from workshop.grading.gradebook import CellGrade
from workshop.reports.graded_items import GradedItem, describe_items

REPOSITORY = Path(__file__).resolve().parents[3]
ASSIGNMENT, NOTEBOOK = "ps1", "p1"
POINTS = {
    "test_double": 2.0,
    "test_total": 3.0,
    "why": 4.0,
    "test_single": 1.0,
    "test_several": 1.0,
    "test_truth": 1.0,
}
SECRETS = ("HIDDEN TESTS", "double(2) == 4", "MARK SCHEME", "0.8137")

TEXT = """\
# %% solution="double" objective="implement" topic="arithmetic"
def double(value):
    ### BEGIN SOLUTION
    return value * 2
    ### END SOLUTION

# %% test="double" points=2
### BEGIN HIDDEN TESTS
float(double(2) == 4) * 2
### END HIDDEN TESTS

# %% solution="total" objective="evaluate" topic="sums"
def total(values):
    ### BEGIN SOLUTION
    return sum(values)
    ### END SOLUTION

# %% test="total" points=3
### BEGIN HIDDEN TESTS
float(total([1, 2]) == 3) * 3
### END HIDDEN TESTS

# %% [markdown] reflection="why" points=4 objective="evaluate" topic="sums"
# Why?
#
# ### BEGIN SOLUTION
# It is the neutral element of addition.
# ### END SOLUTION
#
# === BEGIN MARK SCHEME ===
# Two points for the empty sum.
# === END MARK SCHEME ===

# %% quiz="one"
"""
_ABOUT = "objective: define, topic: words, difficulty: easy"
_OPTIONS = ", ".join(
    f"{{text: {text}, feedback: f{more}}}"
    for text, more in (
        ("the <b>first</b> option", ", key: true"),
        ("the second option", ""),
        ("the third option", ""),
        ("the fourth option", ""),
    )
)
QUIZ = f"""\
title: Words
items:
  - {{id: single, type: single_choice, stem: Which?, {_ABOUT}, options: [{_OPTIONS}]}}
  - {{id: several, type: multiple_response, stem: Which?, {_ABOUT}, options: [{_OPTIONS}]}}
  - {{id: truth, type: true_false, stem: True?, {_ABOUT}, key: false,
     feedback: {{"true": t, "false": f}}}}
  - {{id: number, type: numeric, stem: How many?, {_ABOUT}, key: 3,
     feedback: {{right: r, wrong: w}}}}
"""


@pytest.fixture(scope="session")
def written_course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The course's texts; to be read or copied, not changed."""
    root = tmp_path_factory.mktemp("texts") / "course"
    (root / "source" / ASSIGNMENT).mkdir(parents=True)
    (root / "quizzes").mkdir()
    shutil.copy(REPOSITORY / CONFIG_NAME, root)
    (root / "quizzes" / "one.yaml").write_text(QUIZ, encoding="utf-8")
    (root / "source" / ASSIGNMENT / f"{NOTEBOOK}.py").write_text(TEXT, encoding="utf-8")
    return root


@pytest.fixture(scope="session")
def items(written_course: Path) -> tuple[GradedItem, ...]:
    """The course's graded items but for the number."""
    grades = [
        CellGrade(NOTEBOOK, name, None, None, None, points, needs_manual_grade=False)
        for name, points in POINTS.items()
    ]
    return describe_items(Course.at(written_course), ASSIGNMENT, grades)[0]


@pytest.fixture(scope="session")
def built_course(written_course: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The course, generated; to be copied, not changed."""
    root = tmp_path_factory.mktemp("built") / "course"
    shutil.copytree(written_course, root)
    build(Course.at(root))
    return root


@pytest.fixture(scope="session")
def make_class(
    built_course: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Classroom], Course]:
    """Makes a copy of the course with a class that has handed in and was graded."""

    def make(room: Classroom) -> Course:
        root = tmp_path_factory.mktemp("class") / "course"
        shutil.copytree(built_course, root)
        course = Course.at(root)
        fill(course, ASSIGNMENT, room)
        return course

    return make


@pytest.fixture(scope="session")
def graded(make_class: Callable[[Classroom], Course]) -> Course:
    """A class of 40, of whom one more was rejected; to be read, not changed."""
    return make_class(Classroom())
