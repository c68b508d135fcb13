from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

from workshop.authoring.build import build, check, compile_notebook, load_cells
from workshop.authoring.importing import import_notebook
from workshop.authoring.notebook import dumps
from workshop.authoring.text import normalise
from workshop.course import Course
from workshop.errors import WorkshopError

v4: Any = nbformat.v4


def as_jupyterlab_saves(notebook: NotebookNode) -> str:
    """Outputs, counts, new ids, widgets' state: what a session leaves in a notebook."""
    for number, cell in enumerate(notebook.cells):
        cell.id = f"{number:08x}"
        if cell.cell_type == "code":
            cell.execution_count = number + 1
            cell.outputs = [v4.new_output("stream", text="seen\n")]
            cell.metadata["execution"] = {"iopub.execute_input": "2026-01-01T00:00:00Z"}
    notebook.metadata["widgets"] = {}
    notebook.metadata["language_info"] = {"name": "python", "version": "3.12.1"}
    return dumps(notebook)


@pytest.fixture
def edited(tiny_course: Course) -> Callable[[Callable[[NotebookNode], None]], Path]:
    """Writes the source notebook as if it had been edited; returns its path."""

    def write(change: Callable[[NotebookNode], None]) -> Path:
        notebook = compile_notebook(tiny_course, "small", "doubling")
        change(notebook)
        path = tiny_course.source_notebook("small", "doubling")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(as_jupyterlab_saves(notebook), encoding="utf-8")
        return path

    return write


Edited = Callable[[Callable[[NotebookNode], None]], Path]


def test_an_unchanged_notebook_gives_the_text_that_it_came_from(
    tiny_course: Course, edited: Edited
) -> None:
    path = tiny_course.text("small", "doubling")
    before = normalise(path.read_text(encoding="utf-8"))
    assert import_notebook(tiny_course, edited(lambda notebook: None)) == path
    assert path.read_text(encoding="utf-8") == before


def add(notebook: NotebookNode) -> None:
    notebook.cells.insert(3, v4.new_code_cell("%time double(3)"))
    notebook.cells.insert(0, v4.new_markdown_cell("A *new*\n\n- start"))


def move(notebook: NotebookNode) -> None:
    notebook.cells.insert(1, notebook.cells.pop(5))


def delete(notebook: NotebookNode) -> None:
    notebook.cells = [cell for cell in notebook.cells if "total" not in cell.id]


def comment_out_a_magic(notebook: NotebookNode) -> None:
    notebook.cells[3].source = "# %time double(3)"


def change_points_and_text(notebook: NotebookNode) -> None:
    notebook.cells[4].metadata.nbgrader.points = 2.5
    notebook.cells[2].source = notebook.cells[2].source.replace("value * 2", "2 * value")
    notebook.cells[2].metadata.workshop.hint = 'Use "*".'


@pytest.mark.parametrize("change", [add, move, delete, comment_out_a_magic, change_points_and_text])
def test_an_edited_notebook_comes_back_whole(
    tiny_course: Course, edited: Edited, change: Callable[[NotebookNode], None]
) -> None:
    expected = compile_notebook(tiny_course, "small", "doubling")
    change(expected)
    import_notebook(tiny_course, edited(change))
    again = compile_notebook(tiny_course, "small", "doubling")
    assert [(cell.cell_type, cell.source, cell.metadata) for cell in again.cells] == [
        (cell.cell_type, cell.source, cell.metadata) for cell in expected.cells
    ]
    imported = tiny_course.text("small", "doubling").read_text(encoding="utf-8")
    assert imported == normalise(imported)


@pytest.mark.usefixtures("quick_gradebooks")
def test_after_an_import_the_course_builds_without_force(
    tiny_course: Course, edited: Edited
) -> None:
    build(tiny_course)
    import_notebook(tiny_course, edited(add))
    build(tiny_course)
    assert check(tiny_course).clean
    release = tiny_course.release_notebook("small", "doubling").read_text(encoding="utf-8")
    assert "%time double(3)" in release


