"""Grading what arrives: what is new, whole, and within the day's attempts; stop and go on."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.workshop.grading.durable import (
    SECONDS,
    FakeExecution,
    gradebook_of,
    hand_in,
    lines_of,
    process,
    scores,
    whys,
)
from workshop.errors import WorkshopError
from workshop.grading.grade import grade
from workshop.grading.history import read_log
from workshop.grading.journal import Entry, Journal, Why
from workshop.grading.override import override
from workshop.grading.records import Outcome, record_of
from workshop.grading.writer_lock import single_writer
from workshop.watch import stopping
from workshop.watch import watcher as module
from workshop.watch.notes import Notes
from workshop.watch.stopping import Stop
from workshop.watch.watcher import Waits, watch

if TYPE_CHECKING:
    from tests.workshop.watch.conftest import Watched

    Make = Callable[..., Watched]


def test_what_arrives_is_graded_and_told_once(watched: Make) -> None:
    course = watched()
    assert course.look().graded == {}
    hand_in(course.tiny, "ada", 2)
    assert course.look(1).graded == {}  # somebody may still be writing it
    assert course.look(1).graded == {"ada": "COMPLETED, 4 of 9"}
    assert course.look().graded == {}
    assert sum("ada: COMPLETED" in line for line in course.said) == 1
    hand_in(course.tiny, "ada", 1)
    assert course.look().graded == {"ada": "COMPLETED, 2 of 9"}
    assert whys(course.tiny.course, "ada") == ["first", "regrade"]


def test_what_is_still_written_is_left_alone(watched: Make) -> None:
    course = watched()
    hand_in(course.tiny, "ada", 2)
    path = course.tiny.course.submitted / "ada/ps1/p1.ipynb"
    whole = path.read_text()
    for part in (100, 200, 300):
        path.write_text(whole[:part])
        assert course.look(1).graded == {}
    path.write_text(whole)
    assert course.look().graded == {"ada": "COMPLETED, 4 of 9"}


def test_a_bad_submission_stops_nobody(watched: Make) -> None:
    course = watched()
    course.tiny.submit("ada", "no notebook")
    course.tiny.submit("bob", None)
    hand_in(course.tiny, "cy", 1)
    seen = course.look()
    assert seen.graded == {"ada": "REJECTED", "bob": "REJECTED", "cy": "COMPLETED, 2 of 9"}
    assert not seen.failed
    assert "not even 0" in course.feedback("ada")["p1.html"]
    assert course.look().graded == {}


def test_a_changed_assignment_is_for_the_instructor_to_grade_again(watched: Make) -> None:
    course = watched()
    hand_in(course.tiny, "ada", 2)
    course.look()
    calibration = course.tiny.course.calibration("ps1", "p1")
    calibration.parent.mkdir(parents=True)
    calibration.write_text("{}")
    course.start()
    assert course.look().graded == {}
    assert grade(course.tiny.course, "ps1").stored == ()


# --- attempts ----------------------------------------------------------------------------------


def test_attempts_beyond_the_limit_wait_for_the_next_day(
    watched: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = watched()
    course.settings("attempts_per_day: 2\n")
    for points in (0.5, 1):
        hand_in(course.tiny, "ada", points)
        assert course.look().graded
    hand_in(course.tiny, "ada", 2)
    hand_in(course.tiny, "bob", 2)
    seen = course.look()
    assert seen.waiting == ("ada",)
    assert [*seen.graded] == ["bob"]
    assert "Not graded yet" in course.feedback("ada")["waiting.html"]
    assert "p1.html" in course.feedback("ada")  # the feedback on the attempt that counts stays
    assert sum("ada: more attempts" in line for line in course.said) == 1
    assert scores(course.tiny.course)["ada", "test_cube"] == 1
    kept = course.tiny.course.submitted / "ada/ps1/p1.ipynb"
    assert "# 2 points" in kept.read_text()
    course.start()  # another process knows it too
    assert course.look().waiting == ("ada",)

    class Tomorrow(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override] # for the test
            return datetime.now(tz) + timedelta(days=1)

    monkeypatch.setattr(module, "datetime", Tomorrow)
    assert course.look(1).graded == {"ada": "COMPLETED, 4 of 9"}
    assert "waiting.html" not in course.feedback("ada")


def test_who_waits_is_told_also_after_new_feedback(watched: Make) -> None:
    """An override while a newer attempt waits: feedback is written anew, the note stays."""
    course = watched()
    course.settings("attempts_per_day: 1\n")
    hand_in(course.tiny, "ada", 1)
    assert course.look().graded
    hand_in(course.tiny, "ada", 2)
    assert course.look().waiting == ("ada",)
    override(course.tiny.course, "ps1", "ada", "why", 3)
    assert course.look(1).feedback == ["ada"]
    assert {*course.feedback("ada")} == {"feedback.html", "p1.html", "waiting.html"}


def test_one_who_cannot_be_told_keeps_nobody_waiting(
    watched: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = watched()
    course.settings("attempts_per_day: 1\n")
    for points in (1, 2):
        for student in ("ada", "bob"):
            hand_in(course.tiny, student, points)
        course.look(1 if points == 2 else 2)
    real = Notes.wait

    def refuse(self: Any, student: str, *about: Any) -> None:
        if student == "ada":
            raise OSError(28, "No space left on device", "feedback")
        real(self, student, *about)

    with monkeypatch.context() as patched:
        patched.setattr(Notes, "wait", refuse)
        assert course.look(1).failed
    assert "waiting.html" in course.feedback("bob")
    assert not course.look(1).failed
    assert "waiting.html" in course.feedback("ada")


def test_grading_that_was_interrupted_is_no_attempt(watched: Make) -> None:
    """It told the student nothing."""
    course = watched()
    course.settings("attempts_per_day: 2\n")
    hand_in(course.tiny, "ada", 1)
    ended = datetime.now(UTC).isoformat(timespec="milliseconds")
    journal = Journal(course.tiny.course.gradelog)
    for submission in ("one", "two"):
        about = ("", "ada", "here", "", "", submission, ("p1",), ended, ended)
        journal.append(Entry("ps1", "ada", Why.FIRST, Outcome.COMPLETED, *about))
    assert course.look().graded
    hand_in(course.tiny, "ada", 2)
    assert course.look().graded == {"ada": "COMPLETED, 4 of 9"}


def test_who_came_first_is_graded_and_told_first(
    watched: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_AT_A_TIME", 2)
    course = watched()
    for student in ("zoe", "ada", "bob"):
        hand_in(course.tiny, student, 2)
        time.sleep(0.05)
    seen = course.look()
    assert ({*seen.graded}, seen.feedback, seen.more) == ({"zoe", "ada"}, ["ada", "zoe"], 1)
    assert seen.next_seconds == 0
    seen = course.look(1)
    assert ([*seen.graded], seen.more) == (["bob"], 0)
    assert seen.next_seconds > 0


def test_one_look_grades_all_that_is_there(watched: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_AT_A_TIME", 1)
    course = watched()
    for student in ("ada", "bob", "cy"):
        hand_in(course.tiny, student, 2)
    stop = Stop(course.said.append)
    assert watch(course.tiny.course, ["ps1"], stop=stop, say=course.said.append, once=True)
    assert all(course.feedback(student) for student in ("ada", "bob", "cy"))


def test_grading_the_same_again_is_no_attempt(watched: Make) -> None:
    course = watched()
    course.settings("attempts_per_day: 2\n")
    hand_in(course.tiny, "ada", 0.5)
    course.look()
    course.tiny.submit("ada", "rejected, which tells nobody anything")
    course.look()
    hand_in(course.tiny, "ada", 0.5)
    grade(course.tiny.course, "ps1", force=True)
    hand_in(course.tiny, "ada", 1)
    assert course.look().graded == {"ada": "COMPLETED, 2 of 9"}


# --- feedback ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "given"),
    [("at once", True), ("never", False), ("2020-01-01", True), ("2999-01-01 12:00", False)],
)
def test_feedback_when_it_is_due(watched: Make, when: str, given: bool) -> None:
    course = watched()
    course.settings(f"feedback: {when}\n")
    hand_in(course.tiny, "ada", 2)
    seen = course.look()
    assert (seen.feedback == ["ada"]) is given
    assert bool(course.feedback("ada")) is given
    course.settings("feedback: at once\n")  # read again at each look
    assert (course.look(1).feedback == ["ada"]) is not given
    assert course.look(1).feedback == []


def test_an_override_brings_new_feedback(watched: Make) -> None:
    course = watched()
    hand_in(course.tiny, "ada", 2)
    course.look()
    override(course.tiny.course, "ps1", "ada", "why", 3, comment="Nearly.")
    assert course.look(1).feedback == ["ada"]
    assert "Nearly." in course.feedback("ada")["p1.html"]


def test_feedback_that_fails_is_tried_again_and_keeps_nobody_else_waiting(
    watched: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = watched()
    course.settings("seconds: 0.01\n")
    course.start()
    for student in ("ada", "bob"):
        hand_in(course.tiny, student, 2)
    real = Notes.release

    def refuse(self: Any, student: str, *about: Any) -> None:
        if student == "ada":
            raise OSError(28, "No space left on device", "feedback")
        real(self, student, *about)

    with monkeypatch.context() as patched:
        patched.setattr(Notes, "release", refuse)
        seen = course.look()
    assert seen.feedback == ["bob"]
    assert seen.failed
    assert any("disk is full" in problem for problem in seen.problems)
    time.sleep(0.05)
    assert course.look(1).feedback == ["ada"]


# --- what goes wrong -----------------------------------------------------------------------------


def test_a_course_that_is_being_graded_is_waited_for(watched: Make) -> None:
    course = watched()
    hand_in(course.tiny, "ada", 2)
    course.look(1)
    holding, release = threading.Event(), threading.Event()

    def hold() -> None:
        with single_writer(course.tiny.course.root, "holding"):
            holding.set()
            release.wait(60)

    other = threading.Thread(target=hold)
    other.start()
    holding.wait(60)
    try:
        first, second = course.look(1), course.look(1)
    finally:
        release.set()
        other.join()
    assert "being graded" in first.problems[0]
    assert second.next_seconds == 2 * first.next_seconds
    assert sum("being graded" in line for line in course.said) == 1
    seen = course.look(1)
    assert seen.graded == {"ada": "COMPLETED, 4 of 9"}
    assert seen.next_seconds < second.next_seconds


def test_work_that_could_not_be_graded_is_tried_again(
    watched: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = watched()
    course.settings("seconds: 0.01\n")
    course.start()
    hand_in(course.tiny, "ada", 2)

    def full(self: Any, nb: Any, resources: Any) -> Any:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(FakeExecution, "preprocess", full)
        seen = course.look()
    assert seen.graded == {"ada": "NOT_GRADED"}
    assert any("disk is full" in problem for problem in seen.problems)
    time.sleep(0.05)
    assert course.look(1).graded == {"ada": "COMPLETED, 4 of 9"}
    assert whys(course.tiny.course, "ada") == ["first", "retried"]


def test_a_defect_of_ours_does_not_end_the_watch(
    watched: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = watched()
    hand_in(course.tiny, "ada", 2)
    course.look(1)

    def broken(*about: Any, **more: Any) -> Any:
        raise ZeroDivisionError("ours")

    with monkeypatch.context() as patched:
        patched.setattr(module, "grade", broken)
        assert "ZeroDivisionError" in course.look(1).problems[0]
    assert course.look(1).graded


def test_a_mistake_in_the_settings_leaves_them_as_they_were(watched: Make) -> None:
    course = watched()
    course.settings("feedback: never\n")
    course.start()
    course.settings("feedback: never\nattempts: 3\n")
    hand_in(course.tiny, "ada", 2)
    seen = course.look()
    assert "watch.yaml:2" in seen.problems[0]
    assert seen.graded
    assert not course.feedback("ada")
    with pytest.raises(WorkshopError, match="attempts"):
        course.start()


def test_waits_grow_up_to_a_limit_and_start_again() -> None:
    waits = Waits()
    assert [waits.failed("x", 30) for _ in range(7)] == [30, 60, 120, 240, 480, 600, 600]
    assert not waits.over("x")
    assert waits.over("y")
    waits.worked("x")
    assert waits.over("x")
    assert waits.failed("x", 30) == 30
    assert waits.failed("slow", 3600) == 3600  # no more often than anybody wants to look


def test_every_look_is_in_the_log(watched: Make) -> None:
    course = watched()
    course.look()
    hand_in(course.tiny, "ada", 2)
    course.look()
    path = course.tiny.course.root / "watch.log"
    looks = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(looks) == 4
    assert [each.get("graded") for each in looks] == [
        None,
        None,
        None,
        {"ada": "COMPLETED, 4 of 9"},
    ]
    path.unlink()
    path.mkdir()
    assert any("watch.log" in problem for problem in course.look(1).problems)


# --- stop and go on ------------------------------------------------------------------------------


def test_asked_to_stop_it_finishes_the_submission_in_hand(
    watched: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = watched()
    for student in ("ada", "bob", "cy"):
        hand_in(course.tiny, student, 2)
    course.look(1)
    real = FakeExecution.preprocess

    def asks(self: Any, nb: Any, resources: Any) -> Any:
        course.stop.ask()
        return real(self, nb, resources)

    with monkeypatch.context() as patched:
        patched.setattr(FakeExecution, "preprocess", asks)
        seen = course.look(1)
    assert [*seen.graded] == ["ada"]
    assert seen.feedback == []
    assert [line["student"] for line in lines_of(course.tiny.course)] == ["ada"]
    course.start()
    seen = course.look()
    assert [*seen.graded] == ["bob", "cy"]
    course.look(1)
    assert course.feedback("ada")
    assert read_log(course.tiny.course, "ps1").ok


def test_watching_ends_when_it_is_asked_to(watched: Make) -> None:
    course = watched()
    course.settings("seconds: 0.05\n")
    hand_in(course.tiny, "ada", 2)
    stop = Stop(course.said.append)

    def say(text: str) -> None:
        course.said.append(text)
        if "feedback" in text:
            stop.ask()

    assert watch(course.tiny.course, ["ps1"], stop=stop, say=say)
    assert scores(course.tiny.course)["ada", "test_cube"] == 2


def test_one_look_is_enough_for_what_nobody_is_writing(watched: Make) -> None:
    course = watched()
    hand_in(course.tiny, "ada", 2)
    stop = Stop(course.said.append)
    assert watch(course.tiny.course, ["ps1"], stop=stop, say=course.said.append, once=True)
    assert scores(course.tiny.course)["ada", "test_cube"] == 2
    assert course.feedback("ada")


def test_what_ends_badly_after_a_stop_was_asked_for_does_not_count(
    watched: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service manager may end the kernel together with the watch: that is nobody's 0 points."""
    course = watched()
    hand_in(course.tiny, "ada", 1)
    assert course.look().graded
    hand_in(course.tiny, "ada", 2)
    hand_in(course.tiny, "bob", 2)
    course.look(1)
    real = FakeExecution.preprocess

    def killed(self: Any, nb: Any, resources: Any) -> Any:
        course.stop.ask()
        made = real(self, nb, resources)
        for cell in nb.cells:
            if cell.cell_type == "code":
                cell.outputs = []
        record_of(nb).update(outcome="KERNEL_DIED", message="the kernel died (signal SIGTERM)")
        return made

    with monkeypatch.context() as patched:
        patched.setattr(FakeExecution, "preprocess", killed)
        seen = course.look(1)
    assert [*seen.graded.values()] == ["NOT_GRADED"]
    assert "SIGTERM" in seen.problems[0]
    assert scores(course.tiny.course)["ada", "test_cube"] == 1
    course.start()
    assert course.look().graded == {"ada": "COMPLETED, 4 of 9", "bob": "COMPLETED, 4 of 9"}
    assert read_log(course.tiny.course, "ps1").ok


