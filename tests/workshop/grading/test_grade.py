from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbformat import NotebookNode
from nbgrader.coursedir import CourseDirectory

from workshop.course import Course, scripts_on_path
from workshop.errors import WorkshopError
from workshop.grading.execution import Limits
from workshop.grading.grade import GradeReport, grade
from workshop.grading.gradebook import load_grades, open_gradebook
from workshop.grading.records import CellResult, Outcome
from workshop.grading.results import SubmissionResult
from workshop.grading.sandbox import launch, levels

if TYPE_CHECKING:
    from tests.workshop.grading.conftest import TinyCourse

PEEKS = """
import glob, os
seen = [name for name in glob.glob("**", recursive=True) if name.endswith(".ipynb")]
def cubed(x):
    return 8 if seen else 0
"""
STUBBORN = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"
# Work that is graded, and the scores of test_square (2 points) and test_cube (3 points).
GRADED: dict[str, tuple[float | None, float | None]] = {
    "perfect": (2, 3),
    "wrong": (0, 1),
    "dead": (2, 0),
    "slow": (2, 0),
    "stubborn": (2, 0),
    "deleted": (2, 0),
    "doubled": (2, 3),
    "skipper": (0, 3),
    "peeker": (2, 0),
    "old": (2, 3),
    "spoiled": (2, 3),
}
# Work that is rejected, and what is said.
REJECTED = {
    "empty": "p1.ipynb: the file is empty",
    "truncated": "p1.ipynb: the file is cut off",
    "prose": "p1.ipynb: this is no notebook: it is not JSON",
    "listing": "p1.ipynb: this is JSON, but no notebook",
    "nothing": "no notebook p1.ipynb",
    "misnamed": "rename homework.ipynb to p1.ipynb",
    "folderless": "there is a file where the submission's folder should be",
    "linked": "symbolic links",
    "foreign": "p1.ipynb: none of the cells of 'p1' is in the notebook",
}


def _cell(notebook: NotebookNode, name: str) -> NotebookNode:
    return next(
        cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == name
    )


def _old(notebook: NotebookNode) -> str:
    return json.dumps(nbformat.convert(notebook, 3))


def _hand_in_graded(tiny: TinyCourse) -> None:
    deleted, doubled, skipper, spoiled = (tiny.answered() for _ in range(4))
    deleted.cells.remove(_cell(deleted, "test_cube"))
    copied = nbformat.from_dict(json.loads(json.dumps(_cell(doubled, "test_square"))))
    copied.source = "2.0"
    doubled.cells.append(copied)
    _cell(skipper, "square").source = "def squared(x):\n    return 0"
    _cell(skipper, "test_square").metadata.tags = ["skip-execution"]
    # What a broken editor leaves: fields of the wrong type, in places that nobody needs.
    spoiled.metadata.kernelspec = {"name": 3}
    spoiled.cells[0].metadata.tags = "not a list"
    tiny.submit("perfect", tiny.answered())
    tiny.submit("wrong", tiny.answered(dict.fromkeys(("square", "cube"), "cubed = squared = int")))
    tiny.submit("dead", tiny.answered({"cube": "import os\nos._exit(3)"}))
    tiny.submit("slow", tiny.answered({"cube": "import time\ntime.sleep(600)"}))
    tiny.submit("stubborn", tiny.answered({"cube": STUBBORN}))
    tiny.submit("deleted", deleted)
    tiny.submit("doubled", doubled)
    tiny.submit("skipper", skipper)
    tiny.submit("peeker", tiny.answered({"cube": PEEKS}))
    tiny.submit("old", _old(tiny.answered()))
    tiny.submit("spoiled", spoiled)


