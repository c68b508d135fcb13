"""Kernels that are ready at once: forked from a process that has imported what notebooks need.

Each gets a sandbox of its own, made by bubblewrap exactly as for a kernel that is started from
nothing; only what runs in it comes from the zygote. Whatever is in the way of that (an old Linux, a
kernelspec of another language) is no reason not to grade: then kernels are started the usual way.
"""

from __future__ import annotations

import array
import atexit
import base64
import contextlib
import fcntl
import functools
import json
import logging
import os
import select
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workshop.grading.memory import FASTER_TRAINING
from workshop.grading.sandbox.bubblewrap import HOME, LEARNERS_SIDE, View, confined_environment
from workshop.grading.sandbox.launch import (
    FIRST_TO_DIE,
    NICER,
    Bounds,
    Sandbox,
    SandboxError,
    launch,
    limits_of,
)
from workshop.grading.sandbox.seccomp import seccomp_program

_ZYGOTE = Path(__file__).with_name("zygote.py")
_SECONDS_TO_IMPORT = 180.0
_SECONDS_TO_FORK = 30.0
# Says that the sandbox is set up, then lives for as long as the grader holds the other end. Unlike
# a plain sh, bash waits for the processes that lose their parents.
_HOLDER = ("/bin/bash", "--norc", "-c", "echo; read -r _")
_NAMESPACES = ("mnt", "pid", "net", "ipc", "uts", "cgroup")
_NS_GET_USERNS = 0xB701
_EXIT_CODE = struct.Struct("i")
_LAUNCHER = (sys.executable, "-P", "-m", "ipykernel_launcher")
# A machine on which it does not work shows that at once.
_MOST_FAILURES = 3

_log = logging.getLogger(__name__)
_lock = threading.Lock()
_shared: dict[str, Any] = {"zygote": None, "failures": 0}


class WarmSandbox(Sandbox):
    """A sandbox whose main process was forked from the zygote."""

    held = -1
    """The holder ends when this is closed."""
    _status = -1
    _code: int | None = None

    def exit_code(self) -> int | None:
        """As ``Popen.returncode`` of the kernel; None while it runs."""
        if self._code is None and self._status >= 0 and select.select([self._status], [], [], 0)[0]:
            told = os.read(self._status, _EXIT_CODE.size)
            os.close(self._status)
            self._status = -1
            self._code = _EXIT_CODE.unpack(told)[0] if len(told) == _EXIT_CODE.size else None
        return super().exit_code() if self._code is None else self._code

    def close(self) -> None:
        """As in the base class."""
        super().close()
        for each in (self._status, self.held):
            if each >= 0:
                os.close(each)
        self._status = self.held = -1


@dataclass(frozen=True)
class Shared:
    """What other processes of the same grader need to have kernels forked from one zygote.

    Attributes:
        control: the socket that takes requests.
        memory: bytes that a kernel is given at its start.
    """

    control: socket.socket
    memory: int


class Zygote:
    """The grader's end of a zygote.

    Args:
        shared: one that another process has started; None to start one, which imports for some
            seconds while this process goes on.
    """

    def __init__(self, shared: Shared | None = None) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ready = shared is not None
        if shared is not None:
            self._control, self._memory = shared.control, shared.memory
            return
        # Each request is one packet, so threads need not wait for each other.
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - no shell
                [sys.executable, "-P", "-s", str(_ZYGOTE), str(theirs.fileno())],
                cwd="/",
                env=self._environment(),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._control = ours
        atexit.register(self.close)

    def await_ready(self) -> None:
        """Wait until it has imported the libraries.

        Raises:
            SandboxError: it did not start; says why.
        """
        if self._process is not None and not self._is_ready:
            self._await()
            self._memory = _anonymous_memory(self._process.pid)
            self._is_ready = True

    def shared(self) -> Shared:
        """For the processes that this one starts, once it is ready."""
        return Shared(self._control, self._memory)

    def kernel(self, arguments: Sequence[str], view: View, bounds: Bounds) -> WarmSandbox:
        """A kernel in a new sandbox, once it is ready.

        Args:
            arguments: of ``ipykernel_launcher``.
            view: what it may see.
            bounds: what it may use.

        Raises:
            SandboxError: it could not be had this way.
        """
        with contextlib.ExitStack() as stack:
            errors, for_errors = _pipe(stack)
            keep, held = _pipe(stack)
            told, tells = _pipe(stack)
            sandbox = launch(
                _HOLDER,
                view,
                bounds,
                stdin=keep,
                stdout=tells,
                stderr=for_errors,
                first=True,
                make=functools.partial(WarmSandbox, errors=os.fdopen(os.dup(errors), "rb")),
            )
            assert isinstance(sandbox, WarmSandbox)  # noqa: S101 - for the type checker
            sandbox.given_memory = self._memory
            try:
                sandbox.held = os.dup(held)
                if not select.select([told], [], [], _SECONDS_TO_FORK)[0] or not os.read(told, 1):
                    raise SandboxError(f"the sandbox was not set up: {sandbox.errors}")
                self._fork(sandbox, arguments, view, for_errors)
            except BaseException:
                sandbox.close()
                raise
        return sandbox

    def close(self) -> None:
        """End it; kernels that run go on."""
        self._control.close()
        if self._process is None:
            return
        if self._is_ready:  # otherwise it imports, and does not see that nobody waits
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
        self._process.kill()
        self._process.wait()
        atexit.unregister(self.close)

    @property
    def alive(self) -> bool:
        """Whether it can be asked for kernels."""
        return self._process is None or self._process.poll() is None

    def _environment(self) -> dict[str, str]:
        return {
            **confined_environment(View()),
            # OpenBLAS starts its threads when it is imported; children set their own number.
            "OPENBLAS_NUM_THREADS": "1",
            **FASTER_TRAINING,
        }

    def _await(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            if select.select([self._control], [], [], _SECONDS_TO_IMPORT)[0]:
                trouble = json.loads(self._control.recv(4096))["trouble"]
                if not trouble:
                    return
                self.close()
                raise SandboxError(f"kernels cannot be forked here: {trouble}")
        self.close()
        raise SandboxError("the process to fork kernels from did not start")

    def _fork(
        self, sandbox: WarmSandbox, arguments: Sequence[str], view: View, for_errors: int
    ) -> None:
        program = seccomp_program(memory_files=bool(view.devices))
        with contextlib.ExitStack() as stack:
            namespaces = _namespaces(stack, sandbox.init_pid)
            status, for_status = _pipe(stack)
            limits = limits_of(sandbox.bounds, gpu=bool(view.devices))
            request = {
                "arguments": list(arguments),
                "env": confined_environment(view),
                "home": HOME,
                "limits": list(limits.items()),
                "namespaces": [name for name, _ in namespaces],
                "nice": NICER,
                "oom_score_adj": FIRST_TO_DIE,
                "path": [LEARNERS_SIDE],
                "seccomp": base64.b64encode(program or b"").decode(),
            }
            passed = [*(each for _, each in namespaces), for_errors, for_status]
            self._ask(request, passed)
            sandbox._status = os.dup(status)

    def _ask(self, request: dict[str, Any], descriptors: Sequence[int]) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours:
            ours.settimeout(_SECONDS_TO_FORK)
            try:
                with theirs:
                    passed = array.array("i", [*descriptors, theirs.fileno()])
                    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, passed)
                    self._control.sendmsg([json.dumps(request).encode()], [rights])
                answer = ours.recv(4096)
            except OSError as error:
                raise SandboxError(f"no kernel could be forked: {error}") from error
        if not answer:
            raise SandboxError("no kernel could be forked: the child ended at once")
        trouble = json.loads(answer).get("trouble")
        if trouble:
            raise SandboxError(f"no kernel could be forked: {trouble}")


