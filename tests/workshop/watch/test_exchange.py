"""Collecting from nbgrader's exchange and giving feedback by it, whatever lies in there."""

from __future__ import annotations

import getpass
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.workshop.watch.conftest import COURSE

if TYPE_CHECKING:
    from tests.workshop.watch.conftest import Watched

    Make = Callable[..., Watched]

ME = getpass.getuser()
ROOT = Path(__file__).parents[3]
FIRST, SECOND, THIRD = (f"2020-01-0{day} 12:00:00.000000 UTC" for day in (1, 2, 3))


def test_the_newest_submission_is_collected_graded_and_told(watched: Make) -> None:
    course = watched(exchange=True)
    course.send(ME, 1, FIRST)
    course.send(ME, 2, SECOND)
    seen = course.look(1)  # whole as it comes: no second look is needed
    assert seen.collected == (ME,)
    assert seen.graded == {ME: "COMPLETED, 4 of 9"}
    assert "Score" in str(course.released(f"secret {ME} {SECOND}"))
    assert course.released(f"secret {ME} {FIRST}") is None
    seen = course.look(1)
    assert (seen.collected, seen.graded, seen.problems) == ((), {}, [])
    course.send(ME, 0.5, THIRD)
    assert course.look(1).graded == {ME: "COMPLETED, 1 of 9"}


def test_a_student_sees_that_an_attempt_waits_or_was_rejected(watched: Make) -> None:
    course = watched(exchange=True)
    course.settings("attempts_per_day: 1\n")
    broken = course.send(ME, 1, FIRST)
    (broken / "p1.ipynb").write_text("no notebook")
    assert course.look(1).graded == {ME: "REJECTED"}
    assert "this is no notebook" in str(course.released(f"secret {ME} {FIRST}"))
    course.send(ME, 1, SECOND)
    assert course.look(1).graded
    course.send(ME, 2, THIRD)
    assert course.look(1).waiting == (ME,)
    assert "Not graded yet" in str(course.released(f"secret {ME} {THIRD}"))
    assert "Score" in str(course.released(f"secret {ME} {SECOND}"))


def test_hostile_folders_are_named_once_and_hinder_nobody(
    watched: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = watched(exchange=True)
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "p1.ipynb").write_text("the instructor's own")
    course.send(ME, 1, FIRST)
    course.send("mallory", 2, SECOND)  # ours is the account that made it
    course.send("..", 2, SECOND)  # nbgrader does not look at names that begin with a dot
    (course.inbound / f"{ME}+ps1+soon+abc").mkdir()
    (course.inbound / f"{ME}+ps1+{THIRD}+abc").symlink_to(secret)
    os.mkfifo(course.inbound / f"{ME}+ps1+{SECOND}+abc")
    seen = course.look(1)
    assert seen.graded == {ME: "COMPLETED, 2 of 9"}
    assert len(seen.problems) == 4
    assert any("mallory" in problem for problem in seen.problems)
    assert not seen.failed
    assert [path.name for path in course.tiny.course.submitted.iterdir()] == [ME]
    assert not (course.tiny.course.root / "ps1").exists()
    said = len(course.said)
    course.look()
    assert len(course.said) == said


def test_links_inside_a_submission_are_never_followed(watched: Make, tmp_path: Path) -> None:
    course = watched(exchange=True)
    (tmp_path / "private.txt").write_text("the instructor's own")
    folder = course.send(ME, 1, FIRST)
    (folder / "data.txt").symlink_to(tmp_path / "private.txt")
    assert course.look(1).graded == {ME: "REJECTED"}
    kept = course.tiny.course.submitted / ME / "ps1" / "data.txt"
    assert kept.is_symlink()


def test_what_cannot_be_copied_leaves_the_earlier_work_alone(watched: Make) -> None:
    course = watched(exchange=True)
    course.send(ME, 1, FIRST)
    course.look(1)
    folder = course.send(ME, 2, SECOND)
    os.mkfifo(folder / "pipe")
    seen = course.look(1)
    assert "not collected" in seen.problems[0]
    assert "# 1 points" in (course.tiny.course.submitted / ME / "ps1/p1.ipynb").read_text()
    (folder / "pipe").unlink()
    assert course.look(1).graded == {ME: "COMPLETED, 4 of 9"}


def test_a_note_that_an_attempt_waits_does_not_outlive_the_wait(watched: Make) -> None:
    course = watched(exchange=True)
    course.settings("attempts_per_day: 1\nfeedback: never\n")
    course.send(ME, 1, FIRST)
    course.look(1)
    course.send(ME, 2, SECOND)
    course.look(1)
    assert "Not graded yet" in str(course.released(f"secret {ME} {SECOND}"))
    course.settings("feedback: never\n")
    assert course.look(1).graded
    assert course.released(f"secret {ME} {SECOND}") is None
    assert course.feedback(ME) == {}


