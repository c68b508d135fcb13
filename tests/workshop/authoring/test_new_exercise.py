from __future__ import annotations

from pathlib import Path

import pytest
from nbformat import NotebookNode

from tests.workshop.authoring.content import content_of
from workshop.authoring.build import build, compile_notebook, load_cells
from workshop.authoring.cells import Kind
from workshop.authoring.new_exercise import new_exercise
from workshop.authoring.new_quiz import new_quiz
from workshop.authoring.notebook import dumps
from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.quiz.items import Objective
from workshop.verify import load_variants, verify
from workshop.verify.messages import differences
from workshop.verify.variants import patched

pytestmark = pytest.mark.usefixtures("quick_gradebooks")

OVERVIEW = '\n# %% [markdown]\n# ## How far you are\n\n# %% progress="overview"\n'


def names(course: Course, assignment: str, notebook: str) -> list[str | None]:
    return [cell.grade_id for cell in load_cells(course, assignment, notebook) if cell.name]


@pytest.mark.slow
def test_what_is_written_builds_and_is_verified_as_it_is(tiny_course: Course) -> None:
    new_exercise(tiny_course, "fresh", "first", "share")
    new_exercise(tiny_course, "fresh", "first", "another_share")
    new_exercise(tiny_course, "small", "doubling", "third_share")
    new_quiz(tiny_course, "fresh", "questions")
    report = verify(tiny_course, workers=2)
    assert report.ok, report.to_dict()
    found = {each.name: each for each in report.exercises}
    for name in ("share", "another_share", "third_share"):
        assert found[name].stub_fails
        assert len(found[name].mutants) >= 2
        assert len(found[name].alternatives) >= 1
    assert sum(each.startswith("questions_") for each in found) == 7
    started = [each for each in report.exercises if each.name.endswith("share")]
    assert differences(tiny_course, started) == []


def test_an_exercise_has_all_that_belongs_to_one(empty_course: Course) -> None:
    draft = new_exercise(empty_course, "fresh", "first", "share")
    assert names(empty_course, "fresh", "first") == [
        "setup",
        "share_example",
        "share",
        "test_share",
    ]
    cells = {cell.grade_id: cell for cell in load_cells(empty_course, "fresh", "first")}
    assert cells["share"].extras["objective"] in {each.value for each in Objective}
    assert cells["share"].extras["topic"]
    assert cells["test_share"].points
    folder = empty_course.instructor_folder("fresh", "first")
    variants = load_variants(folder / "variants.yaml")
    assert len(variants.wrong) >= 2
    assert len(variants.right) >= 1
    notebook = compile_notebook(empty_course, "fresh", "first")
    for variant in (*variants.wrong.values(), *variants.right.values()):
        assert dumps(patched(notebook, variant)) != dumps(notebook)
    assert all(draft.files.values())
    assert "fresh" in draft.remarks[0]
    assert set(draft.files) == {path for path in empty_course.source.rglob("*") if path.is_file()}


def test_the_author_is_led_to_what_is_to_be_edited(tiny_course: Course) -> None:
    draft = new_exercise(tiny_course, "small", "doubling", "share")
    lines = tiny_course.text("small", "doubling").read_text().split("\n")
    text = [lines[place.line - 1] for place in draft.edit if place.path.suffix == ".py"]
    assert [line.split(" ")[2].partition("=")[0] for line in text] == [
        "[markdown]",
        "locked",
        "solution",
        "test",
    ]
    assert lines[draft.edit[0].line] == "# ## Share"
    assert all(place.path in draft.files for place in draft.edit)


def test_nothing_that_was_there_is_changed(tiny_course: Course) -> None:
    folder = tiny_course.instructor_folder("small", "doubling")
    texts = [tiny_course.text("small", "doubling"), folder / "variants.yaml"]
    before = {path: path.read_text() for path in texts}
    draft = new_exercise(tiny_course, "small", "doubling", "share")
    for path in texts:
        lines = iter(path.read_text().split("\n"))
        assert all(line in lines for line in before[path].rstrip("\n").split("\n"))
        assert not draft.files[path]
    with pytest.raises(WorkshopError, match="'share' is taken"):
        new_exercise(tiny_course, "small", "doubling", "share")


def test_imports_are_made_where_they_are_missing(tiny_course: Course) -> None:
    new_exercise(tiny_course, "small", "doubling", "share")
    new_exercise(tiny_course, "small", "doubling", "another")
    cells = {cell.grade_id: cell for cell in load_cells(tiny_course, "small", "doubling")}
    for line in ("from torch import nn", "import checks"):
        assert line in cells["share_example"].source
        assert line not in cells["another_example"].source


