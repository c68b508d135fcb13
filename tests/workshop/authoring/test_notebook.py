from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from nbgrader.nbgraderformat import MetadataValidator

from workshop.authoring.cells import SourceCell
from workshop.authoring.notebook import dumps, fingerprint, from_notebook, load, to_notebook
from workshop.authoring.text import parse, read
from workshop.course import Course
from workshop.errors import WorkshopError


@pytest.fixture
def cells(tiny_course: Course) -> tuple[SourceCell, ...]:
    return read(tiny_course.text("small", "doubling")).cells


@pytest.fixture
def notebook(cells: tuple[SourceCell, ...]) -> NotebookNode:
    return to_notebook(cells)


def cell_of(notebook: NotebookNode, cell_id: str) -> Any:
    return next(cell for cell in notebook.cells if cell.id == cell_id)


def test_the_notebook_is_valid_for_jupyter_and_nbgrader(notebook: NotebookNode) -> None:
    nbformat.validate(notebook)
    MetadataValidator().validate_nb(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)


def test_each_kind_has_the_flags_that_nbgrader_expects(notebook: NotebookNode) -> None:
    flags = {
        cell.id: tuple(cell.metadata.nbgrader[key] for key in ("grade", "solution", "locked"))
        for cell in notebook.cells
        if "nbgrader" in cell.metadata
    }
    assert flags == {
        "setup": (False, False, True),
        "double": (False, True, False),
        "test_double": (True, False, True),
        "total": (False, True, False),
        "test_total": (True, False, True),
        "why_double": (True, True, False),
    }
    assert cell_of(notebook, "test_double").metadata.nbgrader.points == 2
    assert "points" not in cell_of(notebook, "double").metadata.nbgrader


def test_extra_keys_stand_in_the_workshops_own_metadata(notebook: NotebookNode) -> None:
    assert cell_of(notebook, "double").metadata.workshop == {
        "objective": "implement",
        "topic": "arithmetic",
        "hint": "Multiply by two.",
    }
    assert "workshop" not in cell_of(notebook, "total").metadata


def test_cell_ids_are_named_after_the_cell_above(notebook: NotebookNode) -> None:
    assert [cell.id for cell in notebook.cells] == [
        "0-1",
        "setup",
        "double",
        "double-1",
        "test_double",
        "total",
        "test_total",
        "why_double",
    ]


def test_an_inserted_cell_changes_no_id_beyond_the_next_named_cell(
    cells: tuple[SourceCell, ...],
) -> None:
    new = parse("# %%\nx = 1\n").cells[0]
    ids = [cell.id for cell in to_notebook([*cells[:3], new, *cells[3:]]).cells]
    assert ids[3:] == ["double-1", "double-2", "test_double", "total", "test_total", "why_double"]


def test_the_same_cells_give_the_same_bytes(cells: tuple[SourceCell, ...]) -> None:
    assert dumps(to_notebook(cells)) == dumps(to_notebook(cells))


def test_two_notebooks_do_not_share_their_metadata(cells: tuple[SourceCell, ...]) -> None:
    first, second = to_notebook(cells), to_notebook(cells)
    first.metadata.kernelspec.name = "other"
    assert second.metadata.kernelspec.name == "python3"


def test_the_way_there_and_back_loses_nothing(
    cells: tuple[SourceCell, ...], notebook: NotebookNode
) -> None:
    assert from_notebook(notebook, "name.ipynb") == cells


def test_what_an_editor_leaves_behind_does_not_count(
    cells: tuple[SourceCell, ...], notebook: NotebookNode
) -> None:
    before = fingerprint(notebook)
    cell = cell_of(notebook, "double-1")
    cell.id = "a1b2c3"
    cell.execution_count = 3
    cell.outputs = [nbformat.v4.new_output("stream", text="4")]
    cell.metadata.update({"scrolled": True, "jupyter": {"source_hidden": True}, "deletable": False})
    assert fingerprint(notebook) == before
    assert from_notebook(notebook, "name.ipynb") == cells


def test_what_an_author_edits_counts(notebook: NotebookNode) -> None:
    prints = {fingerprint(notebook)}
    cell_of(notebook, "test_double").metadata.nbgrader.points = 3
    prints.add(fingerprint(notebook))
    cell_of(notebook, "double").metadata.workshop.hint = "Add it to itself."
    prints.add(fingerprint(notebook))
    cell_of(notebook, "setup").source += "\nmore = 1"
    prints.add(fingerprint(notebook))
    del notebook.cells[0]
    prints.add(fingerprint(notebook))
    assert len(prints) == 5


