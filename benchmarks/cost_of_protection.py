"""What confinement, verification and the log cost a submission, beside stock nbgrader.

Run: python -m benchmarks.cost_of_protection [ROUNDS]

One process grades the same solved notebook again and again: with stock nbgrader and asserts, and
with this course's configuration, confined and not, each round in another order, so that a machine
that slows down slows all of them. The notebook of tests/security computes next to nothing: what is
left is what grading itself costs. Prints a table with medians, and ratios to stock nbgrader.
"""

from __future__ import annotations

import json
import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
from nbgrader.apps import NbGraderAPI
from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory
from rich.progress import track
from traitlets.config import Config

from benchmarks.attacks_on_stock_nbgrader import ALL_POINTS, TESTS
from tests.security.lab import (
    ASSIGNMENT,
    NOTEBOOK,
    SOLUTIONS,
    build,
    source_notebook,
    submission,
)

ROUNDS = 10
_log = logging.Logger("stock", logging.CRITICAL)


def stock_course(root: Path) -> Callable[[str], float]:
    """Grades one student with stock nbgrader; returns the score."""
    folder = root / "source" / ASSIGNMENT
    folder.mkdir(parents=True)
    nbformat.write(source_notebook(TESTS.__getitem__), folder / f"{NOTEBOOK}.ipynb")
    config = Config()
    config.CourseDirectory.root = str(root)
    # A new gradebook asks for the program `alembic`, which stands beside this Python.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    coursedir = CourseDirectory(config=config, log=_log)
    NbGraderAPI(coursedir, log=_log).generate_assignment(ASSIGNMENT)
    release = root / "release" / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    solved = json.dumps(submission(nbformat.read(release, as_version=4), SOLUTIONS))

    def grade(student: str) -> float:
        path = root / "submitted" / student / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(solved, encoding="utf-8")
        coursedir.assignment_id, coursedir.student_id = ASSIGNMENT, student
        before = Path.cwd()
        try:
            Autograde(coursedir=coursedir, config=config, log=_log).start()
        finally:
            os.chdir(before)
        api = NbGraderAPI(coursedir, log=_log)
        return float(api.get_submission(ASSIGNMENT, student)["score"])

    return grade


def our_course(root: Path, confinement: str) -> Callable[[str], float]:
    """Grades one student as ``workshop grade`` does; returns the score."""
    lab = build(root)
    with lab.course.config_path.open("a", encoding="utf-8") as file:
        file.write(f'\nc.ExecuteSubmission.confinement = "{confinement}"\n')

    def grade(student: str) -> float:
        lab.hand_in(student, submission(lab.release, SOLUTIONS))
        graded = lab.grade([student])[student]
        print(graded.messages[:300], file=sys.stderr, end="")
        return sum(score or 0 for score in graded.scores.values())

    return grade


def measured(root: Path, rounds: int) -> dict[str, list[float]]:
    ways = {
        "stock nbgrader": stock_course(root / "stock"),
        "verified outside, logged, not confined": our_course(root / "none" / "course", "none"),
        "verified outside, logged, confined": our_course(root / "all" / "course", "bubblewrap"),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    names = list(ways)
    for number in track(range(rounds + 1), "grading", disable=not sys.stderr.isatty()):
        for name in names[number % 3 :] + names[: number % 3]:
            began = time.perf_counter()
            score = ways[name](f"student{number}")
            if number:  # the first round imports and compiles
                seconds[name].append(time.perf_counter() - began)
            assert score == ALL_POINTS, (name, score)  # noqa: S101
    return seconds


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with tempfile.TemporaryDirectory() as name:
        seconds = measured(Path(name), rounds)
    stock = statistics.median(seconds["stock nbgrader"])
    print(f"Seconds a submission, median (least to most) of {rounds} rounds in one run.\n")
    print("| way | seconds | more than stock | ratio |\n| --- | --- | --- | --- |")
    for way, each in seconds.items():
        median = statistics.median(each)
        spread = f"{median:.2f} ({min(each):.2f} to {max(each):.2f})"
        print(f"| {way} | {spread} | {median - stock:+.2f} | {median / stock:.2f} |")


if __name__ == "__main__":
    main()
