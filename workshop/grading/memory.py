"""Memory of kernels: how they handle theirs, and whether the system killed one for want of it."""

from __future__ import annotations

from pathlib import Path

_VMSTAT = Path("/proc/vmstat")

FASTER_TRAINING = {
    # Threads that spin while they wait take each other's processor when there are more of them
    # than processors: training was then seen to take twice as long.
    "OMP_WAIT_POLICY": "PASSIVE",
    # The tensors of each training step are freed and asked for again. glibc would give the memory
    # back and have it cleared each time, which took a third of the time of training a network.
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 32),
    "MALLOC_TOP_PAD_": str(1 << 26),
}
"""Variables for a kernel: what is computed stays the same, bit for bit."""


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
