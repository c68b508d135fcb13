"""Points by hand from the command line, and what stays of them when work is graded again."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbgrader.coursedir import CourseDirectory
from sqlalchemy.exc import OperationalError

from tests.workshop.grading.durable import by_hand, hand_in, lines_of, run
from workshop.authoring.generate import generate
from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.grading import ledger, transaction
from workshop.grading.feedback import generate_feedback
from workshop.grading.grade import grade
from workshop.grading.gradebook import open_gradebook
from workshop.grading.history import read_log
from workshop.grading.override import override

if TYPE_CHECKING:
    from tests.workshop.grading.conftest import TinyCourse


@pytest.fixture
def graded(fast: TinyCourse) -> TinyCourse:
    """ada earned 1 of 2 and 1 of 3 points; the written answer, 4 points, is undecided."""
    grade(fast.course, "ps1", ["ada"])
    return fast


def row(course: Course, cell: str, student: str = "ada") -> tuple[Any, ...]:
    """Points by test and by hand, extra credit, and whether a person has to look."""
    with open_gradebook(CourseDirectory(config=course.nbgrader_config())) as gradebook:
        found = gradebook.find_grade(cell, "p1", "ps1", student)
        return found.auto_score, found.manual_score, found.extra_credit, found.needs_manual_grade


def comment_on(course: Course, cell: str, student: str = "ada") -> str | None:
    with open_gradebook(CourseDirectory(config=course.nbgrader_config())) as gradebook:
        found = gradebook.find_comment(cell, "p1", "ps1", student)
        return None if found.manual_comment is None else str(found.manual_comment)


def test_points_by_hand_take_precedence_and_are_logged(graded: TinyCourse) -> None:
    override(graded.course, "ps1", "ada", "test_cube", 2.5)
    assert row(graded.course, "test_cube") == (1, 2.5, None, False)
    line = lines_of(graded.course)[-1]
    named = ("what", "student", "notebook", "grade_id", "manual_before", "manual_after")
    assert [line[each] for each in named] == ["override", "ada", "p1", "test_cube", None, 2.5]
    assert line["user"]
    log = read_log(graded.course, "ps1")
    assert log.ok
    assert [each.state for each in log.decisions] == ["done"]
    assert log.entries[0].state == "stands"
    assert grade(graded.course, "ps1", ["ada"]).stored == ("ada",)


def test_a_second_override_tells_the_first(graded: TinyCourse) -> None:
    override(graded.course, "ps1", "ada", "p1/test_cube", 2.5)
    override(graded.course, "ps1", "ada", "p1/test_cube", 0)
    line = lines_of(graded.course)[-1]
    assert (line["manual_before"], line["manual_after"]) == (2.5, 0)
    assert override(graded.course, "ps1", "ada", "test_cube", 0).decision is None
    assert len(lines_of(graded.course)) == 3


def test_none_lets_points_by_test_count_again(graded: TinyCourse) -> None:
    override(graded.course, "ps1", "ada", "test_cube", 4, extra_credit=True)
    override(graded.course, "ps1", "ada", "test_cube", None)
    assert row(graded.course, "test_cube") == (1, None, None, False)
    override(graded.course, "ps1", "ada", "why", 4)
    override(graded.course, "ps1", "ada", "why", None)
    assert row(graded.course, "why") == (None, None, None, True)


def test_more_than_can_be_earned_is_extra_credit_if_that_is_asked_for(graded: TinyCourse) -> None:
    override(graded.course, "ps1", "ada", "test_cube", 3.5, extra_credit=True)
    assert row(graded.course, "test_cube") == (1, 3, 0.5, False)
    override(graded.course, "ps1", "ada", "test_cube", 2)  # the formgrader leaves it too
    assert row(graded.course, "test_cube") == (1, 2, 0.5, False)
    override(graded.course, "ps1", "ada", "test_cube", 2, extra_credit=True)
    assert row(graded.course, "test_cube") == (1, 2, None, False)


@pytest.mark.parametrize("score", [-0.5, 3.01, math.nan, math.inf])
def test_points_out_of_range_are_refused(graded: TinyCourse, score: float) -> None:
    with pytest.raises(WorkshopError, match="out of range") as caught:
        override(graded.course, "ps1", "ada", "test_cube", score)
    assert "0 to 3" in str(caught.value.remedy)
    assert row(graded.course, "test_cube") == (1, None, None, False)
    assert len(lines_of(graded.course)) == 1


@pytest.mark.parametrize("score", [-0.5, math.nan, math.inf])
def test_extra_credit_has_a_range_too(graded: TinyCourse, score: float) -> None:
    with pytest.raises(WorkshopError, match="out of range"):
        override(graded.course, "ps1", "ada", "test_cube", score, extra_credit=True)


@pytest.mark.parametrize(
    ("names", "said", "remedy"),
    [
        (("ps2", "ada", "test_cube"), "ps2", "correct the name"),
        (("ps1", "adda", "test_cube"), "adda", "did you mean ada"),
        (("ps1", "bob", "test_cube"), "bob", "workshop grade ps1"),
        (("ps1", "ada", "test_cubes"), "test_cubes", "did you mean test_cube"),
        (("ps1", "ada", "cube"), "cube", "test_cube"),  # an answer, which has no points
        (("ps1", "ada", "p2/test_cube"), "p2/test_cube", "p1/test_cube"),
        (("ps1", "ada", "zzz"), "zzz", "p1/test_cube, p1/test_square, p1/why"),
    ],
)
def test_unknown_names_are_errors(
    graded: TinyCourse, names: tuple[str, str, str], said: str, remedy: str
) -> None:
    with pytest.raises(WorkshopError, match=said) as caught:
        override(graded.course, *names, 1)
    assert remedy in str(caught.value.remedy)
    assert len(lines_of(graded.course)) == 1


def test_a_comment_is_shown_with_the_answer_before_the_test(graded: TinyCourse) -> None:
    done = override(graded.course, "ps1", "ada", "test_cube", 3, comment="Right, in other words.")
    assert done.comment_at == "cube"
    assert comment_on(graded.course, "cube") == "Right, in other words."
    override(graded.course, "ps1", "ada", "why", 4, comment="Well said.")
    assert comment_on(graded.course, "why") == "Well said."
    for page in generate_feedback(graded.course, "ps1", ["ada"]):
        text = page.read_text(encoding="utf-8")
        assert "Well said." in text
        assert "other words." in text


def test_a_comment_that_stands_there_is_kept(graded: TinyCourse) -> None:
    with by_hand(graded.course) as gradebook:
        gradebook.find_comment("cube", "p1", "ps1", "ada").manual_comment = "From the formgrader."
    for _ in range(2):
        override(graded.course, "ps1", "ada", "test_cube", 3, comment="One more.")
    assert comment_on(graded.course, "cube") == "From the formgrader.\n\nOne more."
    assert lines_of(graded.course)[-1]["comment"] == "One more."


def test_a_comment_that_is_part_of_another_is_no_repetition(graded: TinyCourse) -> None:
    override(graded.course, "ps1", "ada", "why", 4, comment="Very well said.")
    override(graded.course, "ps1", "ada", "why", 4, comment="well said")
    assert comment_on(graded.course, "why") == "Very well said.\n\nwell said"


def test_the_log_tells_of_the_try_that_counts(
    graded: TinyCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two tries of a locked gradebook somebody gives points in the formgrader."""
    real, tries = transaction.mark_taken, list[object]()

    def locked_once(*about: Any) -> None:
        tries.append(about)
        if len(tries) == 1:
            raise OperationalError("insert", {}, Exception("database is locked"))
        real(*about)

    def meanwhile(_: float) -> None:
        with by_hand(graded.course) as gradebook:
            gradebook.find_grade("test_cube", "p1", "ps1", "ada").manual_score = 0.5

    monkeypatch.setattr(ledger, "mark_taken", locked_once)
    monkeypatch.setattr("workshop.grading.failures.time.sleep", meanwhile)
    override(graded.course, "ps1", "ada", "test_cube", 3)
    log = read_log(graded.course, "ps1")
    assert [(each.decided.decision.manual_before, each.state) for each in log.decisions] == [
        (None, "interrupted"),
        (0.5, "done"),
    ]
    assert log.ok


