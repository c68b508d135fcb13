"""How much of a GPU's memory the processes of a sandbox hold.

PyTorch keeps to its share by itself, but only as long as nobody asks it to do otherwise. What is
held in fact, the driver's own tool tells, by process.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

from workshop.grading.sandbox.processes import pid_namespace

TOOL = "nvidia-smi"
_QUERY = ("--query-compute-apps=pid,used_gpu_memory", "--format=csv,noheader,nounits")
_SECONDS = 10
_MEGABYTE = 1 << 20


def can_be_told() -> bool:
    """Whether there is a tool that tells."""
    return shutil.which(TOOL) is not None


def used_by(init_pid: int) -> int:
    """Bytes of GPU memory that a sandbox holds; 0 where the driver does not tell.

    Args:
        init_pid: its first process, as seen from outside.
    """
    inside = pid_namespace(init_pid)
    return sum(
        megabytes * _MEGABYTE
        for pid, megabytes in _listed()
        if inside is not None and pid_namespace(pid) == inside
    )


def _listed() -> Iterator[tuple[int, int]]:
    """Process and megabytes; the driver counts processes as they are seen from outside."""
    tool = shutil.which(TOOL)
    if tool is None:
        return
    try:
        done = subprocess.run(  # noqa: S603 - no shell
            [tool, *_QUERY], capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return
    for line in done.stdout.splitlines():
        pid, _, used = (each.strip() for each in line.partition(","))
        if pid.isdecimal() and used.isdecimal():
            yield int(pid), int(used)
