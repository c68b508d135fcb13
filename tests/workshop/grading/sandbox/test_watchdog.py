"""What the watchdog sees while Linux is slow to answer."""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import sys
import threading

import pytest

from workshop.grading.sandbox.bubblewrap import MEGABYTE, View
from workshop.grading.sandbox.launch import Bounds, launch
from workshop.grading.sandbox.watchdog import MEMORY, PROCESSES, Watchdog

# More than its bound if what they share is counted twice.
FORKS = """
kept = b'x' * 100_000_000
import os, time
while True:
    os.fork()
    time.sleep(0.2)
"""


SHARES = """
kept = b'x' * 100_000_000
import os, time
os.fork()
time.sleep(30)
"""


@pytest.mark.parametrize(("seen", "reason"), [([999, 0], ""), ([999], MEMORY)])
def test_memory_that_looked_too_much_only_while_a_process_ended_stops_nobody(
    seen: list[int], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = itertools.cycle(seen)
    monkeypatch.setattr(Watchdog, "_without_double", lambda *_: next(looks) * MEGABYTE)
    with launch([sys.executable, "-c", SHARES], View(), Bounds(memory=150 * MEGABYTE)) as sandbox:
        watchdog = Watchdog(sandbox)
        watchdog.start()
        with contextlib.suppress(subprocess.TimeoutExpired):
            sandbox.process.wait(6)
        watchdog.close()
    assert sandbox.reason == reason


def test_counting_shared_memory_does_not_keep_from_counting_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Among processes that fork it takes minutes: their memory is locked meanwhile."""
    begun, go_on = threading.Event(), threading.Event()

    def count_slowly(*_: object) -> int:
        begun.set()
        go_on.wait(60)
        return 0

    monkeypatch.setattr(Watchdog, "_without_double", count_slowly)
    bounds = Bounds(memory=150 * MEGABYTE, processes=20)
    with launch([sys.executable, "-c", FORKS], View(), bounds) as sandbox:
        watchdog = Watchdog(sandbox)
        watchdog.start()
        try:
            sandbox.process.wait(45)
        except subprocess.TimeoutExpired:
            sandbox.stop("it went on")
        finally:
            go_on.set()
            watchdog.close()
    assert begun.is_set()
    assert sandbox.reason == PROCESSES


# A child that has not begun its own program yet has its parent's memory, all of it. The memory is
# never there twice, not even for the moment of a copy: that would be too much indeed.
SPAWNS = """
import os, time
os.mkfifo("/tmp/late")
if not os.fork():
    time.sleep(2)
    os.close(os.open("/tmp/late", os.O_WRONLY))
    os._exit(0)
kept = b'x' * 100_000_000
late = [(os.POSIX_SPAWN_OPEN, 0, "/tmp/late", os.O_RDONLY, 0)]
os.waitpid(os.posix_spawn("/bin/true", ["true"], {}, file_actions=late), 0)
"""


def test_a_child_that_is_being_started_takes_no_memory_of_its_own() -> None:
    with launch([sys.executable, "-c", SPAWNS], View(), Bounds(memory=150 * MEGABYTE)) as sandbox:
        watchdog = Watchdog(sandbox)
        watchdog.start()
        code = sandbox.process.wait(60)
        watchdog.close()
    assert sandbox.reason == ""
    assert code == 0
