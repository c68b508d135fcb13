"""Classes to measure with: the same submissions in our course and in stock nbgrader's."""

from __future__ import annotations

import ast
import itertools
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook

from workshop.authoring.build import build
from workshop.course import Course
from workshop.demo import fresh_course
from workshop.grading.hidden_part import CALL, declares_checks
from workshop.grading.hiding import hidden_part
from workshop.grading.verification import load_thresholds
from workshop.submissions import sample_submission
from workshop.verify.variants import load_variants

# What makes one of our hidden parts an ordinary nbgrader test, which runs in the learner's kernel.
_IN_THE_KERNEL = """from workshop.grading import hidden as _hidden
globals().update(_hidden.names({grade_id!r}, {thresholds!r}))
def graded(*checked, **_):
    earned = 0.0
    for points, check in checked:
        try:
            earned += points * check().score
        except Exception:
            pass  # costs this check alone, as it does with us
    return earned
"""
_STOCK_CONFIG = """c = get_config()
c.CourseDirectory.course_id = "stock"
c.Execute.timeout = 1200
c.ClearMarkScheme.enforce_metadata = False  # our mark schemes stand in written answers
"""
Scores = Mapping[tuple[str, str, str], float | None]
"""By student, notebook and graded cell."""


@dataclass(frozen=True)
class Timed:
    """A command that has ended.

    Attributes:
        seconds: wall time, the start of Python included.
        output: what it wrote.
    """

    seconds: float
    output: str


def class_course(
    origin: Course, root: Path, assignment: str, students: int, notebooks: Sequence[str] = ()
) -> Course:
    """A course with one assignment that a class has handed in.

    The class is honest: right solutions and wrong ones, as they stand beside the assignment.

    Args:
        origin: whose texts are used.
        root: where it goes.
        assignment: the assignment's name.
        students: how many.
        notebooks: which of its notebooks; all for none.
    """
    course = fresh_course(origin, root)
    for path in [*course.source.glob("*/*.py")]:
        if path.parent.name != assignment or (notebooks and path.stem not in notebooks):
            path.unlink()
    build(course, [assignment])
    for notebook in course.notebooks(assignment):
        kinds = itertools.cycle(_kinds(course, assignment, notebook))
        texts: dict[str, str] = {}
        for number, kind in zip(range(students), kinds, strict=False):
            if kind not in texts:
                texts[kind] = sample_submission(course, assignment, notebook, kind)
            folder = course.submitted / f"student{number:04}" / assignment
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{notebook}.ipynb").write_text(texts[kind], encoding="utf-8")
    return course


def _kinds(course: Course, assignment: str, notebook: str) -> list[str]:
    """Half of a class is right, each in its own way; the other half makes one mistake each."""
    variants = load_variants(course.instructor_folder(assignment, notebook) / "variants.yaml")
    right = ["solution", *(f"right/{name}" for name in variants.right)]
    wrong = [f"wrong/{name}" for name in variants.wrong]
    if not wrong:
        return ["solution", "answers/3"]
    pairs = zip(itertools.cycle(right), wrong, strict=False)
    return [kind for pair in pairs for kind in pair]


def stock_course(ours: Course, root: Path, assignment: str) -> Path:
    """The same assignment and submissions for nbgrader as it comes, hidden tests in the kernel."""
    for notebook in ours.notebooks(assignment):
        path = ours.source_notebooks / assignment / f"{notebook}.ipynb"
        thresholds = load_thresholds(ours.calibration(assignment, notebook))
        content = nbformat.read(path, as_version=4)
        for cell in content.cells:
            hidden = hidden_part(cell.source) if cell.cell_type == "code" else ""
            if hidden and declares_checks(hidden):
                grade_id = cell.metadata["nbgrader"]["grade_id"]
                first = _IN_THE_KERNEL.format(grade_id=grade_id, thresholds=thresholds)
                cell.source = cell.source.replace(hidden, f"{first}{one_by_one(hidden)}")
        target = root / "source" / assignment / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(content, target)
    (root / "nbgrader_config.py").write_text(_STOCK_CONFIG, encoding="utf-8")
    shutil.copytree(ours.submitted, root / "submitted")
    run(root, "-m", "nbgrader", "generate_assignment", assignment)
    return root


def one_by_one(hidden: str) -> str:
    """A hidden part whose checks are functions, so that an error in one does not end the others."""
    module = ast.parse(hidden)
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == CALL:
            # What models are rebuilt from only the grader needs; a kernel may not know it yet.
            node.keywords = []
            for each in node.args:
                points, check = each.elts  # type: ignore[attr-defined] # our own hidden parts
                nothing = ast.arguments([], [], None, [], [], None, [])
                each.elts = [points, ast.Lambda(nothing, check)]  # type: ignore[attr-defined]
    return ast.unparse(ast.fix_missing_locations(module)) + "\n"


def run(folder: Path, *arguments: str) -> Timed:
    """Run Python in a course's folder to its end; one that fails ends the benchmark."""
    environment = {
        **os.environ,
        # A new gradebook asks for the program `alembic`, which stands beside this Python.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    began = time.perf_counter()
    done = subprocess.run(  # noqa: S603 - our own arguments
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return Timed(time.perf_counter() - began, done.stdout + done.stderr)


def scores_of(database: Path, assignment: str) -> Scores:
    """Every graded code cell's score by test."""
    with Gradebook(f"sqlite:///{database}") as gradebook:
        return {
            (submission.student.id, notebook.name, grade.name): grade.auto_score
            for submission in gradebook.assignment_submissions(assignment)
            for notebook in submission.notebooks
            for grade in notebook.grades
            if grade.cell_type == "code"
        }
