"""Starts a confined process and ends everything that it has started."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import IO

from workshop.errors import WorkshopError
from workshop.grading.sandbox.bubblewrap import (
    MEGABYTE,
    Room,
    View,
    bubblewrap_options,
    bwrap_binary,
    small_files,
)
from workshop.grading.sandbox.seccomp import seccomp_program

_SECONDS_TO_BEGIN = 20.0
_SECONDS_TO_END = 10.0
_KEPT_OF_ERRORS = 4000
# A machine has to keep something for itself.
_MOST_OF_THE_MACHINE = 0.8
# What a process reserves and does not use: stacks of threads, libraries' data.
_RESERVED = 2048 * MEGABYTE
NICER = 5
FIRST_TO_DIE = 500
"""What Linux adds to the score by which it chooses whom to kill for want of memory, of 1000."""
# bubblewrap ends so when the process was ended by a signal.
_BY_SIGNAL = 128


@dataclass(frozen=True)
class Bounds:
    """What a confined process and all that it starts may use.

    Attributes:
        memory: bytes of all processes together, without files in ``room``.
        gpu_memory: bytes of a GPU's memory for tensors; 0 for no bound.
        processes: at the same time.
        threads: at the same time, in all processes together.
        open_files: in one process.
        file_bytes: size of one file.
        files: how many files and folders in all of ``room``.
        cpu_seconds: of one process.
        room: for files.
    """

    memory: int = 6144 * MEGABYTE
    gpu_memory: int = 0
    processes: int = 64
    threads: int = 2048
    open_files: int = 1024
    file_bytes: int = 1024 * MEGABYTE
    files: int = 20_000
    cpu_seconds: int = 100_000
    room: Room = field(default_factory=Room)

    @property
    def usable_memory(self) -> int:
        """The bytes that are really allowed: a machine with less must not come to a stop."""
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return min(self.memory, int(whole * _MOST_OF_THE_MACHINE))


class SandboxError(WorkshopError):
    """A confined process did not start."""


class Sandbox:
    """A confined process with all that it has started.

    Attributes:
        process: bubblewrap itself; it lives as long as the confined process.
        init_pid: the first process inside, as seen from outside. All others end with it.
        bounds: what it may use.
        reason: why it was stopped, in a word; empty if it was not.
    """

    own_processes = 1
    """How many of the processes inside are not the confined ones: bubblewrap itself."""
    given_memory = 0
    """Bytes that it has been given at the start, beside what it may use."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        init_pid: int,
        bounds: Bounds,
        *,
        errors: IO[bytes] | None = None,
    ) -> None:
        self.process = process
        self.init_pid = init_pid
        self.bounds = bounds
        self.reason = ""
        self._errors = b""
        self._stream = errors or process.stderr
        # Held so that the number can never mean another process.
        self._pidfd = os.pidfd_open(init_pid)
        self._reader = threading.Thread(target=self._read_errors, daemon=True)
        self._reader.start()

    @property
    def root(self) -> Path:
        """The file system that is seen inside, for those outside."""
        return Path(f"/proc/{self.init_pid}/root")

    @property
    def errors(self) -> str:
        """The end of what was written to standard error."""
        return self._errors.decode(errors="replace").strip()

    def exit_code(self) -> int | None:
        """As ``Popen.returncode`` of the confined process itself; None while it runs."""
        code = self.process.poll()
        if code is None and self.reason:
            # Thousands of processes take seconds to die; it is over all the same.
            return -signal.SIGKILL
        if code is None or code < 0:
            return code
        return _BY_SIGNAL - code if _BY_SIGNAL < code < _BY_SIGNAL + signal.NSIG else code

    def stop(self, reason: str = "") -> None:
        """Kill everything inside, at once.

        Args:
            reason: remembered if nothing else has stopped it before.
        """
        if reason and not self.reason and self.process.poll() is None:
            self.reason = reason
        # The first process takes the whole PID namespace with it.
        with contextlib.suppress(OSError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()

    def close(self) -> None:
        """Kill everything inside, wait until it is gone and give back what was held."""
        if self._pidfd < 0:
            return
        self.stop()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_SECONDS_TO_END)
        select.select([self._pidfd], [], [], _SECONDS_TO_END)
        self._reader.join(_SECONDS_TO_END)
        os.close(self._pidfd)
        self._pidfd = -1

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read_errors(self) -> None:
        """Keep the pipe empty, whatever is written to it, and remember its end."""
        stream = self._stream
        if stream is None:
            return
        with stream, contextlib.suppress(OSError, ValueError):
            while chunk := os.read(stream.fileno(), 65536):
                self._errors = (self._errors + chunk)[-_KEPT_OF_ERRORS:]


