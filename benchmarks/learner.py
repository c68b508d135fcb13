"""How long a learner waits: until the first check says something, and for a notebook as a whole.

Run: python -m benchmarks.learner ASSIGNMENT NOTEBOOK

The solved notebook runs from top to bottom in a fresh kernel, as in JupyterLab, twice: at first
with no features kept, then with those that the first run has kept.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import nbformat
from matplotlib.figure import Figure

from benchmarks.classes import class_course
from benchmarks.output import save
from workshop.course import Course
from workshop.grading.execution import Limits, run_cells, scratch_copy
from workshop.grading.records import nbgrader_of, record_of


def run_once(path: Path, cache: Path) -> dict[str, float]:
    """Seconds of a run of a notebook, the kernel's start included."""
    notebook = nbformat.read(path, as_version=4)
    with scratch_copy(path.parent) as folder:
        began = time.perf_counter()
        environment = {"WORKSHOP_CACHE": str(cache)}
        run_cells(notebook, folder, Limits(), env=environment, confinement="none")
        whole = time.perf_counter() - began
    cells = [each for each in notebook.cells if each.cell_type == "code"]
    first = next(row for row, each in enumerate(cells) if nbgrader_of(each).get("grade"))
    seconds = [float(record_of(each)["seconds"]) for each in cells]
    start = whole - sum(seconds)
    return {"to_the_first_check": start + sum(seconds[: first + 1]), "whole": whole}


def picture(runs: dict[str, dict[str, float]], title: str) -> Figure:
    figure = Figure(figsize=(6, 2.2))
    axes = figure.subplots()
    for offset, (name, run) in zip((-0.2, 0.2), runs.items(), strict=True):
        rows = [row + offset for row in range(len(run))]
        bars = axes.barh(rows, [*run.values()], height=0.4, label=name)
        axes.bar_label(bars, fmt="%.0f s", padding=3)
    axes.set_yticks([0, 1], ["until the first check", "the whole notebook"])
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set_title(title)
    axes.legend()
    return figure


def main() -> None:
    assignment, notebook = sys.argv[1:]
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        course = class_course(Course.find(), root / "course", assignment, 1, [notebook])
        path = course.submitted / "student0000" / assignment / f"{notebook}.ipynb"
        names = ("first run", "second run")
        runs: dict[str, dict[str, float]] = {each: run_once(path, root / "cache") for each in names}
    for each, run in runs.items():
        print(f"{each}: {run['to_the_first_check']:.1f} s to the first check, {run['whole']:.1f} s")
    results: dict[str, Any] = {"assignment": assignment, "notebook": notebook, "runs": runs}
    save(f"learner_{notebook}", results, picture(runs, f"{assignment}/{notebook}"))


if __name__ == "__main__":
    main()
