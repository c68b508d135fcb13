from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory

from workshop.errors import WorkshopError
from workshop.grading.gradebook import (
    gradebook_at,
    load_grades,
    load_master,
    max_score_of,
    open_gradebook,
    record_rejected,
    require_assignment,
    save_scores,
    students_of,
)
from workshop.grading.records import CellResult, CellStatus

if TYPE_CHECKING:
    from tests.workshop.grading.conftest import TinyCourse


@pytest.fixture
def gradebook(tiny: TinyCourse) -> Iterator[Gradebook]:
    with open_gradebook(CourseDirectory(config=tiny.course.nbgrader_config())) as opened:
        yield opened


def result(grade_id: str, score: float | None, max_score: float) -> CellResult:
    status = CellStatus.NEEDS_MANUAL_GRADE if score is None else CellStatus.PARTIAL
    return CellResult(grade_id, score, max_score, status)


def test_an_unknown_assignment_names_the_known_ones(gradebook: Gradebook) -> None:
    assert require_assignment(gradebook, "ps1") == ("p1",)
    with pytest.raises(WorkshopError, match="ps2") as caught:
        require_assignment(gradebook, "ps2")
    assert "ps1" in caught.value.what


def test_the_master_is_the_instructors_version(gradebook: Gradebook) -> None:
    master = load_master(gradebook, "ps1", "p1")
    assert [cell.grade_id for cell in master.cells] == [
        *("setup", "square", "test_square", "cube", "test_cube", "why")
    ]
    cells = {cell.grade_id: cell for cell in master.cells}
    assert "HIDDEN TESTS" in cells["test_square"].source
    assert cells["test_square"].points == 2
    assert cells["setup"].locked
    assert not cells["setup"].grade
    assert cells["why"].is_answer
    assert max_score_of(gradebook, "ps1") == 9


def hand_in(gradebook: Gradebook) -> None:
    gradebook.update_or_create_student("ada")
    gradebook.update_or_create_submission("ps1", "ada")


def test_a_rejected_submission_has_no_score(gradebook: Gradebook) -> None:
    hand_in(gradebook)
    record_rejected(gradebook, "ps1", "ada")
    grades, penalty = load_grades(gradebook, "ps1", "ada")
    assert [grade.score for grade in grades] == [None, None, None]
    assert all(grade.needs_manual_grade for grade in grades)
    assert penalty == 0
    assert students_of(gradebook, "ps1") == ("ada",)


def test_scores_are_saved_and_read_in_order(gradebook: Gradebook) -> None:
    hand_in(gradebook)
    record_rejected(gradebook, "ps1", "ada")
    results = [result("why", None, 4), result("test_cube", 1.5, 3), result("test_square", 2, 2)]
    save_scores(gradebook, "ps1", "p1", "ada", results, unanswered=["cube"])
    grades, _ = load_grades(gradebook, "ps1", "ada")
    assert [(grade.grade_id, grade.score, grade.needs_manual_grade) for grade in grades] == [
        ("test_square", 2.0, False),
        ("test_cube", 1.5, False),
        ("why", None, True),
    ]
    comments = gradebook.find_submission_notebook("p1", "ps1", "ada").comments
    assert {each.name: each.auto_comment for each in comments} == {
        "square": None,
        "cube": "No response.",
        "why": None,
    }


def test_points_by_hand_stay_and_ask_to_be_looked_at_again(gradebook: Gradebook) -> None:
    hand_in(gradebook)
    record_rejected(gradebook, "ps1", "ada")
    gradebook.find_grade("test_cube", "p1", "ps1", "ada").manual_score = 3.0
    gradebook.db.commit()
    save_scores(gradebook, "ps1", "p1", "ada", [result("test_cube", 0, 3)])
    grade = load_grades(gradebook, "ps1", "ada")[0][1]
    assert (grade.auto_score, grade.manual_score, grade.score) == (0.0, 3.0, 3.0)
    assert grade.needs_manual_grade


def test_nobodys_grades_are_empty(gradebook: Gradebook) -> None:
    assert load_grades(gradebook, "ps1", "nobody") == ([], 0.0)


def test_a_gradebook_that_took_anothers_place_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "gradebook.db"
    for student in ("ada", "bob"):
        with gradebook_at(f"sqlite:///{path}") as gradebook:
            gradebook.add_student(student)
            assert [each.id for each in gradebook.students] == [student]
        path.rename(tmp_path / f"{student}.db")


def test_it_is_seen_what_others_wrote_and_nothing_stays_open(tmp_path: Path) -> None:
    path = tmp_path / "gradebook.db"
    for number in range(3):
        with gradebook_at(f"sqlite:///{path}") as gradebook:
            assert len(gradebook.students) == number
        assert not [each for each in psutil.Process().open_files() if each.path == str(path)]
        with sqlite3.connect(path) as connection:
            connection.execute("INSERT INTO student (id) VALUES (?)", [f"student{number}"])
        connection.close()
