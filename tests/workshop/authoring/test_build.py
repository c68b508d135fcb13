from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbgrader.nbgraderformat import MetadataValidator

from tests.workshop.authoring.content import content_of
from workshop.authoring.build import build, check, compile_notebook, load_cells, mark_schemes
from workshop.authoring.regions import visible
from workshop.course import Course
from workshop.errors import WorkshopError

pytestmark = pytest.mark.usefixtures("quick_gradebooks")


def read(path: Path) -> NotebookNode:
    notebook: NotebookNode = nbformat.read(path, as_version=4)
    return notebook


def edit(course: Course, old: str, new: str) -> None:
    path = course.text("small", "doubling")
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_what_students_get(tiny_course: Course) -> None:
    report = build(tiny_course)
    (built,) = report.notebooks
    assert (built.assignment, built.notebook) == ("small", "doubling")
    assert (built.exercises, built.points, built.changed) == (2, 7.0, True)
    assert report.stale == ()
    release = read(built.release)
    nbformat.validate(release)
    MetadataValidator().validate_nb(release)
    by_id = {cell.id: cell.source for cell in release.cells}
    assert "raise NotImplementedError()" in by_id["double"]
    assert '"""Twice the value."""' in by_id["double"]
    assert by_id["test_double"] == 'print("double(1) is", double(1))'
    assert "YOUR ANSWER HERE" in by_id["why_double"]
    assert "**Explain**" in by_id["why_double"]
    everything = built.release.read_text(encoding="utf-8")
    for secret in ("twice_the_value", "double.negative", "nought", "counterexample", "MARK SCHEME"):
        assert secret not in everything
    # An independent account of what nbgrader should have left.
    for cell in load_cells(tiny_course, "small", "doubling"):
        if cell.grade_id:
            seen = visible(cell.source, is_code=cell.cell_type == "code")
            assert by_id[cell.grade_id].strip() == seen.strip()


def test_the_source_notebook_keeps_everything_and_is_valid(tiny_course: Course) -> None:
    (built,) = build(tiny_course).notebooks
    source = read(built.source)
    nbformat.validate(source)
    MetadataValidator().validate_nb(source)
    assert source == compile_notebook(tiny_course, "small", "doubling")
    assert [cell.id for cell in source.cells] == [cell.id for cell in read(built.release).cells]


def test_the_gradebook_knows_the_cells(tiny_course: Course) -> None:
    build(tiny_course)
    with sqlite3.connect(tiny_course.gradebook) as database:
        graded = database.execute(
            "select name, max_score from grade_cells join base_cell using (id) order by name"
        ).fetchall()
    database.close()
    assert graded == [("test_double", 2.0), ("test_total", 1.0), ("why_double", 4.0)]


def test_equal_texts_give_equal_bytes(tiny_course: Course, tmp_path: Path) -> None:
    build(tiny_course)
    first = content_of(tiny_course.release)
    (built,) = build(tiny_course).notebooks
    assert not built.changed
    assert content_of(tiny_course.release) == first
    elsewhere = tmp_path / "an other [place]"
    shutil.copytree(tiny_course.source / "small", elsewhere / "source" / "small")
    shutil.copyfile(tiny_course.config_path, elsewhere / tiny_course.config_path.name)
    other = Course.at(elsewhere)
    build(other)
    assert content_of(other.release) == first
    assert content_of(other.source_notebooks) == content_of(tiny_course.source_notebooks)


def test_stray_files_are_not_released(tiny_course: Course) -> None:
    folder = tiny_course.source / "small"
    (folder / "solution_notes.txt").write_text("twice_the_value")
    (folder / "figure.png").write_bytes(b"\x89PNG")
    (folder / "release.txt").write_text("figure.png\n")
    build(tiny_course)
    assert sorted(content_of(tiny_course.release)) == ["small/doubling.ipynb", "small/figure.png"]


def test_files_that_no_build_makes_are_cleared_away_or_named(tiny_course: Course) -> None:
    build(tiny_course)
    (tiny_course.release / "small" / "old.ipynb").write_text("{}")
    gone = tiny_course.release / "removed_assignment"
    gone.mkdir()
    assert not check(tiny_course).clean or not any(gone.iterdir())
    report = build(tiny_course)
    assert report.stale == (gone,)
    assert sorted(content_of(tiny_course.release)) == ["small/doubling.ipynb"]


def test_check_passes_after_a_build_and_writes_nothing(tiny_course: Course) -> None:
    build(tiny_course)
    before = content_of(tiny_course.root)
    difference = check(tiny_course)
    assert difference.clean
    assert difference.text == ""
    assert content_of(tiny_course.root) == before


