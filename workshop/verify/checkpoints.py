"""Run many versions of one notebook, each forked from the reference solution where it differs.

All versions of an exercise share what comes before it: imports, data, features, trained models.
The reference solution runs once, in one process; where versions begin to differ, each goes on in a
child of its own, while the solution waits. PyTorch survives being forked as long as it uses
one thread and no GPU.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Protocol

import torch
from nbformat import NotebookNode

from workshop.grading.lifetime import end_with_parent
from workshop.grading.records import Outcome
from workshop.grading.run import Executed
from workshop.grading.scoring import score_notebook
from workshop.verify.replay import Replay

SINGLE_THREADED = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "CUDA_VISIBLE_DEVICES": "",
    "MPLBACKEND": "Agg",
}
"""What the environment of such a process must say before it imports PyTorch."""

_SECONDS_TO_REPORT = 10


class Tokens(Protocol):
    """A semaphore with one token for each processor."""

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Take a token."""

    def release(self) -> None:
        """Give it back."""


@contextlib.contextmanager
def computing(tokens: Tokens) -> Iterator[None]:
    """Hold a token meanwhile."""
    tokens.acquire()
    try:
        yield
    finally:
        tokens.release()


@dataclass(frozen=True)
class Version:
    """One version of a notebook.

    Attributes:
        key: what its result is called.
        notebook: the notebook; cells of the reference solution may be missing.
    """

    key: int
    notebook: NotebookNode


@dataclass
class _Branch:
    version: Version
    process: multiprocessing.process.BaseProcess
    connection: Connection
    began: float = field(default_factory=time.monotonic)


class Versions:
    """All versions of one notebook, run from checkpoints of its solution.

    Args:
        solution: the reference solution, with hidden tests.
        versions: the others.
        thresholds: the calibrated accuracies by grade id.
        tokens: whoever computes holds one.
        report: is given each version's key and result, in the order in which they end.
        seconds: after which a version is stopped.
    """

    def __init__(
        self,
        solution: NotebookNode,
        versions: Sequence[Version],
        thresholds: Mapping[str, float],
        *,
        tokens: Tokens,
        report: Callable[[int, Executed], None],
        seconds: float,
    ) -> None:
        self._solution, self._thresholds = solution, thresholds
        self._tokens, self._report, self._seconds = tokens, report, seconds
        self._waiting: dict[str, list[tuple[Version, int]]] = defaultdict(list)
        for version in versions:
            start = first_difference(solution, version.notebook)
            self._waiting[version.notebook.cells[start].id].append((version, start))

    def run(self, *, to_the_end: bool) -> Executed:
        """Run the solution, and each version from where it differs.

        Args:
            to_the_end: also the cells after the last version's difference.

        Returns:
            The solution as far as it ran.
        """
        torch.set_num_threads(1)
        with computing(self._tokens):
            replay = Replay(self._solution, self._thresholds)
        for cell in replay.notebook.cells:
            self._branch_out(replay, self._waiting.pop(cell.id, []))
            if cell.cell_type == "code" and (to_the_end or self._waiting):
                with computing(self._tokens):
                    replay.run(cell)
        return replay.executed()

    def _branch_out(self, replay: Replay, waiting: list[tuple[Version, int]]) -> None:
        """Run versions side by side, each in a child of this process, until all have ended."""
        running: list[_Branch] = []
        while waiting or running:
            if waiting and self._tokens.acquire(timeout=0.05 if running else None):
                running.append(self._branch(replay, *waiting.pop(0)))
            if running:
                wait([each.connection for each in running], timeout=0.05 if waiting else 1.0)
            running = [each for each in running if not self._ended(each)]

    def _branch(self, replay: Replay, version: Version, start: int) -> _Branch:
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_go_on, args=(theirs, replay, version, start), daemon=True)
        process.start()
        theirs.close()
        return _Branch(version, process, ours)

    def _ended(self, branch: _Branch) -> bool:
        """Report a version that has ended, or that has to be stopped."""
        result: Executed | str
        if branch.connection.poll():
            try:
                result = branch.connection.recv()
            except EOFError:
                branch.process.join(_SECONDS_TO_REPORT)
                result = f"the process ended with code {branch.process.exitcode}"
        elif time.monotonic() - branch.began > self._seconds:
            result = f"stopped after {self._seconds:g} s"
        else:
            return False
        branch.process.kill()
        branch.process.join()
        branch.connection.close()
        self._tokens.release()
        if isinstance(result, str):
            notebook = branch.version.notebook
            cells = tuple(score_notebook(notebook))
            result = Executed(notebook, Outcome.KERNEL_DIED, self._seconds, cells, result)
        self._report(branch.version.key, result)
        return True


def first_difference(solution: NotebookNode, other: NotebookNode) -> int:
    """The index of the first cell of a version whose text is not the solution's.

    Where there is none, it is that of its last cell, which then runs again.
    """
    texts = {cell.id: cell.source for cell in solution.cells}
    for index, cell in enumerate(other.cells):
        if cell.cell_type == "code" and texts.get(cell.id) != cell.source:
            return index
    return len(other.cells) - 1


def _go_on(connection: Connection, replay: Replay, version: Version, start: int) -> None:
    """In a child: run what is left of a version, and tell what came of it."""
    end_with_parent()
    try:
        connection.send(replay.go_on_with(version.notebook, start))
    except BaseException:  # noqa: BLE001 - nobody else would hear of it
        connection.send(traceback.format_exc())
    connection.close()
    os._exit(0)  # what the solution's process has registered for its end is not ours to do
