"""Processes on this machine that grade submissions side by side.

They only grade; what came of a submission goes back to the process that asked, which alone writes.
A worker that ends too early costs its submission a second try, and nobody else anything.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait

from workshop.grading.head_start import start_forkserver
from workshop.grading.lifetime import end_with_parent
from workshop.grading.sandbox import warm
from workshop.grading.worker import (
    MOST_TRIES,
    Answer,
    Request,
    given_up,
    grade_submission,
    threads_for,
)

# Workers are forked from a process that has no threads and holds nothing of this one's.
_context = multiprocessing.get_context("forkserver")
_SECONDS_TO_END = 5.0


@dataclass
class _Worker:
    process: multiprocessing.process.BaseProcess
    connection: Connection
    request: Request | None = None


class LocalPool:
    """Grades with a number of processes on this machine.

    Args:
        workers: how many.
        fork_kernels: whether they share a process that kernels are forked from.
        stop: whether somebody has asked to stop: then a worker that ends is not replaced, since who
            stops a service may have ended all of its processes.
    """

    def __init__(
        self, workers: int, *, fork_kernels: bool = True, stop: Callable[[], bool] | None = None
    ) -> None:
        self._count = workers
        self._fork_kernels = fork_kernels
        self._stop = stop

    def __call__(
        self, requests: Sequence[Request]
    ) -> Generator[tuple[Request, Answer], None, None]:
        """Grade submissions; each one's answer comes when it is there."""
        waiting, tries = deque(requests), dict.fromkeys((each.student for each in requests), 0)
        with self._workers(min(self._count, len(requests))) as workers:
            while waiting or any(each.request for each in workers):
                for index, idle in enumerate(workers):
                    if idle.request is None and waiting:
                        alive = idle.process.is_alive()
                        workers[index] = worker = idle if alive else self._worker()
                        worker.request = waiting.popleft()
                        tries[worker.request.student] += 1
                        with contextlib.suppress(BrokenPipeError):  # its end is noticed below
                            worker.connection.send(worker.request)
                busy = {each.connection: each for each in workers if each.request is not None}
                for connection in wait([*busy]):
                    worker = busy[connection]  # type: ignore[index] # it is one of them
                    request, worker.request = worker.request, None
                    assert request is not None  # noqa: S101 - for the type checker
                    try:
                        yield request, worker.connection.recv()
                    except (EOFError, ConnectionResetError):
                        worker.process.join()
                        stopped = self._stop is not None and self._stop()
                        if tries[request.student] < MOST_TRIES and not stopped:
                            waiting.append(request)
                        else:
                            code = worker.process.exitcode
                            times = "time" if tries[request.student] == 1 else "times"
                            what = f"the process that graded it ended {tries[request.student]}"
                            what = f"{what} {times}"
                            yield request, given_up(request, f"{what} (code {code})")

    @contextlib.contextmanager
    def _workers(self, count: int) -> Iterator[list[_Worker]]:
        if count:
            start_forkserver()  # first: it imports while the zygote does the same
        self._zygote = warm.to_share() if self._fork_kernels and count else None
        workers = [self._worker() for _ in range(count)]
        try:
            yield workers
        finally:
            for each in workers:
                each.connection.close()
                if each.request is not None:
                    each.process.terminate()
            for each in workers:
                each.process.join(_SECONDS_TO_END)
                each.process.kill()
                each.process.join()

    def _worker(self) -> _Worker:
        ours, theirs = _context.Pipe()
        # What they are forked from has the environment that this process had when it started.
        environment = {**os.environ, "OMP_NUM_THREADS": str(_threads(self._count))}
        process = _context.Process(
            target=_serve, args=(theirs, self._zygote, environment), daemon=True
        )
        process.start()
        theirs.close()
        return _Worker(process, ours)


def _threads(workers: int) -> int:
    chosen = os.environ.get("OMP_NUM_THREADS", "")
    return int(chosen) if chosen.isdecimal() else threads_for(workers)


def _serve(
    connection: Connection, zygote: warm.Shared | None, environment: Mapping[str, str]
) -> None:
    """In a worker: grade what is asked for until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with_parent()
    os.environ.clear()
    os.environ.update(environment)
    import torch  # noqa: PLC0415 - the process that asks has no use for it

    torch.set_num_threads(int(environment["OMP_NUM_THREADS"]))  # it has read the variable before
    warm.adopt(zygote)
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            connection.send(grade_submission(connection.recv()))