def warm_kernel(command: Sequence[str], view: View, bounds: Bounds) -> WarmSandbox | None:
    """A kernel from this process's zygote, which is started when it is first needed.

    Args:
        command: what would start the kernel from nothing.
        view: what it may see.
        bounds: what it may use.

    Returns:
        None where that cannot be done: then start it from nothing.
    """
    if tuple(command[: len(_LAUNCHER)]) != _LAUNCHER:
        return None
    with _lock:
        zygote = _the_zygote()
    if zygote is None:
        return None
    try:
        return zygote.kernel(command[len(_LAUNCHER) :], view, bounds)
    except (SandboxError, OSError) as error:
        _log.warning("a kernel was started from nothing: %s", error)
        with _lock:
            _shared["failures"] += 1
        return None


def prepare() -> None:
    """Start this process's zygote, so that it imports while other things are done."""
    with _lock:
        _started()


def to_share() -> Shared | None:
    """This process's zygote for other processes; None where there can be none."""
    with _lock:
        zygote = _the_zygote()
    return None if zygote is None else zygote.shared()


def adopt(shared: Shared | None) -> None:
    """Use the zygote of the process that has started this one; with None, none at all."""
    with _lock:
        _shared["zygote"] = None if shared is None else Zygote(shared)
        _shared["failures"] = _MOST_FAILURES if shared is None else 0


def _the_zygote() -> Zygote | None:
    """The one to use, ready; None where there can be none."""
    found = _started()
    if found is None:
        return None
    try:
        found.await_ready()
    except SandboxError as error:
        _give_up(error)
        return None
    return found


def _started() -> Zygote | None:
    found: Zygote | None = _shared["zygote"]
    if found is not None and not found.alive:
        found.close()
        found = _shared["zygote"] = None
        _shared["failures"] += 1
    if found is None and _shared["failures"] < _MOST_FAILURES:
        try:
            found = _shared["zygote"] = Zygote()
        except OSError as error:
            _give_up(error)
    return found if _shared["failures"] < _MOST_FAILURES else None


def _give_up(error: Exception) -> None:
    _log.warning("kernels are started from nothing: %s", error)
    _shared["zygote"], _shared["failures"] = None, _MOST_FAILURES


def _namespaces(stack: contextlib.ExitStack, pid: int) -> list[tuple[str, int]]:
    """What a process has to enter, in this order, to be where another one is.

    The namespaces belong to a user namespace; the process itself is in one below it, so that it
    cannot make any more.
    """

    def opened(name: str) -> int:
        descriptor = os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY)
        stack.callback(os.close, descriptor)
        return descriptor

    others = {name: opened(name) for name in _NAMESPACES}
    owner = fcntl.ioctl(others["mnt"], _NS_GET_USERNS)
    stack.callback(os.close, owner)
    own = opened("user")
    entered = [("user", owner)]
    for name, descriptor in others.items():
        if os.fstat(descriptor).st_ino != os.stat(f"/proc/self/ns/{name}").st_ino:  # noqa: PTH116
            entered.append((name, descriptor))
    if os.fstat(own).st_ino != os.fstat(owner).st_ino:
        entered.append(("user", own))
    return entered


def _anonymous_memory(pid: int) -> int:
    """Bytes of a process's memory that belong to no file."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


def _pipe(stack: contextlib.ExitStack) -> tuple[int, int]:
    ends = os.pipe()
    for each in ends:
        stack.callback(os.close, each)
    return ends
