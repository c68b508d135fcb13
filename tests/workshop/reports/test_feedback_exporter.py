"""Whatever command makes feedback, it has the results of the whole assignment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from workshop.course import Course
from workshop.grading.feedback import generate_feedback

ASSIGNMENT = "ps1"
REPOSITORY = Path(__file__).resolve().parents[3]
STUDENTS = ["student0001", "student0003"]


@pytest.fixture(scope="module")
def own(graded: Course, tmp_path_factory: pytest.TempPathFactory) -> Course:
    root = tmp_path_factory.mktemp("own") / "course"
    shutil.copytree(graded.root, root)
    for folder in (root / "autograded").iterdir():
        if folder.name not in STUDENTS:
            shutil.rmtree(folder)
    return Course.at(root)


def pages_of(course: Course) -> dict[str, str]:
    return {
        str(path.relative_to(course.feedback)): path.read_text(encoding="utf-8")
        for path in sorted(course.feedback.rglob("*.html"))
    }


@pytest.mark.filterwarnings("ignore::nbformat.warnings.MissingIDFieldWarning")
def test_each_student_gets_own_results_beside_and_in_the_notebooks_page(own: Course) -> None:
    generate_feedback(own, ASSIGNMENT)
    pages = pages_of(own)
    names = [f"{name}/{ASSIGNMENT}/{page}.html" for name in STUDENTS for page in ("feedback", "p1")]
    assert sorted(pages) == sorted(names)
    for student, other in (STUDENTS, STUDENTS[::-1]):
        whole = pages[f"{student}/{ASSIGNMENT}/feedback.html"]
        notebook = pages[f"{student}/{ASSIGNMENT}/p1.html"]
        assert student in whole
        assert other not in whole
        assert notebook.count('<template shadowrootmode="open">') == 1
        assert notebook.index("<template") < notebook.index('<a name="top">')
        assert 'href="#test_double"' in notebook
        assert '<a name="test_double">' in notebook
        assert "(right)" not in whole


@pytest.mark.slow
def test_nbgraders_own_command_writes_the_same(own: Course, tmp_path: Path) -> None:
    root = tmp_path / "course"
    shutil.copytree(own.root, root)
    shutil.rmtree(root / "feedback", ignore_errors=True)
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "generate_feedback", ASSIGNMENT, "--force"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert pages_of(Course.at(root)) == pages_of(own)


@pytest.mark.filterwarnings("ignore::nbformat.warnings.MissingIDFieldWarning")
def test_the_course_says_whose_keys_may_be_told(own: Course, tmp_path: Path) -> None:
    root = tmp_path / "course"
    shutil.copytree(own.root, root)
    course = Course.at(root)
    with course.config_path.open("a") as file:
        file.write(f"\nc.ResultsExporter.show_keys_of = [{ASSIGNMENT!r}]\n")
    generate_feedback(course, ASSIGNMENT, STUDENTS[:1])
    assert "(right)" in pages_of(course)[f"{STUDENTS[0]}/{ASSIGNMENT}/feedback.html"]


@pytest.mark.filterwarnings("ignore::nbformat.warnings.MissingIDFieldWarning")
def test_a_notebook_called_feedback_keeps_its_page(own: Course, tmp_path: Path) -> None:
    """Its page begins with the results, as every other."""
    root = tmp_path / "course"
    shutil.copytree(own.root, root)
    course = Course.at(root)
    _rename_notebook(course, "feedback")
    generate_feedback(course, ASSIGNMENT, STUDENTS[:1])
    page = pages_of(course)[f"{STUDENTS[0]}/{ASSIGNMENT}/feedback.html"]
    assert '<template shadowrootmode="open">' in page
    assert '<a name="test_double">' in page


@pytest.mark.filterwarnings("ignore::nbformat.warnings.MissingIDFieldWarning")
def test_what_pages_are_without_is_told_once(own: Course, tmp_path: Path) -> None:
    root = tmp_path / "course"
    shutil.copytree(own.root, root)
    course = Course.at(root)
    path = course.calibration(ASSIGNMENT, "p1")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
    notes: list[str] = []
    generate_feedback(course, ASSIGNMENT, STUDENTS, note=notes.append)
    assert len(notes) == 1
    assert "p1" in notes[0]


def _rename_notebook(course: Course, name: str) -> None:
    import sqlite3  # noqa: PLC0415 - for this test alone

    with sqlite3.connect(course.gradebook) as database:
        database.execute("update notebook set name = ?", (name,))
    database.close()
    for path in course.autograded.rglob("p1.ipynb"):
        path.rename(path.with_stem(name))
    source = course.text(ASSIGNMENT, "p1")
    source.rename(source.with_stem(name))
