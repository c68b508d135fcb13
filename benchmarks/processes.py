"""What a process and all that it has started use."""

from __future__ import annotations

import contextlib

import psutil


def tree(pid: int) -> list[psutil.Process]:
    """A process with all that it has started, directly or not; none if it has ended."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def proportional_memory(processes: list[psutil.Process]) -> float:
    """Their proportional set size in MB: what several share counts once."""
    total = 0
    for each in processes:
        with contextlib.suppress(psutil.Error):  # it has ended meanwhile
            total += each.memory_full_info().pss
    return total / 1e6


def open_files(processes: list[psutil.Process]) -> int:
    """How many descriptors they hold."""
    total = 0
    for each in processes:
        with contextlib.suppress(psutil.Error):
            total += each.num_fds()
    return total
