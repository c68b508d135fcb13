from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from nbgrader.coursedir import CourseDirectory

from tests.workshop.reports.classroom import Classroom
from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.grading.gradebook import open_gradebook
from workshop.reports.gather import State, gather


def test_everyone_is_there_with_what_the_gradebook_says(graded: Course) -> None:
    data = gather(graded, "ps1")
    assert len(data.submissions) == 41
    assert [each.name for each in data.items][:3] == ["double", "total", "why"]
    with open_gradebook(CourseDirectory(config=graded.nbgrader_config())) as gradebook:
        expected = {each.student.id: each.score for each in gradebook.assignment_submissions("ps1")}
    found = {each.student: each.score for each in data.submissions}
    assert found.pop("rejected0000") is None
    assert found == pytest.approx({name: expected[name] for name in found})
    assert data.matrix.totals == tuple(each.score for each in data.submissions)


def test_rejected_is_not_zero_and_never_looked_at_is_another_thing(
    make_class: Callable[[Classroom], Course],
) -> None:
    course = make_class(Classroom(students=3, rejected=1, read_by_hand=0))
    (course.submitted / "zoe" / "ps1").mkdir(parents=True)
    data = gather(course, "ps1")
    states = {each.student: each.state for each in data.submissions}
    assert states["rejected0000"] is State.REJECTED
    assert states["zoe"] is State.NOT_GRADED
    assert states["student0000"] is State.WAITING
    assert data.matrix.scores[data.matrix.students.index("zoe")] == (None,) * 7


def test_extra_credit_counts_for_the_student_and_not_for_the_item(
    make_class: Callable[[Classroom], Course],
) -> None:
    course = make_class(Classroom(students=1, rejected=0))
    before = gather(course, "ps1")
    with open_gradebook(CourseDirectory(config=course.nbgrader_config())) as gradebook:
        grade = gradebook.find_grade("test_double", "p1", "ps1", "student0000")
        grade.manual_score, grade.extra_credit = 1.5, 5.0
        gradebook.db.commit()
    data = gather(course, "ps1")
    assert data.matrix.scores[0][0] == 1.5
    score, by_test = before.submissions[0].score, before.matrix.scores[0][0]
    assert score is not None
    assert by_test is not None
    assert data.submissions[0].score == pytest.approx(score - by_test + 6.5)


def test_only_what_the_gradebook_took_counts_as_time(
    make_class: Callable[[Classroom], Course],
) -> None:
    course = make_class(Classroom(students=2, rejected=0))
    assert len(gather(course, "ps1").entries) == 2
    lines = course.gradelog.read_bytes().splitlines(keepends=True)
    course.gradelog.write_bytes(lines[0] + lines[1].replace(b"machine", b"another"))
    data = gather(course, "ps1")
    assert len(data.entries) == 1
    course.gradelog.write_bytes(lines[1])
    assert any("workshop log" in note for note in gather(course, "ps1").notes)


def test_a_broken_notebook_stops_nothing_and_its_owner_is_told_apart(
    make_class: Callable[[Classroom], Course],
) -> None:
    course = make_class(Classroom(students=2, rejected=0))
    (course.autograded / "student0001" / "ps1" / "p1.ipynb").write_text("{")
    data = gather(course, "ps1")
    assert data.work["student0000"].verdicts
    assert data.work["student0001"].verdicts == {}
    assert len(data.unread) == 1
    assert data.unread[0].startswith("student0001: p1.ipynb")
    assert not any("student0001" in note for note in data.notes)


def test_nothing_graded_is_an_error_with_its_remedy(built_course: Path, tmp_path: Path) -> None:
    shutil.copytree(built_course, tmp_path / "course")
    course = Course.at(tmp_path / "course")
    with pytest.raises(WorkshopError, match="no scores of ps1") as raised:
        gather(course, "ps1")
    assert "workshop grade ps1" in str(raised.value)
    with pytest.raises(WorkshopError, match="does not know"):
        gather(course, "ps2")
