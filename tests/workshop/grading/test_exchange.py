"""nbgrader's own commands, with our configuration, from release to feedback by its exchange."""

from __future__ import annotations

import getpass
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.workshop.grading.conftest import ASSIGNMENT, NOTEBOOK
from workshop.grading.export import export_grades

if TYPE_CHECKING:
    from tests.workshop.grading.conftest import TinyCourse

pytestmark = pytest.mark.slow
COURSE = "transfer_learning"
ROOT = Path(__file__).parents[3]


def nbgrader(folder: Path, environment: Mapping[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_from_release_to_feedback(tiny: TinyCourse, tmp_path: Path) -> None:
    exchange, student = tmp_path / "exchange", tmp_path / "student"
    exchange.mkdir()
    exchange.chmod(0o777)
    student.mkdir()
    (student / "nbgrader_config.py").write_text(
        f"c = get_config()\nc.Exchange.root = {str(exchange)!r}\n"
        f"c.CourseDirectory.course_id = {COURSE!r}\n"
    )
    ours = {"WORKSHOP_EXCHANGE": str(exchange)}
    theirs = {"HOME": str(student), "JUPYTER_DATA_DIR": str(student / ".jupyter")}
    root = tiny.course.root

    nbgrader(root, ours, "release_assignment", ASSIGNMENT)
    assert ASSIGNMENT in nbgrader(student, theirs, "list")
    nbgrader(student, theirs, "fetch_assignment", ASSIGNMENT)
    notebook = student / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    assert notebook.read_bytes() == tiny.course.release_notebook(ASSIGNMENT, NOTEBOOK).read_bytes()
    assert "NotImplementedError" in nbgrader(student, theirs, "validate", str(notebook))
    notebook.write_text(json.dumps(tiny.answered()), encoding="utf-8")
    assert "NotImplementedError" not in nbgrader(student, theirs, "validate", str(notebook))

    nbgrader(student, theirs, "submit", ASSIGNMENT)
    nbgrader(root, ours, "collect", ASSIGNMENT)
    nbgrader(root, ours, "autograde", ASSIGNMENT)
    table = export_grades(tiny.course, ASSIGNMENT).to_dict()["students"]
    assert [(each["student"], each["score"]) for each in table] == [(getpass.getuser(), 5.0)]

    nbgrader(root, ours, "generate_feedback", ASSIGNMENT)
    nbgrader(root, ours, "release_feedback", ASSIGNMENT)
    nbgrader(student, theirs, "fetch_feedback", ASSIGNMENT)
    (page,) = (student / ASSIGNMENT / "feedback").glob("*/*.html")
    text = page.read_text(encoding="utf-8")
    assert "squared(7)" not in text
    # The exchange gives notebooks' pages alone, so the results of the assignment stand in each.
    assert "Feedback: ps1" in text
