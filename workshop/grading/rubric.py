"""The formgrader shows the rubric of a written answer above the answer.

Mark schemes are taken out of what students get, and so they are in no submission. Whoever reads the
answers would have to keep the source notebook open beside them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from workshop.authoring.regions import Region, text_of
from workshop.course import Course
from workshop.grading.records import nbgrader_of

# What the formgrader tells of the page that it makes, and nobody else: a rubric is for graders.
_OF_THE_FORMGRADER = ("submission_id", "assignment_id", "notebook_id", "base_url")


class ShowRubric(Preprocessor):
    """Puts a cell with the rubric before each written answer, on the formgrader's pages alone."""

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Insert the rubrics in place; none where the source notebook cannot be read."""
        folder = resources.get("metadata", {}).get("path")
        if folder and all(name in resources for name in _OF_THE_FORMGRADER):
            known = _rubrics(Path(folder), resources["assignment_id"], resources["notebook_id"])
            nb.cells = [shown for cell in nb.cells for shown in _with_rubric(cell, known)]
        return nb, resources


def _with_rubric(cell: NotebookNode, known: dict[str, str]) -> list[NotebookNode]:
    rubric = known.get(str(nbgrader_of(cell).get("grade_id")), "")
    if not rubric:
        return [cell]
    return [new_markdown_cell(f"**Rubric**, which students do not see:\n\n{rubric}"), cell]


def _rubrics(folder: Path, assignment: str, notebook: str) -> dict[str, str]:
    """The mark schemes of a notebook of the course that the folder lies in, by grade id."""
    try:
        path = Course.find(folder).source_notebook(assignment, notebook)
        cells = nbformat.read(path, as_version=4).cells
        return {
            str(nbgrader_of(cell).get("grade_id")): text_of(cell.source, Region.MARK_SCHEME).strip()
            for cell in cells
            if cell.cell_type == "markdown"
        }
    except Exception:  # noqa: BLE001 - never built here, or being written: answers are read all the same
        return {}
