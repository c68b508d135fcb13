"""A view of this machine with users, homes and folders of its own, all gone when it ends.

Everything is done in namespaces of Linux: users are added to an ``/etc`` that nobody else sees, and
``/home``, ``/opt``, ``/srv`` and ``/tmp`` are others than this machine's. When the first process of
the namespaces ends, by whatever, the rest of it ends too.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
# Where students' environments find the libraries of this one: nobody but instructors may enter the
# checkout, and the environment may lie in it.
LIBRARIES = Path("/opt/libraries")
GROUP = "instructors"
_PROGRAMS = ("setpriv", "unshare", "nsenter", "runuser", "mount", "useradd", "groupadd")
_SYSTEM = ("bin", "boot", "dev", "etc", "lib", "lib64", "mnt", "proc", "run", "sbin", "sys", "usr")
_COVERED = ("/home", "/opt", "/srv", "/tmp")  # noqa: S108 - names of folders, nothing is made there
_SECONDS_TO_START = 30


def why_not() -> str:
    """What keeps the namespaces from being made here; empty if nothing does."""
    if os.geteuid() != 0:
        return "users can only be added by root"
    missing = [each for each in _PROGRAMS if _program(each) is None]
    if missing:
        return f"no {', '.join(missing)} here"
    top = _top(ROOT)
    if top.name in _SYSTEM or top in (ROOT, ROOT / ".."):
        return f"the checkout would have to lie in a folder that can be covered, not in {top}"
    tried = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
        capture_output=True,
        text=True,
        check=False,
    )
    return f"root may not make namespaces here: {tried.stderr.strip()}" if tried.returncode else ""


@dataclass(frozen=True)
class Machine:
    """The namespaces, by their first process, and their folders as they are seen from outside."""

    first: int
    homes: Path
    shared: Path

    def command(self, user: str, script: str) -> list[str]:
        """The command that runs a script of the shell as one of the users, in the home folder."""
        enter = ["nsenter", f"--target={self.first}", "--mount", "--pid", "--wd=/"]
        # Nothing of the test's own environment: it may name the checkout.
        clean = ["env", "-i", f"PATH={_PATH}", "LANG=C.UTF-8"]
        return [*enter, *clean, "runuser", "--login", user, "-c", f"set -e\n{script}"]

    def run(self, user: str, script: str, *, check: bool = True) -> str:
        """Run a script as a user; what it says."""
        done = subprocess.run(
            self.command(user, script),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if check:
            assert done.returncode == 0, f"{user}: {script}\n{done.stdout[-4000:]}"
        return done.stdout

    def write(self, user: str, path: str, text: str) -> None:
        """Write a file as a user, with the folders that it lies in."""
        quoted = shlex.quote(path)
        command = self.command(user, f"mkdir -p $(dirname {quoted}); cat > {quoted}")
        subprocess.run(command, input=text, text=True, check=True)


@contextmanager
def machine(folder: Path) -> Iterator[Machine]:
    """Make the namespaces, with their homes and ``/opt`` in a folder."""
    homes, shared, ready = folder / "homes", folder / "opt", folder / "ready"
    for each in (homes, shared):
        each.mkdir(parents=True, exist_ok=True)
        each.chmod(0o755)
    script = folder / "start.sh"
    script.write_text(_script(homes, shared, ready), encoding="utf-8")
    log = folder / "machine.log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            [
                # Should the tests be killed, this ends with them, and all the rest with this.
                *("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork"),
                *("--kill-child=KILL", "--mount-proc", "bash", str(script)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Machine(_first_process(process, ready, log), homes, shared)
    finally:
        process.kill()
        process.wait(30)


def _first_process(process: subprocess.Popen[bytes], ready: Path, log: Path) -> int:
    deadline = time.monotonic() + _SECONDS_TO_START
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the namespaces were not made: {log.read_text()[-2000:]}")
        time.sleep(0.05)
    (first,) = psutil.Process(process.pid).children()
    return int(first.pid)


def _script(homes: Path, shared: Path, ready: Path) -> str:
    """What the first process does: make the folders, then wait and reap."""
    python = Path(sys.base_prefix)
    # Python may lie in somebody's home, which students cannot enter.
    covered = {*_COVERED, str(_top(ROOT)), str(_top(Path(sys.prefix)))}
    if not all(_open_to_all(each) for each in (python, *python.parents)):
        covered.add(str(_top(python)))
    kept = [(ROOT, ROOT), (Path(sys.prefix), Path(sys.prefix)), (python, python)]
    kept = [each for each in dict.fromkeys(kept) if str(_top(each[1])) in covered]
    binds = [(homes, Path("/home")), (shared, Path("/opt"))]
    binds += [*kept, (Path(sys.prefix), LIBRARIES)]
    # /mnt holds, out of everybody's sight, what is hidden by the covers.
    lines = ["set -euo pipefail", "umask 022", "mount -t tmpfs -o mode=0700 tmpfs /mnt"]
    lines += ["mkdir -p /mnt/etc/upper /mnt/etc/work", f"mkdir -p {shlex.quote(str(ready.parent))}"]
    lines += ["mkdir /mnt/ready", f"mount --bind {shlex.quote(str(ready.parent))} /mnt/ready"]
    overlay = "lowerdir=/etc,upperdir=/mnt/etc/upper,workdir=/mnt/etc/work"
    lines += [f"mount -t overlay overlay -o {overlay} /etc", f"groupadd {GROUP}"]
    for number, (origin, _) in enumerate(binds):
        lines += [
            f"mkdir -p /mnt/{number}",
            f"mount --bind {shlex.quote(str(origin))} /mnt/{number}",
        ]
    for name in sorted(covered):
        mode = "1777" if name == "/tmp" else "0755"  # noqa: S108 - a name
        lines.append(f"mount -t tmpfs -o mode={mode} tmpfs {shlex.quote(name)}")
    for number, (_, place) in enumerate(binds):
        quoted = shlex.quote(str(place))
        lines += [f"mkdir -p {quoted}", f"mount --bind /mnt/{number} {quoted}"]
    closed = shlex.quote(str(ROOT.parent))
    lines += [f"chgrp {GROUP} {closed}", f"chmod 0750 {closed}"]
    lines += [f"touch /mnt/ready/{ready.name}", "while sleep 1000; do :; done"]
    return "\n".join(lines) + "\n"


def _top(path: Path) -> Path:
    return Path(*path.parts[:2])


def _open_to_all(path: Path) -> bool:
    return bool(path.stat().st_mode & 0o001)


_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _program(name: str) -> str | None:
    return shutil.which(name, path=_PATH)
