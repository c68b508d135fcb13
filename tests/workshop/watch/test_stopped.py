"""A watch that is stopped as a service manager does it, with kernels that run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress

import psutil
import pytest

from tests.workshop.grading.conftest import TinyCourse
from tests.workshop.grading.durable import ROOT, gradebook_of, lines_of
from workshop.course import Course
from workshop.grading.history import read_log

ANSWER = "import time\ntime.sleep(6)\ndef squared(x):\n    return x * x"
SETTINGS = "seconds: 0.2\nfeedback: never\n"


def _until(done: Callable[[], object]) -> None:
    until = time.monotonic() + 240
    while not done():
        assert time.monotonic() < until
        time.sleep(0.05)


def _started_by(process: int) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return [*psutil.Process(process).children(recursive=True)]
    return []


def _is_sandbox(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return str(process.name()) == "bwrap"
    return False


def _only(process: int) -> list[int]:
    return [process]


def _group(process: int) -> list[int]:
    every = [process, *(each.pid for each in _started_by(process))]
    return [pid for pid in every if os.getpgid(pid) == process]


def _everything(process: int) -> list[int]:
    """What systemd signals where nothing else is said: all of the control group."""
    return [process, *(each.pid for each in _started_by(process))]


@pytest.mark.slow
@pytest.mark.parametrize(("whom", "workers"), [(_only, 1), (_group, 2), (_everything, 2)])
def test_stopped_while_a_kernel_runs(
    tiny: TinyCourse, whom: Callable[[int], list[int]], workers: int
) -> None:
    course, students = tiny.course, ("ada", "bob", "cy")
    (course.root / "watch.yaml").write_text(SETTINGS)
    for student in students:
        tiny.submit(student, tiny.answered({"square": ANSWER}))
    started = _watch(course, workers)
    try:
        _until(lambda: any(map(_is_sandbox, _started_by(started.pid))))
        time.sleep(2)  # the cell runs
        others = _started_by(started.pid)
        for pid in whom(started.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        output, _ = started.communicate(timeout=120)
    finally:
        started.kill()
    assert started.returncode == 0, output
    assert "run the same command again" in output
    assert "Traceback" not in output
    _until(lambda: not any(each.is_running() for each in others))
    _check(course)
    kept = {row[0] for row in gradebook_of(course).grades}
    assert kept == ({"ada"} if whom is _only else kept)
    assert len(kept) < len(students)
    again = _watch(course, workers)
    try:
        _until(lambda: len({row[0] for row in gradebook_of(course).grades}) == len(students))
        again.send_signal(signal.SIGTERM)
        output, _ = again.communicate(timeout=120)
    finally:
        again.kill()
    assert again.returncode == 0, output
    _check(course)
    counted = [each for each in read_log(course, "ps1").entries if each.counted]
    assert sorted(each.logged.entry.student for each in counted) == [*students]


def _watch(course: Course, workers: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "workshop", "watch", "ps1", "--workers", str(workers)],
        cwd=course.root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _check(course: Course) -> None:
    """Nothing is half written, and nobody has points for what was cut short."""
    lines = lines_of(course) if course.gradelog.exists() else []
    assert not lines or read_log(course, "ps1").ok  # there may have been time for none
    for line in lines:
        assert line["outcome"] in ("COMPLETED", "NOT_GRADED")
    for row in gradebook_of(course).grades:
        if row[2].startswith("test_"):
            assert row[3] == {"test_square": 2, "test_cube": 3}[row[2]]
            assert (course.autograded / row[0] / "ps1/p1.ipynb").exists()