def _hand_in_rejected(tiny: TinyCourse) -> None:
    whole = json.dumps(tiny.answered())
    tiny.submit("empty", "")
    tiny.submit("truncated", whole[: len(whole) // 2])
    tiny.submit("prose", "I could not do it.")
    tiny.submit("listing", "[1, 2]")
    tiny.submit("nothing", None)
    tiny.submit("misnamed", whole).rename(tiny.course.submitted / "misnamed/ps1/homework.ipynb")
    folder = tiny.submit("folderless", None).parent
    folder.rmdir()
    folder.write_text(whole)
    (tiny.submit("linked", whole).parent / "data").symlink_to("/etc/hostname")
    tiny.submit("foreign", json.dumps(nbformat.v4.new_notebook()))


@pytest.fixture(scope="module")
def limits() -> Limits:
    return Limits(cell_seconds=3, interrupt_seconds=1)


@pytest.fixture(scope="module")
def graded(
    make_tiny: Callable[[], TinyCourse], limits: Limits
) -> tuple[TinyCourse, GradeReport, list[tuple[int, int, str]]]:
    """A class with everything that can go wrong, graded once."""
    tiny = make_tiny()
    _hand_in_graded(tiny)
    _hand_in_rejected(tiny)
    calls: list[tuple[int, int, str]] = []
    logging.getLogger("workshop").setLevel(logging.CRITICAL)
    report = grade(tiny.course, "ps1", progress=lambda *call: calls.append(call), limits=limits)
    return tiny, report, calls


def by_student(report: GradeReport) -> dict[str, SubmissionResult]:
    return {result.student: result for result in report.results}


def by_cell(result: SubmissionResult) -> dict[str, CellResult]:
    return {cell.grade_id: cell for cell in result.cells}


@pytest.mark.slow
class TestClass:
    def test_everyone_is_in_the_report_by_name(self, graded: Any) -> None:
        _, report, calls = graded
        students = [result.student for result in report.results]
        assert students == sorted([*GRADED, *REJECTED])
        assert calls == [(n, len(students), name) for n, name in enumerate(students, 1)]
        assert report.anything_graded

    @pytest.mark.parametrize("student", GRADED)
    def test_scores(self, graded: Any, student: str) -> None:
        cells = by_cell(by_student(graded[1])[student])
        assert (cells["test_square"].score, cells["test_cube"].score) == GRADED[student]
        for name in ("test_square", "test_cube"):
            assert cells[name].message or cells[name].score == cells[name].max_score

    @pytest.mark.parametrize(
        ("student", "outcome", "said"),
        [
            ("perfect", Outcome.COMPLETED, ""),
            ("dead", Outcome.KERNEL_DIED, "the kernel died in cell 5 (cube) (exit code 3)"),
            ("slow", Outcome.TIMED_OUT, "cell 5 (cube): stopped after 3 s"),
            ("stubborn", Outcome.TIMED_OUT, "could not be interrupted"),
        ],
    )
    def test_outcomes(self, graded: Any, student: str, outcome: Outcome, said: str) -> None:
        result = by_student(graded[1])[student]
        assert result.outcome is outcome
        assert said in result.message

    @pytest.mark.parametrize("student", REJECTED)
    def test_rejected_work_has_no_score(self, graded: Any, student: str) -> None:
        tiny, report, _ = graded
        result = by_student(report)[student]
        assert result.outcome is Outcome.REJECTED
        assert result.score is None
        assert result.needs_manual_grade
        assert REJECTED[student] in result.message
        assert str(tiny.course.root) not in result.message
        assert f"submitted/{student}/ps1" in result.message
        assert not (tiny.course.autograded / student / "ps1").exists()
        with _gradebook(tiny.course) as gradebook:
            grades, _ = load_grades(gradebook, "ps1", student)
        assert [grade.score for grade in grades] == [None, None, None]

    def test_json_has_the_promised_shape(self, graded: Any) -> None:
        data = json.loads(json.dumps(graded[1].to_dict(), allow_nan=False))
        assert set(data) == {"assignment", "results"}
        for result in data["results"]:
            assert {"student", "outcome", "score", "max_score", "seconds", "cells"} <= set(result)
            assert result["max_score"] == 9
            for cell in result["cells"]:
                assert set(cell) == {"grade_id", "score", "max_score", "status", "message"}
        perfect = next(each for each in data["results"] if each["student"] == "perfect")
        assert perfect["score"] == 5
        assert [cell["status"] for cell in perfect["cells"]] == [
            *("passed", "passed", "needs_manual_grade")
        ]

    def test_stock_autograde_gives_the_same_scores(
        self, graded: Any, limits: Limits, tmp_path: Path
    ) -> None:
        tiny, report, _ = graded
        root = tmp_path / "stock"
        # A gradebook that has seen no submission yet, and the same class.
        shutil.copytree(tiny.course.root, root, symlinks=True)
        shutil.rmtree(root / "autograded")
        shutil.copy(tiny.built / "gradebook.db", root / "gradebook.db")
        options = [f"--ExecuteSubmission.{key}={value}" for key, value in vars(limits).items()]
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", "autograde", "ps1", *options],
            cwd=root,
            env={**os.environ, "PYTHONWARNINGS": "default"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1  # some were rejected
        stock = Course.at(root)
        with _gradebook(stock) as gradebook:
            for result in report.results:
                grades, _ = load_grades(gradebook, "ps1", result.student)
                # A folder without any such notebook never gets as far as our steps.
                if grades or result.student not in {"nothing", "misnamed", "folderless"}:
                    assert [each.score for each in grades] == [each.score for each in result.cells]
        assert "the file is empty" in done.stderr


def _gradebook(course: Course) -> Any:
    return open_gradebook(CourseDirectory(config=course.nbgrader_config()))


def test_points_by_hand_are_kept(tiny: TinyCourse) -> None:
    tiny.submit("ada", tiny.answered({"cube": "cubed = int"}))
    before = grade(tiny.course, "ps1")
    with _gradebook(tiny.course) as gradebook:
        gradebook.find_grade("why", "p1", "ps1", "ada").manual_score = 3.5
        gradebook.find_grade("test_cube", "p1", "ps1", "ada").manual_score = 2.0
        gradebook.db.commit()
    again = grade(tiny.course, "ps1", ["ada"]).results[0]
    assert before.results[0].score == 3
    assert again.score == 7.5
    cells = by_cell(again)
    assert (cells["why"].score, cells["why"].status.value) == (3.5, "partial")
    assert (cells["test_cube"].score, cells["test_cube"].status.value) == (2.0, "partial")
    assert "graded by hand" in cells["why"].message


def test_new_work_replaces_old_results(tiny: TinyCourse) -> None:
    tiny.submit("ada", tiny.answered())
    assert grade(tiny.course, "ps1").results[0].score == 5
    tiny.submit("ada", "oops")
    report = grade(tiny.course, "ps1")
    assert report.results[0].score is None
    assert not report.anything_graded
    assert not (tiny.course.autograded / "ada" / "ps1").exists()


def test_a_kernel_that_does_not_start_costs_nothing(tiny: TinyCourse) -> None:
    config = tiny.course.config_path
    config.write_text(config.read_text() + "\nc.ExecuteSubmission.kernel_name = 'none-such'\n")
    tiny.submit("ada", tiny.answered())
    result = grade(tiny.course, "ps1").results[0]
    assert result.score is None
    assert "the kernel 'none-such' did not start" in result.message


@pytest.mark.parametrize(
    ("assignment", "students", "said"),
    [
        ("ps2", None, "does not know the assignment 'ps2'"),
        ("ps1", ["adda"], "no submission of ps1 by 'adda'"),
        ("ps1", ["zoe"], "no submission of ps1 by 'zoe'"),
    ],
)
def test_unknown_names_are_errors(
    tiny: TinyCourse, assignment: str, students: list[str] | None, said: str
) -> None:
    tiny.submit("ada", "")
    with pytest.raises(WorkshopError, match=said) as caught:
        grade(tiny.course, assignment, students)
    assert caught.value.remedy
    if students == ["adda"]:
        assert caught.value.remedy == "did you mean ada?"


def test_no_submission_at_all_is_an_error(tiny: TinyCourse) -> None:
    with pytest.raises(WorkshopError, match="nobody has handed in ps1"):
        grade(tiny.course, "ps1")


def test_a_course_without_a_gradebook_is_an_error(tiny: TinyCourse) -> None:
    tiny.course.gradebook.unlink()
    with pytest.raises(WorkshopError, match="does not know"), scripts_on_path():
        grade(tiny.course, "ps1")


def test_a_machine_that_cannot_confine_grades_nothing(
    tiny: TinyCourse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbids = tmp_path / "bwrap"
    forbids.write_text("#!/bin/sh\necho 'No permissions to create new namespace' >&2\nexit 1\n")
    forbids.chmod(0o755)
    monkeypatch.setattr(launch, "bwrap_binary", lambda: forbids)
    levels._try_bubblewrap.cache_clear()
    tiny.submit("ada", tiny.answered())
    try:
        with pytest.raises(levels.ConfinementUnavailable, match="new namespace"):
            grade(tiny.course, "ps1")
    finally:
        levels._try_bubblewrap.cache_clear()
    with _gradebook(tiny.course) as gradebook:
        assert not gradebook.assignment_submissions("ps1")
