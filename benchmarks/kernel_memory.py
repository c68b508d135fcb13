"""What memory each further kernel takes: forked from a warm process, and started from nothing.

Run: python -m benchmarks.kernel_memory [MOST]

Starts up to MOST confined kernels at the same time, each with the libraries of a notebook imported
and no tensor of a learner's, and counts the memory of all processes of the grader together (PSS:
what several share counts once). The slope is what one more kernel takes.
"""

from __future__ import annotations

import functools
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from benchmarks.output import save
from benchmarks.processes import proportional_memory, tree
from workshop.grading.client import Client
from workshop.grading.execution import Limits, run_cells
from workshop.grading.records import CellState, record_of
from workshop.grading.sandbox import warm

MOST = 4
IMPORTS = "import torch, torchvision, timm, transformers, peft, sklearn, matplotlib.pyplot"


class WaitingClient(Client):
    """Lets a kernel be once its cell has run, until it has been looked at."""

    def __init__(self, *args: Any, meet: Barrier, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._meet = meet

    def after_cell(self, _cell: NotebookNode) -> None:
        """Wait for the others, then for the end of the measurement."""
        self._meet.wait()
        self._meet.wait()


def memory_with(kernels: int, *, forked: bool) -> float:
    """MB of all processes while so many kernels wait."""
    meet = Barrier(kernels + 1, timeout=300)
    client = functools.partial(WaitingClient, meet=meet)

    def kernel(folder: Path) -> None:
        notebook = new_notebook(cells=[new_code_cell(IMPORTS)])
        run_cells(notebook, folder, Limits(), warm=forked, make_client=client)
        state = record_of(notebook.cells[0])["state"]
        assert state == CellState.COMPLETED, notebook.cells[0].outputs  # noqa: S101

    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(kernels) as pool:
        running = [pool.submit(kernel, Path(name)) for _ in range(kernels)]
        meet.wait()
        memory = proportional_memory(tree(os.getpid()))
        meet.wait()
        for each in running:
            each.result()
    return memory


def main() -> None:
    counts = range(1, (int(sys.argv[1]) if len(sys.argv) > 1 else MOST) + 1)
    warm.to_share()  # what is there once does not count
    results: dict[str, Any] = {"kernels": [*counts]}
    figure = Figure(figsize=(5, 3))
    axes = figure.subplots()
    for way, forked in (("forked", True), ("started from nothing", False)):
        memory = [memory_with(count, forked=forked) for count in counts]
        slope = float(np.polyfit(counts, memory, 1)[0])
        results[way] = {"megabytes": memory, "megabytes_per_kernel": slope}
        axes.plot(counts, memory, marker="o", label=f"{way}: {slope:.0f} MB more for each")
        print(f"{way}: {slope:.0f} MB for each further kernel")
    axes.set_xlabel("kernels at the same time")
    axes.set_ylabel("memory of all processes (PSS) in MB")
    axes.set_ylim(bottom=0)
    axes.legend()
    save("kernel_memory", results, figure)


if __name__ == "__main__":
    main()
