"""A notebook of our own, run in this very process: no kernel, no confinement, the same verdicts.

For verifying, where all code is the course's. What runs here can be forked at any cell, so that
hundreds of wrong solutions share what comes before the exercise that they get wrong.
"""

from __future__ import annotations

import contextlib
import copy
import random
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from nbformat import NotebookNode
from nbformat.v4 import new_output
from traitlets.config import Config

from workshop.grading.records import CellState, Outcome, record_of
from workshop.grading.run import Executed
from workshop.grading.scoring import score_notebook
from workshop.grading.verification import Verification


class Replay:
    """Runs the code cells of a notebook one after another, and decides graded ones at once.

    There can be one in a process: names live in IPython's one shell.

    Args:
        notebook: with nbgrader metadata and hidden tests; not changed.
        thresholds: the calibrated accuracies by grade id.

    Attributes:
        notebook: a copy, with outputs and records of what has run.

    Raises:
        WorkshopError: a hidden part cannot be used, or a locked cell stopped.
    """

    def __init__(self, notebook: NotebookNode, thresholds: Mapping[str, float]) -> None:
        self.notebook = copy.deepcopy(notebook)
        self._verification = Verification(self.notebook, thresholds, seconds=0)
        self._verification.begin()
        self._shell: Any = _shell()  # only partly typed
        self._seconds = 0.0

    def run(self, cell: NotebookNode) -> None:
        """Run a code cell of :attr:`notebook`; an exception in it is its output."""
        record, began = record_of(cell), time.monotonic()
        with capture_output() as captured:
            result = self._shell.run_cell(cell.source)
        cell.outputs = _outputs(captured, result, self._shell)
        error = result.error_before_exec or result.error_in_exec
        record["state"] = (CellState.COMPLETED if error is None else CellState.RAISED).value
        if error is not None:
            record["error"] = {"ename": type(error).__name__, "evalue": str(error)}
        with _randomness_kept():
            self._verification.look(cell, self._shell.user_ns)
            self._verification.decide(cell)
        record["seconds"] = round(time.monotonic() - began, 3)
        self._seconds += record["seconds"]

    def go_on_with(self, notebook: NotebookNode, start: int) -> Executed:
        """Run the rest of another version of the notebook after what has run here.

        Args:
            notebook: another solution; perhaps with fewer cells. Not changed.
            start: the index of its first cell that runs. Those before it have run here.

        Returns:
            That notebook with the results of all its cells.
        """
        done = {cell.id: cell for cell in self.notebook.cells}
        other = copy.deepcopy(notebook)
        other.cells[:start] = [done.get(cell.id, cell) for cell in other.cells[:start]]
        self.notebook, self._seconds = other, 0.0
        self._verification = self._verification.about(other)
        self._verification.begin()
        for cell in other.cells[start:]:
            if cell.cell_type == "code":
                self.run(cell)
        return self.executed()

    def executed(self) -> Executed:
        """What all cells came to. Those that did not run have no score."""
        cells = score_notebook(self.notebook)
        return Executed(self.notebook, Outcome.COMPLETED, self._seconds, tuple(cells))


def _shell() -> InteractiveShell:
    # Its history would be written to a file, by a thread of its own.
    shell: InteractiveShell = InteractiveShell.instance(
        config=Config({"HistoryManager": {"enabled": False}})
    )
    shell.user_ns["__name__"] = "__main__"
    return shell


def _outputs(captured: Any, result: Any, shell: Any) -> list[NotebookNode]:
    found = [
        new_output("stream", name=name, text=text)
        for name, text in (("stdout", captured.stdout), ("stderr", captured.stderr))
        if text
    ]
    found += [new_output("display_data", data=each.data) for each in captured.outputs]
    if result.result is not None:
        data = shell.display_formatter.format(result.result)[0]
        found.append(new_output("execute_result", data=data))
    return found


@contextlib.contextmanager
def _randomness_kept() -> Iterator[None]:
    """Leave the random numbers that the next cell draws as if nobody had looked."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
