"""Several submissions on one GPU, each within its share of the memory.

A GPU has as many places as shares fit into its memory. A place is a lock of the operating system on
a small file, so that all graders of this user on this machine see the same places, and one that is
killed leaves none taken. A submission that found no memory beside others is run again alone: what
its neighbours used must not cost it points.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from workshop.errors import WorkshopError
from workshop.grading.devices import Gpu

_SECONDS_BETWEEN_TRIES = 0.2
# The rest is left to what is nobody's: the driver, a desktop.
_USABLE = 0.95
CONTEXT_MB = 640
"""What CUDA and its libraries take for each process, beside its tensors."""


@dataclass(frozen=True)
class Place:
    """Where a submission may compute.

    Attributes:
        index: of the GPU.
        memory_mb: its share of the GPU's memory, for tensors.
        shared: whether others may be on the same GPU at the same time.
    """

    index: int
    memory_mb: int
    shared: bool


def places_on(gpu: Gpu, share_mb: int) -> int:
    """How many submissions fit on a GPU; one always may try.

    Args:
        gpu: the GPU.
        share_mb: what each may use for tensors, in MB; 0 for all of it.
    """
    return max(1, _usable(gpu) // (share_mb + CONTEXT_MB)) if share_mb else 1


@contextlib.contextmanager
def place(gpus: Sequence[Gpu], share_mb: int, folder: Path | None = None) -> Iterator[Place]:
    """Wait for a place on one of the GPUs, and hold it.

    Args:
        gpus: at least one.
        share_mb: what a submission may use, in MB; 0 for all of a GPU.
        folder: where the locks lie; a folder of this user's for None.

    Raises:
        WorkshopError: the locks cannot be made.
    """
    counts = [places_on(gpu, share_mb) for gpu in gpus]
    # One after the other on each GPU: the emptiest is filled first.
    order = [
        (gpu, number)
        for number in range(max(counts))
        for gpu, count in enumerate(counts)
        if number < count
    ]
    with contextlib.ExitStack() as stack:
        while True:
            for gpu, number in order:
                if _taken(stack, _lock_file(folder, gpus[gpu], number)):
                    yield Place(gpu, _share(gpus[gpu], share_mb), counts[gpu] > 1)
                    return
            time.sleep(_SECONDS_BETWEEN_TRIES)


@contextlib.contextmanager
def alone(gpus: Sequence[Gpu], share_mb: int, folder: Path | None = None) -> Iterator[Place]:
    """Wait until a whole GPU is free, and hold all of its places.

    Args:
        gpus: as for :func:`place`. It is the first, so that two that wait cannot block each other.
        share_mb: as for :func:`place`; more is not given here either.
        folder: as for :func:`place`.

    Raises:
        WorkshopError: the locks cannot be made.
    """
    with contextlib.ExitStack() as stack:
        for number in range(places_on(gpus[0], share_mb)):
            while not _taken(stack, _lock_file(folder, gpus[0], number)):
                time.sleep(_SECONDS_BETWEEN_TRIES)
        yield Place(0, _share(gpus[0], share_mb), shared=False)


def _usable(gpu: Gpu) -> int:
    return int(gpu.memory_mb * _USABLE)


def _share(gpu: Gpu, share_mb: int) -> int:
    most = max(1, _usable(gpu) - CONTEXT_MB)
    return min(share_mb, most) if share_mb else most


def _lock_file(folder: Path | None, gpu: Gpu, number: int) -> Path:
    return (folder or _own_folder()) / f"{gpu.uuid}-{number}.lock"


def _own_folder() -> Path:
    """A folder that nobody else can write to: who holds a lock there decides who computes."""
    folder = Path(tempfile.gettempdir()) / f"workshop-gpu-{os.getuid()}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise WorkshopError(
            "somebody else can write here, so it cannot hold the locks for sharing a GPU",
            where=folder,
            remedy="remove it, or set TMPDIR to a folder of your own",
        )
    return folder


def _taken(stack: contextlib.ExitStack, path: Path) -> bool:
    """Whether the lock could be had at once; it is then held until the stack ends."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return False
    stack.callback(os.close, descriptor)
    return True
