"""Kernels that are forked from a process with the libraries in it are as confined as others."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from workshop.grading.execution import Limits
from workshop.grading.records import Outcome
from workshop.grading.sandbox import warm

Run = Callable[..., Any]
ROOMY = Limits(cell_seconds=60, notebook_seconds=120, interrupt_seconds=2, memory_mb=3000)
LOOK = """
import os, sys, threading
import torch, tqdm.auto, matplotlib, checks, workshop
status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
print({
    "folder": os.getcwd(),
    "files": sorted(os.listdir()),
    "path": sys.path,
    "threads of torch": torch.get_num_threads(),
    "tqdm": tqdm.auto.tqdm.__module__,
    "backend": matplotlib.get_backend(),
    "checks": checks.__file__,
    "workshop": workshop.__file__,
    "ours": sorted(name for name in sys.modules if name.startswith("workshop.")),
    "users": (os.getuid(), os.getgid()),
    "umask": os.umask(0o022),
    "variables": sorted(set(os.environ) - {"PWD", "TORCHINDUCTOR_CACHE_DIR"}),
    "descriptors": sum(os.readlink(f"/proc/self/fd/{each}").startswith("/") for each in (0, 1, 2)
                       if os.path.islink(f"/proc/self/fd/{each}")),
    "privileges": [status[name].split() for name in
                   ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")],
})
"""


@pytest.fixture(autouse=True)
def _there_is_a_zygote() -> None:
    warm._shared["failures"] = 0


def looked(ran: Any, index: int = 0) -> Any:
    return ast.literal_eval(ran.printed(index))


def state_and_parent(pid: int | str) -> tuple[str, int]:
    """From Linux's table of processes; a process that has ended has the state X."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return "X", 0
    return fields[0], int(fields[1])


def is_alive(pid: int) -> bool:
    return state_and_parent(pid)[0] not in "XZ"


def descendants(pid: int) -> set[int]:
    """Processes that a process has started, directly or not."""
    parents = {
        int(each.name): state_and_parent(each.name)[1]
        for each in Path("/proc").iterdir()
        if each.name.isdecimal()
    }
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def test_it_is_like_one_that_was_started_from_nothing(run: Run) -> None:
    forked, started = (run(LOOK, limits=ROOMY, warm=each) for each in (True, False))
    assert forked.states() == started.states() == ["completed"]
    assert looked(forked) == looked(started)


def test_the_libraries_are_there_already_and_their_memory_is_shared(run: Run) -> None:
    ran = run(
        "import sys; print([name in sys.modules for name in ('torch', 'timm', 'peft', 'sklearn')])",
        "rows = dict(line.split(':') for line in open('/proc/self/smaps_rollup').readlines()[1:])\n"
        "print({name: int(rows[name].split()[0]) for name in ('Pss', 'Shared_Dirty')})",
        limits=ROOMY,
    )
    assert looked(ran) == [True] * 4
    found = looked(ran, 1)
    assert found["Pss"] < 300_000
    assert found["Shared_Dirty"] > 100_000


def test_it_sees_no_process_but_its_own_and_no_descriptor_of_the_grader(run: Run) -> None:
    ran = run(
        """
        import os
        print(sorted(int(each) for each in os.listdir("/proc") if each.isdecimal()))
        """,
        """
        import os, stat
        for name in os.listdir("/proc/self/fd"):
            try:
                mode = os.stat(f"/proc/self/fd/{name}").st_mode
            except OSError:
                continue
            if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
                print(os.readlink(f"/proc/self/fd/{name}"))
        """,
        "import gc; print(any('canary' in str(each) for each in gc.get_objects()"
        " if isinstance(each, dict) and len(each) < 100 and 'WORKSHOP_COURSE' in each))",
    )
    assert looked(ran) == [1, 2]  # what keeps the namespaces, and the kernel
    assert set(ran.printed(1).split()) <= {"/proc/2/fd"}
    assert ran.printed(2).strip() == "False"


def test_what_one_does_to_a_library_changes_nothing_for_the_next(run: Run) -> None:
    broken = run("import torch; torch.equal = lambda *_: True; print(torch.equal(1, 2))")
    whole = run("import torch; print(torch.equal(torch.ones(1), torch.zeros(1)))")
    assert (broken.printed(0), whole.printed(0)) == ("True\n", "False\n")


def test_each_draws_random_numbers_of_its_own(run: Run) -> None:
    draw = "import random, numpy, torch; print(random.random(), numpy.random.rand(), torch.rand(1))"
    first, second = (run(draw).printed(0).split() for _ in range(2))
    assert not set(first) & set(second)


def test_two_at_a_time_do_not_meet(run: Run) -> None:
    harmless = """
        import os, time
        time.sleep(2)
        print(len([each for each in os.listdir("/proc") if each.isdecimal()]), os.listdir("/tmp"))
    """
    harmful = """
        import os, signal
        for number in (-1, 1):  # all but itself
            try:
                os.kill(number, signal.SIGKILL)
            except OSError:
                pass
    """
    with ThreadPoolExecutor(2) as pool:
        ended = [*pool.map(run, (harmless, harmful))]
    assert ended[0].ended.outcome is Outcome.COMPLETED
    assert ended[0].printed(0).startswith("2 ")
    assert ended[1].ended.outcome is Outcome.COMPLETED


def test_nothing_is_left_of_processes_without_parents(run: Run) -> None:
    ran = run(
        """
        import os, subprocess, time
        for _ in range(10):
            subprocess.run(["/bin/sh", "-c", "sleep 0.1 &"])
        time.sleep(1)
        print(len([each for each in os.listdir("/proc") if each.isdecimal()]))
        """
    )
    assert ran.printed(0) == "2\n"


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        ("import os; os._exit(3)", "exit code 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
    ],
)
def test_how_it_died_is_told(run: Run, ending: str, said: str) -> None:
    ran = run(ending, "print('after')")
    assert ran.ended.outcome is Outcome.KERNEL_DIED
    assert said in ran.ended.message
    assert ran.states() == ["died", "not_executed"]


