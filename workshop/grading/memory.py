"""Whether the system has killed a process for want of memory, as far as Linux tells."""

from __future__ import annotations

from pathlib import Path

_VMSTAT = Path("/proc/vmstat")


def oom_kills() -> int | None:
    """How many processes the system has killed for want of memory since it started.

    Counted over the whole machine, memory limits of control groups included; compare two calls.
    None where the system does not say.
    """
    try:
        lines = _VMSTAT.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    counts = dict(line.split() for line in lines)
    return int(counts["oom_kill"]) if "oom_kill" in counts else None
