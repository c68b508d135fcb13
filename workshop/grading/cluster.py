"""Grade on a cluster: Dask gives each submission to a worker, on this machine or on Slurm's nodes.

Dask runs whatever its clients send. So it takes TLS with keys made for the run from everyone who
connects, and has no page that shows anything.
"""

from __future__ import annotations

import contextlib
import logging
import pickle
import queue
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Hashable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import dask
from distributed import Client, Future, KilledWorker, LocalCluster, Security
from distributed.deploy.spec import SpecCluster
from distributed.scheduler import Scheduler, WorkerState

from workshop.errors import WorkshopError
from workshop.grading.cluster_worker import Run, Told, decisive_versions, grade_on_node
from workshop.grading.failures import NotGraded
from workshop.grading.worker import MOST_TRIES, Answer, Request, given_up, threads_for

_SECONDS_BETWEEN_LOOKS = 0.5
_SECONDS_TO_FETCH = 60.0
_SECONDS_TO_COME_BACK = 180.0

Notify = Callable[[str], None]


class Cluster(Protocol):
    """Workers somewhere."""

    @property
    def dask(self) -> SpecCluster:
        """Their scheduler, which runs in this process."""

    @property
    def folder(self) -> Path | None:
        """A folder that all of them share; None on one machine."""

    def look(self) -> None:
        """See to it that workers that were lost are replaced; called again and again.

        Raises:
            WorkshopError: there are none, and none can be had.
        """


StartCluster = Callable[[Sequence[Request], Notify], AbstractContextManager[Cluster]]


def quiet_config(threads: int) -> dict[str, Any]:
    """Dask's settings, for the scheduler and its workers.

    Args:
        threads: for each worker's computations, unless the environment says how many.
    """
    return {
        # A task whose worker is lost comes back to us, who give it to another that is free: Dask
        # would put it behind what a busy one does, to be lost with that.
        "distributed.scheduler.allowed-failures": 0,
        # Pages would show to everyone on the network what runs here, and could stop it.
        "distributed.scheduler.http.routes": [],
        "distributed.worker.http.routes": [],
        "distributed.worker.profile.enabled": False,
        # The sandbox bounds students' code, and Slurm the job; Dask would stop a healthy worker.
        "distributed.worker.memory.pause": False,
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.target": False,
        "distributed.worker.memory.terminate": False,
        "distributed.nanny.pre-spawn-environ": {
            "MALLOC_TRIM_THRESHOLD_": None,
            "MKL_NUM_THREADS": None,
            "OMP_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": None,
        },
    }


# The scheduler's web server cannot be left out: it is empty, and for this machine alone.
NO_PAGES = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}


def scheduler_of(dask_cluster: SpecCluster) -> Scheduler:
    """The scheduler of a cluster that runs."""
    scheduler = dask_cluster.scheduler
    assert isinstance(scheduler, Scheduler)  # noqa: S101 - for the type checker
    return scheduler


def workers_of(dask_cluster: SpecCluster) -> Mapping[str, WorkerState]:
    """The workers that have come to a cluster, by their addresses."""
    return scheduler_of(dask_cluster).workers


class DaskPool:
    """Grades with the workers of a cluster; a ``Pool`` for ``workshop.grading.grade``.

    Args:
        start: starts the cluster for the requests, and ends it.
        notify: is told in words what is waited for.
    """

    def __init__(self, start: StartCluster, notify: Notify) -> None:
        self._start = start
        self._notify = notify

    def __call__(
        self, requests: Sequence[Request]
    ) -> Generator[tuple[Request, Answer], None, None]:
        """Grade submissions; each one's answer comes when it is there.

        Raises:
            WorkshopError: no worker can be had.
        """
        if not requests:
            return
        with (
            self._start(requests, self._notify) as cluster,
            contextlib.closing(Client(cluster.dask, set_as_default=False)) as client,
        ):
            self._notify("waiting for the first worker; Ctrl-C stops, and what is graded is kept")
            yield from _Grading(cluster, client, requests).answers()


