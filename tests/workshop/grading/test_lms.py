"""Grades for Canvas and Moodle, read by models of what their importers do."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from nbgrader.coursedir import CourseDirectory
from nbgrader.plugins import CsvExportPlugin
from typer.testing import CliRunner

from tests.workshop.grading.test_roster import roster
from workshop.cli import app
from workshop.course import ROOT_VARIABLE
from workshop.errors import WorkshopError
from workshop.grading.export import Grades
from workshop.grading.grade import grade
from workshop.grading.gradebook import open_gradebook
from workshop.grading.lms import for_canvas, for_moodle
from workshop.grading.records import CellResult, CellStatus, Outcome
from workshop.grading.results import SubmissionResult

if TYPE_CHECKING:
    from tests.workshop.grading.conftest import TinyCourse

STUDENTS = """\
student,name,canvas_id,sis_user_id,sis_login_id,section,idnumber,email
ada,"Lovelace, Ada",101,S1,al,Group A,n1,ada@x.org
bob,Bob,,S2,,,n2,bob@x.org
cy,,,,cyl,,n3,cy@x.org
"""


def result(
    student: str, *points: float | None, penalty: float = 0.0, message: str = "", look: bool = False
) -> SubmissionResult:
    cells = tuple(
        CellResult("tw"[place], each, 5.0, CellStatus.PARTIAL) for place, each in enumerate(points)
    )
    known = [each for each in points if each is not None]
    score = sum(known) if known else None
    return SubmissionResult(
        student, Outcome.COMPLETED, score, 10.0, 1.0, cells, message, penalty, look
    )


def grades(*results: SubmissionResult) -> Grades:
    return Grades("ps1", ("t", "w"), results)


ALL = grades(
    result("ada", 3.0, 4.5, penalty=1.25),
    result("bob", 2.0, None),
    result("cy", None, None, message="ps1/cy: the file is empty"),
)


def by_canvas(text: str) -> tuple[str, float, dict[str, str]]:
    """Assignment, points possible and grades by id, as Canvas' importer looks for them."""
    heading, possible, *rows = csv.reader(io.StringIO(text))
    assert "Student" in heading[0]
    assert "ID" in heading[1]
    assert re.match(r"SIS\s+User\s+ID", heading[2])
    assert re.match(r"SIS\s+Login\s+ID", heading[3])
    assert "Section" in heading[4]
    assert "Points Possible" in possible[0]
    assert all(len(row) == len(heading) for row in rows)
    found = {row[1] or row[2] or row[3]: row[5] for row in rows}
    assert len(found) == len(rows)
    assert "" not in found
    return heading[5], float(possible[5]), found


def by_moodle(text: str) -> tuple[list[str], dict[str, float | None]]:
    """Headings, and grades by id, as Moodle's importer takes them for a new grade item."""
    heading, *rows = csv.reader(io.StringIO(text))
    found: dict[str, float | None] = {}
    last = ""
    for row in rows:
        assert len(row) == len(heading)
        # A line without an id belongs to the student before, and an empty grade is 0.
        last = row[0] or last
        found[last] = None if row[2] == "-" else float(row[2] or 0)
    return heading, found


def test_canvas_gets_points_by_its_ids_and_nothing_for_what_is_undecided(tmp_path: Path) -> None:
    written = for_canvas(ALL, roster(tmp_path, STUDENTS))
    assert by_canvas(written.csv) == ("ps1", 10.0, {"101": "6.25", "S2": "", "cyl": ""})
    assert written.problems == ()
    about_bob, about_cy, _ = written.notes
    assert "students.csv:3: bob: " in about_bob
    assert about_bob.endswith(" w")
    assert "students.csv:4: cy: " in about_cy
    assert "the file is empty" in about_cy


def test_moodle_gets_a_hyphen_for_what_is_undecided_since_empty_is_zero_there(
    tmp_path: Path,
) -> None:
    written = for_moodle(ALL, roster(tmp_path, STUDENTS))
    heading, found = by_moodle(written.csv)
    assert heading == ["ID number", "Full name", "ps1"]
    assert found == {"n1": 6.25, "n2": None, "n3": None}


def test_moodle_goes_by_email_if_nobody_has_a_number(tmp_path: Path) -> None:
    emails = "student,email\nada,Ada@x.org\nbob,bob@x.org\n"
    written = for_moodle(ALL, roster(tmp_path, emails))
    heading, found = by_moodle(written.csv)
    assert heading[0] == "Email address"
    assert [*found] == ["Ada@x.org", "bob@x.org"]
    assert "cy is not in it; cy is left out, without a score" in written.problems[0]


UNSOUND = """\
student,canvas_id,idnumber
ada,12abc,
bob,,=cmd
cy,=1+1,0
dan,7,n7
"""