def launch(
    command: Sequence[str],
    view: View,
    bounds: Bounds,
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
    stderr: int = subprocess.PIPE,
    first: bool = False,
    make: Callable[[subprocess.Popen[bytes], int, Bounds], Sandbox] = Sandbox,
) -> Sandbox:
    """Start a command confined, under its limits from the first instruction on.

    Args:
        command: the program with its full path, and its arguments.
        view: what it may see.
        bounds: what it may use.
        stdin: as for ``Popen``.
        stdout: as for ``Popen``.
        stderr: as for ``Popen``; a pipe is read by the sandbox.
        first: whether the command is the first process inside, which no signal from there can end,
            instead of bubblewrap. It has to wait for the processes that lose their parents.
        make: makes the sandbox of the process, the first process inside, and the bounds.

    Raises:
        SandboxError: bubblewrap could not set it up; says why.
        WorkshopError: there is no bubblewrap.
    """
    binary = bwrap_binary()
    with contextlib.ExitStack() as stack:
        opened = {path: _content(stack, text.encode()) for path, text in small_files(view).items()}
        options = bubblewrap_options(view, bounds.room, opened=opened)
        program = seccomp_program(memory_files=bool(view.devices))
        filtered = [] if program is None else [_content(stack, program)]
        options += [word for each in filtered for word in ("--seccomp", str(each))]
        options += ["--as-pid-1"] if first else []
        told, tells = _pipe(stack)
        waiting, go = _pipe(stack)
        # By a file, not on the command line, which can be read inside as /proc/1/cmdline.
        arguments = _content(stack, "\0".join(options).encode())
        passed = [*opened.values(), *filtered, tells.fileno(), waiting.fileno(), arguments]
        process = subprocess.Popen(  # noqa: S603 - no shell
            [
                *(str(binary), "--args", str(arguments)),
                *("--info-fd", str(tells.fileno()), "--block-fd", str(waiting.fileno())),
                *("--", *command),
            ],
            cwd="/",
            env={},  # it can be read inside as /proc/1/environ
            pass_fds=passed,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        tells.close()
        waiting.close()
        pid = _first_pid(told)
        if pid is None:
            raise _failure(process, binary)
        try:
            sandbox = make(process, pid, bounds)
        except ProcessLookupError:
            raise _failure(process, binary) from None
        try:
            _limit(pid, bounds, gpu=bool(view.devices))
            go.write(b"1")
        except OSError:
            sandbox.close()
            raise SandboxError(
                f"bubblewrap ended at once: {sandbox.errors or 'it does not say why'}",
                where=binary,
                remedy="run: workshop doctor",
            ) from None
    return sandbox


def run_confined(
    command: Sequence[str],
    view: View | None = None,
    bounds: Bounds | None = None,
    *,
    seconds: float = 60,
) -> subprocess.CompletedProcess[str]:
    """Run a command confined to its end; its output comes back, errors shortened.

    Raises:
        SandboxError: bubblewrap could not set it up, or the command took longer than ``seconds``.
        WorkshopError: there is no bubblewrap.
    """
    began = time.monotonic()
    with launch(command, view or View(), bounds or Bounds(), stdout=subprocess.PIPE) as sandbox:
        stream, output = sandbox.process.stdout, b""
        while stream is not None:
            left = began + seconds - time.monotonic()
            if left <= 0 or not select.select([stream], [], [], left)[0]:
                raise SandboxError(f"{command[0]} took longer than {seconds:g} s in the sandbox")
            chunk = os.read(stream.fileno(), 65536)
            if not chunk:
                stream.close()
                break
            output += chunk
        sandbox.process.wait(_SECONDS_TO_END)
        code = sandbox.exit_code() or 0
    return subprocess.CompletedProcess(
        command, code, output.decode(errors="replace"), sandbox.errors
    )


def limits_of(bounds: Bounds, *, gpu: bool) -> dict[int, int]:
    """What the confined process is limited to: numbers of Linux's resources, and values.

    Args:
        bounds: what all that is confined may use together.
        gpu: whether there is one.
    """
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: bounds.open_files,
        resource.RLIMIT_FSIZE: bounds.file_bytes,
        resource.RLIMIT_CPU: bounds.cpu_seconds,
        # Counted in this user namespace alone. Linux does not hold root to it: see the watchdog.
        resource.RLIMIT_NPROC: bounds.threads,
        resource.RLIMIT_MSGQUEUE: 1 << 16,
    }
    if not gpu:  # CUDA reserves more than any machine has
        # A single large array is refused, which a cell survives; the watchdog sees the rest.
        limits[resource.RLIMIT_DATA] = bounds.usable_memory + _RESERVED
    return limits


def _limit(pid: int, bounds: Bounds, *, gpu: bool) -> None:
    """Limits for what the first process is going to start; it waits meanwhile."""
    for which, value in limits_of(bounds, gpu=gpu).items():
        hard = resource.prlimit(pid, which)[1]
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.prlimit(pid, which, (most, most))
    # The grader must go on when the machine is busy, and be the last to die for want of memory.
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, os.getpriority(os.PRIO_PROCESS, 0) + NICER)
        Path(f"/proc/{pid}/oom_score_adj").write_text(str(FIRST_TO_DIE), encoding="ascii")


def _content(stack: contextlib.ExitStack, data: bytes) -> int:
    """A descriptor from which the data can be read."""
    descriptor = os.memfd_create("workshop")
    stack.callback(os.close, descriptor)
    with open(descriptor, "wb", closefd=False) as file:
        file.write(data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _pipe(stack: contextlib.ExitStack) -> tuple[FileIO, FileIO]:
    reads, writes = os.pipe()
    return stack.enter_context(FileIO(reads, "rb")), stack.enter_context(FileIO(writes, "wb"))


def _first_pid(told: FileIO) -> int | None:
    """What bubblewrap tells of the first process inside; None if it ends without telling."""
    text, deadline = b"", time.monotonic() + _SECONDS_TO_BEGIN
    while b"}" not in text:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([told], [], [], left)[0]:
            return None
        chunk = told.read(4096)
        if not chunk:
            return None
        text += chunk
    return int(json.loads(text)["child-pid"])


def _failure(process: subprocess.Popen[bytes], binary: Path) -> SandboxError:
    process.kill()
    _, errors = process.communicate()
    said = errors.decode(errors="replace").strip() or "it does not say why"
    return SandboxError(
        f"bubblewrap cannot start anything here: {said}",
        where=binary,
        remedy="run: workshop doctor",
    )
