from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from workshop.cli import app
from workshop.course import Course
from workshop.errors import WorkshopError

pytestmark = pytest.mark.usefixtures("quick_gradebooks")


Started = list[tuple[str, Sequence[str], Path]]


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    """What would have taken the place of this process, and in which folder."""
    seen: Started = []
    monkeypatch.setattr(os, "execv", lambda path, words: seen.append((path, words, Path.cwd())))
    return seen


@pytest.fixture
def course(tiny_course: Course, monkeypatch: pytest.MonkeyPatch) -> Course:
    monkeypatch.chdir(tiny_course.root)
    monkeypatch.setattr("workshop.authoring.preview.held_out_labels", dict)
    return tiny_course


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_what_was_written_and_what_comes_next_is_told(course: Course) -> None:
    done = run("new", "exercise", "small", "doubling", "share")
    assert done.exit_code == 0, done.output
    assert "added to source/small/doubling.py" in done.output
    assert "source/small/doubling/variants.yaml" in done.output
    for command in ("build small", "verify small --notebook doubling", "preview small doubling"):
        assert f"workshop {command}" in done.output


def test_a_quiz_and_an_item_of_it(course: Course) -> None:
    assert run("new", "quiz", "small", "questions").exit_code == 0
    again = run("new", "quiz", "small", "questions")
    assert isinstance(again.exception, WorkshopError)
    assert "--item" in str(again.exception)
    options = ("--item", "mine", "--type", "ordering", "--notebook", "doubling")
    done = run("new", "quiz", "small", "questions", *options)
    assert done.exit_code == 0, done.output
    assert "added to quizzes/questions.yaml" in done.output
    assert 'quiz="questions"\n# mine' in course.text("small", "doubling").read_text()


def test_a_preview_says_how_it_differs_and_where_it_is(course: Course) -> None:
    done = run("preview", "small")
    assert done.exit_code == 0, done.output
    assert "small/doubling: 3 exercises, 7 points; not released yet" in done.output
    assert str(course.root / "preview" / "small") in done.output


def test_a_preview_that_leaks_fails_and_is_not_opened(course: Course, started: Started) -> None:
    folder = course.source / "small"
    (folder / "notes.txt").write_text("twice_the_value = value * 2\n    return twice_the_value\n")
    (folder / "release.txt").write_text("notes.txt\n")
    done = run("preview", "small", "--open")
    assert done.exit_code == 1
    assert not (course.root / "preview").exists()
    assert started == []


def test_jupyterlab_opens_the_notebook_of_a_preview(
    course: Course, started: Started, tmp_path: Path
) -> None:
    done = run("preview", "small", "doubling", "--out", str(tmp_path / "seen"), "--open")
    assert done.exit_code == 0, done.output
    ((path, words, folder),) = started
    notebook = tmp_path / "seen" / "small" / "doubling.ipynb"
    assert path == sys.executable
    assert words == [sys.executable, "-m", "jupyter", "lab", str(notebook)]
    assert folder == notebook.parent
    assert notebook.is_file()


PROFILE = """title: Other words
needs: [nothing at all]
note: Other words.
all:
  - {old: Doubling, new: Twofold}
"""


def test_a_course_of_its_own(course: Course, tmp_path: Path) -> None:
    course.profiles.mkdir()
    (course.profiles / "other.yaml").write_text(PROFILE)
    folder = course.instructor_folder("small", "doubling")
    (folder / "calibration.yaml").write_text("test_double: {}\n")
    listed = run("new", "course", "--list")
    assert listed.exit_code == 0
    assert "other: Other words" in listed.output
    done = run("new", "course", str(tmp_path / "new"), "--profile", "other")
    assert done.exit_code == 0, done.output
    for said in ("changed small/doubling", "nothing at all", "calibrate.py doubling"):
        assert said in done.output
    assert "Twofold" in (tmp_path / "new" / "source" / "small" / "doubling.py").read_text()
    unknown = run("new", "course", str(tmp_path / "more"), "--profile", "others")
    assert "did you mean other?" in str(unknown.exception)
    assert run("new", "course").exit_code == 2


def test_building_warns_of_thresholds_that_are_missing(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workshop.grading.held_out.held_out_labels", dict)
    folder = course.instructor_folder("small", "doubling")
    (folder / "calibration.yaml").write_text("test_double: {}\ntest_total: {}\n")
    done = run("build")
    assert done.exit_code == 0, done.output
    assert "small/doubling has no threshold for test_total" in done.output
    assert "calibrate.py doubling" in done.output
