"""Run a notebook and score it, without a course, a gradebook or a submission."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from workshop.grading.execution import Limits, scratch_copy
from workshop.grading.records import CellResult, Outcome
from workshop.grading.sandbox.levels import Confinement
from workshop.grading.scoring import score_notebook
from workshop.grading.verification import run_verified


@dataclass(frozen=True)
class Executed:
    """A notebook that ran, with its scores.

    Attributes:
        notebook: the executed copy, outputs included.
        outcome: how the execution ended; any but REJECTED.
        seconds: wall time of all cells together.
        cells: one result for each graded cell, in the notebook's order.
        message: what cut the execution short; empty if nothing did.
    """

    notebook: NotebookNode
    outcome: Outcome
    seconds: float
    cells: tuple[CellResult, ...]
    message: str = ""

    @property
    def score(self) -> float:
        """Points earned in the cells that are scored already."""
        return sum(cell.score for cell in self.cells if cell.score is not None)

    @property
    def max_score(self) -> float:
        """Points that can be earned in all graded cells."""
        return sum(cell.max_score for cell in self.cells)

    def __getitem__(self, grade_id: str) -> CellResult:
        """The result of one graded cell.

        Raises:
            KeyError: the notebook has no such graded cell.
        """
        for cell in self.cells:
            if cell.grade_id == grade_id:
                return cell
        raise KeyError(grade_id)


def execute_notebook(
    notebook: NotebookNode,
    cwd: Path | None = None,
    *,
    limits: Limits | None = None,
    thresholds: Mapping[str, float] | None = None,
    env: Mapping[str, str] | None = None,
    kernel_name: str = "python3",
    confinement: str = Confinement.BUBBLEWRAP,
    warm: bool = True,
) -> Executed:
    """Execute a notebook and score its grade cells exactly as a submission's are.

    Args:
        notebook: with nbgrader metadata and hidden tests; not changed.
        cwd: a folder whose files the notebook may read. The kernel works in a copy of it, without
            the notebooks. None for an empty folder.
        limits: what it may take and use; without them those of :class:`Limits`.
        thresholds: the calibrated accuracies by grade id.
        env: set in the kernel.
        kernel_name: the kernelspec to use.
        confinement: the name of a level; see :class:`~workshop.grading.sandbox.levels.Confinement`.
        warm: as for :func:`~workshop.grading.execution.run_cells`.

    Raises:
        ConfinementUnavailable: this machine cannot do what the level asks for.
        KernelStartError: the kernel did not start.
    """
    result = copy.deepcopy(notebook)
    with scratch_copy(cwd) as scratch:
        execution = run_verified(
            result,
            scratch,
            limits or Limits(),
            thresholds=thresholds or {},
            env=env,
            kernel_name=kernel_name,
            confinement=confinement,
            warm=warm,
        )
    cells = score_notebook(result)
    return Executed(result, execution.outcome, execution.seconds, tuple(cells), execution.message)
