"""The processes of a sandbox as this machine numbers them, and which of them share their memory."""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Iterable

# Linux' kcmp(2), which C libraries do not name.
_KCMP = {"x86_64": 312, "aarch64": 272}.get(platform.machine())
_KCMP_VM = 1
_libc = ctypes.CDLL(None, use_errno=True)


def pid_namespace(pid: int) -> str | None:
    """The PID namespace that a process lives in; None if it is gone or not ours to see."""
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")  # noqa: PTH115 - no path: pid:[4026531836]
    except OSError:
        return None


def processes_inside(init_pid: int) -> list[int]:
    """All that live in a sandbox.

    Args:
        init_pid: its first process, as seen from outside.
    """
    inside = pid_namespace(init_pid)
    found = (int(name) for name in os.listdir("/proc") if name.isdecimal())  # noqa: PTH208
    return [pid for pid in found if inside is not None and pid_namespace(pid) == inside]


def with_own_memory(pids: Iterable[int]) -> list[int]:
    """One of those that have one address space between them, and all others.

    A child that was made to start another program has its parent's until that begins, be it for
    long on a busy machine. Where Linux does not tell, all.
    """
    found: list[int] = []
    for pid in pids:
        if not any(_share_memory(pid, other) for other in found):
            found.append(pid)
    return found


def _share_memory(pid: int, other: int) -> bool:
    return _KCMP is not None and _libc.syscall(_KCMP, pid, other, _KCMP_VM, 0, 0) == 0
