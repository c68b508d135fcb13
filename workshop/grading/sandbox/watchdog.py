"""Watches what a sandbox uses as a whole, which Linux limits for single processes only.

Control groups would do it too, but an ordinary user seldom may make one. Root is not held to a
number of processes at all. So threads look often and kill the sandbox; what can happen between
two looks is bounded by the limits of the single process.

Memory that processes share has a thread of its own: to count it Linux takes a lock that a forking
process holds, which takes minutes among hundreds that fork. Counting them must not wait for that.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

from workshop.grading.sandbox import gpu_memory
from workshop.grading.sandbox.bubblewrap import (
    HOME,
    MEGABYTE,
    RUNTIME,
    SHARED_MEMORY,
    TEMPORARY,
    gpu_devices,
)
from workshop.grading.sandbox.launch import Bounds, Sandbox
from workshop.grading.sandbox.processes import processes_inside, with_own_memory

MEMORY, PROCESSES, FILES, OUTPUT = "memory", "processes", "files", "output"
GPU_MEMORY = "GPU memory"
_SECONDS_BETWEEN_LOOKS = 0.1
_LOOKS = 2
"""How many have to find too much memory, one after the other."""
# The driver is asked by a command that takes a tenth of a second.
_SECONDS_BETWEEN_LOOKS_AT_GPU = 1.0
# What CUDA and its libraries hold beside the tensors, in a process or two.
_CONTEXTS = 2048 * MEGABYTE
_WRITABLE = (HOME, TEMPORARY, SHARED_MEMORY, RUNTIME)
# By how much the grader itself may grow meanwhile: a message of endlessly many parts is kept in
# memory until its end, and ZeroMQ knows no limit for that.
_GROWTH = 4096 * MEGABYTE


class Watchdog:
    """Stops a sandbox that uses more than its bounds; ``sandbox.reason`` then says why."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._own_memory = _resident()
        self._memory = sandbox.bounds.usable_memory + sandbox.given_memory
        self._processes: int | None = None  # a descriptor of the sandbox's own /proc
        self._over = threading.Event()
        looks = [
            (self._look_at_counts, _SECONDS_BETWEEN_LOOKS),
            (self._look_at_memory, _SECONDS_BETWEEN_LOOKS),
        ]
        if sandbox.bounds.gpu_memory and gpu_devices() and gpu_memory.can_be_told():
            looks.append((self._look_at_gpu, _SECONDS_BETWEEN_LOOKS_AT_GPU))
        self._threads = [
            threading.Thread(target=self._run, args=each, name="workshop-watchdog", daemon=True)
            for each in looks
        ]

    def start(self) -> None:
        """Begin to watch."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop watching."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        if self._processes is not None:
            os.close(self._processes)
            self._processes = None

    def _run(self, look: Callable[[], str], seconds: float) -> None:
        while not self._over.wait(seconds):
            if self._sandbox.process.poll() is not None:
                return
            reason = look()
            if reason:
                self._sandbox.stop(reason)
                return

    def _look_at_counts(self) -> str:
        """Which number is exceeded now; empty if none is."""
        if _resident() - self._own_memory > _GROWTH:
            return OUTPUT
        if self._processes is None:
            self._processes = _own_processes(self._sandbox.root)
        if self._files() > self._sandbox.bounds.files:
            return FILES
        pids, bounds = self._pids(), self._sandbox.bounds
        if len(pids) > bounds.processes + self._sandbox.own_processes:
            return PROCESSES
        threads, _ = self._used(pids)
        return PROCESSES if threads > bounds.threads else ""

    def _look_at_memory(self) -> str:
        """Whether the processes together use too much now; empty if they do not."""
        pids = self._pids()
        _, memory = self._used(pids)
        # The cheap sum counts twice what processes share; it is an upper bound. So is the other sum
        # while processes end: what they shared belongs to those that are looked at after them.
        over = memory > self._memory and all(
            self._without_double(memory) > self._memory for _ in range(_LOOKS)
        )
        return MEMORY if over else ""

    def _look_at_gpu(self) -> str:
        """Whether they hold more of a GPU than their share, which others could then not have."""
        used = gpu_memory.used_by(self._sandbox.init_pid)
        return GPU_MEMORY if used > self._sandbox.bounds.gpu_memory + _CONTEXTS else ""

    def _pids(self) -> list[str]:
        if self._processes is None:
            return []
        try:
            return [name for name in os.listdir(self._processes) if name.isdecimal()]  # noqa: PTH208
        except OSError:
            return []  # it is ending

    def _used(self, pids: list[str]) -> tuple[int, int]:
        """Threads, and bytes of memory that belongs to no file on a disk."""
        threads = memory = 0
        for pid in pids:
            for line in _content(f"{pid}/status", self._processes).splitlines():
                name, _, value = line.partition(":")
                if name in ("RssAnon", "RssShmem"):
                    memory += int(value.split()[0]) * 1024
                elif name == "Threads":
                    threads += int(value)
        return threads, memory

    def _without_double(self, at_most: int) -> int:
        """The memory with each page counted once; ``at_most`` where that cannot be read."""
        total = 0
        for pid in with_own_memory(processes_inside(self._sandbox.init_pid)):
            lines = _content(f"/proc/{pid}/smaps_rollup").splitlines()
            shares = [line.split()[1] for line in lines if line.startswith(("Pss_A", "Pss_S"))]
            if lines and not shares:
                return at_most
            total += sum(int(share) * 1024 for share in shares)
        return total

    def _files(self) -> int:
        if self._processes is None:
            return 0
        count = 0
        for folder in _WRITABLE:
            with contextlib.suppress(OSError):
                found = os.statvfs(f"{self._sandbox.root}{folder}")
                count += found.f_files - found.f_ffree
        return count


def _content(name: str, folder: int | None = None) -> str:
    try:
        descriptor = os.open(name, os.O_RDONLY, dir_fd=folder)
        with open(descriptor, encoding="ascii", errors="replace") as file:  # noqa: PTH123
            return file.read()
    except OSError:
        return ""  # it has ended


def describe(reason: str, bounds: Bounds) -> str:
    """The reason in a sentence for learners and instructors."""
    sentences = {
        MEMORY: f"stopped: more than {bounds.usable_memory / MEGABYTE:.0f} MB of memory",
        PROCESSES: f"stopped: more than {bounds.processes} processes or {bounds.threads} threads",
        GPU_MEMORY: f"stopped: more than {bounds.gpu_memory / MEGABYTE:.0f} MB of the GPU's memory",
        FILES: f"stopped: more than {bounds.files} files",
        OUTPUT: "stopped: more output than is allowed",
    }
    return sentences.get(reason, f"stopped: {reason}")


def _resident() -> int:
    """Bytes of memory that this process uses."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _own_processes(root: Path) -> int | None:
    """The sandbox's own ``/proc``, opened; None while it is not set up."""
    try:
        # Until bubblewrap changes its root, this is the machine's.
        if (root / HOME.lstrip("/")).stat().st_dev == Path("/").stat().st_dev:
            return None
        if root.samefile("/"):
            return None
        return os.open(f"{root}/proc", os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
