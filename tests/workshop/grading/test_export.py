from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from nbgrader.coursedir import CourseDirectory

from workshop.errors import WorkshopError
from workshop.grading.export import Grades, export_grades
from workshop.grading.grade import grade
from workshop.grading.gradebook import open_gradebook
from workshop.grading.records import CellResult, CellStatus, Outcome
from workshop.grading.results import SubmissionResult

if TYPE_CHECKING:
    from tests.workshop.grading.conftest import TinyCourse


def result(student: str, score: float | None = 1.5, penalty: float = 0.0) -> SubmissionResult:
    cells = (
        CellResult("t", score, 2.0, CellStatus.PARTIAL),
        CellResult("w", None, 4.0, CellStatus.NEEDS_MANUAL_GRADE),
    )
    outcome = Outcome.REJECTED if score is None else Outcome.COMPLETED
    return SubmissionResult(student, outcome, score, 6.0, 1.0, cells, "", penalty, True)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_undefined_is_empty_and_never_zero() -> None:
    grades = Grades("ps1", ("t", "w"), (result("ada"), result("bob", None)))
    ada, bob = rows_of(grades.to_csv())
    assert (ada["total"], ada["t"], ada["w"]) == ("1.5", "1.5", "")
    assert (bob["outcome"], bob["total"], bob["score"], bob["t"]) == ("REJECTED", "", "", "")
    assert bob["needs_manual_grade"] == "yes"
    students = grades.to_dict()["students"]
    assert students[0]["cells"] == {"t": 1.5, "w": None}
    assert students[1]["total"] is None


def test_the_penalty_is_taken_off_but_never_below_zero() -> None:
    grades = Grades("ps1", ("t", "w"), (result("ada", 1.5, 0.5), result("bob", 1.5, 9.0)))
    assert [row["total"] for row in rows_of(grades.to_csv())] == ["1", "0"]
    assert [row["score"] for row in rows_of(grades.to_csv())] == ["1.5", "1.5"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_text_becomes_a_formula(start: str) -> None:
    name = f"{start}HYPERLINK(1)"
    row = next(csv.reader(io.StringIO(Grades("a", ("t", "w"), (result(name),)).to_csv())))
    assert row[0] == "student"
    text = Grades("a", ("t", "w"), (result(name),)).to_csv()
    assert f"'{start}HYPERLINK(1)" in text


def test_files_hold_everyone_who_handed_in(tiny: TinyCourse, tmp_path: Path) -> None:
    tiny.submit("ada", tiny.answered())
    tiny.submit("bob", "no notebook")
    grade(tiny.course, "ps1")
    tiny.submit("cy", tiny.answered())
    with open_gradebook(CourseDirectory(config=tiny.course.nbgrader_config())) as gradebook:
        gradebook.find_submission_notebook("p1", "ps1", "ada").late_submission_penalty = 1.0
        gradebook.find_grade("why", "p1", "ps1", "ada").manual_score = 4.0
        gradebook.db.commit()
    paths = tmp_path / "new" / "grades.csv", tmp_path / "new" / "grades.json"
    export_grades(tiny.course, "ps1", csv=paths[0], json=paths[1])
    ada, bob, cy = rows_of(paths[0].read_text(encoding="utf-8-sig"))
    assert (ada["student"], ada["total"], ada["score"], ada["late_penalty"]) == (
        *("ada", "8", "9", "1"),
    )
    assert (ada["test_square"], ada["test_cube"], ada["why"]) == ("2", "3", "4")
    assert (bob["outcome"], bob["total"]) == ("REJECTED", "")
    assert "not JSON" in bob["message"]
    assert (cy["outcome"], cy["total"]) == ("", "")
    assert "not graded yet" in cy["message"]
    data = json.loads(paths[1].read_text())
    assert data["assignment"] == "ps1"
    assert data["cells"] == ["test_square", "test_cube", "why"]
    assert [each["outcome"] for each in data["students"]] == ["COMPLETED", "REJECTED", None]


def test_nothing_to_export_is_an_error(tiny: TinyCourse) -> None:
    with pytest.raises(WorkshopError, match="no grades of ps1"):
        export_grades(tiny.course, "ps1")
    with pytest.raises(WorkshopError, match="does not know the assignment 'ps2'"):
        export_grades(tiny.course, "ps2")


def test_a_file_that_cannot_be_written_is_an_error(tiny: TinyCourse, tmp_path: Path) -> None:
    tiny.submit("bob", "no notebook")
    grade(tiny.course, "ps1")
    with pytest.raises(WorkshopError, match="cannot be written"):
        export_grades(tiny.course, "ps1", csv=tmp_path)
