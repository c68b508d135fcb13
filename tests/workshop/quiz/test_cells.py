"""A quiz in a notebook: what learners get, what the grader keeps, and the way back to text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.workshop.quiz.sample import KINDS, make_course
from workshop.authoring.build import build, compile_notebook, load_cells
from workshop.authoring.cells import Kind
from workshop.authoring.importing import import_notebook
from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.verify import verify


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return make_course(tmp_path / "course")


def released(course: Course) -> Any:
    build(course)
    return nbformat.read(course.release_notebook("ps1", "p1"), as_version=4)


def test_each_question_has_its_three_cells(course: Course) -> None:
    cells = {cell.grade_id: cell for cell in load_cells(course, "ps1", "p1")}
    for name in KINDS:
        assert cells[f"ask_{name}"].kind is Kind.LOCKED
        assert cells[name].kind is Kind.SOLUTION
    assert [name for name in KINDS if f"test_{name}" in cells] == [*KINDS[:5]]
    assert [name for name in KINDS if f"check_{name}" in cells] == [*KINDS[5:]]


def test_an_unanswered_question_stops_nothing(course: Course) -> None:
    answers = [cell for cell in released(course).cells if cell.id in KINDS]
    assert [cell.source for cell in answers] == [f"{name} = None" for name in KINDS]


def test_the_sealed_key_of_a_self_check_is_folded_away(course: Course) -> None:
    folded = [cell.id for cell in released(course).cells if "jupyter" in cell.metadata]
    assert folded == ["check_order", "check_drawn"]


def test_the_release_holds_no_key(course: Course) -> None:
    text = json.dumps(released(course))
    assert "secret" not in text
    assert "check_answer(single" not in text
    assert "HIDDEN" not in text
    source = course.source_notebook("ps1", "p1").read_text()
    assert "secret single" in source


def test_the_release_is_the_same_whichever_answer_is_right(course: Course) -> None:
    """Nothing in it can depend on the key, if another key gives the same bytes."""
    before = released(course)
    path = course.quizzes / "one.yaml"
    text = path.read_text()
    swapped = text.replace("{text: a, key: true, ", "{text: a, ").replace(
        "{text: b, ", "{text: b, key: true, "
    )
    swapped = swapped.replace("key: false", "key: true").replace("key: 3,", "key: 9,")
    swapped = swapped.replace("key: [a b]", "key: [something else]")
    assert swapped != text
    path.write_text(swapped)
    after = released(course)
    counted = ("order", "drawn", "check_order", "check_drawn")
    for one, other in zip(before.cells, after.cells, strict=True):
        if one.id not in counted:
            assert one == other


def test_a_notebook_goes_back_to_the_marks_that_it_was_made_from(course: Course) -> None:
    text = course.text("ps1", "p1")
    build(course)
    import_notebook(course, course.source_notebook("ps1", "p1"))
    assert text.read_text().count("# %% quiz=") == 1
    assert "# single\n# multiple\n# truth" in text.read_text()
    before = compile_notebook(course, "ps1", "p1")
    import_notebook(course, course.source_notebook("ps1", "p1"))
    assert compile_notebook(course, "ps1", "p1") == before


def test_a_question_that_was_edited_in_the_notebook_is_not_lost_silently(course: Course) -> None:
    build(course)
    path = course.source_notebook("ps1", "p1")
    path.write_text(path.read_text().replace("(1 point). S", "(1 point). T"))
    with pytest.raises(WorkshopError, match="quiz were edited"):
        import_notebook(course, path)


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        ('# %% quiz="two"', "no quiz 'two'"),
        ('# %% quiz="one"\n# nothing', "no item 'nothing'"),
        ('# %% quiz="one"\n# single\n# single', "already"),
        ('# %% quiz="one"\n\n# %% self_check="one"\n# single', "already"),
        ('# %% quiz="one" points=3', "unknown key"),
    ],
)
def test_a_mark_that_means_nothing_is_named_with_its_line(
    course: Course, mark: str, said: str
) -> None:
    course.text("ps1", "p1").write_text(f"# %% [markdown]\n# Text.\n\n{mark}\n")
    with pytest.raises(WorkshopError, match=said) as caught:
        load_cells(course, "ps1", "p1")
    line = 6 if "self_check" in mark else 4
    assert caught.value.where == f"{course.text('ps1', 'p1')}:{line}"


def test_the_overview_names_what_is_checked(course: Course) -> None:
    cells = {cell.grade_id: cell for cell in load_cells(course, "ps1", "p1")}
    assert '"test_single": "Question 1"' in cells["overview"].source
    assert "check_order" not in cells["overview"].source


@pytest.mark.slow
@pytest.mark.usefixtures("quick_gradebooks")
def test_a_quiz_is_proved_like_every_exercise(course: Course) -> None:
    report = verify(course, workers=2)
    assert report.ok, report.to_dict()
    found = {each.name: each for each in report.exercises}
    assert set(found) == set(KINDS[:5])
    assert all(each.mutants and each.alternatives for each in found.values())
