"""Going on, grading again, failing infrastructure: with a stand-in for the kernel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from nbgrader.apps.api import NbGraderAPI

from tests.workshop.grading.durable import (
    gradebook_of,
    lines_of,
    run,
)
from workshop.grading import ledger
from workshop.grading.feedback import generate_feedback
from workshop.grading.grade import grade
from workshop.grading.history import read_log
from workshop.grading.records import Outcome
from workshop.grading.transaction import one_transaction

if TYPE_CHECKING:
    from tests.workshop.grading.conftest import TinyCourse
from tests.workshop.grading.durable import by_hand, hand_in, whys


def test_an_entry_says_who_what_when_and_why(fast: TinyCourse) -> None:
    grade(fast.course, "ps1", ["bob"])
    (line,) = lines_of(fast.course)
    assert (line["student"], line["why"], line["outcome"]) == ("bob", "first", "COMPLETED")
    assert line["user"]
    assert line["host"]
    assert line["began"] <= line["ended"]
    assert len(line["assignment_version"]) == len(line["submission"]) == 64
    assert [(cell["grade_id"], cell["score"], cell["status"]) for cell in line["cells"]] == [
        ("test_square", 1.5, "partial"),
        ("test_cube", 1.5, "partial"),
        ("why", None, "needs_manual_grade"),
    ]


def test_only_what_has_changed_is_graded_again(fast: TinyCourse) -> None:
    first = grade(fast.course, "ps1")
    assert first.stored == ()
    hand_in(fast, "bob", 2)
    again = grade(fast.course, "ps1")
    assert again.stored == ("ada", "cy")
    assert [result.score for result in again.results] == [2, 4, 0]
    assert whys(fast.course, "ada") == ["first"]
    assert whys(fast.course, "bob") == ["first", "regrade"]
    assert read_log(fast.course, "ps1", ["bob"]).entries[0].state == "replaced"
    forced = grade(fast.course, "ps1", ["ada"], force=True)
    assert forced.results == first.results[:1]
    assert whys(fast.course, "ada") == ["first", "forced"]


def test_a_changed_assignment_is_graded_again(fast: TinyCourse) -> None:
    grade(fast.course, "ps1", ["ada"])
    with by_hand(fast.course) as gradebook:
        gradebook.find_source_cell("test_square", "p1", "ps1").source += "\n# another test"
    assert grade(fast.course, "ps1", ["ada"]).stored == ()
    assert whys(fast.course, "ada") == ["first", "regrade"]
    versions = {line["assignment_version"] for line in lines_of(fast.course)}
    assert len(versions) == 2


def test_points_by_hand_stay_and_are_named(fast: TinyCourse) -> None:
    grade(fast.course, "ps1")
    with by_hand(fast.course) as gradebook:
        gradebook.find_grade("why", "p1", "ps1", "ada").manual_score = 3.5
    stored, forced = grade(fast.course, "ps1"), grade(fast.course, "ps1", force=True)
    assert stored.results[0].score == forced.results[0].score == 5.5
    log = read_log(fast.course, "ps1")
    assert log.ok
    assert len(log.by_hand) == 1
    assert "ada" in log.by_hand[0]


def test_a_score_that_is_not_from_the_log_is_found(fast: TinyCourse) -> None:
    grade(fast.course, "ps1")
    with by_hand(fast.course) as gradebook:
        gradebook.find_grade("test_cube", "p1", "ps1", "bob").auto_score = 3.0
    log = read_log(fast.course, "ps1")
    assert not log.ok
    assert len(log.differences) == 1
    assert "bob: p1/test_cube: 3 by test in the gradebook, 1.5 in the log" in log.differences[0]
    assert run(fast.course, "log", "ps1")[0] == 1


def test_a_tampered_line_is_found_also_the_last(fast: TinyCourse) -> None:
    grade(fast.course, "ps1")
    status, output = run(fast.course, "log", "ps1", "--json", "-")
    assert status == 0, output
    path = fast.course.gradelog
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:-1], lines[-1].replace('"score": 0.0', '"score": 1.0')]))
    assert any("of cy" in problem for problem in read_log(fast.course, "ps1").problems)
    path.write_text("".join(lines[:-1]))
    assert read_log(fast.course, "ps1").problems
    path.write_text("".join(lines))
    assert read_log(fast.course, "ps1").ok


def test_a_gradebook_from_a_backup_is_graded_up_to_date(fast: TinyCourse) -> None:
    grade(fast.course, "ps1", ["ada"])
    backup = fast.course.gradebook.read_bytes()
    grade(fast.course, "ps1")
    right = gradebook_of(fast.course)
    fast.course.gradebook.write_bytes(backup)
    assert grade(fast.course, "ps1").stored == ("ada",)
    assert gradebook_of(fast.course) == right


def test_rejected_work_is_remembered_and_forgotten_when_replaced(fast: TinyCourse) -> None:
    fast.submit("cy", "oops")
    first, again = grade(fast.course, "ps1"), grade(fast.course, "ps1")
    assert first.results == again.results
    assert again.stored == ("ada", "bob", "cy")
    assert first.results[2].outcome is Outcome.REJECTED
    hand_in(fast, "cy", 2)
    assert grade(fast.course, "ps1").results[2].score == 4


def test_stock_nbgrader_and_the_formgrader_write_the_same_log(fast: TinyCourse) -> None:
    status, output = run(fast.course, "-m", "nbgrader", "autograde", "ps1", "--student", "ada")
    assert status == 0, output
    api = NbGraderAPI(config=fast.course.nbgrader_config())
    assert api.autograde("ps1", "bob")["success"]
    assert [line["student"] for line in lines_of(fast.course)] == ["ada", "bob"]
    assert grade(fast.course, "ps1").stored == ("ada", "bob")
    assert api.autograde("ps1", "bob")["success"]  # the button always grades again
    assert whys(fast.course, "bob") == ["first", "forced"]
    assert read_log(fast.course, "ps1").ok


def test_ctrl_c_just_after_the_commit_loses_nothing(
    fast: TinyCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    grade(fast.course, "ps1", ["ada"])
    hand_in(fast, "ada", 2)
    real = one_transaction

    @contextmanager
    def interrupted(coursedir: Any) -> Iterator[Any]:
        with real(coursedir) as gradebook:
            yield gradebook
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(ledger, "one_transaction", interrupted)
        with pytest.raises(KeyboardInterrupt):
            grade(fast.course, "ps1", ["ada"])
    report = grade(fast.course, "ps1", ["ada"])
    assert report.stored == ("ada",)
    assert report.results[0].score == 4
    assert "# 2 points" in (fast.course.autograded / "ada/ps1/p1.ipynb").read_text()


def test_late_work_is_penalised_in_the_same_transaction(fast: TinyCourse) -> None:
    with fast.course.config_path.open("a") as file:
        file.write("\nc.LateSubmissionPlugin.penalty_method = 'zero'\n")
    with by_hand(fast.course) as gradebook:
        gradebook.update_or_create_assignment("ps1", duedate="2020-01-01 00:00:00 UTC")
    (fast.course.submitted / "ada/ps1/timestamp.txt").write_text("2020-01-02 00:00:00 UTC")
    results = grade(fast.course, "ps1").results
    assert [(each.score, each.late_penalty) for each in results] == [(2, 2), (3, 0), (0, 0)]


# --- infrastructure -------------------------------------------------------------------------


@pytest.mark.slow
def test_a_crashed_check_is_flagged_with_a_traceback_for_instructors_only(
    tiny: TinyCourse,
) -> None:
    secret = "the_secret_of_the_check"
    with by_hand(tiny.course) as gradebook:
        cell = gradebook.find_source_cell("test_square", "p1", "ps1")
        cell.source = (
            "### BEGIN HIDDEN TESTS\nclass CheckCrashed(Exception): pass\n"
            f"def {secret}():\n    raise CheckCrashed('it broke')\n"
            f"{secret}()\n### END HIDDEN TESTS"
        )
        cell.checksum = None
    tiny.submit("ada", tiny.answered())
    result = grade(tiny.course, "ps1").results[0]
    cells = {cell.grade_id: cell for cell in result.cells}
    assert cells["test_square"].score is None
    assert result.needs_manual_grade
    logged = {cell["grade_id"]: cell for cell in lines_of(tiny.course)[0]["cells"]}
    assert logged["test_square"]["status"] == "error"
    assert secret in logged["test_square"]["traceback"]
    pages = generate_feedback(tiny.course, "ps1")
    assert pages
    assert not any(secret in page.read_text() for page in pages)
    assert secret not in json.dumps(result.to_dict())
    assert grade(tiny.course, "ps1").stored == ()  # tried again: nobody decided that it is right
    assert whys(tiny.course, "ada") == ["first", "retried"]
