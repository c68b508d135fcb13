"""Run a submission where it computes: on the CPU, or in its place on a GPU."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping

from nbformat import NotebookNode

from workshop.grading.devices import ON_CPU, VISIBLE, Device, kernel_gpus, nth_visible
from workshop.grading.execution import Execution
from workshop.grading.gpu_sharing import Place, alone, place
from workshop.grading.records import Outcome
from workshop.learn.running import GPU_MEMORY, PRECISION

_NO_MEMORY = "OutOfMemoryError"
Runs = Callable[[NotebookNode, Device, Mapping[str, str]], Execution]
"""Runs a notebook in place, on a device, with variables for its kernel."""


def run_on_device(
    notebook: NotebookNode, run: Runs, *, confinement: str, precision: str, share_mb: int
) -> tuple[Execution, Device]:
    """Run a notebook on a GPU if kernels have one, else on the CPU.

    Where several share a GPU and this one found no memory, it runs again with a GPU to itself, in
    its own share: that it failed beside others is no reason to lose points.

    Args:
        notebook: changed in place by ``run``.
        run: runs it.
        confinement: the name of the level that kernels run at.
        precision: how exactly a GPU is to multiply.
        share_mb: of a GPU's memory, what one submission may use for tensors; 0 for all of it.

    Returns:
        How the execution ended, and on what.

    Raises:
        WorkshopError: there is a GPU, and it cannot be used; or what ``run`` raises.
    """
    gpus = kernel_gpus(confinement)
    if not gpus:
        return run(notebook, ON_CPU, {}), ON_CPU

    def run_at(here: Place) -> tuple[Execution, Device]:
        device = Device("cuda", precision, gpus[here.index].name, here.memory_mb)
        return run(notebook, device, _environment(here, precision)), device

    untouched = copy.deepcopy(notebook)
    with place(gpus, share_mb) as here:
        ended = run_at(here)
    if here.shared and found_no_memory(notebook, ended[0]):
        notebook.cells, notebook.metadata = untouched.cells, untouched.metadata
        with alone(gpus, share_mb) as here:
            ended = run_at(here)
    return ended


def found_no_memory(notebook: NotebookNode, ended: Execution) -> bool:
    """Whether memory ran out, in a cell or in a check that called the learner's code."""
    if ended.outcome is Outcome.OUT_OF_MEMORY:
        return True
    return any(_NO_MEMORY in str(cell.get("outputs", "")) for cell in notebook.cells)


def _environment(here: Place, precision: str) -> dict[str, str]:
    return {
        VISIBLE: nth_visible(here.index),
        GPU_MEMORY: str(here.memory_mb),
        PRECISION: precision,
    }
