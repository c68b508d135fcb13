from __future__ import annotations

import html
from typing import Any

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from workshop.grading.feedback_cells import clean_for_student
from workshop.grading.verdicts import VERDICTS_MIME

TEST_LINE = "assert model(held_out) > 0.87 and label < 'crack'"
SOURCE = f"visible(1)\n### BEGIN HIDDEN TESTS\n{TEST_LINE}\nx = 1\n### END HIDDEN TESTS"


def graded_cell(*outputs: NotebookNode, **record: Any) -> NotebookNode:
    meta = {"grade_id": "t", "points": 2, "grade": True, "solution": False, "locked": True}
    return new_code_cell(
        SOURCE, outputs=list(outputs), metadata={"nbgrader": meta, "workshop": record}
    )


def cleaned(*cells: NotebookNode, **record: Any) -> NotebookNode:
    notebook = new_notebook(cells=list(cells), metadata={"workshop": record})
    clean_for_student(notebook)
    return notebook


def text_of(cell: NotebookNode) -> str:
    return str(cell.outputs)


@pytest.mark.parametrize(
    "output",
    [
        new_output("stream", text=f"before\n> {TEST_LINE}\nafter > 1\n"),
        new_output("stream", text=repr(TEST_LINE + "\n") + "<b>"),
        new_output("stream", text=TEST_LINE.replace("assert", "\x1b[31massert\x1b[39m")),
        new_output("execute_result", {"text/plain": repr([TEST_LINE])}),
        new_output("display_data", {"text/html": f"<pre><b>{html.escape(TEST_LINE)}</b></pre>"}),
        new_output("display_data", {"application/json": {"a": [TEST_LINE]}}),
        new_output("error", ename="E", evalue="", traceback=["---->  3 " + TEST_LINE]),
    ],
)
def test_outputs_that_repeat_a_test_are_removed_anywhere(output: NotebookNode) -> None:
    shown = text_of(cleaned(graded_cell(), new_code_cell("mine", outputs=[output])).cells[1])
    assert "repeated parts of the tests" in shown
    assert "held_out" not in shown


def test_what_a_learner_wrote_is_shown() -> None:
    mine = new_code_cell("x = 1", outputs=[new_output("stream", text="x = 1\n")])
    notebook = cleaned(graded_cell(), mine)
    assert notebook.cells[0].source == "visible(1)"
    assert "x = 1" in text_of(notebook.cells[1])


def test_our_errors_name_no_file_and_cost_nothing() -> None:
    error = new_output(
        "error", ename="WorkshopError", evalue="/srv/course/x", traceback=["/srv/course/x"]
    )
    shown = text_of(cleaned(graded_cell(error, undecided=True, status="error")).cells[-1])
    assert "/srv" not in shown
    assert "costs you no points" in shown


def test_the_reason_is_added_where_nothing_else_tells() -> None:
    cell = graded_cell(message="not run: the kernel died", status="not_executed")
    assert "not run: the kernel died" in text_of(cleaned(cell).cells[0])


def test_verdicts_are_escaped() -> None:
    verdict = {"check": "<c>", "status": "FAILED", "score": 0.25, "weight": 2.0}
    verdict |= {"rationale": "<script>", "hint": "<hint>", "expected": "1", "actual": "2"}
    table = {"grade_id": "t", "points": 2.0, "verdicts": [verdict]}
    data = {VERDICTS_MIME: table, "text/html": "<script>evil()</script>"}
    (output,) = cleaned(graded_cell(new_output("display_data", data))).cells[0].outputs
    page = output.data["text/html"]
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "0.5 of 2" in page


def test_a_summary_says_what_is_open() -> None:
    written = new_markdown_cell(
        "So.",
        metadata={
            "nbgrader": {"grade_id": "w", "grade": True, "solution": True, "points": 1},
            "workshop": {"undecided": True},
        },
    )
    notebook = cleaned(written, outcome="TIMED_OUT", message="stopped after 3 s")
    assert "stopped after 3 s" in notebook.cells[0].source
    assert "Not everything is graded yet" in notebook.cells[0].source
    assert "Not graded yet" in notebook.cells[1].metadata.nbgrader.comment


def test_finished_work_has_no_summary() -> None:
    assert len(cleaned(new_code_cell("x"), outcome="COMPLETED").cells) == 1
