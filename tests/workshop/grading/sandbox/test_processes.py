"""Who lives in a sandbox, and whose memory is whose."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from workshop.grading.sandbox.bubblewrap import View
from workshop.grading.sandbox.launch import Bounds, launch
from workshop.grading.sandbox.processes import pid_namespace, processes_inside, with_own_memory

THREE = "import os, time; [os.fork() for _ in range(1)]; print(flush=True); time.sleep(30)"


def test_all_that_live_in_a_sandbox_are_found_and_nobody_else() -> None:
    with launch([sys.executable, "-c", THREE], View(), Bounds()) as sandbox:
        deadline = time.monotonic() + 20
        while len(found := processes_inside(sandbox.init_pid)) < 3:  # its first one, and two
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert sandbox.init_pid in found
        assert os.getpid() not in found
        assert len({pid_namespace(pid) for pid in found}) == 1


def test_a_process_that_is_gone_has_no_namespace() -> None:
    ended = subprocess.Popen(["/bin/true"])
    ended.wait()
    assert pid_namespace(ended.pid) is None
    assert processes_inside(ended.pid) == []


def test_a_forked_process_has_memory_of_its_own() -> None:
    child = subprocess.Popen(["/bin/sleep", "30"])
    try:
        assert with_own_memory([os.getpid(), child.pid]) == [os.getpid(), child.pid]
        assert with_own_memory([child.pid, child.pid]) == [child.pid]
    finally:
        child.kill()
        child.wait()
