"""Going on, grading again, failing infrastructure: with a stand-in for the kernel."""

from __future__ import annotations

import errno
import json
import os
import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from nbgrader.apps.api import NbGraderAPI
from nbgrader.coursedir import CourseDirectory

from tests.workshop.grading.durable import (
    SECONDS,
    gradebook_of,
    lines_of,
    process,
    run,
    without_kernels,
)
from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.grading import failures, ledger
from workshop.grading.execution import KernelStartError
from workshop.grading.feedback import generate_feedback
from workshop.grading.grade import grade
from workshop.grading.gradebook import open_gradebook
from workshop.grading.history import read_log
from workshop.grading.records import Outcome
from workshop.grading.writer_lock import LOCK_NAME, single_writer

if TYPE_CHECKING:
    from tests.workshop.grading.conftest import TinyCourse


@pytest.fixture
def fast(tiny: TinyCourse) -> TinyCourse:
    """A course without kernels, in which ada, bob and cy handed in work worth 2, 3 and 0."""
    without_kernels(tiny.course)
    for student, points in {"ada": 1, "bob": 1.5, "cy": 0}.items():
        hand_in(tiny, student, points)
    return tiny


def hand_in(tiny: TinyCourse, student: str, points: float) -> None:
    answer = f"# {points} points"
    tiny.submit(student, tiny.answered({"square": answer, "cube": answer}))


def scores(course: Course) -> dict[tuple[str, str], float | None]:
    return {(row[0], row[2]): row[3] for row in gradebook_of(course).grades}


def whys(course: Course, student: str) -> list[str]:
    return [each["why"] for each in lines_of(course) if each["student"] == student]


@contextmanager
def by_hand(course: Course) -> Iterator[Any]:
    with open_gradebook(CourseDirectory(config=course.nbgrader_config())) as gradebook:
        yield gradebook
        gradebook.db.commit()


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


def test_late_work_is_penalised_in_the_same_transaction(fast: TinyCourse) -> None:
    with fast.course.config_path.open("a") as file:
        file.write("\nc.LateSubmissionPlugin.penalty_method = 'zero'\n")
    with by_hand(fast.course) as gradebook:
        gradebook.update_or_create_assignment("ps1", duedate="2020-01-01 00:00:00 UTC")
    (fast.course.submitted / "ada/ps1/timestamp.txt").write_text("2020-01-02 00:00:00 UTC")
    results = grade(fast.course, "ps1").results
    assert [(each.score, each.late_penalty) for each in results] == [(2, 2), (3, 0), (0, 0)]


# --- infrastructure -------------------------------------------------------------------------