@pytest.mark.parametrize("write", [for_canvas, for_moodle])
def test_who_has_no_sound_id_is_named_with_the_line_and_the_rest_is_written(
    tmp_path: Path, write: type
) -> None:
    students = roster(tmp_path, UNSOUND)
    four = grades(*(result(name, 1.0, 1.0) for name in ("ada", "bob", "cy", "dan", "eve")))
    written = write(four, students)
    rows = [*csv.reader(io.StringIO(written.csv))]
    assert [row for row in rows if row[-1] == "2"] == [rows[-1]]
    told = [each.removeprefix(str(students.path)).split(" ")[0] for each in written.problems]
    assert told == [":2:", ":3:", ":4:", ":"]
    assert all("2 points" in each for each in written.problems)


def test_a_misspelt_student_is_named_on_both_sides(tmp_path: Path) -> None:
    students = roster(tmp_path, "student,canvas_id\nadda,1\n")
    written = for_canvas(grades(result("ada", 1.0, 1.0)), students)
    assert "ada is not in it (adda is)" in written.problems[0]
    assert "students.csv:2" in written.notes[0]
    assert "adda" in written.notes[0]
    assert by_canvas(written.csv)[2] == {}


def test_no_name_becomes_a_formula(tmp_path: Path) -> None:
    students = roster(
        tmp_path, "student,name,section,canvas_id,idnumber\nada,=HYPERLINK(1),@x,1,2\n"
    )
    for write in (for_canvas, for_moodle):
        text = write(grades(result("ada", 1.0, 1.0)), students, column="=1").csv
        fields = [field for row in csv.reader(io.StringIO(text)) for field in row]
        assert "'=HYPERLINK(1)" in fields
        assert "'=1" in fields
        assert not [each for each in fields if each.startswith(("=", "+", "-", "@"))]


def test_points_may_be_asked_for_in_other_units(tmp_path: Path) -> None:
    students = roster(tmp_path, STUDENTS)
    written = for_canvas(ALL, students, column="Module 2 (77)", out_of=100)
    assert by_canvas(written.csv) == (
        *("Module 2 (77)", 100.0),
        {"101": "62.5", "S2": "", "cyl": ""},
    )
    with pytest.raises(WorkshopError, match="no points"):
        for_canvas(grades(SubmissionResult("ada", None, None, 0.0, 0, ())), students, out_of=1)


def test_what_moodle_refuses_as_a_whole_is_told_before(tmp_path: Path) -> None:
    students = roster(tmp_path, STUDENTS)
    many = grades(result("ada", 60.0, 60.0))
    assert any("above 100" in note for note in for_moodle(many, students).notes)
    assert not any("above" in note for note in for_moodle(many, students, out_of=8).notes)


def test_points_by_hand_that_are_to_be_looked_at_again_are_written_and_named(
    tmp_path: Path,
) -> None:
    written = for_canvas(grades(result("ada", 1.0, 2.0, look=True)), roster(tmp_path, STUDENTS))
    assert by_canvas(written.csv)[2] == {"101": "3"}
    assert "look again" in written.notes[0]


def test_the_command_takes_penalties_off_as_nbgrader_does(
    fast: TinyCourse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grade(fast.course, "ps1")
    with open_gradebook(CourseDirectory(config=fast.course.nbgrader_config())) as gradebook:
        for student in ("ada", "bob", "cy"):
            gradebook.find_grade("why", "p1", "ps1", student).manual_score = 1.0
            gradebook.find_submission_notebook("p1", "ps1", student).late_submission_penalty = 1.5
        gradebook.find_grade("why", "p1", "ps1", "bob").manual_score = None
        gradebook.db.commit()
        reference = tmp_path / "nbgrader.csv"
        plugin = CsvExportPlugin(to=str(reference), assignment=["ps1"])
        plugin.export(gradebook)
    rows = csv.DictReader(io.StringIO(reference.read_text()))
    stock = {row["student_id"]: row["score"] for row in rows}
    monkeypatch.setenv(ROOT_VARIABLE, str(fast.course.root))
    students, written = tmp_path / "students.csv", tmp_path / "new" / "canvas.csv"
    students.write_text("student,canvas_id\nada,1\nbob,2\ncy,3\n")
    command = ["export", "ps1", "--format", "canvas", "--students", str(students)]
    done = CliRunner().invoke(app, [*command, "--csv", str(written)])
    assert done.exit_code == 0, done.output
    found = by_canvas(written.read_text())[2]
    assert found["2"] == ""
    assert {"ada": float(found["1"]), "cy": float(found["3"])} == {
        "ada": float(stock["ada"]),
        "cy": float(stock["cy"]),
    }
    assert float(found["3"]) == 0.0  # the penalty is more than the points

    students.write_text("student,idnumber\nada,1\n")
    shown = CliRunner().invoke(app, [*command[:2], "--format=moodle", *command[4:]])
    assert shown.exit_code == 1
    assert by_moodle(shown.stdout)[1] == {"1": float(stock["ada"])}
    assert "bob" in shown.stderr
    assert "cy" in shown.stderr


@pytest.mark.parametrize(
    "more", [["--format", "canvas"], ["--students", "s.csv"], ["--out-of", "0"], ["--column", "x"]]
)
def test_options_that_do_not_go_together_are_refused(more: list[str]) -> None:
    assert CliRunner().invoke(app, ["export", "ps1", *more]).exit_code == 2
