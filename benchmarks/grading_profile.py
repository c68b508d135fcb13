"""Where the wall time of grading goes, stage by stage.

Run: python -m benchmarks.grading_profile ASSIGNMENT [--students N] [--notebook NAME]

One process grades a class. The first submission, which imports and computes what is kept for all
others, does not count.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from matplotlib.figure import Figure

from benchmarks.classes import class_course
from benchmarks.output import save
from workshop.course import Course
from workshop.grading import verification
from workshop.grading.asking import AskingClient
from workshop.grading.converter import DurableAutograde
from workshop.grading.execution import _Run
from workshop.grading.grade import grade
from workshop.grading.nbgrader_steps import RestoreSubmission, StrictSaveAutoGrades

# What is timed, and as what. The second holds the two after it, which are taken off at the end.
_STAGES: dict[str, tuple[Any, str]] = {
    "look at the submission": (DurableAutograde, "init_assignment"),
    "start and end the kernel": (verification, "run_cells"),
    "the cells themselves": (_Run, "_cell"),
    "ask about graded cells": (AskingClient, "after_cell"),
    "restore the notebook": (RestoreSubmission, "preprocess"),
    "prepare the questions": (verification.Verification, "__init__"),
    "decide": (verification.Verification, "finish"),
    "score": (StrictSaveAutoGrades, "preprocess"),
    "write the grades": (DurableAutograde, "_commit"),
}
_REST = "read, validate and convert notebooks"


@contextlib.contextmanager
def timed(seconds: defaultdict[str, float]) -> Iterator[None]:
    """Add up the wall time of each stage."""

    def wrapped(stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                seconds[stage] += time.perf_counter() - began

        return run

    with contextlib.ExitStack() as stack:
        for stage, (place, name) in _STAGES.items():
            function = getattr(place, name)
            stack.enter_context(mock.patch.object(place, name, wrapped(stage, function)))
        yield


def measured(root: Path, assignment: str, notebooks: list[str], students: int) -> dict[str, Any]:
    course = class_course(Course.find(), root, assignment, students + 1, notebooks)
    grade(course, assignment, ["student0000"])
    seconds: defaultdict[str, float] = defaultdict(float)
    with timed(seconds):
        began = time.perf_counter()
        grade(course, assignment)
        whole = time.perf_counter() - began
    kernel, inside = "start and end the kernel", ("the cells themselves", "ask about graded cells")
    seconds[kernel] -= sum(seconds[each] for each in inside)
    seconds[_REST] = whole - sum(seconds.values())
    stages = {
        stage: total / students
        for stage, total in sorted(seconds.items(), key=lambda item: -item[1])
    }
    return {"assignment": assignment, "students": students, "seconds_per_submission": stages}


def picture(results: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(6, 3))
    axes = figure.subplots()
    stages = results["seconds_per_submission"]
    bars = axes.barh([*stages], [*stages.values()])
    axes.bar_label(bars, fmt="%.2f", padding=3)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set_xlabel("seconds for each submission")
    axes.set_title(results["assignment"])
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("assignment")
    parser.add_argument("--students", type=int, default=10)
    parser.add_argument("--notebook", action="append", default=[], help="only this one")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        results = measured(
            Path(name) / "course", arguments.assignment, arguments.notebook, arguments.students
        )
    for stage, seconds in results["seconds_per_submission"].items():
        print(f"{seconds:7.3f} s  {stage}")
    name = "_".join(["grading_profile", arguments.assignment, *arguments.notebook])
    save(name, results, picture(results))


if __name__ == "__main__":
    main()
