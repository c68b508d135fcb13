"""Kernels in a sandbox, and the code that tries to get out."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from workshop.errors import WorkshopError
from workshop.grading.execution import Execution, Limits, run_cells
from workshop.grading.records import record_of
from workshop.grading.sandbox.levels import require

QUICK = Limits(
    cell_seconds=30,
    notebook_seconds=60,
    interrupt_seconds=2,
    memory_mb=500,
    processes=20,
    scratch_mb=50,
    output_mb=1,
    notebook_output_mb=2,
    evidence_mb=2,
)


@pytest.fixture(autouse=True, scope="session")
def _needs_confinement() -> None:
    """Without user namespaces none of this can be shown; `workshop doctor` says what is missing."""
    try:
        require("bubblewrap")
    except WorkshopError as error:
        pytest.skip(f"this machine cannot confine: {error.what}")


@dataclass(frozen=True)
class Ran:
    """A notebook that ran confined."""

    ended: Execution
    notebook: NotebookNode

    def printed(self, index: int) -> str:
        outputs = self.notebook.cells[index].outputs
        return "".join(each.text for each in outputs if each.output_type == "stream")

    def states(self) -> list[str]:
        return [record_of(cell)["state"] for cell in self.notebook.cells]


Run = Callable[..., Ran]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs cells in a confined kernel under small limits."""

    def run_it(*sources: str, limits: Limits = QUICK, **more: object) -> Ran:
        notebook = new_notebook(cells=[new_code_cell(textwrap.dedent(each)) for each in sources])
        folder = tmp_path / "files"
        folder.mkdir(exist_ok=True)
        return Ran(run_cells(notebook, folder, limits, **more), notebook)  # type: ignore[arg-type]

    return run_it
