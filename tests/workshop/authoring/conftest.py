"""A release to plant secrets in."""

from __future__ import annotations

import pytest
from nbformat import NotebookNode

from tests.workshop.authoring.planted import write
from workshop.authoring.build import compile_notebook, load_cells
from workshop.authoring.regions import visible
from workshop.course import Course


@pytest.fixture
def released(tiny_course: Course) -> NotebookNode:
    """What students of the tiny course should get, made without nbgrader."""
    notebook = compile_notebook(tiny_course, "small", "doubling")
    for cell, source in zip(
        notebook.cells, load_cells(tiny_course, "small", "doubling"), strict=True
    ):
        cell.source = visible(source.source, is_code=source.cell_type == "code")
    write(tiny_course, notebook)
    return notebook
