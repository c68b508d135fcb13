"""Zip files as Canvas and Moodle make them, taken apart by ``nbgrader zip_collect``."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Mapping

import pytest

from tests.workshop.grading.conftest import ASSIGNMENT, NOTEBOOK, TinyCourse

STUDENTS = """\
student,name,canvas_id
ada,"Lovelace, Ada",101
bob,Bob O'Neill Ü,102
eve,Eve Twice,103
eva,Eve Twice,104
"""


def collected(tiny: TinyCourse, files: Mapping[str, str], *, known: str = STUDENTS) -> str:
    """Zip files and collect them; what nbgrader says."""
    archive = tiny.course.root / "downloaded" / ASSIGNMENT / "archive" / "submissions.zip"
    archive.parent.mkdir(parents=True)
    with zipfile.ZipFile(archive, "w") as file:
        for name, text in files.items():
            file.writestr(name, text)
    if known:
        (tiny.course.root / "students.csv").write_text(known, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "zip_collect", ASSIGNMENT],
        cwd=tiny.course.root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def submitted(tiny: TinyCourse) -> dict[str, str]:
    """What lies in ``submitted/`` now, by its path there."""
    folder = tiny.course.submitted
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_canvas_tells_by_its_id_and_the_newest_counts(tiny: TinyCourse) -> None:
    said = collected(
        tiny,
        {
            f"lovelaceada_101_5001_{NOTEBOOK}.ipynb": "ada, first",
            f"lovelaceada_101_15002_{NOTEBOOK}-1.ipynb": "ada, second",
            f"oneillbob_LATE_102_5003_{NOTEBOOK}.ipynb": "bob",
            f"stranger_999_5004_{NOTEBOOK}.ipynb": "nobody",
            "oneillbob_LATE_102_5005_notes.pdf": "no notebook",
        },
    )
    assert submitted(tiny) == {
        f"ada/{ASSIGNMENT}/{NOTEBOOK}.ipynb": "ada, second",
        f"bob/{ASSIGNMENT}/{NOTEBOOK}.ipynb": "bob",
    }
    (problem,) = (line for line in said.splitlines() if "not collected" in line)
    assert "'999'" in problem
    assert "students.csv" in problem


@pytest.mark.parametrize("between", ["/", "_/", "_"])
def test_moodle_tells_by_the_name_in_folders_or_not(tiny: TinyCourse, between: str) -> None:
    said = collected(
        tiny,
        {
            f"Ada Lovelace_7001_assignsubmission_file{between}{NOTEBOOK}.ipynb": "ada",
            f"Ada Lovelace_7001_assignsubmission_file{between}{NOTEBOOK} (1).ipynb": "older",
            f"BOB ONeill U\u0308_7002_assignsubmission_file{between}{NOTEBOOK} (2).ipynb": "bob",
            f"Eve Twice_7003_assignsubmission_file{between}{NOTEBOOK}.ipynb": "whose?",
            f"Ada Lovelace_7001_assignsubmission_onlinetext{between}text.html": "no notebook",
        },
    )
    assert submitted(tiny) == {
        f"ada/{ASSIGNMENT}/{NOTEBOOK}.ipynb": "ada",
        f"bob/{ASSIGNMENT}/{NOTEBOOK}.ipynb": "bob",
    }
    (problem,) = (line for line in said.splitlines() if "not collected" in line)
    assert "eve and eva" in problem


def test_others_need_no_file_of_students(tiny: TinyCourse) -> None:
    said = collected(
        tiny,
        {f"ada_{NOTEBOOK}.ipynb": "ada", f"x_101_5001_{NOTEBOOK}.ipynb": "whose?"},
        known="",
    )
    assert submitted(tiny) == {f"ada/{ASSIGNMENT}/{NOTEBOOK}.ipynb": "ada"}
    assert "students.csv" in said