def test_students_can_read_what_they_are_given(watched: Make) -> None:
    course = watched(exchange=True)
    course.settings("attempts_per_day: 1\n")
    before = os.umask(0o077)
    try:
        for points, moment in ((1, FIRST), (2, SECOND)):
            course.send(ME, points, moment)
            course.look(1)
    finally:
        os.umask(before)
    pages = [*(course.inbound.parent / "feedback").iterdir()]
    assert len(pages) == 3  # the results, the notebook, and that the second one waits
    assert all(page.stat().st_mode & 0o777 == 0o644 for page in pages)


def test_a_time_that_is_still_to_come_is_named(watched: Make) -> None:
    """The student's clock was wrong: what comes next has an earlier time, and would be missed."""
    course = watched(exchange=True)
    course.send(ME, 1, "2999-01-01 12:00:00.000000 UTC")
    seen = course.look(1)
    assert seen.graded == {ME: "COMPLETED, 2 of 9"}
    assert "still to come" in seen.problems[0]


def test_times_in_the_courses_zone(watched: Make, tmp_path: Path) -> None:
    """The second one is the newer one, by an hour: clocks went back in between."""
    course = watched(exchange=True)
    with course.tiny.course.config_path.open("a") as file:
        file.write("\nc.Exchange.timezone = 'Europe/Berlin'\n")
    course.start()
    course.send(ME, 1, "2025-10-26 02:40:00.000000 CEST")
    assert course.look(1).graded == {ME: "COMPLETED, 2 of 9"}
    course.send(ME, 2, "2025-10-26 02:10:00.000000 CET")
    assert course.look(1).graded == {ME: "COMPLETED, 4 of 9"}


def test_work_that_a_kill_left_aside_is_put_back(watched: Make) -> None:
    course = watched(exchange=True)
    course.send(ME, 1, FIRST)
    course.look(1)
    place = course.tiny.course.submitted / ME / "ps1"
    place.rename(place.with_name(".ps1.former"))
    folder = course.send(ME, 2, SECOND)
    os.mkfifo(folder / "pipe")  # the new one cannot be copied
    course.look(1)
    assert "# 1 points" in (place / "p1.ipynb").read_text()


def test_names_do_nothing_to_a_terminal(watched: Make) -> None:
    course = watched(exchange=True)
    (course.inbound / f"\x1b[2J\n+ps1+{FIRST}+abc").mkdir()
    (problem,) = course.look(1).problems
    assert problem.isprintable()


@pytest.mark.parametrize("stamp", ["", "soon", "2099-01-01 00:00:00 UTC"])
def test_the_time_is_that_of_the_folders_name(watched: Make, stamp: str) -> None:
    course = watched(exchange=True)
    course.send(ME, 1, FIRST, timestamp_txt=stamp)
    assert course.look(1).graded == {ME: "COMPLETED, 2 of 9"}
    assert course.look(1).collected == ()
    course.send(ME, 2, SECOND)
    assert course.look(1).graded == {ME: "COMPLETED, 4 of 9"}


def test_no_exchange_where_there_is_none_or_none_is_wanted(watched: Make) -> None:
    course = watched(exchange=True)
    course.settings("exchange: no\n")
    course.send(ME, 1, FIRST)
    assert course.look(1).collected == ()
    course.settings("exchange: yes\n")
    assert course.look(1).collected == (ME,)
    for path in (course.inbound / f"{ME}+ps1+{FIRST}+abc", course.inbound):
        path.rename(path.with_name(f"{path.name}.gone"))
    seen = course.look(1)
    assert "nothing was collected" in seen.problems[0]
    assert seen.failed
    course.settings("")
    assert not course.look(1).failed


@pytest.mark.slow
def test_with_nbgraders_own_commands(watched: Make, tmp_path: Path) -> None:
    course = watched(exchange=True)
    exchange = course.inbound.parents[1]
    course.inbound.rmdir()
    course.inbound.parent.rmdir()
    student = tmp_path / "student"
    student.mkdir()
    (student / "nbgrader_config.py").write_text(
        f"c = get_config()\nc.Exchange.root = {str(exchange)!r}\n"
        f"c.CourseDirectory.course_id = {COURSE!r}\n"
    )
    theirs = {"HOME": str(student), "JUPYTER_DATA_DIR": str(student / ".jupyter")}
    _nbgrader(course.tiny.course.root, {}, "release_assignment", "ps1")
    _nbgrader(student, theirs, "fetch_assignment", "ps1")
    notebook = course.tiny.answered({"square": "# 2 points", "cube": "# 2 points"})
    (student / "ps1/p1.ipynb").write_text(json.dumps(notebook))
    _nbgrader(student, theirs, "submit", "ps1")
    assert course.look(1).graded == {ME: "COMPLETED, 4 of 9"}
    _nbgrader(student, theirs, "fetch_feedback", "ps1")
    (page,) = (student / "ps1" / "feedback").glob("*/*.html")
    assert "Score" in page.read_text()


def _nbgrader(folder: Path, environment: dict[str, str], *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
