from __future__ import annotations

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from workshop.verify.slices import sliced


def cell(grade_id: str, source: str, *, grade: bool = False) -> NotebookNode:
    meta = {"grade_id": grade_id, "grade": grade, "solution": not grade}
    return new_code_cell(source, metadata={"nbgrader": meta})


def kept(notebook: NotebookNode, changed: str) -> list[str]:
    return [
        each.metadata["nbgrader"]["grade_id"]
        for each in sliced(notebook, changed).cells
        if each.cell_type == "code"
    ]


NOTEBOOK = new_notebook(
    cells=[
        new_markdown_cell("prose"),
        cell("setup", "import math\ndata = [1, 2]"),
        cell("square", "def square(x):\n    return x * x"),
        cell("test_square", "model = square(2)\nfloat(model)", grade=True),
        cell("area", "def area(r):\n    return math.pi * square(r)"),
        cell("test_area", "model = area(1)\nfloat(model)", grade=True),
        cell("mean", "def mean(xs):\n    return sum(xs) / len(xs)"),
        cell("test_mean", "model = mean(data)\nfloat(model)", grade=True),
        cell("summary", "print(square(3), mean(data))"),
    ]
)


def test_keeps_what_a_change_reaches_and_what_that_needs() -> None:
    assert kept(NOTEBOOK, "square") == [
        "setup",
        "square",
        "test_square",
        "area",
        "test_area",
    ]
    assert kept(NOTEBOOK, "mean") == ["setup", "mean", "test_mean"]


def test_a_name_that_a_cell_makes_anew_ties_it_to_no_earlier_cell() -> None:
    assert "test_mean" not in kept(NOTEBOOK, "area")


def test_prose_stays_and_the_notebook_given_is_not_changed() -> None:
    before = len(NOTEBOOK.cells)
    assert sliced(NOTEBOOK, "mean").cells[0].cell_type == "markdown"
    assert len(NOTEBOOK.cells) == before


def test_leaves_nothing_out_when_a_cell_is_no_python() -> None:
    broken = new_notebook(cells=[*NOTEBOOK.cells, cell("broken", "def (:")])
    assert len(kept(broken, "mean")) == len(broken.cells) - 1


def test_a_change_through_a_later_cell_s_result_is_followed() -> None:
    chain = new_notebook(
        cells=[
            cell("f", "def f():\n    return 1"),
            cell("run", "result = f()"),
            cell("other", "unrelated = 2"),
            cell("test_run", "float(result)", grade=True),
            cell("test_other", "float(unrelated)", grade=True),
        ]
    )
    assert kept(chain, "f") == ["f", "run", "test_run"]


def test_locked_cells_that_the_grader_decides_with_stay_wherever_they_are() -> None:
    later = cell("new_model", "def new_model():\n    return LAYERS")
    layers = cell("layers", "LAYERS = 3")
    for each in (later, layers):
        each.metadata["nbgrader"] |= {"solution": False, "locked": True}
    notebook = new_notebook(
        cells=[
            cell("head", "def head():\n    return 1"),
            cell("test_head", "graded((1, check(head())), like=new_model)", grade=True),
            layers,
            later,
            cell("other", "LAYERS"),
        ]
    )
    assert kept(notebook, "head") == ["head", "test_head", "layers", "new_model"]


def test_tests_that_are_not_asked_for_are_left_out_with_what_they_need() -> None:
    cells = sliced(NOTEBOOK, "square", {"test_square"}).cells
    names = [each.metadata["nbgrader"]["grade_id"] for each in cells if each.cell_type == "code"]
    assert names == ["square", "test_square"]