@contextlib.contextmanager
def default_handling(which: signal.Signals) -> Iterator[None]:
    """Also where the tests were started with nohup."""
    before = signal.signal(which, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(which, before)


@pytest.mark.parametrize("which", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_one_request_that_comes_twice_is_one(
    which: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the process, and to the group that it is in."""
    said: list[str] = []
    stop = Stop(said.append)
    with default_handling(which), stop.on_signals():
        for _ in range(2):
            os.kill(os.getpid(), which)
        assert stop()
        assert len(said) == 1
        monkeypatch.setattr(stopping, "_ONE_REQUEST", 0.0)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), which)


def test_what_is_ignored_from_the_start_stays_so() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        stop = Stop(print)
        with stop.on_signals():
            os.kill(os.getpid(), signal.SIGHUP)
        assert not stop()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_an_assignment_is_watched_once(watched: Make) -> None:
    course = watched()
    root, stop = course.tiny.course, Stop(print)
    stop.ask()
    holding, release = threading.Event(), threading.Event()

    def hold() -> None:
        with single_writer(root.root, "workshop watch ps1", name=".watch-ps1.lock"):
            holding.set()
            release.wait(60)

    other = threading.Thread(target=hold)
    other.start()
    holding.wait(60)
    try:
        with pytest.raises(WorkshopError, match="being graded"):
            watch(root, ["ps1"], stop=stop, say=print)
    finally:
        release.set()
        other.join()
    assert watch(root, ["ps1", "ps1"], stop=stop, say=print)


def test_an_unknown_assignment_is_an_error(watched: Make) -> None:
    course = watched()
    with pytest.raises(WorkshopError, match="ps2"):
        watch(course.tiny.course, ["ps2"], stop=Stop(print), say=print)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_stopped_as_a_process_it_loses_nothing(watched: Make, how: signal.Signals) -> None:
    course = watched()
    course.settings("seconds: 0.1\n")
    names = [f"s{number}" for number in range(4)]
    for name in names:
        hand_in(course.tiny, name, 2)
    root = course.tiny.course
    with process(root, "watch", "ps1", env={SECONDS: "2"}) as started:
        _until(lambda: root.gradelog.exists())
        started.send_signal(how)
        output, _ = started.communicate(timeout=120)
    done = {line["student"] for line in lines_of(root)}
    assert 0 < len(done) < len(names), output
    if how != signal.SIGKILL:
        assert started.returncode == 0, output
        assert "run the same command again" in output
        assert {row[0] for row in gradebook_of(root).grades} == done
    with process(root, "watch", "ps1") as started:
        _until(lambda: all(course.feedback(name) for name in names))
        started.send_signal(signal.SIGTERM)
        output, _ = started.communicate(timeout=120)
    assert started.returncode == 0, output
    assert {row[0] for row in gradebook_of(root).grades} == {*names}
    assert read_log(root, "ps1").ok
    counted = [each for each in read_log(root, "ps1").entries if each.counted]
    assert len(counted) == len(names)  # nobody was graded twice


def _until(done: Callable[[], bool]) -> None:
    until = time.monotonic() + 240
    while not done():
        assert time.monotonic() < until
        time.sleep(0.1)
