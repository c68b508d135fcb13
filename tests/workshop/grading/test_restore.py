from __future__ import annotations

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from workshop.grading.prechecks import RejectedSubmission
from workshop.grading.records import nbgrader_of, record_of
from workshop.grading.restore import MasterCell, MasterNotebook, restore

HIDDEN = "1\n### BEGIN HIDDEN TESTS\n2.0\n### END HIDDEN TESTS"


def master_cell(name: str, source: str, kind: str) -> MasterCell:
    return MasterCell(
        grade_id=name,
        cell_type="markdown" if kind == "written" else "code",
        source=source,
        checksum="abc",
        locked=kind in {"setup", "test"},
        grade=kind in {"test", "written"},
        solution=kind in {"solution", "written"},
        task=False,
        points=2.0 if kind in {"test", "written"} else None,
    )


MASTER = MasterNotebook(
    "p1",
    (
        master_cell("setup", "import os", "setup"),
        master_cell("a", "# YOUR CODE", "solution"),
        master_cell("test_a", HIDDEN, "test"),
        master_cell("why", "Why?", "written"),
    ),
    {"name": "python3", "display_name": "P", "language": "python"},
)


def named(name: str, source: str, cell_type: str = "code", **metadata: object) -> NotebookNode:
    make = new_code_cell if cell_type == "code" else new_markdown_cell
    return make(source, metadata={"nbgrader": {"grade_id": name}, **metadata})


def handed_in(*cells: NotebookNode) -> NotebookNode:
    notebook = new_notebook(cells=list(cells))
    notebook.metadata.kernelspec = {"name": "evil"}
    return notebook


def whole() -> list[NotebookNode]:
    return [
        named("setup", "import os"),
        named("a", "a = 1"),
        named("test_a", "1"),
        named("why", "Because.", "markdown"),
    ]


def names(notebook: NotebookNode) -> list[str]:
    return [nbgrader_of(cell).get("grade_id", "-") for cell in notebook.cells]


def by_name(notebook: NotebookNode, name: str) -> NotebookNode:
    return notebook.cells[names(notebook).index(name)]


def test_locked_cells_get_their_text_and_answers_stay() -> None:
    cells = whole()
    cells[0].source = "import evil"
    cells[2].source = "2.0"
    notebook = handed_in(*cells)
    restore(notebook, MASTER)
    nbformat.validate(notebook)
    assert [cell.source for cell in notebook.cells] == ["import os", "a = 1", HIDDEN, "Because."]
    assert notebook.metadata.kernelspec.name == "python3"


def test_metadata_comes_from_the_assignment() -> None:
    cells = whole()
    cells[2].metadata.tags = ["skip-execution"]
    cells[2].metadata.nbgrader.update({"points": 99, "grade": False, "locked": False})
    cells[2].metadata.workshop = {"score": 2.0}
    notebook = handed_in(*cells)
    restore(notebook, MASTER)
    meta = by_name(notebook, "test_a").metadata
    assert "tags" not in meta
    assert "workshop" not in meta
    assert meta.nbgrader.points == 2.0
    assert meta.nbgrader.grade
    assert meta.nbgrader.locked


def test_deleted_neighbours_come_back_in_order() -> None:
    cells = whole()
    notebook = handed_in(cells[0], new_code_cell("mine"), cells[3])
    restore(notebook, MASTER)
    nbformat.validate(notebook)
    # The solution cell is the learner's own: it is not put back.
    assert names(notebook) == ["setup", "test_a", "-", "why"]
    assert record_of(by_name(notebook, "test_a"))["deleted"]
    assert by_name(notebook, "test_a").source == HIDDEN


def test_a_deleted_written_answer_comes_back_unanswered() -> None:
    notebook = handed_in(*whole()[:3])
    restore(notebook, MASTER)
    assert record_of(by_name(notebook, "why"))["unanswered"]


def test_of_doubled_cells_the_last_counts() -> None:
    notebook = handed_in(*whole()[:2], named("a", "a = 2"), *whole()[2:])
    restore(notebook, MASTER)
    nbformat.validate(notebook)
    assert names(notebook) == ["setup", "-", "a", "test_a", "why"]
    assert by_name(notebook, "a").source == "a = 2"
    assert "2 times" in record_of(by_name(notebook, "a"))["note"]


@pytest.mark.parametrize(
    ("text", "unanswered"), [("Why?", True), (" Why?\n", True), ("", True), ("Why? So.", False)]
)
def test_an_untouched_answer_is_noticed(text: str, unanswered: bool) -> None:
    notebook = handed_in(*whole()[:3], named("why", text, "markdown"))
    restore(notebook, MASTER)
    assert record_of(by_name(notebook, "why"))["unanswered"] is unanswered


def test_a_cell_of_the_wrong_type_gets_its_own_back() -> None:
    notebook = handed_in(whole()[0], named("a", "a = 1", "markdown"), *whole()[2:])
    restore(notebook, MASTER)
    nbformat.validate(notebook)
    assert by_name(notebook, "a").cell_type == "code"


def test_unknown_names_lose_their_metadata() -> None:
    extra = named("invented", "1")
    extra.metadata.nbgrader.update({"grade": True, "points": 100})
    notebook = handed_in(*whole(), extra)
    restore(notebook, MASTER)
    assert notebook.cells[-1].metadata == {}


def test_another_notebook_is_rejected() -> None:
    with pytest.raises(RejectedSubmission, match="none of the cells of 'p1'"):
        restore(handed_in(new_code_cell("x")), MASTER)