def test_check_shows_how_the_release_differs(tiny_course: Course) -> None:
    build(tiny_course)
    edit(tiny_course, "numbers = [1, 2, 3]", "numbers = [1, 2, 3, 4]")
    path = tiny_course.source / "small" / "release.txt"
    path.write_text("new.csv\n")
    (tiny_course.source / "small" / "new.csv").write_text("a,b\n")
    (tiny_course.release / "small" / "extra.txt").write_text("by hand\n")
    difference = check(tiny_course)
    assert not difference.clean
    assert [str(name) for name in difference.changed] == ["small/doubling.ipynb"]
    assert [str(name) for name in difference.missing] == ["small/new.csv"]
    assert [str(name) for name in difference.stale] == ["small/extra.txt"]
    assert '-    "numbers = [1, 2, 3]"\n' in difference.text
    assert '+    "numbers = [1, 2, 3, 4]"\n' in difference.text
    assert "+a,b\n" in difference.text
    assert "-by hand\n" in difference.text
    # What the command line prints.
    assert str(difference) == difference.text


def test_check_of_a_release_that_was_never_built(tiny_course: Course) -> None:
    difference = check(tiny_course)
    assert [str(name) for name in difference.missing] == ["small/doubling.ipynb"]


def test_check_finds_a_released_cell_that_was_edited_by_hand(tiny_course: Course) -> None:
    (built,) = build(tiny_course).notebooks
    text = built.release.read_text(encoding="utf-8")
    built.release.write_text(text.replace("Write two", "Write three"), encoding="utf-8")
    assert "three" in check(tiny_course).text


def test_a_fault_leaves_everything_as_it_was(tiny_course: Course) -> None:
    build(tiny_course)
    before = content_of(tiny_course.root)
    path = tiny_course.source / "other" / "broken.py"
    path.parent.mkdir()
    path.write_text('# %% test="x" points=1\n', encoding="utf-8")
    edit(tiny_course, "numbers = [1, 2, 3]", "numbers = []")
    with pytest.raises(WorkshopError, match="no such exercise") as caught:
        build(tiny_course)
    assert caught.value.where == f"{path}:1"
    after = content_of(tiny_course.root)
    assert {name: value for name, value in after.items() if name in before} | {
        "source/small/doubling.py": before["source/small/doubling.py"]
    } == before


def test_an_edit_that_was_not_imported_is_not_lost(tiny_course: Course) -> None:
    (built,) = build(tiny_course).notebooks
    text = built.source.read_text(encoding="utf-8")
    built.source.write_text(text.replace("Write two", "Write three"), encoding="utf-8")
    with pytest.raises(WorkshopError, match="edited and not imported") as caught:
        build(tiny_course)
    assert caught.value.where == str(built.source)
    build(tiny_course, force=True)
    assert "three" not in built.source.read_text(encoding="utf-8")


def test_outputs_in_the_source_notebook_are_no_edit(tiny_course: Course) -> None:
    (built,) = build(tiny_course).notebooks
    notebook = read(built.source)
    notebook.cells[1].execution_count = 1
    notebook.cells[1].metadata["scrolled"] = True
    nbformat.write(notebook, built.source)
    edit(tiny_course, "numbers = [1, 2, 3]", "numbers = [1]")
    assert build(tiny_course).notebooks[0].changed


def test_only_the_named_assignment_is_built(tiny_course: Course) -> None:
    shutil.copytree(tiny_course.source / "small", tiny_course.source / "second")
    report = build(tiny_course, ["second"])
    assert [built.assignment for built in report.notebooks] == ["second"]
    assert not (tiny_course.release / "small").exists()
    with pytest.raises(WorkshopError, match="did you mean second"):
        build(tiny_course, ["secnod"])


def test_mark_schemes_by_written_answer(tiny_course: Course) -> None:
    assert mark_schemes(tiny_course, "small", "doubling") == {
        "why_double": "Two points for the counterexample with the number five."
    }


def test_a_notebook_that_does_not_exist(tiny_course: Course) -> None:
    with pytest.raises(WorkshopError, match="no notebook 'halving' in small") as caught:
        load_cells(tiny_course, "small", "halving")
    assert "doubling" in str(caught.value.remedy)


def test_a_text_without_any_cell(tiny_course: Course) -> None:
    tiny_course.text("small", "empty").write_text("", encoding="utf-8")
    assert [built.points for built in build(tiny_course).notebooks] == [7.0, 0.0]
