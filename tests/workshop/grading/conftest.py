"""A course that is small enough to be graded in seconds."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tests.workshop.grading.durable import hand_in, without_kernels
from workshop.authoring.generate import generate
from workshop.course import Course

ASSIGNMENT = "ps1"
NOTEBOOK = "p1"
CONFIG = Path(__file__).parents[3] / "nbgrader_config.py"
HIDDEN_LINE = "assert squared(7) == 49, 'seven'"
VERDICTS = '''
def publish_verdicts(grade_id, *weighted):
    """What workshop.grading.hidden does, without its imports."""
    from IPython.display import publish_display_data
    table = {
        "grade_id": grade_id,
        "points": float(sum(weight for weight, _, _ in weighted)),
        "verdicts": [
            {"check": name, "status": "PASSED" if ok else "FAILED", "score": float(ok),
             "weight": float(weight), "rationale": f"about <{name}>", "hint": "look again"}
            for weight, name, ok in weighted
        ],
    }
    mime = "application/vnd.transfer-learning.verdicts+json"
    publish_display_data({mime: table, "text/html": "<b>verdicts</b>", "text/plain": "verdicts"})
    return float(sum(weight for weight, _, ok in weighted if ok))
'''


def _meta(grade_id: str, **more: object) -> dict[str, object]:
    base = {"grade": False, "solution": False, "locked": False, "task": False}
    return {"nbgrader": {**base, "schema_version": 3, "grade_id": grade_id, **more}}


def source_notebook() -> NotebookNode:
    """The instructor's notebook: two tested exercises of 2 and 3 points, a written answer of 4."""
    locked = {"locked": True}
    cells = [
        new_markdown_cell("# Squares and cubes", id="title"),
        new_code_cell("import os", id="setup", metadata=_meta("setup", **locked)),
        new_code_cell(
            "def squared(x):\n    ### BEGIN SOLUTION\n    return x * x\n    ### END SOLUTION",
            id="square",
            metadata=_meta("square", solution=True),
        ),
        new_code_cell(
            "assert squared(1) == 1\n### BEGIN HIDDEN TESTS\n"
            f"{HIDDEN_LINE}\n2.0\n### END HIDDEN TESTS",
            id="test_square",
            metadata=_meta("test_square", grade=True, points=2, **locked),
        ),
        new_code_cell(
            "def cubed(x):\n    ### BEGIN SOLUTION\n    return x * x * x\n    ### END SOLUTION",
            id="cube",
            metadata=_meta("cube", solution=True),
        ),
        new_code_cell(
            f"cubed(1)\n### BEGIN HIDDEN TESTS\n{VERDICTS}\n"
            "publish_verdicts('test_cube', (1, 'ones', cubed(1) == 1),"
            " (2, 'twos', cubed(2) == 8))\n### END HIDDEN TESTS",
            id="test_cube",
            metadata=_meta("test_cube", grade=True, points=3, **locked),
        ),
        new_markdown_cell(
            "Why are cubes larger?",
            id="why",
            metadata=_meta("why", grade=True, solution=True, points=4),
        ),
    ]
    for cell in cells:
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader["cell_type"] = cell.cell_type
    return new_notebook(
        cells=cells,
        metadata={"kernelspec": {"name": "python3", "display_name": "P", "language": "python"}},
    )


SOLUTIONS = {
    "square": "def squared(x):\n    return x * x",
    "cube": "def cubed(x):\n    return x * x * x",
    "why": "Because they have one factor more.",
}


@dataclass(frozen=True)
class TinyCourse:
    """The course, the folder that it was copied from, and ways to hand in."""

    course: Course
    built: Path

    def release(self) -> NotebookNode:
        path = self.course.release_notebook(ASSIGNMENT, NOTEBOOK)
        return nbformat.read(path, as_version=4)

    def answered(self, answers: Mapping[str, str] | None = None) -> NotebookNode:
        """The release with the solutions, except for the answers given here."""
        notebook = self.release()
        merged = {**SOLUTIONS, **(answers or {})}
        for cell in notebook.cells:
            cell.source = merged.get(cell.metadata.get("nbgrader", {}).get("grade_id"), cell.source)
        return notebook

    def submit(self, student: str, content: NotebookNode | str | bytes | None) -> Path:
        """Hand in a notebook; anything else is written as it is, None gives an empty folder."""
        folder = self.course.submitted / student / ASSIGNMENT
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        path = folder / f"{NOTEBOOK}.ipynb"
        if isinstance(content, NotebookNode):
            content = json.dumps(content)
        if isinstance(content, str):
            content = content.encode()
        if content is not None:
            path.write_bytes(content)
        return path


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course folder with a generated assignment; to be copied, not changed."""
    root = tmp_path_factory.mktemp("built")
    shutil.copy(CONFIG, root)
    folder = root / "source" / "notebooks" / ASSIGNMENT
    folder.mkdir(parents=True)
    (folder / f"{NOTEBOOK}.ipynb").write_text(json.dumps(source_notebook()), encoding="utf-8")
    course = Course.at(root)
    generate(
        course, {ASSIGNMENT: (NOTEBOOK,)}, source=course.source_notebooks, release=course.release
    )
    return root


@pytest.fixture(scope="session")
def make_tiny(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], TinyCourse]:
    """Makes fresh copies of the course."""

    def make() -> TinyCourse:
        root = tmp_path_factory.mktemp("tiny") / "course"
        shutil.copytree(built, root)
        return TinyCourse(Course.at(root), built)

    return make


@pytest.fixture
def tiny(make_tiny: Callable[[], TinyCourse]) -> TinyCourse:
    """A fresh copy of the course."""
    return make_tiny()


@pytest.fixture
def fast(tiny: TinyCourse) -> TinyCourse:
    """A course without kernels, in which ada, bob and cy handed in work worth 2, 3 and 0."""
    without_kernels(tiny.course)
    for student, points in {"ada": 1, "bob": 1.5, "cy": 0}.items():
        hand_in(tiny, student, points)
    return tiny
