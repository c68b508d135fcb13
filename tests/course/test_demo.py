"""The main job on the real course: a class of nine, from the text to the grades."""

from __future__ import annotations

import csv
import html
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from workshop.authoring.build import load_cells
from workshop.course import Course
from workshop.quiz.items import TrueFalse, load_quiz

Command = Callable[..., subprocess.CompletedProcess[str]]
ASSIGNMENT, NOTEBOOK = "module2_implementing", "feature_extraction_and_fine_tuning"
# The notebooks that take longest are left out here: verifying runs their solutions as well.
OTHERS = [("module3_evaluating", "report")]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]


@pytest.fixture(scope="module")
def demo(course: Course, run: Command) -> Path:
    folder = course.root / "demo"
    chosen = ["quiz", NOTEBOOK, *(notebook for _, notebook in OTHERS)]
    options = [each for name in chosen for each in ("--notebook", name)]
    run("workshop", "demo", "--out", str(folder), *options)
    return folder


def grades(folder: Path, assignment: str = ASSIGNMENT) -> dict[str, dict[str, object]]:
    data = json.loads((folder / f"grades_{assignment}.json").read_text(encoding="utf-8"))
    return {each["student"]: each for each in data["students"]}


def scores(
    folder: Path, student: str, notebook: str = NOTEBOOK, assignment: str = ASSIGNMENT
) -> dict[str, float | None]:
    """The scores of one notebook. A name that several notebooks have brings its own with it."""
    cells = grades(folder, assignment)[student]["cells"]
    assert isinstance(cells, dict)
    names = [
        cell.grade_id
        for cell in load_cells(Course.at(folder), assignment, notebook)
        if cell.points is not None
    ]
    return {name: cells[name if name in cells else f"{notebook}/{name}"] for name in names if name}


def test_each_student_gets_what_the_work_is_worth(demo: Path) -> None:
    found = grades(demo)
    assert len(found) == 9
    outcomes = {student: each["outcome"] for student, each in found.items()}
    assert outcomes.pop("hedy") == "KERNEL_DIED"
    assert outcomes.pop("ivan") == "REJECTED"
    assert set(outcomes.values()) == {"COMPLETED"}
    right = scores(demo, "ada")
    written = [grade_id for grade_id, score in right.items() if score is None]
    assert written == ["choose_a_way"]
    assert scores(demo, "blaise") == right
    lost = {
        student: {
            grade_id: full - (scores(demo, student)[grade_id] or 0)
            for grade_id, full in right.items()
            if full is not None and scores(demo, student)[grade_id] != full
        }
        for student in ("dorothy", "emmy")
    }
    assert lost["dorothy"] == {"test_build_optimizer": 1}
    assert set(lost["emmy"]) == {"test_set_training_mode", "test_fine_tune", "test_run_fine_tuning"}
    assert not any(scores(demo, "grace").values())


def test_a_quiz_earns_what_its_answers_are_worth(demo: Path) -> None:
    for assignment, every in (("module1_concepts", 3), ("module3_evaluating", 4)):
        right = scores(demo, "ada", "quiz", assignment)
        found = scores(demo, "dorothy", "quiz", assignment)
        wrong = [grade_id for number, grade_id in enumerate(right) if number % every == 0]
        assert [grade_id for grade_id in right if found[grade_id] != right[grade_id]] == wrong
        assert not any(found[grade_id] for grade_id in wrong)
        assert not any(scores(demo, "grace", "quiz", assignment).values())


@pytest.mark.parametrize(("assignment", "notebook"), OTHERS)
def test_a_notebook_gives_full_marks_to_its_solution_and_none_to_its_stub(
    demo: Path, assignment: str, notebook: str
) -> None:
    points = {
        cell.grade_id: cell.points
        for cell in load_cells(Course.at(demo), assignment, notebook)
        if cell.points is not None
    }
    right = scores(demo, "ada", notebook, assignment)
    assert {name: score for name, score in right.items() if score is not None} == {
        name: points[name] for name, score in right.items() if score is not None
    }
    assert sum(score is None for score in right.values()) <= 1  # a written answer
    assert not any(scores(demo, "grace", notebook, assignment).values())


def test_feedback_says_why_an_answer_is_tempting(course: Course, demo: Path) -> None:
    quiz = load_quiz(course.quizzes / "module1_concepts.yaml")
    item = next(each for each in quiz.items if each.id == "transfer_needs_more")
    assert isinstance(item, TrueFalse)
    said = {name: getattr(item.feedback, name)[:40] for name in ("true", "false")}
    right, wrong = ("true", "false") if item.key else ("false", "true")
    pages = {
        student: html.unescape(
            (demo / f"feedback/{student}/module1_concepts/quiz.html").read_text(encoding="utf-8")
        )
        for student in ("ada", "dorothy")
    }
    assert said[right] in pages["ada"]
    assert said[wrong] in pages["dorothy"]
    assert said[right] not in pages["dorothy"]


def test_what_ran_before_a_crash_counts_and_a_rejected_file_has_no_score(demo: Path) -> None:
    crashed = scores(demo, "hedy")
    assert crashed["test_build_model"] == 3
    assert crashed["test_read_confusion"] == 0
    assert grades(demo)["ivan"]["score"] is None


def test_the_table_has_a_row_for_every_student(demo: Path) -> None:
    with (demo / f"grades_{ASSIGNMENT}.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["student"] for row in rows] == sorted(grades(demo))


def test_feedback_shows_verdicts_and_no_hidden_test(demo: Path) -> None:
    pages = sorted(demo.glob(f"feedback/*/{ASSIGNMENT}/*.html"))
    # What was rejected has a page as well, with the reason.
    assert {page.parts[-3] for page in pages} == set(grades(demo))
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert "graded(" not in text
        assert "held_out(" not in text
    assert "freezing.eval_mode" in (demo / f"feedback/emmy/{ASSIGNMENT}").joinpath(
        "feature_extraction_and_fine_tuning.html"
    ).read_text(encoding="utf-8")


@pytest.mark.parametrize("student", ["grace", "hedy"])
def test_stock_nbgrader_gives_the_same_scores(
    demo: Path, run: Command, tmp_path: Path, student: str
) -> None:
    before = grades(demo)[student]["cells"]
    arguments = ("autograde", ASSIGNMENT, f"--student={student}", "--force", "--log-level=ERROR")
    run("nbgrader", *arguments, folder=demo)
    output = tmp_path / "grades.json"
    run("workshop", "export", ASSIGNMENT, "--json", str(output), folder=demo)
    data = json.loads(output.read_text(encoding="utf-8"))["students"]
    assert next(each["cells"] for each in data if each["student"] == student) == before
