"""Each limit, tried by going over it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workshop.grading.execution import Limits
from workshop.grading.records import Outcome

Run = Callable[..., Any]


def _processes_with(mark: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark in path.read_text(errors="replace"):
                found.append(path.parent.name)
        except OSError:
            continue
    return found


def _wait_until_gone(mark: str) -> bool:
    deadline = time.monotonic() + 10
    while _processes_with(mark):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


MEMORY_BOMBS = {
    "arrays": "kept = []\nwhile True: kept.append(bytearray(10_000_000))",
    "shared": """
        import mmap
        kept = []
        while True:
            kept.append(mmap.mmap(-1, 10_000_000))
            kept[-1].write(b'x' * 10_000_000)
    """,
    "children": """
        import os, time
        for _ in range(5):
            if os.fork() == 0:
                kept = bytearray(180_000_000)
                time.sleep(30)
        time.sleep(30)
    """,
}


@pytest.mark.parametrize("bomb", MEMORY_BOMBS)
def test_memory_is_limited_over_all_processes(run: Run, bomb: str) -> None:
    began = time.monotonic()
    ran = run("print('before')", MEMORY_BOMBS[bomb], "2.0")
    assert ran.ended.outcome is Outcome.OUT_OF_MEMORY
    assert "more than 500 MB of memory" in ran.ended.message
    assert ran.states() == ["completed", "died", "not_executed"]
    assert ran.printed(0) == "before\n"
    assert time.monotonic() - began < 25


def test_what_processes_share_is_counted_once(run: Run) -> None:
    ran = run(
        """
        import os, time
        kept = bytearray(b'x' * 200_000_000)
        for _ in range(4):
            if os.fork() == 0:
                time.sleep(2)
                os._exit(0)
        time.sleep(1.5)
        """,
        "2.0",
    )
    assert ran.ended.outcome is Outcome.COMPLETED, ran.ended.message


def test_one_array_that_is_far_too_large_is_an_error_in_the_cell(run: Run) -> None:
    ran = run("bytearray(50_000_000_000)", "2.0")
    assert ran.ended.outcome is Outcome.COMPLETED
    assert ran.notebook.cells[0].metadata["workshop"]["error"]["ename"] == "MemoryError"


def test_files_in_memory_cannot_be_made(run: Run) -> None:
    ran = run("import os; os.memfd_create('x')")
    assert ran.notebook.cells[0].metadata["workshop"]["error"]["ename"] == "PermissionError"


FORK_BOMBS = {
    "fork": """
        import os
        while True:
            try:
                os.fork()
            except OSError:
                pass
    """,
    "daemons": """
        import os, time
        while True:
            if os.fork() == 0:
                os.setsid()
                if os.fork():
                    os._exit(0)
                time.sleep(60)
    """,
}


@pytest.mark.parametrize("bomb", FORK_BOMBS)
def test_a_fork_bomb_ends(run: Run, bomb: str) -> None:
    began = time.monotonic()
    ran = run(FORK_BOMBS[bomb], "2.0")
    assert ran.ended.outcome is Outcome.KERNEL_DIED
    assert "more than 20 processes" in ran.ended.message
    assert time.monotonic() - began < 25
    assert len(list(Path("/proc").glob("[0-9]*"))) < 2000


def test_writing_is_limited_everywhere(run: Run) -> None:
    ran = run(
        """
        def fill(folder):
            try:
                for number in range(10_000):
                    with open(f"{folder}/{number}", "wb") as file:
                        file.write(b"x" * 1_000_000)
            except OSError as error:
                print(folder, number, error.errno)
        fill(".")
        """,
        """
        for folder in ("/", "/usr", "/opt/learner", "/opt/learner/checks", "/dev", "/etc", "/proc"):
            fill(folder)
        """,
    )
    assert ran.ended.outcome is Outcome.COMPLETED, ran.ended.message
    assert 40 <= int(ran.printed(0).split()[1]) <= 60
    refused = [line.split() for line in ran.printed(1).splitlines()]
    assert len(refused) == 7
    assert {number for _, number, _ in refused} == {"0"}


def test_the_number_of_files_is_limited(run: Run) -> None:
    ran = run("import os\nfor n in range(10**7): os.mkdir(f'/tmp/{n}')")
    assert ran.ended.outcome is Outcome.KERNEL_DIED
    assert "more than 20000 files" in ran.ended.message


def test_open_files_and_core_dumps_are_limited(run: Run) -> None:
    ran = run(
        """
        import resource
        for which in ("NOFILE", "CORE", "FSIZE"):
            print(resource.getrlimit(getattr(resource, "RLIMIT_" + which))[1])
        """
    )
    assert ran.printed(0).split() == ["1024", "0", str(50 << 20)]


OUTPUT_BOMBS = {
    "lines": "while True: print('x' * 1000)",
    "one line": "print('x' * 5_000_000)",
    "displays": "while True: display({'text/plain': 'x' * 100_000}, raw=True)",
    "replaced": """
        from IPython.display import clear_output
        while True:
            print('x' * 1000)
            clear_output()
    """,
    "from a child": "import subprocess; subprocess.run(['yes'])",
    "own messages": """
        kernel = get_ipython().kernel
        while True:
            kernel.session.send(kernel.iopub_socket, "mine", {"text": "x" * 100_000})
    """,
    "replies": """
        import zmq
        kernel = get_ipython().kernel
        while True:
            kernel.session.send(kernel.iopub_socket, "execute_reply", {"text": "x" * 100_000})
    """,
}


@pytest.mark.parametrize("bomb", OUTPUT_BOMBS)
def test_output_is_limited(run: Run, bomb: str) -> None:
    began = time.monotonic()
    ran = run("print('before')", OUTPUT_BOMBS[bomb], "2.0")
    assert ran.ended.outcome is Outcome.KERNEL_DIED, ran.ended
    assert "more than" in ran.ended.message
    assert "MB" in ran.ended.message
    assert ran.states() == ["completed", "died", "not_executed"]
    assert "more than" in ran.notebook.cells[1].outputs[-1].evalue
    assert time.monotonic() - began < 25


def test_output_is_limited_over_all_cells(run: Run) -> None:
    ran = run(*["print('x' * 800_000)"] * 3, "2.0")
    assert ran.ended.outcome is Outcome.KERNEL_DIED
    assert "2 MB of output in all cells" in ran.ended.message


def test_output_is_limited_without_confinement_too(run: Run) -> None:
    ran = run("print('x' * 5_000_000)", "2.0", confinement="none")
    assert ran.ended.outcome is Outcome.KERNEL_DIED
    assert "more than 2 MB" in ran.ended.message


def test_what_runs_on_is_gone_afterwards(run: Run) -> None:
    mark = f"mark-{os.getpid()}-background"
    ran = run(
        f"""
        import subprocess
        subprocess.Popen(["sh", "-c", "sleep 300; : {mark}"], start_new_session=True)
        print(subprocess.run(["cat", "/proc/self/cmdline"], capture_output=True).returncode)
        """
    )
    assert ran.ended.outcome is Outcome.COMPLETED
    assert ran.printed(0) == "0\n"
    assert not _processes_with(mark)


def test_what_runs_on_is_gone_when_the_kernel_ends_itself(run: Run) -> None:
    mark = f"mark-{os.getpid()}-orphan"
    ran = run(
        f"""
        import os, subprocess
        subprocess.Popen(["sh", "-c", "sleep 300; : {mark}"], start_new_session=True)
        os._exit(7)
        """
    )
    assert "exit code 7" in ran.ended.message
    assert not _processes_with(mark)


def test_a_hang_at_exit_costs_no_time(run: Run) -> None:
    began = time.monotonic()
    run("import atexit, time; atexit.register(time.sleep, 300)", "import signal", "2.0")
    assert time.monotonic() - began < 15


def test_ignoring_interrupts_ends_all_the_same(run: Run) -> None:
    stubborn = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"
    limits = Limits(cell_seconds=1, interrupt_seconds=1)
    ran = run("1", stubborn, "2.0", limits=limits)
    assert ran.ended.outcome is Outcome.TIMED_OUT
    assert "could not be interrupted" in ran.ended.message


def test_a_stopped_kernel_times_out(run: Run) -> None:
    limits = Limits(cell_seconds=1, interrupt_seconds=1)
    ran = run("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", "2.0", limits=limits)
    assert ran.ended.outcome is Outcome.TIMED_OUT


def test_an_exit_by_signal_is_named(run: Run) -> None:
    ran = run("import os; os.kill(os.getpid(), 11)")
    assert ran.ended.outcome is Outcome.KERNEL_DIED
    assert "SIGSEGV" in ran.ended.message
