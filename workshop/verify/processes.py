"""The processes that verifying runs in: one for each notebook."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import queue
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from unittest import mock

from nbformat import NotebookNode

from workshop.grading.execution import Limits
from workshop.grading.lifetime import end_with_parent
from workshop.grading.memory import FASTER_TRAINING
from workshop.grading.run import execute_notebook
from workshop.verify.checkpoints import (
    SINGLE_THREADED,
    Tokens,
    Version,
    Versions,
    computing,
)
from workshop.verify.report import Run, Task

_SECONDS_BETWEEN_LOOKS = 1.0
_SECONDS_TO_END = 5.0


@dataclass(frozen=True)
class Job:
    """All that is to be run of one notebook.

    Attributes:
        task: the reference solution's.
        solution: the reference solution.
        versions: others, which start from what it has done.
        in_kernels: what runs in a confined kernel of its own, as a submission does.
        thresholds: the calibrated accuracies by grade id.
        limits: of each run.
    """

    task: Task
    solution: NotebookNode
    versions: Mapping[Task, NotebookNode]
    in_kernels: Mapping[Task, NotebookNode]
    thresholds: Mapping[str, float]
    limits: Limits


def in_processes(jobs: Sequence[Job], workers: int) -> Iterator[Run]:
    """Run all there is to run.

    Args:
        jobs: one for each notebook.
        workers: how many compute at the same time.

    Yields:
        Each run, in the order in which they end.

    Raises:
        WorkshopError: a notebook cannot be verified; the rest is not waited for.
    """
    # New processes, not forks of this one, which may have used many threads.
    context = multiprocessing.get_context("spawn")
    tokens, results = context.BoundedSemaphore(workers), context.Queue()
    left = sum(len(job.versions) + len({job.task, *job.in_kernels}) for job in jobs)
    waiting, running = list(jobs), list[Any]()
    try:
        while left:
            # One more, so that a notebook that waits for its last version wastes no processor.
            while waiting and len(running) <= workers:
                with mock.patch.dict(os.environ, {**SINGLE_THREADED, **FASTER_TRAINING}):
                    process = context.Process(target=_begin, args=(waiting.pop(0), tokens, results))
                    process.start()
                running.append(process)
            ended = [process for process in running if not process.is_alive()]
            found = _next(results)
            if found is not None:
                left -= 1
                yield found
            elif ended:
                running = [process for process in running if process not in ended]
                codes = [process.exitcode for process in ended if process.exitcode]
                if codes or not (running or waiting):
                    raise RuntimeError(f"A process ended too early: {codes or 'all of them'}.")
    finally:
        for process in running:
            process.terminate()
        for process in running:
            # Whatever it is doing may swallow the exception that ends it.
            process.join(_SECONDS_TO_END)
            process.kill()
            process.join()


def _next(results: Any) -> Run | None:
    """The next run; None if there is none for a while.

    Raises:
        Exception: what stopped a process.
    """
    try:
        found = results.get(timeout=_SECONDS_BETWEEN_LOOKS)
    except queue.Empty:
        return None
    if isinstance(found, Run):
        return found
    raise found


def _begin(job: Job, tokens: Tokens, results: Any) -> None:
    """In a process of its own: run all there is of one notebook."""
    end_with_parent()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        _versions(job, tokens, results)
        # Kernels last: their clients have threads, with which a process should not fork.
        for task, notebook in job.in_kernels.items():
            with computing(tokens):
                executed = execute_notebook(
                    notebook, limits=job.limits, thresholds=job.thresholds, env=SINGLE_THREADED
                )
            results.put(Run.of(task, executed))
    except Exception as error:  # noqa: BLE001 - whoever started us has to hear of it
        trace = traceback.format_exc()
        try:
            pickle.dumps(error)
        except Exception:  # noqa: BLE001 - whatever pickling does to it
            error = RuntimeError(trace)
        results.put(error)


def _versions(job: Job, tokens: Tokens, results: Any) -> None:
    """Run the solution and all versions of it."""
    tasks = list(job.versions)
    versions = Versions(
        job.solution,
        [Version(key, job.versions[task]) for key, task in enumerate(tasks)],
        job.thresholds,
        tokens=tokens,
        report=lambda key, executed: results.put(Run.of(tasks[key], executed)),
        seconds=job.limits.notebook_seconds,
    )
    wanted = job.task not in job.in_kernels
    executed = versions.run(to_the_end=wanted)
    if wanted:
        results.put(Run.of(job.task, executed))