def test_a_kernel_that_does_not_start_is_tried_twice_and_is_no_score(
    fast: TinyCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.workshop.grading.durable import FakeExecution  # noqa: PLC0415 - patched here only

    real, tries = FakeExecution.preprocess, []

    def refuse(self: Any, nb: Any, resources: Any) -> Any:
        tries.append(resources["nbgrader"]["student"])
        if tries[-1] == "ada" or tries == ["ada", "ada", "bob"]:
            raise KernelStartError("the kernel did not start", remedy="install it")
        return real(self, nb, resources)

    with monkeypatch.context() as patched:
        patched.setattr(FakeExecution, "preprocess", refuse)
        report = grade(fast.course, "ps1")
    assert tries == ["ada", "ada", "bob", "bob", "cy"]
    assert report.not_graded == ("ada",)
    assert [result.score for result in report.results] == [None, 3, 0]
    assert "install it" in report.results[0].message
    assert ("ada", "why") not in scores(fast.course)
    line = lines_of(fast.course)[0]
    assert (line["outcome"], line["cells"]) == ("NOT_GRADED", [])
    assert "KernelStartError" in line["traceback"]
    assert grade(fast.course, "ps1").stored == ("bob", "cy")
    assert whys(fast.course, "ada") == ["first", "retried"]
    assert read_log(fast.course, "ps1").ok


def test_a_failure_leaves_the_earlier_score(
    fast: TinyCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.workshop.grading.durable import FakeExecution  # noqa: PLC0415

    grade(fast.course, "ps1")
    before = gradebook_of(fast.course)
    page = (fast.course.autograded / "ada/ps1/p1.ipynb").read_bytes()

    def broken(self: Any, nb: Any, resources: Any) -> Any:
        raise ZeroDivisionError("ours")

    with monkeypatch.context() as patched:
        patched.setattr(FakeExecution, "preprocess", broken)
        report = grade(fast.course, "ps1", force=True)
    assert report.not_graded == ("ada", "bob", "cy")
    assert not report.anything_graded
    assert gradebook_of(fast.course) == before
    assert (fast.course.autograded / "ada/ps1/p1.ipynb").read_bytes() == page
    assert "ZeroDivisionError" in lines_of(fast.course)[-1]["traceback"]
    assert grade(fast.course, "ps1").stored == ("ada", "bob", "cy")


def test_a_locked_gradebook_is_waited_for(
    fast: TinyCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    _impatient(fast.course)
    monkeypatch.setattr(failures, "WAITS", (0.1,) * 40)
    other = sqlite3.connect(fast.course.gradebook, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    release = threading.Timer(1.0, other.rollback)
    release.start()
    try:
        assert grade(fast.course, "ps1", ["ada"]).results[0].score == 2
    finally:
        release.join()
        other.close()


def test_a_gradebook_that_stays_locked_is_named(
    fast: TinyCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    _impatient(fast.course)
    monkeypatch.setattr(failures, "WAITS", (0.01,))
    with by_hand(fast.course):
        pass
    other = sqlite3.connect(fast.course.gradebook)
    other.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(WorkshopError, match="locked by another program") as caught:
            grade(fast.course, "ps1")
        assert caught.value.remedy
    finally:
        other.rollback()
        other.close()
    assert grade(fast.course, "ps1").anything_graded


def test_a_lock_that_comes_while_grading_stops_nothing_for_good(
    fast: TinyCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    _impatient(fast.course)
    monkeypatch.setattr(failures, "WAITS", (0.01,))
    other = sqlite3.connect(fast.course.gradebook)
    real = ledger.Ledger.commit

    def locked(self: Any, entry: Any, write: Any) -> Any:
        if entry.student == "bob":
            other.execute("BEGIN EXCLUSIVE")
        return real(self, entry, write)

    with monkeypatch.context() as patched:
        patched.setattr(ledger.Ledger, "commit", locked)
        report = grade(fast.course, "ps1")
    other.rollback()
    other.close()
    assert report.not_graded == ("bob", "cy")
    assert report.results[0].score == 2
    assert "not tried" in report.results[2].message
    assert ("bob", "why") not in scores(fast.course)
    assert grade(fast.course, "ps1").stored == ("ada",)
    assert whys(fast.course, "bob") == ["first", "retried"]
    assert read_log(fast.course, "ps1").ok


def _impatient(course: Course) -> None:
    """Let SQLite itself not wait for 5 seconds."""
    with course.config_path.open("a") as file:
        file.write(f"\nc.CourseDirectory.db_url = 'sqlite:///{course.gradebook}?timeout=0.05'\n")


def test_a_full_disk_is_reported_and_recovered_from(
    fast: TinyCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write

    def full(descriptor: int, data: bytes) -> int:
        if b'"student": "bob"' in bytes(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor, data)

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        report = grade(fast.course, "ps1")
    assert report.not_graded == ("bob", "cy")
    assert "the disk is full" in report.results[1].message
    assert ("bob", "why") not in scores(fast.course)
    assert grade(fast.course, "ps1").stored == ("ada",)
    assert read_log(fast.course, "ps1").ok


LIMITED = """
import resource, sys
from workshop.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)),) * 2)
main()
"""


def test_files_that_cannot_grow_are_a_full_disk(fast: TinyCourse) -> None:
    (fast.course.root / "limited.py").write_text(LIMITED)
    root = str(Path(__file__).parents[3])
    path = os.pathsep.join([str(fast.course.root), root])
    status, output = run(
        *(fast.course, "-m", "limited", "3000", "grade", "ps1"), env={"PYTHONPATH": path}
    )
    assert status in {1, 2}
    assert "disk is full" in " ".join(output.split())
    assert "Traceback" not in output
    assert scores(fast.course) == {}
    assert [result.score for result in grade(fast.course, "ps1").results] == [2, 3, 0]
    assert read_log(fast.course, "ps1").ok


# Nothing is read-only for root: it is made to lose that right (PR_CAPBSET_DROP) with the exec.
ORDINARY = """
import ctypes, os, sys
for capability in (1, 2, 3):
    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


@pytest.mark.parametrize("place", [".", "autograded"])
def test_a_read_only_folder_is_reported(fast: TinyCourse, tmp_path: Path, place: str) -> None:
    (tmp_path / "ordinary.py").write_text(ORDINARY)
    root = fast.course.root
    fast.course.autograded.mkdir(exist_ok=True)
    (root / place).chmod(0o555)
    try:
        status, output = run(
            *(fast.course, "-m", "ordinary", "-m", "workshop", "grade", "ps1"),
            env={"PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path(__file__).parents[3])])},
        )
    finally:
        (root / place).chmod(0o755)
    said = " ".join(output.split())
    assert status in {1, 2}, output
    assert "Permission denied" in said
    assert "writable" in said
    assert "Traceback" not in said
    assert scores(fast.course) == {}


# --- one writer -----------------------------------------------------------------------------


def test_a_second_grader_is_refused_and_the_first_is_named(fast: TinyCourse) -> None:
    with process(fast.course, "grade", "ps1", env={SECONDS: "60"}) as first:
        lock = fast.course.root / LOCK_NAME
        while not (lock.exists() and lock.stat().st_size):
            assert first.poll() is None
        with (
            pytest.raises(WorkshopError, match=f"process {first.pid} ") as caught,
            single_writer(fast.course.root, "another", wait=0.2),
        ):
            pass
        assert caught.value.remedy
        first.send_signal(signal.SIGKILL)
        first.communicate()
    with single_writer(fast.course.root, "another", wait=1):
        pass  # released with the process


def test_the_lock_may_be_taken_again_by_its_holder_only(tmp_path: Path) -> None:
    refused: list[WorkshopError] = []

    def other() -> None:
        try:
            with single_writer(tmp_path, "other", wait=0.1):
                pass
        except WorkshopError as error:
            refused.append(error)

    with single_writer(tmp_path, "outer"):
        with single_writer(tmp_path, "inner"):
            pass
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert len(refused) == 1
    other()
    assert len(refused) == 1


# --- an error of ours -----------------------------------------------------------------------


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
