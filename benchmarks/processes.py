"""What a process and all that it has started use, as Linux counts it."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from pathlib import Path


def tree(pid: int) -> set[int]:
    """A process with all that it has started, directly or not."""
    children = defaultdict(set)
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with contextlib.suppress(OSError):
                fields = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
                children[int(fields[1])].add(int(folder.name))
    found, new = {pid}, {pid}
    while new:
        new = set().union(*(children[each] for each in new)) - found
        found |= new
    return found


def proportional_memory(pids: set[int]) -> float:
    """Their proportional set size in MB: what several share counts once."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):  # it has ended meanwhile
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines():
                total += int(line.split()[1]) if line.startswith("Pss:") else 0
    return total / 1000


def open_files(pids: set[int]) -> int:
    """How many descriptors they hold."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            total += len([*Path(f"/proc/{pid}/fd").iterdir()])
    return total
