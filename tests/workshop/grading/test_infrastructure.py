"""Infrastructure that fails is no wrong answer, and is recovered from."""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.workshop.grading.durable import (
    SECONDS,
    gradebook_of,
    lines_of,
    process,
    run,
)
from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.grading import failures, ledger
from workshop.grading.execution import KernelStartError
from workshop.grading.grade import grade
from workshop.grading.history import read_log
from workshop.grading.writer_lock import LOCK_NAME, single_writer

if TYPE_CHECKING:
    from tests.workshop.grading.conftest import TinyCourse
from tests.workshop.grading.durable import by_hand, scores, whys


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
