"""What this machine can do to confine students' code, each claim proved by trying it."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from workshop.errors import WorkshopError
from workshop.grading.devices import kernel_gpus
from workshop.grading.sandbox.bubblewrap import MEGABYTE, View
from workshop.grading.sandbox.launch import Bounds, launch, run_confined
from workshop.grading.sandbox.levels import remedy, require
from workshop.grading.sandbox.seccomp import seccomp_program
from workshop.grading.sandbox.warm import Zygote
from workshop.grading.sandbox.watchdog import MEMORY, PROCESSES, Watchdog

_BOUNDS = Bounds(memory=300 * MEGABYTE, processes=10)
_REPORT = "please report it, with what this command says: grading is refused meanwhile"


@dataclass(frozen=True)
class Finding:
    """One claim, and whether it holds on this machine.

    Attributes:
        claim: what was tried, in words.
        holds: whether it is so; None if it does not apply here.
        seen: what happened; empty if there is nothing to say.
        remedy: what to do if it does not hold.
        needed: whether grading is refused without it.
    """

    claim: str
    holds: bool | None
    seen: str = ""
    remedy: str = ""
    needed: bool = True


def examine() -> list[Finding]:
    """Try everything; takes some seconds."""
    try:
        require("bubblewrap")
    except WorkshopError as error:
        return [Finding("students' code can be confined", False, error.what, error.remedy or "")]
    return [Finding("students' code can be confined", True), *_claims()]


def refuses(findings: list[Finding]) -> bool:
    """Whether a claim fails without which nothing may be graded."""
    return any(each.holds is False and each.needed for each in findings)


def _claims() -> Iterator[Finding]:
    for claim, code in _TRIALS.items():
        yield _trial(claim, code)
    with tempfile.TemporaryDirectory() as folder:
        secret = Path(folder) / "secret"
        secret.write_text("secret", encoding="utf-8")
        hidden = [str(secret), str(Path.home() / ".bashrc"), str(Path.cwd() / "nbgrader_config.py")]
        yield _trial(
            "the course, the home folder and other files are out of sight",
            f"import os; print([each for each in {hidden!r} if os.path.exists(each)] or 'holds')",
        )
    yield _stopped("memory is limited", _MEMORY_BOMB, MEMORY)
    yield _stopped("the number of processes is limited", _FORK_BOMB, PROCESSES)
    yield _seccomp()
    yield _warm()
    yield _gpu()


_TRIALS = {
    "Python starts, with the learners' packages": (
        "import ipykernel, checks, workshop.learn; print('holds')"
    ),
    "the network is closed": """
import socket
try:
    socket.create_connection(("192.0.2.1", 80), 3)
    print("connected")
except OSError:
    print("holds" if [name for _, name in socket.if_nameindex()] == ["lo"] else "interfaces")
""",
    "the system cannot be written": """
import os
open_ = []
core = "/proc/sys/kernel/core_pattern"
for path in ("/usr/mine", "/etc/mine", "/opt/learner/mine", "/mine", core):
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT))
        open_.append(path)
    except OSError:
        pass
print(open_ or "holds")
""",
    "there are no privileges, and none to be had": """
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
held = [status[name].strip() for name in ("CapEff", "CapPrm", "CapBnd")]
print("holds" if set(held) == {"0" * 16} and status["NoNewPrivs"].strip() == "1" else held)
""",
    "no further user namespaces can be made": """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
print("holds" if libc.unshare(0x10000000) == -1 else "unshared")
""",
}
_MEMORY_BOMB = "kept = []\nwhile True: kept.append(bytearray(b'x' * 5_000_000))"
_FORK_BOMB = "import os, time\nwhile True:\n    if os.fork() == 0: time.sleep(60)"


def _trial(claim: str, code: str) -> Finding:
    """Code that prints ``holds`` if the claim does."""
    try:
        done = run_confined([sys.executable, "-P", "-c", code])
    except WorkshopError as error:
        return Finding(claim, False, str(error), remedy())
    seen = done.stdout.strip() or done.stderr.splitlines()[-1:] or "nothing"
    return Finding(
        claim, done.stdout.strip() == "holds", "" if seen == "holds" else str(seen), _REPORT
    )


def _stopped(claim: str, code: str, reason: str) -> Finding:
    try:
        with launch([sys.executable, "-c", code], View(), _BOUNDS) as sandbox:
            watchdog = Watchdog(sandbox)
            watchdog.start()
            with contextlib.suppress(Exception):
                sandbox.process.wait(30)
            watchdog.close()
            seen = sandbox.reason
    except WorkshopError as error:
        return Finding(claim, False, str(error), remedy())
    return Finding(claim, seen == reason, "" if seen == reason else "it went on", _REPORT)


def _seccomp() -> Finding:
    claim = "dangerous system calls are filtered"
    if seccomp_program() is None:
        advice = "nothing has to be done: the namespaces hold without it; it is a second line"
        return Finding(claim, False, f"no filter for {os.uname().machine}", advice, needed=False)
    return replace(
        _trial(
            claim,
            "print('holds' if 'Seccomp:\\t2' in open('/proc/self/status').read() else 'no filter')",
        ),
        remedy="use a Linux kernel with CONFIG_SECCOMP_FILTER",
    )


def _warm() -> Finding:
    claim = "kernels are forked, ready at once"
    advice = "nothing has to be done: kernels are started from nothing, some seconds each"
    try:
        with contextlib.closing(Zygote()) as zygote:
            zygote.await_ready()
            # No kernel comes of it: there is no connection file. But it is forked into its sandbox.
            zygote.kernel(["-f", "/nowhere"], View(), Bounds()).close()
    except (WorkshopError, OSError) as error:
        return Finding(claim, False, str(error), advice, needed=False)
    return Finding(claim, True, needed=False)


def _gpu() -> Finding:
    claim = "the GPU is passed in"
    try:
        found = kernel_gpus()
    except WorkshopError as error:
        return Finding(claim, False, error.what, error.remedy or "", needed=False)
    if not found:
        return Finding(claim, None, "there is none, or CUDA_VISIBLE_DEVICES hides it", needed=False)
    named = ", ".join(f"{each.name} with {each.memory_mb / 1024:.0f} GB" for each in found)
    return Finding(f"{claim}: {named}", True, needed=False)
