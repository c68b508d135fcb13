from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from tests.workshop.authoring.content import content_of
from workshop.authoring.build import build
from workshop.authoring.new_exercise import new_exercise
from workshop.authoring.preview import preview
from workshop.course import Course
from workshop.errors import WorkshopError

pytestmark = pytest.mark.usefixtures("quick_gradebooks", "no_held_out_labels")


@pytest.fixture
def no_held_out_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny course has none, and reading them takes seconds."""
    monkeypatch.setattr("workshop.authoring.preview.held_out_labels", dict)


@pytest.fixture
def built(tiny_course: Course) -> Course:
    build(tiny_course)
    return tiny_course


def test_a_preview_is_what_a_build_would_release(built: Course, tmp_path: Path) -> None:
    new_exercise(built, "small", "doubling", "share")
    before = content_of(built.root)
    made = preview(built, "small", folder=tmp_path / "seen")
    assert content_of(built.root) == before
    (found,) = made.notebooks
    assert found.before == (3, 7.0)
    assert (found.exercises, found.points) == (4, 10.0)
    assert found.changes == ("added: share, 3 points",)
    build(built)
    assert (made.folder / "doubling.ipynb").read_bytes() == built.release_notebook(
        "small", "doubling"
    ).read_bytes()
    again = preview(built, "small", folder=tmp_path / "seen")
    assert again.notebooks[0].changes == ()
    assert not (again.leaks or again.removed or again.files)


def test_without_a_folder_it_lies_in_the_course_and_nothing_is_released(
    tiny_course: Course,
) -> None:
    made = preview(tiny_course, "small", "doubling")
    assert made.folder == tiny_course.root / "preview" / "small"
    assert made.notebooks[0].before is None
    assert not tiny_course.release.exists()
    assert not tiny_course.source_notebooks.exists()
    assert not tiny_course.gradebook.exists()
    nbformat.validate(nbformat.read(made.folder / "doubling.ipynb", as_version=4))


def test_one_notebook_is_shown_alone_with_the_files_that_it_may_need(built: Course) -> None:
    folder = built.source / "small"
    (folder / "numbers.csv").write_text("1\n")
    (folder / "release.txt").write_text("numbers.csv\n")
    new_exercise(built, "small", "another", "share")
    made = preview(built, "small", "another")
    assert [each.notebook for each in made.notebooks] == ["another"]
    assert {path.name for path in made.folder.iterdir()} == {
        ".preview",
        "another.ipynb",
        "numbers.csv",
    }
    assert made.files == ("added: numbers.csv",)
    assert made.removed == ()
    again = preview(built, "small")
    assert {path.name for path in again.folder.glob("*.ipynb")} == {
        "another.ipynb",
        "doubling.ipynb",
    }


def test_a_notebook_that_is_gone_is_named(built: Course) -> None:
    new_exercise(built, "small", "another", "share")
    built.text("small", "doubling").unlink()
    made = preview(built, "small")
    assert made.removed == ("doubling",)


def test_what_leaks_is_not_written(built: Course) -> None:
    folder = built.source / "small"
    (folder / "notes.txt").write_text("twice_the_value = value * 2\n    return twice_the_value\n")
    (folder / "release.txt").write_text("notes.txt\n")
    made = preview(built, "small")
    assert made.leaks
    assert not made.folder.exists()


def test_a_fault_is_an_error_with_its_line(tiny_course: Course) -> None:
    path = tiny_course.text("small", "doubling")
    path.write_text(path.read_text().replace("points=2", "points=none"))
    with pytest.raises(WorkshopError) as error:
        preview(tiny_course, "small")
    assert str(error.value.where).startswith(f"{path}:")


def test_unknown_names_are_named(tiny_course: Course) -> None:
    with pytest.raises(WorkshopError, match="no notebook 'tripling'") as error:
        preview(tiny_course, "small", "tripling")
    assert "doubling" in str(error.value.remedy)
    with pytest.raises(WorkshopError, match="no assignment 'large'"):
        preview(tiny_course, "large")


@pytest.mark.parametrize("folder", ["mine", "release", "source", "submitted", "source/notebooks"])
def test_nothing_else_is_written_over(built: Course, folder: str) -> None:
    (built.root / "mine" / "small").mkdir(parents=True)
    (built.root / "mine" / "small" / "doubling.ipynb").write_text("mine")
    before = content_of(built.root)
    with pytest.raises(WorkshopError, match="not for previews") as error:
        preview(built, "small", folder=built.root / folder)
    assert error.value.remedy
    assert content_of(built.root) == before