class _Grading:
    """One run: requests go to workers, a few at a time, and come back as answers."""

    def __init__(self, cluster: Cluster, client: Client, requests: Sequence[Request]) -> None:
        self._cluster = cluster
        self._client = client
        self._run = Run(cluster.folder, decisive_versions())
        self._waiting = deque(requests)
        self._given: dict[Future[Told], Request] = {}
        self._tries = Counter[str]()
        self._done = queue.SimpleQueue[Future[Told]]()

    def answers(self) -> Iterator[tuple[Request, Answer]]:
        while self._waiting or self._given:
            self._cluster.look()
            self._give()
            with contextlib.suppress(queue.Empty):
                future = self._done.get(timeout=_SECONDS_BETWEEN_LOOKS)
                yield from self._taken(future)

    def _give(self) -> None:
        """One request for each worker: what a worker holds is lost with it, and counts against it.

        So nothing stands behind a submission that ends its worker.
        """
        free = len(workers_of(self._cluster.dask)) - len(self._given)
        for _ in range(min(free, len(self._waiting))):
            request = self._waiting.popleft()
            call = pickle.dumps(_Call(request, self._run))
            future: Future[Told] = self._client.submit(pickle.loads, call, pure=False)
            self._given[future] = request
            future.add_done_callback(self._done.put)

    def _taken(self, future: Future[Told]) -> Iterator[tuple[Request, Answer]]:
        request = self._given.pop(future)
        self._tries[request.student] += 1
        try:
            told: Told = future.result(timeout=_SECONDS_TO_FETCH)
        except (KilledWorker, TimeoutError) as error:
            if self._tries[request.student] < MOST_TRIES:
                self._waiting.append(request)
            else:
                yield request, given_up(request, _why_lost(error))
        except Exception as error:  # noqa: BLE001 - whatever a node cannot load or send
            yield from self._without(*self._unable(future, error), request)
        else:
            if told.unfit is None:
                yield request, told.answer
            else:
                yield from self._without(told.unfit, told.answer, request)

    def _without(
        self, worker: Hashable, answer: Answer, request: Request
    ) -> Iterator[tuple[Request, Answer]]:
        """Do without a worker that can grade nothing; what it was given goes to another.

        If there was no worker, the fault is the request's.
        """
        dask_cluster = self._cluster.dask
        if worker is None:
            yield request, answer
            return
        dask_cluster.sync(dask_cluster.scale_down, [worker])
        if dask_cluster.worker_spec:
            self._waiting.append(request)
            return
        failure = answer.failure
        assert isinstance(failure, NotGraded)  # noqa: S101 - for the type checker
        failure.stops = True
        yield request, answer

    def _unable(self, future: Future[Told], error: Exception) -> tuple[Hashable, Answer]:
        """The worker that could not even begin, if it came to one, and what is said of it."""
        state = scheduler_of(self._cluster.dask).tasks.get(future.key)
        address = next(iter(getattr(state, "erred_on", None) or ()), "")
        worker = workers_of(self._cluster.dask).get(address)
        host = "the scheduler" if worker is None else worker.host
        failure = NotGraded(
            f"{host} could not take it on: {type(error).__name__}: {error}",
            remedy="let all nodes use one environment, in a folder that they share",
        )
        return None if worker is None else worker.name, Answer(None, failure)


class _Call:
    """A call that is made where it is unpickled, within the task.

    Dask ends a worker that cannot read its task: what a node lacks would look like a crash.
    """

    def __init__(self, request: Request, run: Run) -> None:
        self._arguments = request, run

    def __reduce__(self) -> tuple[object, ...]:
        return grade_on_node, self._arguments


def _why_lost(error: KilledWorker | TimeoutError) -> str:
    if isinstance(error, KilledWorker):
        what = f"the process that graded it ended {MOST_TRIES} times, last on"
        return f"{what} {error.last_worker.host}"
    # It was lost after it had finished.
    return f"{MOST_TRIES} workers were lost before they could answer"


class _Here:
    """Workers on this machine; Dask itself starts again those that end."""

    folder = None

    def __init__(self, cluster: LocalCluster) -> None:
        self.dask = cluster
        self._last_seen = time.monotonic()

    def look(self) -> None:
        """As in ``Cluster``."""
        now = time.monotonic()
        if workers_of(self.dask):
            self._last_seen = now
        if now - self._last_seen > _SECONDS_TO_COME_BACK:
            raise WorkshopError(
                "all workers have ended, and none came back",
                remedy="see whether the machine has memory left, and run the same command again",
            )


def local(workers: int) -> StartCluster:
    """A cluster of processes on this machine, to try out what a real one would do.

    Args:
        workers: how many.
    """

    @contextlib.contextmanager
    def start(requests: Sequence[Request], _: Notify) -> Iterator[Cluster]:
        count = min(workers, len(requests))
        with (
            dask.config.set(quiet_config(threads_for(count))),
            LocalCluster(
                n_workers=count,
                threads_per_worker=1,
                host="127.0.0.1",
                security=Security.temporary(),
                scheduler_kwargs=NO_PAGES,
                memory_limit=0,
                silence_logs=logging.CRITICAL,
            ) as cluster,
        ):
            yield _Here(cluster)

    return start
