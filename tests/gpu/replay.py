"""``python -m tests.gpu.replay ASSIGNMENT NOTEBOOK DEVICE``: solutions on a device, in one process.

Runs the reference solution of a notebook, or with ``--wrong`` one wrong solution of each exercise,
as ``workshop verify`` does on a CPU, and writes what differs from what it should be as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path

from workshop.authoring.build import compile_notebook
from workshop.course import Course
from workshop.grading.devices import device_class
from workshop.grading.verification import load_thresholds
from workshop.learn.running import DEVICE
from workshop.verify.replay import Replay
from workshop.verify.report import Kind, Run, Task, judged
from workshop.verify.run import first_of_each
from workshop.verify.slices import sliced
from workshop.verify.variants import load_variants, patched

COURSE = Course.at(Path(__file__).resolve().parents[2])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("assignment")
    parser.add_argument("notebook")
    parser.add_argument("device")
    parser.add_argument("--wrong", action="store_true")
    given = parser.parse_args()
    os.environ[DEVICE], os.environ["MPLBACKEND"] = given.device, "Agg"
    if given.device.startswith("standin"):
        from tests.gpu.stand_in import register  # noqa: PLC0415 - it stays with the process

        register()
    runs = [_run(task) for task in _tasks(given.assignment, given.notebook, wrong=given.wrong)]
    report = judged(runs)
    problems = [
        f"{exercise.name}: {'; '.join(filter(None, [exercise.problem, *told]))}"
        for exercise in report.exercises
        for told in [[f"{each.name}: {each.problem}" for each in exercise.mutants if not each.ok]]
        if not exercise.ok
    ]
    tried = sum(len(exercise.mutants) for exercise in report.exercises)
    found = {"exercises": len(report.exercises), "wrong": tried, "problems": problems}
    print("REPLAYED", json.dumps(found))  # noqa: T201 - for the test that has started this


def _tasks(assignment: str, notebook: str, *, wrong: bool) -> Iterator[Task]:
    yield Task(assignment, notebook, Kind.SOLUTION, "solution")
    if wrong:
        variants = load_variants(COURSE.instructor_folder(assignment, notebook) / "variants.yaml")
        named = variants.wrong.items()
        yield from first_of_each(
            (Task(assignment, notebook, Kind.WRONG, name, each) for name, each in named), 1
        )


def _run(task: Task) -> Run:
    notebook = compile_notebook(COURSE, task.assignment, task.notebook)
    if task.variant is not None:
        asked = {f"test_{task.variant.exercise}", *task.variant.loses}
        notebook = sliced(patched(notebook, task.variant), task.variant.exercise, asked)
    kind = os.environ[DEVICE].partition(":")[0]
    calibration = COURSE.calibration(task.assignment, task.notebook)
    replay = Replay(notebook, load_thresholds(calibration, device_class(kind, "float32")))
    for cell in replay.notebook.cells:
        if cell.cell_type == "code":
            replay.run(cell)
    return Run.of(task, replay.executed())


if __name__ == "__main__":
    main()
