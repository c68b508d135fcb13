from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from nbgrader.coursedir import CourseDirectory

from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.grading.feedback import generate_feedback
from workshop.grading.grade import grade
from workshop.grading.gradebook import open_gradebook

if TYPE_CHECKING:
    from tests.workshop.grading.conftest import TinyCourse

SECRETS = ("squared(7)", "publish_verdicts", "HIDDEN TESTS", "MARK SCHEME")
# Shows what the kernel ran before, hidden tests included, as text and as a value.
NOSY = """
print(In[-2])
print(repr(In))
display(In)
def cubed(x):
    return 1
"""
CLASS = {
    "good": {},
    "half": {"cube": "def cubed(x):\n    return 1  # <i>mine</i>"},
    "fails": {"square": "def squared(x):\n    return x"},
    "nosy": {"cube": NOSY},
}


def page(course: Course, student: str, name: str = "p1") -> str:
    return (course.feedback / student / "ps1" / f"{name}.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def course(make_tiny: Callable[[], TinyCourse]) -> Course:
    tiny = make_tiny()
    for student, answers in CLASS.items():
        tiny.submit(student, tiny.answered(answers))
    tiny.submit("broken", "no <notebook>")
    grade(tiny.course, "ps1")
    pages = generate_feedback(tiny.course, "ps1")
    expected = sorted([*CLASS, "broken"])
    assert [str(path.relative_to(tiny.course.root)) for path in pages] == [
        f"feedback/{student}/ps1/{name}.html" for student in expected for name in ("feedback", "p1")
    ]
    return tiny.course


@pytest.mark.slow
class TestPages:
    @pytest.mark.parametrize("student", CLASS)
    def test_no_page_shows_a_hidden_test(self, course: Course, student: str) -> None:
        for name in ("feedback", "p1"):
            text = page(course, student, name)
            assert not [secret for secret in SECRETS if secret in text]

    def test_verdicts_are_a_table(self, course: Course) -> None:
        text = page(course, "half")
        assert "0 of 2" in text
        assert "1 of 1" in text
        # Whatever a check says is text, not HTML.
        assert "about &lt;twos&gt;" in text
        assert "<b>verdicts</b>" not in text

    def test_an_error_is_named_without_its_traceback(self, course: Course) -> None:
        assert "AssertionError" in page(course, "fails")

    def test_what_repeats_a_test_is_not_shown(self, course: Course) -> None:
        assert page(course, "nosy").count("repeated parts of the tests") == 2

    def test_what_nobody_has_decided_is_no_zero(self, course: Course) -> None:
        assert "Not graded yet" in page(course, "good")
        assert "Not everything is graded yet" in page(course, "good")

    def test_rejected_work_gets_the_reason(self, course: Course) -> None:
        text = page(course, "broken")
        assert "this is no notebook" in text
        assert "save it and hand it in again" in text
        assert page(course, "broken", "feedback") == text

    def test_the_reason_is_still_there_after_others_were_graded(self, course: Course) -> None:
        before = page(course, "broken")
        grade(course, "ps1", ["good"])
        assert page(course, "broken") == before

    def test_stock_feedback_hides_the_same(self, course: Course) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", "generate_feedback", "ps1", "--force"],
            cwd=course.root,
            env={**os.environ, "PYTHONWARNINGS": "default"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        for student in CLASS:
            text = page(course, student)
            assert not [secret for secret in SECRETS if secret in text]
        assert "1 of 1" in page(course, "half")

    def test_a_decision_by_hand_is_shown(self, course: Course) -> None:
        with open_gradebook(CourseDirectory(config=course.nbgrader_config())) as gradebook:
            gradebook.find_grade("why", "p1", "ps1", "good").manual_score = 3.5
            gradebook.find_comment("why", "p1", "ps1", "good").manual_comment = "Well said."
            gradebook.db.commit()
        generate_feedback(course, "ps1", ["good"])
        text = page(course, "good")
        assert "3.5 / 4.0" in text
        assert "Well said." in text
        assert "Not graded yet" not in text


def test_rejected_work_from_the_exchange_can_be_answered_there(tiny: TinyCourse) -> None:
    """nbgrader releases a page to who knows the submission's secret; without it, it stops."""
    folder = tiny.submit("broken", "no notebook").parent
    (folder / "timestamp.txt").write_text("2030-01-01 00:00:00 UTC")
    (folder / "submission_secret.txt").write_text("abc")
    grade(tiny.course, "ps1")
    generate_feedback(tiny.course, "ps1")
    made = {path.name for path in (tiny.course.feedback / "broken" / "ps1").iterdir()}
    assert made == {"feedback.html", "p1.html", "timestamp.txt", "submission_secret.txt"}


def test_a_secret_that_is_a_link_is_not_followed(tiny: TinyCourse, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("another's")
    folder = tiny.submit("broken", "no notebook").parent
    (folder / "submission_secret.txt").symlink_to(tmp_path / "other")
    grade(tiny.course, "ps1")
    generate_feedback(tiny.course, "ps1")
    assert not (tiny.course.feedback / "broken" / "ps1" / "submission_secret.txt").exists()


def test_nothing_graded_yet_is_an_error(tiny: TinyCourse) -> None:
    tiny.submit("ada", tiny.answered())
    with pytest.raises(WorkshopError, match="nothing of ps1 is graded yet") as caught:
        generate_feedback(tiny.course, "ps1")
    assert caught.value.remedy == "run: workshop grade ps1"


@pytest.mark.parametrize(("assignment", "student"), [("ps2", "ada"), ("ps1", "zoe")])
def test_unknown_names_are_errors(tiny: TinyCourse, assignment: str, student: str) -> None:
    tiny.submit("ada", tiny.answered())
    with pytest.raises(WorkshopError, match=f"{assignment}.*" if assignment == "ps2" else student):
        generate_feedback(tiny.course, assignment, [student])