def test_a_cell_is_interrupted(run: Run) -> None:
    limits = Limits(cell_seconds=2, notebook_seconds=60, interrupt_seconds=5)
    ran = run("while True:\n    pass", "print('after')", limits=limits)
    assert ran.states() == ["timed_out", "completed"]


@pytest.fixture
def no_zygote(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(warm._shared, "zygote", None)
    monkeypatch.setitem(warm._shared, "failures", 0)
    yield
    found = warm._shared["zygote"]
    if found is not None:
        found.close()


@pytest.mark.usefixtures("no_zygote")
def test_where_there_can_be_no_zygote_kernels_start_from_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "zygote.py").write_text("raise SystemExit(1)")
    monkeypatch.setattr(warm, "_ZYGOTE", tmp_path / "zygote.py")
    ran = run("import sys; print('torch' in sys.modules)")
    assert ran.printed(0) == "False\n"
    assert warm._shared["zygote"] is None


@pytest.mark.usefixtures("no_zygote")
def test_a_zygote_that_has_died_is_replaced(run: Run) -> None:
    assert run("1").states() == ["completed"]
    first = warm._shared["zygote"]
    first._process.kill()
    first._process.wait()
    assert run("import sys; print('torch' in sys.modules)").printed(0) == "True\n"
    assert warm._shared["zygote"] is not first


def test_everything_ends_with_the_grader(tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from nbformat.v4 import new_code_cell, new_notebook
from workshop.grading.execution import Limits, run_cells
notebook = new_notebook(cells=[new_code_cell("import time; time.sleep(600)")])
run_cells(notebook, Path({str(tmp_path)!r}), Limits())
"""
    grader = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 120
    started: set[int] = set()
    # The zygote, what waits for the kernel, and the kernel; bubblewrap, and bash in it.
    while len(started) < 5 and time.monotonic() < deadline:
        time.sleep(0.1)
        started = descendants(grader.pid)
    assert len(started) == 5
    os.kill(grader.pid, signal.SIGKILL)
    grader.wait()
    while any(map(is_alive, started)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [each for each in started if is_alive(each)]
