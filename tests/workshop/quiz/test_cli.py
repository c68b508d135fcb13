"""``workshop quiz import`` and ``export``, as they are typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.workshop.quiz.sample import make_course
from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.quiz.cli import app
from workshop.quiz.items import load_quiz
from workshop.quiz.moodle import from_moodle
from workshop.quiz.qti import from_qti

DECK = """\
Quick Quiz!

Question 1: Which technique
freezes all layers?
- A)  Fine-tuning
-
- B) Feature extraction

Answer: B
"""
KEYLESS = "Question 2: What is LoRA?\n- A) low rank\n- B) long range\n"


@pytest.fixture
def deck(tmp_path: Path) -> Path:
    path = tmp_path / "deck.txt"
    path.write_text(DECK)
    return path


def test_a_deck_becomes_a_quiz_to_complete(deck: Path, tmp_path: Path) -> None:
    output = tmp_path / "mine.yaml"
    done = CliRunner().invoke(app, ["import", str(deck), "-o", str(output), "--title", "Mine"])
    assert done.exit_code == 0, done.output
    text = output.read_text()
    assert "title: Mine" in text
    assert "stem: Which technique freezes all layers?" in text
    # Nothing that only a person can write is made up.
    with pytest.raises(WorkshopError):
        load_quiz(output)


def test_what_has_no_answer_is_reported_with_its_line_and_left_out(
    deck: Path, tmp_path: Path
) -> None:
    deck.write_text(DECK + KEYLESS)
    output = tmp_path / "mine.yaml"
    done = CliRunner().invoke(app, ["import", str(deck), "-o", str(output)])
    assert done.exit_code == 1
    line = DECK.count("\n") + 1
    assert f"{deck}:{line}" in done.output.replace("\n", "")
    assert "LoRA" not in output.read_text()


def test_nothing_is_written_over_without_being_told_to(deck: Path, tmp_path: Path) -> None:
    output = tmp_path / "mine.yaml"
    output.write_text("mine")
    done = CliRunner().invoke(app, ["import", str(deck), "-o", str(output)])
    assert isinstance(done.exception, WorkshopError)
    assert output.read_text() == "mine"
    assert (
        CliRunner().invoke(app, ["import", str(deck), "-o", str(output), "--force"]).exit_code == 0
    )
    assert output.read_text() != "mine"


def test_a_deck_without_a_question_makes_no_file(tmp_path: Path) -> None:
    deck = tmp_path / "deck.txt"
    deck.write_text("Only slides\n")
    output = tmp_path / "mine.yaml"
    done = CliRunner().invoke(app, ["import", str(deck), "-o", str(output)])
    assert isinstance(done.exception, WorkshopError)
    assert not output.exists()


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    course = make_course(tmp_path / "course")
    monkeypatch.chdir(course.root)
    return course


def test_quizzes_are_written_for_other_systems(course: Course, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    for system in ("canvas", "moodle"):
        done = CliRunner().invoke(app, ["export", "--to", system, "--out", str(folder)])
        assert done.exit_code == 0, done.output
    ids = [item.id for item in load_quiz(course.quizzes / "one.yaml").items]
    canvas, moodle = (folder / f"one.{suffix}" for suffix in ("zip", "xml"))
    assert [item.id for item in from_qti(canvas.read_bytes()).items] == ids
    assert [item.id for item in from_moodle(moodle.read_bytes()).items] == ids


def test_a_quiz_that_is_not_there_is_named(course: Course) -> None:
    done = CliRunner().invoke(app, ["export", "two"])
    assert isinstance(done.exception, WorkshopError)
    assert "two" in done.exception.what
    assert "one" in str(done.exception)
    assert not (course.root / "exports").exists()
