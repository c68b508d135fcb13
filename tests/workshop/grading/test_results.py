from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from nbgrader.coursedir import CourseDirectory

from workshop.errors import WorkshopError
from workshop.grading.gradebook import open_gradebook
from workshop.grading.prechecks import RejectedSubmission
from workshop.grading.records import Outcome
from workshop.grading.results import check_submission, in_one_line, read_result, submissions_of

if TYPE_CHECKING:
    from tests.workshop.grading.conftest import TinyCourse


def test_everyone_who_handed_in_is_found(tiny: TinyCourse) -> None:
    tiny.submit("zoe", "")
    tiny.submit("ada", None)
    tiny.submit(".hidden", "")
    (tiny.course.submitted / "bob").mkdir()
    (tiny.course.submitted / "bob" / "ps1").write_text("a file")
    (tiny.course.submitted / "eve" / "ps2").mkdir(parents=True)
    assert submissions_of(tiny.course, "ps1") == ("ada", "bob", "zoe")


def test_an_error_in_one_line_does_not_name_this_machine(tiny: TinyCourse) -> None:
    root = tiny.course.root
    error = WorkshopError("it is bad", where=root / "submitted" / "x", remedy="mend it")
    assert in_one_line(error, tiny.course) == "submitted/x: it is bad; mend it"
    assert in_one_line(WorkshopError("it is bad"), tiny.course) == "it is bad"


def test_a_submission_is_looked_at_before_anything_runs(tiny: TinyCourse) -> None:
    tiny.submit("good", tiny.answered())
    tiny.submit("bad", "x")
    with open_gradebook(CourseDirectory(config=tiny.course.nbgrader_config())) as gradebook:
        check_submission(tiny.course, gradebook, "ps1", "good")
        with pytest.raises(RejectedSubmission, match="not JSON"):
            check_submission(tiny.course, gradebook, "ps1", "bad")


def test_the_reason_for_a_rejection_is_found_again(tiny: TinyCourse) -> None:
    tiny.submit("good", tiny.answered())
    tiny.submit("bad", "x")
    with open_gradebook(CourseDirectory(config=tiny.course.nbgrader_config())) as gradebook:
        bad = read_result(tiny.course, gradebook, "ps1", "bad")
        good = read_result(tiny.course, gradebook, "ps1", "good")
    assert (bad.outcome, bad.score) == (Outcome.REJECTED, None)
    assert "not JSON" in bad.message
    assert (good.outcome, good.score) == (None, None)
    assert "workshop grade ps1 --student good" in good.message