def test_being_late_is_worked_out_anew(graded: TinyCourse) -> None:
    with graded.course.config_path.open("a") as file:
        file.write("\nc.LateRule.per_day = 50\nc.LateRule.unit = 'percent of the score'\n")
    with by_hand(graded.course) as gradebook:
        gradebook.update_or_create_assignment("ps1", duedate="2030-01-01 12:00:00 UTC")
        gradebook.update_or_create_submission("ps1", "ada", timestamp="2030-01-01 13:00:00 UTC")
    override(graded.course, "ps1", "ada", "why", 4)
    line = lines_of(graded.course)[-1]
    assert line["late_penalty"] == 3  # half of 1 + 1 + 4
    assert read_log(graded.course, "ps1").ok


def test_what_could_not_be_committed_does_not_count(
    graded: TinyCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*about: Any) -> None:
        raise OperationalError("insert", {}, Exception("disk I/O error"))

    with monkeypatch.context() as patched:
        patched.setattr(ledger, "mark_taken", broken)
        with pytest.raises(WorkshopError, match="gradebook cannot be read or written"):
            override(graded.course, "ps1", "ada", "test_cube", 3)
    assert row(graded.course, "test_cube") == (1, None, None, False)
    log = read_log(graded.course, "ps1")
    assert [each.state for each in log.decisions] == ["interrupted"]
    assert log.ok


