"""Graders that are killed with SIGKILL, at random and at chosen moments.

``WORKSHOP_KILLS=50 WORKSHOP_KILL_SUBMISSIONS=40`` make the first test the full one.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.workshop.grading.conftest import SOLUTIONS, source_notebook
from tests.workshop.grading.durable import (
    SECONDS,
    gradebook_of,
    lines_of,
    process,
    run,
    without_kernels,
)
from workshop.authoring.generate import generate
from workshop.course import Course
from workshop.grading.grade import grade
from workshop.grading.history import read_log
from workshop.grading.writer_lock import LOCK_NAME

if TYPE_CHECKING:
    from tests.workshop.grading.conftest import TinyCourse

KILLS = int(os.environ.get("WORKSHOP_KILLS", "8"))
SUBMISSIONS = int(os.environ.get("WORKSHOP_KILL_SUBMISSIONS", "8"))
NAMES = ("p1", "p2")
# Where in the writing of one submission the process is to die; see ``workshop.grading.ledger``.
MOMENTS = {
    "before the entry": "patch(journal.Journal, 'append', before)",
    "half an entry": """
real = os.write
def half(descriptor, data):
    if b'"previous"' in bytes(data):
        real(descriptor, data[: len(data) // 2])
        die()
    return real(descriptor, data)
os.write = half
""",
    "after the entry": "patch(journal.Journal, 'append', after)",
    "before the commit": "patch(ledger, 'mark_taken', after)",
    "after the commit": "patch(ledger.Ledger, '_put_in_place', before)",
    "old notebooks moved away": """
real = Path.rename
def rename(self, target):
    real(self, target)
    if str(target).endswith('.former'):
        die()
Path.rename = rename
""",
    "in place": "patch(ledger.Ledger, '_put_in_place', after)",
}
DYING = """
import os, signal, sys
from pathlib import Path
from workshop.course import Course
from workshop.grading import grade, journal, ledger

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def before(real):
    return lambda *args, **kw: die()

def after(real):
    def called(*args, **kw):
        real(*args, **kw)
        die()
    return called

def patch(owner, name, how):
    setattr(owner, name, how(getattr(owner, name)))

MOMENT
grade.grade(Course.at(Path.cwd()), "ps1", force=True)
"""


def two_notebooks(course: Course, students: int) -> None:
    """An assignment of two notebooks, and submissions of different worth, some with one only."""
    folder = course.source_notebooks / "ps1"
    shutil.rmtree(course.release / "ps1")
    course.gradebook.unlink()
    (folder / "p2.ipynb").write_text(json.dumps(source_notebook()), encoding="utf-8")
    generate(course, {"ps1": NAMES}, source=course.source_notebooks, release=course.release)
    for number in range(students):
        own = course.submitted / f"s{number:02}" / "ps1"
        own.mkdir(parents=True)
        (own / "timestamp.txt").write_text("2030-01-01 00:00:00 UTC")
        for name in NAMES[: 1 if number % 5 == 4 else 2]:
            notebook = json.loads(course.release_notebook("ps1", name).read_text())
            for cell in notebook["cells"]:
                grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id")
                if grade_id in SOLUTIONS:
                    points = (number + len(grade_id)) % 4 / 2
                    cell["source"] = f"{SOLUTIONS[grade_id]}  # {points} points"
            (own / f"{name}.ipynb").write_text(json.dumps(notebook))
        if number % 7 == 6:
            (own / "p1.ipynb").write_text("cut off")  # rejected


def check_kept(course: Course, undisturbed: Course) -> None:
    """Whole submissions only, each as it should be, and a log that says the same."""
    kept, right = gradebook_of(course), gradebook_of(undisturbed)
    assert set(kept.submissions) <= set(right.submissions)
    there = {row[0] for row in kept.submissions}
    assert kept.grades == tuple(row for row in right.grades if row[0] in there)
    assert kept.comments == tuple(row for row in right.comments if row[0] in there)
    if course.gradelog.exists():
        told = read_log(course, "ps1") if course.gradelog.read_bytes().count(b"\n") else None
        if told is not None:
            assert not told.differences
            assert all("not written to its end" in problem for problem in told.problems)


def check_finished(course: Course, undisturbed: Course) -> None:
    """The end is the same as if nothing had happened."""
    assert gradebook_of(course) == gradebook_of(undisturbed)
    told = read_log(course, "ps1")
    assert told.ok
    folders = {entry.logged.entry.student for entry in told.entries if entry.stands}
    assert folders == {path.parent.name for path in course.submitted.glob("*/ps1")}
    ours, theirs = (
        {
            str(path.relative_to(root.autograded))
            for path in root.autograded.rglob("*")
            if path.is_file()
        }
        for root in (course, undisturbed)
    )
    assert ours == theirs  # nothing half done lies about


def pair(make_tiny: Callable[[], TinyCourse], students: int) -> tuple[Course, Course]:
    """A course to be disturbed, and its twin, which is graded in peace."""
    tiny = make_tiny()
    without_kernels(tiny.course)
    two_notebooks(tiny.course, students)
    twin = Course(tiny.course.root.parent / "undisturbed")
    shutil.copytree(tiny.course.root, twin.root)
    grade(twin, "ps1")
    return tiny.course, twin


@pytest.fixture(scope="module")
def small_pair(make_tiny: Callable[[], TinyCourse]) -> tuple[Course, Course]:
    """Of two submissions; to be copied, not changed."""
    return pair(make_tiny, 2)


def kill_while_grading(course: Course, random_: random.Random, *, force: bool) -> bool:
    """Start a grader and kill it; says whether it was still at work."""
    lock = course.root / LOCK_NAME
    lock.unlink(missing_ok=True)
    longest = 0.25 * SUBMISSIONS**0.5
    options = ["--force"] if force else []
    with process(course, "grade", "ps1", *options, env={SECONDS: "0.01"}) as grader:
        until = time.monotonic() + 60
        while grader.poll() is None and time.monotonic() < until:
            if lock.exists() and lock.stat().st_size:
                break
            time.sleep(0.002)
        if random_.random() < 0.5:  # anywhere: mostly in the kernel's time
            time.sleep(random_.uniform(0, longest))
        else:  # around the writing of an entry, which is short
            size = course.gradelog.stat().st_size if course.gradelog.exists() else 0
            while grader.poll() is None and time.monotonic() < until:
                if course.gradelog.exists() and course.gradelog.stat().st_size > size:
                    break
            time.sleep(random_.uniform(0, 0.1))
        was_alive = grader.poll() is None
        grader.send_signal(signal.SIGKILL)
        grader.communicate()
    return was_alive


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_at_random_moments(make_tiny: Callable[[], TinyCourse]) -> None:
    course, undisturbed = pair(make_tiny, SUBMISSIONS)
    random_, killed, before = random.Random(20), 0, b""
    for _ in range(3 * KILLS):
        done = len(gradebook_of(course).submissions) == SUBMISSIONS
        killed += kill_while_grading(course, random_, force=done)
        check_kept(course, undisturbed)
        log = course.gradelog.read_bytes() if course.gradelog.exists() else b""
        # Nothing whole is ever lost from the log.
        assert log.startswith(before[: before.rfind(b"\n") + 1])
        before = log
        if killed == KILLS:
            break
    assert killed == KILLS
    status, output = run(course, "grade", "ps1")
    assert status == 0, output
    check_finished(course, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_the_worst_moments(
    small_pair: tuple[Course, Course], tmp_path: Path, moment: str
) -> None:
    origin, undisturbed = small_pair
    course = Course(tmp_path / "course")
    shutil.copytree(origin.root, course.root)
    if moment == "old notebooks moved away":
        grade(course, "ps1")
    script = course.root / "dying.py"
    script.write_text(DYING.replace("MOMENT", MOMENTS[moment]))
    status, output = run(course, "-m", "dying", env={"PYTHONPATH": _path(course)})
    assert status == -signal.SIGKILL, output
    check_kept(course, undisturbed)
    committed = moment in {"after the commit", "in place", "old notebooks moved away"}
    assert (len(gradebook_of(course).submissions) > 0) is committed
    count = len(lines_of(course)) if course.gradelog.exists() and moment != "half an entry" else 0
    report = grade(course, "ps1")
    check_finished(course, undisturbed)
    entries = [each for each in lines_of(course)[count:] if each["student"] == "s00"]
    if committed:
        assert not entries  # what was graded is not graded again
    elif moment in {"after the entry", "before the commit"}:
        assert [each["why"] for each in entries] == ["retried"]
    torn = course.gradelog.with_suffix(".torn")
    assert torn.exists() is (moment == "half an entry")
    if torn.exists():
        assert any(torn.name in note for note in report.notes)


def _path(course: Course) -> str:
    return os.pathsep.join([str(course.root), str(Path(__file__).parents[3])])


@pytest.mark.slow
def test_killed_with_real_kernels(make_tiny: Callable[[], TinyCourse]) -> None:
    tiny, twin = make_tiny(), make_tiny()
    for each in (tiny, twin):
        each.submit("ada", each.answered())
        each.submit("bob", each.answered({"cube": "cubed = int"}))
    grade(twin.course, "ps1")
    random_ = random.Random(3)
    for _ in range(2):
        kill_while_grading(tiny.course, random_, force=False)
    check_kept(tiny.course, twin.course)
    grade(tiny.course, "ps1")
    check_finished(tiny.course, twin.course)