def test_a_cell_with_nbgrader_metadata_that_says_nothing_is_plain(notebook: NotebookNode) -> None:
    # JupyterLab leaves this behind when a cell's kind is taken away again.
    meta = {"schema_version": 3, "grade": False, "solution": False, "locked": False, "task": False}
    cell_of(notebook, "double-1").metadata.nbgrader = NotebookNode(meta | {"grade_id": "cell-12ab"})
    assert from_notebook(notebook, "name.ipynb")[3].kind == "code"


@pytest.mark.parametrize(
    ("cell_id", "change", "problem"),
    [
        ("double-1", {"tags": ["x"]}, "no place for the cell's tags"),
        ("double", {"nbgrader": {"schema_version": 2}}, "schema 2"),
        ("double", {"nbgrader": {"extra": 1}}, "unknown keys"),
        ("double", {"nbgrader": {"task": True}}, "no kind of cell"),
        ("double", {"nbgrader": {"grade": True, "points": 1}}, "no kind of cell"),
        ("double", {"nbgrader": {"grade_id": "cell-4f"}}, "unknown grade id 'cell-4f'"),
        ("test_double", {"nbgrader": {"grade_id": "double"}}, "unknown grade id 'double'"),
        ("test_double", {"nbgrader": {"points": None}}, "points must be a number"),
        ("test_double", {"nbgrader": {"points": 0}}, "above 0"),
        ("test_double", {"nbgrader": {"points": -1}}, "above 0"),
        ("test_double", {"nbgrader": {"points": float("nan")}}, "above 0"),
        ("test_double", {"nbgrader": {"points": float("inf")}}, "above 0"),
        ("double", {"workshop": {"level": "hard"}}, "unknown workshop metadata: level"),
        ("double", {"workshop": {"hint": 3}}, "unknown workshop metadata: hint"),
        ("double-1", {"workshop": {"hint": "h"}}, "in a cell without a name"),
    ],
)
def test_what_the_text_cannot_keep_is_refused_with_its_cell(
    notebook: NotebookNode, cell_id: str, change: dict[str, Any], problem: str
) -> None:
    cell = cell_of(notebook, cell_id)
    for key, value in change.items():
        if isinstance(value, dict):
            cell.metadata.setdefault(key, NotebookNode()).update(value)
        else:
            cell.metadata[key] = value
    with pytest.raises(WorkshopError) as caught:
        from_notebook(notebook, "name.ipynb")
    assert problem in caught.value.what
    assert str(caught.value.where).startswith("name.ipynb: cell ")
    assert caught.value.remedy


def test_a_pasted_picture_is_refused(notebook: NotebookNode) -> None:
    notebook.cells[0].attachments = {"image.png": {"image/png": "aaaa"}}
    with pytest.raises(WorkshopError, match="picture"):
        from_notebook(notebook, "name.ipynb")


def test_a_raw_cell_is_refused(notebook: NotebookNode) -> None:
    notebook.cells.append(nbformat.v4.new_raw_cell("x"))
    with pytest.raises(WorkshopError, match="a raw cell cannot be kept"):
        from_notebook(notebook, "name.ipynb")


def test_a_notebook_that_was_written_is_read(tmp_path: Path, notebook: NotebookNode) -> None:
    path = tmp_path / "name.ipynb"
    path.write_text(dumps(notebook), encoding="utf-8")
    assert load(path) == notebook


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "not a notebook"),
        (b"this is no notebook", "not a notebook"),
        (b'{"cells": [', "not a notebook"),
        (b"\xff\xfe\x00", "not a notebook"),
        (b"[]", "notebook format None"),
        (json.dumps({"nbformat": 3, "nbformat_minor": 0}).encode(), "notebook format 3"),
        (json.dumps({"nbformat": 4, "nbformat_minor": 5}).encode(), "not a valid notebook"),
        (
            json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [1]}).encode(),
            "not a valid notebook",
        ),
    ],
)
def test_a_file_that_is_no_notebook_is_refused(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    path = tmp_path / "name.ipynb"
    path.write_bytes(content)
    with pytest.raises(WorkshopError, match=problem) as caught:
        load(path)
    assert caught.value.where == str(path)
    assert caught.value.remedy


def test_a_notebook_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(WorkshopError, match="no such notebook"):
        load(tmp_path / "name.ipynb")
