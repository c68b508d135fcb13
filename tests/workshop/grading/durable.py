"""Helpers for the tests of what is kept: a course that is graded without kernels, in processes."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor

from workshop.course import Course
from workshop.grading.gradebook import open_gradebook
from workshop.grading.records import nbgrader_of, record_of

if TYPE_CHECKING:
    from tests.workshop.grading.conftest import TinyCourse

ROOT = Path(__file__).parents[3]

SECONDS = "TEST_SECONDS_PER_NOTEBOOK"


class FakeExecution(NbGraderPreprocessor):  # type: ignore[misc] # nbgrader ships no types
    """Stands in for the kernel, and for that only: fast, and decided by the submission's text.

    Each test gets the points that an answer before it asks for, in the form ``# n points``.
    """

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        asked = 0.0
        for cell in nb.cells:
            found = re.search(r"# (\S+) points", cell.source)
            asked = float(found[1]) if found else asked
            if cell.cell_type == "code":
                record_of(cell)["state"] = "completed"
                cell.outputs, cell.execution_count = [], 1
                if nbgrader_of(cell).get("grade"):
                    text = repr(float(min(asked, nbgrader_of(cell)["points"])))
                    data = {"text/plain": text}
                    cell.outputs = [new_output("execute_result", data=data, execution_count=1)]
        record_of(nb).update(outcome="COMPLETED", seconds=0.01, message="")
        time.sleep(float(os.environ.get(SECONDS, "0")))
        return nb, resources


def without_kernels(course: Course) -> None:
    """Let a course's notebooks be graded without kernels."""
    step = f"{__name__}.{FakeExecution.__name__}"
    with course.config_path.open("a") as file:
        file.write(f"\nc.Autograde.autograde_preprocessors[0] = {step!r}\n")


@dataclass(frozen=True)
class Kept:
    """What a gradebook holds, without random ids: comparable between courses."""

    grades: tuple[Any, ...]
    comments: tuple[Any, ...]
    submissions: tuple[Any, ...]


def gradebook_of(course: Course) -> Kept:
    """Everything that grading writes, from the database itself."""
    where = """
        from {table} t join base_cell c on c.id = t.cell_id
        join submitted_notebook sn on sn.id = t.notebook_id
        join notebook n on n.id = sn.notebook_id
        join submitted_assignment sa on sa.id = sn.assignment_id
        order by sa.student_id, n.name, c.name
    """
    # Not read-only: after a kill within a commit, the next to open it undoes what was half written.
    database = sqlite3.connect(course.gradebook)
    try:

        def rows(columns: str, table: str) -> tuple[Any, ...]:
            key = "sa.student_id, n.name, c.name"
            return tuple(database.execute(f"select {key}, {columns} {where.format(table=table)}"))

        return Kept(
            rows("t.auto_score, t.manual_score, t.needs_manual_grade", "grade"),
            rows("t.auto_comment", "comment"),
            tuple(
                database.execute(
                    "select student_id, timestamp from submitted_assignment order by student_id"
                )
            ),
        )
    finally:
        database.close()


def process(course: Course, *command: str, env: Mapping[str, str] | None = None) -> Any:
    """Start ``workshop`` (or ``-m module``) in the course, as a process of its own."""
    arguments = command if command[0] == "-m" else ("-m", "workshop", *command)
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=course.root,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(course: Course, *command: str, env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Exit status and output of such a process."""
    with process(course, *command, env=env) as started:
        output, _ = started.communicate(timeout=300)
        return started.returncode, output


def lines_of(course: Course) -> list[dict[str, Any]]:
    """The log's lines."""
    return [json.loads(line) for line in course.gradelog.read_text().splitlines()]


def hand_in(tiny: TinyCourse, student: str, points: float) -> None:
    answer = f"# {points} points"
    tiny.submit(student, tiny.answered({"square": answer, "cube": answer}))


def scores(course: Course) -> dict[tuple[str, str], float | None]:
    return {(row[0], row[2]): row[3] for row in gradebook_of(course).grades}


def whys(course: Course, student: str) -> list[str]:
    return [each["why"] for each in lines_of(course) if each["student"] == student]


@contextmanager
def by_hand(course: Course) -> Iterator[Any]:
    with open_gradebook(CourseDirectory(config=course.nbgrader_config())) as gradebook:
        yield gradebook
        gradebook.db.commit()
