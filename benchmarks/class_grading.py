"""Grade a class with stock nbgrader and with ``workshop grade``: the same work, in one run.

Run: python -m benchmarks.class_grading ASSIGNMENT [--students N] [--notebook NAME] [--workers N]

Stock nbgrader runs the same hidden checks inside the learner's kernel. Says how long a submission
takes with each, what grading costs over the cells' own time, how much a second worker brings, and
whether every cell has the same score. Times are from the command to its end; how much a second
worker brings is told also without the start, which a run for one student shows.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from matplotlib.figure import Figure

from benchmarks.classes import class_course, run, scores_of, stock_course
from benchmarks.output import save
from workshop.course import Course
from workshop.grading.records import record_of


def ours(course: Course, assignment: str, workers: int) -> dict[str, Any]:
    """Grade everything, and tell the time over what the cells themselves took."""
    arguments = ("-m", "workshop", "grade", assignment, "--force", "--workers", str(workers))
    # Nothing that an earlier run has computed for all.
    shutil.rmtree(course.autograded / ".features", ignore_errors=True)
    for_one = run(course.root, *arguments, "--student", "student0000").seconds
    seconds = run(course.root, *arguments).seconds
    in_cells = 0.0
    for path in course.autograded.glob(f"*/{assignment}/*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        in_cells += sum(record_of(cell).get("seconds", 0) for cell in cells)
    return {"seconds": seconds, "seconds_for_one": for_one, "in_cells": in_cells}


def measured(
    root: Path, assignment: str, notebooks: list[str], *, students: int, workers: int
) -> dict[str, Any]:
    course = class_course(Course.find(), root / "ours", assignment, students, notebooks)
    stock = stock_course(course, root / "stock", assignment)
    results: dict[str, Any] = {"assignment": assignment, "students": students}
    results["notebooks"] = list(course.notebooks(assignment))
    for count in (1, workers):
        results[f"workers_{count}"] = ours(course, assignment, count)
    results["stock"] = {"seconds": run(stock, "-m", "nbgrader", "autograde", assignment).seconds}
    here = scores_of(course.gradebook, assignment)
    there = scores_of(stock / "gradebook.db", assignment)
    results["cells"] = len(here)
    results["other_scores"] = [
        [*cell, here.get(cell), there.get(cell)]
        for cell in sorted({*here, *there})
        if here.get(cell) != there.get(cell)
    ]
    alone, together = results["workers_1"], results[f"workers_{workers}"]
    results["times_faster"] = results["stock"]["seconds"] / together["seconds"]
    results["overhead_per_submission"] = (alone["seconds"] - alone["in_cells"]) / students
    results["share_of_ideal_scaling"] = alone["seconds"] / together["seconds"] / workers
    further = [each["seconds"] - each["seconds_for_one"] for each in (alone, together)]
    results["share_of_ideal_scaling_without_start"] = further[0] / further[1] / workers
    return results


def picture(results: dict[str, Any], workers: int) -> Figure:
    ways = {
        "stock nbgrader": "stock",
        "1 worker": "workers_1",
        f"{workers} workers": f"workers_{workers}",
    }
    figure = Figure(figsize=(6, 2.2))
    axes = figure.subplots()
    seconds = [results[way]["seconds"] / results["students"] for way in ways.values()]
    bars = axes.barh(list(ways), seconds)
    axes.bar_label(bars, fmt="%.1f s", padding=3)
    axes.invert_yaxis()
    axes.set_xlabel("wall time for each submission in seconds")
    axes.set_title(f"{results['assignment']}, {results['students']} submissions")
    axes.margins(x=0.15)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("assignment")
    parser.add_argument("--students", type=int, default=20)
    parser.add_argument("--notebook", action="append", default=[], help="only this one")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        results = measured(
            Path(name),
            arguments.assignment,
            arguments.notebook,
            students=arguments.students,
            workers=arguments.workers,
        )
    for key, value in results.items():
        if isinstance(value, float):
            print(f"{key}: {value:.2f}")
    print(f"{len(results['other_scores'])} of {results['cells']} cells have another score")
    figure = picture(results, arguments.workers)
    save("_".join(["class_grading", arguments.assignment, *arguments.notebook]), results, figure)


if __name__ == "__main__":
    main()
