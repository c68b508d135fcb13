"""One writer at a time: two programs that grade the same course would undo each other's work.

A lock of the operating system on a file in the course folder. It ends with the process that holds
it, however that ends, so that nothing is left to be cleaned up after a crash.
"""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from workshop.errors import WorkshopError

LOCK_NAME = "gradelog.lock"
_POLL = 0.1

# The lock belongs to the process and is lost when any descriptor of the file is closed: within a
# process, threads are kept apart by these, and the file is opened by the first holder only.
_threads: dict[Path, threading.RLock] = {}
_depth: dict[Path, int] = {}
_guard = threading.Lock()


def user_name() -> str:
    """The name of the account, or its number where it has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


@contextmanager
def single_writer(
    root: Path, doing: str, *, wait: float = 3.0, name: str = LOCK_NAME
) -> Iterator[None]:
    """Hold the course's lock; may be taken again by the thread that holds it.

    Args:
        root: the course folder.
        doing: what is being done, for the message that others get.
        wait: seconds to wait for another process that holds it.
        name: of the lock's file, for a lock on something else than the grades.

    Raises:
        WorkshopError: another process grades this course, or the folder cannot be written.
    """
    path = root.resolve() / name
    with _guard:
        thread_lock = _threads.setdefault(path, threading.RLock())
    if not thread_lock.acquire(timeout=max(wait, 0.0)):
        raise _held(path, "another thread of this process")
    try:
        if _depth.get(path, 0):
            _depth[path] += 1
            try:
                yield
            finally:
                _depth[path] -= 1
            return
        descriptor = _open(path)
        try:
            _lock(path, descriptor, wait)
            _write_holder(descriptor, doing)
            _depth[path] = 1
            try:
                yield
            finally:
                _depth[path] = 0
                with suppress(OSError):
                    os.ftruncate(descriptor, 0)
        finally:
            os.close(descriptor)
    finally:
        thread_lock.release()


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o664)
    except OSError as error:
        raise WorkshopError(
            f"cannot be written: {error.strerror}",
            where=path,
            remedy="make the course folder writable: grades are kept in it",
        ) from error


def _lock(path: Path, descriptor: int, wait: float) -> None:
    until = time.monotonic() + wait
    while True:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            if time.monotonic() >= until:
                raise _held(path, _holder(descriptor)) from None
            time.sleep(_POLL)
        else:
            return


def _write_holder(descriptor: int, doing: str) -> None:
    about = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "user": user_name(),
        "doing": doing,
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
    }
    # Only for a message: without room on the disk the lock holds all the same.
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(about).encode(), 0)


def _holder(descriptor: int) -> str:
    try:
        about = json.loads(os.pread(descriptor, 4096, 0))
        return "process {pid} of {user} on {host} ({doing}, since {since})".format(**about)
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def _held(path: Path, holder: str) -> WorkshopError:
    return WorkshopError(
        f"this course is being graded by {holder}",
        where=path.parent,
        remedy="wait for it, or stop it: what it has finished is kept",
    )
