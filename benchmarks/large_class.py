"""Grade a large class of light submissions, and see whether anything grows or is left over.

Run: python -m benchmarks.large_class [STUDENTS] [--workers N]

Each student hands in the quiz of module 1; each submission runs in a confined kernel. Every few
seconds it is noted how much memory all processes of the grader use, how many there are and how many
files they hold. Afterwards: what is left of processes, of temporary files, and of locks on the
gradebook.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from matplotlib.figure import Figure

from benchmarks.classes import class_course, scores_of
from benchmarks.output import save
from benchmarks.processes import open_files, proportional_memory, tree
from workshop.course import Course

ASSIGNMENT, NOTEBOOK = "module1_concepts", "quiz"
SECONDS_BETWEEN = 5.0


def measured(root: Path, students: int, workers: int) -> dict[str, Any]:
    course = class_course(Course.find(), root / "course", ASSIGNMENT, students, [NOTEBOOK])
    temporary = root / "temporary"
    temporary.mkdir()
    began = time.monotonic()
    process = subprocess.Popen(  # noqa: S603 - our own arguments
        [sys.executable, "-m", "workshop", "grade", ASSIGNMENT, "--workers", str(workers)],
        cwd=course.root,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    seen: list[tuple[float, float, int, int]] = []
    started: set[psutil.Process] = set()
    while process.poll() is None:
        running = tree(process.pid)
        started.update(running)
        used = proportional_memory(running), len(running), open_files(running)
        row = (time.monotonic() - began, *used)
        seen.append(row)
        time.sleep(SECONDS_BETWEEN)
    seconds = time.monotonic() - began
    _, left = psutil.wait_procs(started, timeout=SECONDS_BETWEEN)
    graded = scores_of(course.gradebook, ASSIGNMENT)
    return {
        "students": students,
        "workers": workers,
        "exit_status": process.returncode,
        "seconds": seconds,
        "seconds_per_submission": seconds / students,
        "graded": len({student for student, _, _ in graded}),
        "over_time": [
            dict(zip(("seconds", "mb", "processes", "files"), row, strict=True)) for row in seen
        ],
        "mb_more_in_the_last_tenth": _growth([row[1] for row in seen]),
        "files_more_in_the_last_tenth": _growth([row[3] for row in seen]),
        "left_processes": [str(each) for each in left],
        "left_temporary_files": len([*temporary.rglob("*")]),
        "left_beside_the_gradebook": [each.name for each in course.root.glob("gradebook.db-*")],
        "gradebook_can_be_written": _can_be_written(course.gradebook),
        "gradebook_mb": course.gradebook.stat().st_size / 1e6,
        "log_mb": course.gradelog.stat().st_size / 1e6,
    }


def _growth(values: list[float] | list[int]) -> float:
    """How much the last tenth is above the second one: the first has everything start."""
    tenth = max(1, len(values) // 10)
    return float(np.median(values[-2 * tenth : -tenth]) - np.median(values[tenth : 2 * tenth]))


def _can_be_written(database: Path) -> bool:
    with sqlite3.connect(database, timeout=0) as connection:
        connection.execute("begin exclusive")
        connection.rollback()
    return True


def picture(results: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(6, 4))
    rows = results["over_time"]
    minutes = [row["seconds"] / 60 for row in rows]
    for axes, name, label in zip(
        figure.subplots(2, sharex=True),
        ("mb", "files"),
        ("memory (PSS) in MB", "open files"),
        strict=True,
    ):
        axes.plot(minutes, [row[name] for row in rows])
        axes.set_ylabel(label)
        axes.set_ylim(bottom=0)
    axes.set_xlabel(f"minutes ({results['students']} submissions, {results['workers']} workers)")
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("students", type=int, nargs="?", default=1000)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        results = measured(Path(name), arguments.students, arguments.workers)
    for key, value in results.items():
        if key != "over_time":
            print(f"{key}: {value}")
    save("large_class", results, picture(results))


if __name__ == "__main__":
    main()
