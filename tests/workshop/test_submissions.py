from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from tests.workshop.quiz.sample import make_course
from workshop.authoring.build import build
from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.submissions import GARBAGE, load_cohort, sample_submission

pytestmark = pytest.mark.usefixtures("quick_gradebooks")


def sample(course: Course, kind: str) -> NotebookNode:
    text = sample_submission(course, "small", "doubling", kind)
    notebook: NotebookNode = nbformat.reads(text, as_version=4)
    return notebook


def test_every_kind_of_work_is_made_from_the_release(tiny_course: Course) -> None:
    build(tiny_course)
    release = nbformat.read(tiny_course.release_notebook("small", "doubling"), as_version=4)
    assert sample(tiny_course, "untouched") == release
    solution = sample(tiny_course, "solution")
    assert [cell.id for cell in solution.cells] == [cell.id for cell in release.cells]
    by_id = {cell.id: cell.source for cell in solution.cells}
    assert "twice_the_value = value * 2" in by_id["double"]
    assert "four times a number" in by_id["why_double"]
    for cell in solution.cells:
        for secret in ("BEGIN SOLUTION", "HIDDEN", "MARK SCHEME", "counterexample", "double(-7)"):
            assert secret not in cell.source
    assert "abs(value)" in sample(tiny_course, "wrong/forgets_the_sign").cells[2].source
    assert "value + value" in sample(tiny_course, "right/by_adding").cells[2].source
    crash = sample(tiny_course, "crash/double")
    assert crash.cells[2].source.startswith("import os")
    assert "os._exit" not in crash.cells[5].source
    assert sample_submission(tiny_course, "small", "doubling", "garbage") == GARBAGE
    for kind in ("excellent", "wrong/unknown", "right/forgets_the_sign", "crash/unknown", "crash"):
        with pytest.raises(WorkshopError, match="no such kind of work"):
            sample_submission(tiny_course, "small", "doubling", kind)


def test_every_nth_question_is_answered_wrongly(tmp_path: Path) -> None:
    quiz_course = make_course(tmp_path / "course")
    build(quiz_course)
    found = {
        kind: {
            cell.id: cell.source
            for cell in nbformat.reads(
                sample_submission(quiz_course, "ps1", "p1", kind), as_version=4
            ).cells
        }
        for kind in ("solution", "answers/1", "answers/2")
    }
    right, all_wrong, some_wrong = found.values()
    differ = [name for name in right if right[name] != some_wrong[name]]
    assert differ == ["single", "truth", "words"]
    assert all_wrong["truth"] == "truth = True"
    for kind in ("answers/0", "answers/x", "answers"):
        with pytest.raises(WorkshopError, match="no such kind of work"):
            sample_submission(quiz_course, "ps1", "p1", kind)


def test_a_class_is_read(tmp_path: Path) -> None:
    path = tmp_path / "cohort.yaml"
    path.write_text("ada: solution\nbob: wrong/forgets_the_sign\n")
    assert load_cohort(path) == {"ada": "solution", "bob": "wrong/forgets_the_sign"}


@pytest.mark.parametrize("text", ["", "- ada\n", "ada: 3\n", "ada: [\n"])
def test_what_is_no_class_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "cohort.yaml"
    path.write_text(text)
    with pytest.raises(WorkshopError) as caught:
        load_cohort(path)
    assert str(path) in str(caught.value.where)


def test_a_class_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(WorkshopError, match="no sample class"):
        load_cohort(tmp_path / "cohort.yaml")