def test_a_students_notebook_is_refused(tiny_course: Course, edited: Edited) -> None:
    source = edited(lambda notebook: None)
    for folder in (
        tiny_course.release / "small",
        tiny_course.submitted / "ada" / "small",
        tiny_course.autograded / "ada" / "small",
    ):
        folder.mkdir(parents=True)
        path = Path(shutil.copy(source, folder))
        with pytest.raises(WorkshopError, match="a student's version"):
            import_notebook(tiny_course, path)


@pytest.mark.usefixtures("quick_gradebooks")
def test_a_released_notebook_is_refused_wherever_it_lies(
    tiny_course: Course, tmp_path: Path
) -> None:
    (built,) = build(tiny_course).notebooks
    before = built.text.read_bytes()
    folder = tmp_path / "downloads" / "small"
    folder.mkdir(parents=True)
    path = Path(shutil.copy(built.release, folder))
    with pytest.raises(WorkshopError, match="a student's version") as caught:
        import_notebook(tiny_course, path)
    assert caught.value.where == str(path)
    assert built.text.read_bytes() == before


def test_a_notebook_from_elsewhere_needs_its_assignment(
    tiny_course: Course, edited: Edited, tmp_path: Path
) -> None:
    path = Path(shutil.copy(edited(add), tmp_path / "tripling.ipynb"))
    with pytest.raises(WorkshopError, match="not an assignment of this course") as caught:
        import_notebook(tiny_course, path)
    assert "small" in str(caught.value.remedy)
    target = import_notebook(tiny_course, path, assignment="small")
    assert target == tiny_course.text("small", "tripling")
    assert len(load_cells(tiny_course, "small", "tripling")) == 10
    with pytest.raises(WorkshopError, match="no assignment 'smal'"):
        import_notebook(tiny_course, path, assignment="smal")


def test_a_name_that_is_no_notebooks_name_is_refused(
    tiny_course: Course, edited: Edited, tmp_path: Path
) -> None:
    path = Path(shutil.copy(edited(add), tmp_path / "doubling (copy).ipynb"))
    with pytest.raises(WorkshopError, match="cannot be the name of a notebook"):
        import_notebook(tiny_course, path, assignment="small")
    assert tiny_course.notebooks("small") == ("doubling",)


def test_the_header_of_the_text_is_kept(tiny_course: Course, edited: Edited) -> None:
    text = tiny_course.text("small", "doubling")
    header = "# ---\n# jupyter:\n#   kernelspec: python3\n# ---\n"
    text.write_text(header + "\n" + text.read_text(encoding="utf-8"), encoding="utf-8")
    import_notebook(tiny_course, edited(add))
    assert text.read_text(encoding="utf-8").startswith(header)


def test_a_cell_that_would_read_otherwise_is_refused(tiny_course: Course, edited: Edited) -> None:
    source = "x = 1\n# %% not a cell\ny = 2"
    before = tiny_course.text("small", "doubling").read_bytes()
    path = edited(lambda notebook: notebook.cells.append(v4.new_code_cell(source)))
    with pytest.raises(WorkshopError) as caught:
        import_notebook(tiny_course, path)
    assert str(path) in str(caught.value.where)
    assert "cell marker" in str(caught.value.remedy)
    assert tiny_course.text("small", "doubling").read_bytes() == before


def test_a_fault_is_named_with_its_cell(tiny_course: Course, edited: Edited) -> None:
    def spoil(notebook: NotebookNode) -> None:
        notebook.cells[2].source = notebook.cells[2].source.replace("### END SOLUTION", "")

    with pytest.raises(WorkshopError, match="never closed") as caught:
        import_notebook(tiny_course, edited(spoil))
    assert "cell 3 (double), line 3" in str(caught.value.where)


def test_a_file_that_is_no_notebook(tiny_course: Course, tmp_path: Path) -> None:
    path = tmp_path / "doubling.ipynb"
    path.write_text("not a notebook")
    with pytest.raises(WorkshopError, match="not a notebook"):
        import_notebook(tiny_course, path, assignment="small")