def test_a_decision_that_was_taken_out_of_the_log_is_found(graded: TinyCourse) -> None:
    override(graded.course, "ps1", "ada", "test_cube", 3)
    path = graded.course.gradelog
    path.write_text(path.read_text().replace('"manual_after": 3', '"manual_after": 2'))
    assert read_log(graded.course, "ps1").problems


def test_from_the_command_line(graded: TinyCourse) -> None:
    status, output = run(
        graded.course, "override", "ps1", "ada", "test_cube", "2", "--comment", "See page 3."
    )
    assert status == 0, output
    assert row(graded.course, "test_cube") == (1, 2, None, False)
    status, output = run(graded.course, "log", "ps1", "--json", "-")
    assert status == 0
    assert '"See page 3."' in output
    for score in ("7", "many"):
        status, output = run(graded.course, "override", "ps1", "ada", "test_cube", score)
        assert status == 2
        assert "Traceback" not in output


# --- grading again ------------------------------------------------------------------------------


def _decide_by_hand(course: Course) -> None:
    """As the formgrader does it, in every way that it offers."""
    with by_hand(course) as gradebook:
        one = gradebook.find_grade("test_cube", "p1", "ps1", "ada")
        one.manual_score, one.extra_credit, one.needs_manual_grade = 2.5, 0.5, False
        written = gradebook.find_grade("why", "p1", "ps1", "ada")
        written.manual_score, written.needs_manual_grade = 3.0, False
        gradebook.find_grade("test_square", "p1", "ps1", "ada").extra_credit = 0.25
        gradebook.find_comment("cube", "p1", "ps1", "ada").manual_comment = "Half right."
        gradebook.find_comment("why", "p1", "ps1", "ada").manual_comment = "Nearly."


def _kept(course: Course) -> None:
    assert row(course, "test_cube")[1:3] == (2.5, 0.5)
    assert row(course, "why")[1:3] == (3, None)
    assert row(course, "test_square")[1:3] == (None, 0.25)
    assert comment_on(course, "cube") == "Half right."
    assert comment_on(course, "why") == "Nearly."


def test_everything_by_hand_stays_when_work_is_graded_again(graded: TinyCourse) -> None:
    _decide_by_hand(graded.course)
    result = grade(graded.course, "ps1", ["ada"], force=True).results[0]
    _kept(graded.course)
    assert result.score == 1 + 0.25 + 2.5 + 0.5 + 3
    hand_in(graded, "ada", 2)  # new work
    assert grade(graded.course, "ps1", ["ada"]).results[0].score == 2 + 0.25 + 2.5 + 0.5 + 3
    _kept(graded.course)


def test_everything_by_hand_stays_after_a_corrected_test(
    graded: TinyCourse, tmp_path: Path
) -> None:
    _decide_by_hand(graded.course)
    override(graded.course, "ps1", "ada", "test_square", 2, comment="The test was wrong.")
    correct_the_test(graded.course, tmp_path)
    report = grade(graded.course, "ps1", ["ada"])
    assert report.stored == ()
    assert lines_of(graded.course)[-1]["why"] == "regrade"
    assert row(graded.course, "test_cube")[1:3] == (2.5, 0.5)
    assert row(graded.course, "test_square")[1:3] == (2, 0.25)
    assert comment_on(graded.course, "square") == "The test was wrong."
    assert comment_on(graded.course, "cube") == "Half right."
    # What was decided is asked to be looked at again, as nbgrader does.
    assert row(graded.course, "test_cube")[3]
    assert read_log(graded.course, "ps1").ok


def correct_the_test(course: Course, tmp_path: Path) -> None:
    """Another hidden test, brought in as `workshop build` does it."""
    path = course.source_notebook("ps1", "p1")
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.source = cell.source.replace("squared(7) == 49", "squared(8) == 64")
    path.write_text(json.dumps(notebook), encoding="utf-8")
    generate(course, {"ps1": ("p1",)}, source=course.source_notebooks, release=tmp_path)
