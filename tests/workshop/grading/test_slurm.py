"""Grading in jobs of a real Slurm, which runs on this machine for the time of the tests."""

from __future__ import annotations

import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.workshop.grading import slurm_daemons
from tests.workshop.grading.conftest import TinyCourse
from tests.workshop.grading.durable import SECONDS, gradebook_of, hand_in, lines_of, process, run
from workshop.grading.cluster_settings import SETTINGS_NAME
from workshop.grading.grade import grade

WHY_NOT = slurm_daemons.why_not()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(WHY_NOT), reason=f"NOT TESTED with a real Slurm: {WHY_NOT}"),
]
GRADE = ("grade", "ps1", "--cluster", "slurm")
SETTINGS = """\
jobs: 2
cpus: 1
memory: 3 GB
time: '00:10:00'
interface: lo
"""


@pytest.fixture(scope="module")
def _slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with slurm_daemons.running(tmp_path_factory.mktemp("slurm")):
        yield


@pytest.fixture(autouse=True)
def _nothing_is_left(_slurm: None) -> Iterator[None]:
    # Where tests run in the background, Ctrl-C is ignored, by their children too.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
    until(lambda: not jobs(), "jobs are left")
    until(lambda: not slurm_daemons.processes_of_jobs(), "processes of jobs are left")


def jobs() -> list[str]:
    done = subprocess.run(
        ["squeue", "--noheader", "--format=%A %T"], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def until(condition: Callable[[], bool], otherwise: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.1)


@contextmanager
def grading(tiny: TinyCourse, *options: str, seconds: str = "0") -> Iterator[Any]:
    """``workshop grade`` in a process of its own, which does not outlive the test."""
    with process(tiny.course, *GRADE, *options, env={SECONDS: seconds}) as started:
        try:
            yield started
        finally:
            started.kill()


def slurm_course(tiny: TinyCourse, **changes: str) -> TinyCourse:
    text = SETTINGS + "".join(f"{name}: {value}\n" for name, value in changes.items())
    (tiny.course.root / SETTINGS_NAME).write_text(text)
    return tiny


def test_jobs_give_the_same_grades_with_forked_kernels(tiny: TinyCourse) -> None:
    slurm_course(tiny)
    code = "import os, sys\nprint('torch' in sys.modules)\ncubed = int"
    for student, answers in {"ada": {}, "bob": {"cube": code}, "cy": {"square": "1 / 0"}}.items():
        tiny.submit(student, tiny.answered(answers))
    grade(tiny.course, "ps1")
    before = gradebook_of(tiny.course)
    status, output = run(tiny.course, *GRADE, "--force")
    assert status == 0, output
    assert gradebook_of(tiny.course) == before
    assert run(tiny.course, "log", "ps1")[0] == 0
    assert len(lines_of(tiny.course)) == 6
    page = tiny.course.autograded / "bob" / "ps1" / "p1.ipynb"
    assert '"True\\n"' in page.read_text(encoding="utf-8")
    assert not list(tiny.course.root.glob(".cluster-*"))


def workers() -> list[psutil.Process]:
    """The processes that grade: what Dask's nannies have started."""
    found = []
    for each in slurm_daemons.processes_of_jobs():
        if "dask_worker" in " ".join(each.cmdline()):
            found += [child for child in each.children() if "spawn_main" in child.cmdline()[-2]]
    return found


def test_a_killed_worker_and_a_cancelled_job_cost_no_grade(fast: TinyCourse) -> None:
    slurm_course(fast)
    for number in range(9):
        hand_in(fast, f"student{number}", number / 4)
    grade(fast.course, "ps1")
    before, entries = gradebook_of(fast.course), len(lines_of(fast.course))
    with grading(fast, "--force", seconds="5") as started:
        until(lambda: len(lines_of(fast.course)) > entries, "nothing was graded", 120)
        [folder] = fast.course.root.glob(".cluster-*")
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(path.stat().st_mode) for path in folder.glob("*.pem")} == {0o600}
        victim = workers()[0]
        job = victim.environ()["SLURM_JOB_ID"]
        victim.send_signal(signal.SIGKILL)
        others = [each.split()[0] for each in jobs() if each.split()[0] != job]
        subprocess.run(["scancel", *others], check=True)
        output, _ = started.communicate(timeout=240)
    assert started.returncode == 0, output
    assert gradebook_of(fast.course) == before
    assert len(lines_of(fast.course)) == 2 * entries
    assert run(fast.course, "log", "ps1")[0] == 0


def test_a_partition_that_is_not_there_is_named(fast: TinyCourse) -> None:
    slurm_course(fast, partition="nowhere")
    status, output = run(fast.course, *GRADE)
    assert status == 2
    assert "invalid partition" in output.lower()
    assert SETTINGS_NAME in output
    assert "Traceback" not in output


def test_jobs_that_end_at_once_are_told_with_their_last_words(fast: TinyCourse) -> None:
    slurm_course(fast, prologue="['echo nothing to load >&2; exit 3']")
    status, output = run(fast.course, *GRADE)
    assert status == 2
    assert "nothing to load" in output
    assert "Traceback" not in output


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_jobs_end_with_the_process_that_asked(fast: TinyCourse, end: signal.Signals) -> None:
    slurm_course(fast)
    with grading(fast, seconds="60") as started:
        until(lambda: bool(workers()), "no worker came", 120)
        time.sleep(3)
        started.send_signal(end)
        output, _ = started.communicate(timeout=60)
    assert started.returncode == (130 if end is signal.SIGINT else -end), output
    assert "Traceback" not in output


def test_a_full_queue_is_waited_for_until_ctrl_c(fast: TinyCourse) -> None:
    slurm_course(fast, directives="[--begin=now+1hour]")
    with grading(fast) as started:
        until(lambda: len(jobs()) == 2, "no job was asked for", 120)
        time.sleep(3)
        started.send_signal(signal.SIGINT)
        output, _ = started.communicate(timeout=60)
    assert started.returncode == 130
    assert "2 wait in the queue" in output


def test_without_slurm_it_says_so(
    fast: TinyCourse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    status, output = run(fast.course, *GRADE)
    assert status == 2
    assert "sbatch" in output