def test_the_closing_overview_lists_the_new_exercise(tiny_course: Course) -> None:
    path = tiny_course.text("small", "doubling")
    path.write_text(path.read_text() + OVERVIEW)
    draft = new_exercise(tiny_course, "small", "doubling", "share")
    assert draft.remarks == ()
    cells = load_cells(tiny_course, "small", "doubling")
    assert cells[-1].grade_id == "overview"
    assert '"test_share"' in cells[-1].source
    assert "import checks" in next(
        cell.source for cell in cells if cell.grade_id == "share_example"
    )


def test_an_overview_within_a_section_is_left_there_and_the_author_told(
    tiny_course: Course,
) -> None:
    path = tiny_course.text("small", "doubling")
    path.write_text(path.read_text() + OVERVIEW.replace("# ## How", "# Talk.\n#\n# ## How"))
    draft = new_exercise(tiny_course, "small", "doubling", "share")
    assert len(draft.remarks) == 1
    assert load_cells(tiny_course, "small", "doubling")[-1].grade_id == "test_share"


@pytest.mark.parametrize(
    ("assignment", "notebook", "name"),
    [
        ("small", "doubling", "Share"),
        ("small", "doubling", "share-of"),
        ("small", "doubling", "s" * 43),
        ("small", "doubling", "lambda"),
        ("small", "doubling", "sum"),
        ("small", "doubling", "yes"),
        ("small", "doubling", "double"),
        ("small", "doubling", "numbers"),
        ("small", "doubling", "why_double"),
        ("small", "doubling", "forgets"),
        ("small", "doubling", "threshold"),
        ("small", "doubling", "graded"),
        ("small", "../doubling", "share"),
        ("small", "my notebook", "share"),
        ("../small", "doubling", "share"),
        ("notebooks", "doubling", "share"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused_and_nothing_written(
    tiny_course: Course, assignment: str, notebook: str, name: str
) -> None:
    variants = tiny_course.instructor_folder("small", "doubling") / "variants.yaml"
    text = variants.read_text().replace("forgets_the_sign", "forgets_in_percent")
    variants.write_text(text)
    before = content_of(tiny_course.root)
    with pytest.raises(WorkshopError) as error:
        new_exercise(tiny_course, assignment, notebook, name)
    assert error.value.remedy
    assert content_of(tiny_course.root) == before


@pytest.mark.parametrize("fault", ["text", "variants", "layout"])
def test_a_fault_that_is_there_is_named_and_nothing_written(
    tiny_course: Course, fault: str
) -> None:
    path = tiny_course.text("small", "doubling")
    variants = tiny_course.instructor_folder("small", "doubling") / "variants.yaml"
    wrong, new = {
        "text": (path, path.read_text().replace("points=2", "points=none")),
        "variants": (variants, "wrong:\n  - no\n"),
        "layout": (variants, "wrong: {}\n"),
    }[fault]
    wrong.write_text(new)
    before = content_of(tiny_course.root)
    with pytest.raises(WorkshopError) as error:
        new_exercise(tiny_course, "small", "doubling", "share")
    assert Path(str(error.value.where).partition(":")[0]) == wrong
    assert content_of(tiny_course.root) == before


def test_an_edit_in_jupyterlab_is_not_lost(tiny_course: Course) -> None:
    build(tiny_course)
    path = tiny_course.source_notebook("small", "doubling")
    path.write_text(path.read_text().replace("Write two small functions.", "Write two functions."))
    with pytest.raises(WorkshopError, match="edited and not imported"):
        new_exercise(tiny_course, "small", "doubling", "share")


def test_only_the_new_exercise_differs_in_the_notebook(tiny_course: Course) -> None:
    def sources(notebook: NotebookNode) -> list[str]:
        return [cell.source for cell in notebook.cells]

    before = sources(compile_notebook(tiny_course, "small", "doubling"))
    new_exercise(tiny_course, "small", "doubling", "share")
    after = sources(compile_notebook(tiny_course, "small", "doubling"))
    assert after[: len(before)] == before
    kinds = [cell.kind for cell in load_cells(tiny_course, "small", "doubling")[len(before) :]]
    assert kinds == [Kind.PROSE, Kind.LOCKED, Kind.SOLUTION, Kind.TEST]
