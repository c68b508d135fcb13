"""Whole notebooks in kernels, decided outside them; few kernels, since each takes seconds."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from nbformat import NotebookNode

from tests.workshop.grading.exercises import FREEZE, TRAINABLE, code, graded_cell, notebook_of
from workshop.grading.execution import Limits
from workshop.grading.records import CellStatus, Outcome
from workshop.grading.run import Executed, execute_notebook

pytestmark = pytest.mark.slow

TEST = f"graded((2, {TRAINABLE}), like=new_model)"
LIMITS = Limits(cell_seconds=60, notebook_seconds=120, interrupt_seconds=2)


def run(*cells: NotebookNode, thresholds: Mapping[str, float] | None = None) -> Executed:
    notebook = notebook_of(*cells)
    return execute_notebook(notebook, limits=LIMITS, thresholds=thresholds, confinement="none")


def outputs_of(executed: Executed, grade_id: str) -> str:
    (found,) = (
        cell
        for cell in executed.notebook.cells
        if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id
    )
    return json.dumps(found.outputs)


# --------------------------------------------------------------- one notebook with many exercises

SEARCH = """
import gc, sys
def texts_in(place):
    things = [*place.keys(), *place.values()] if type(place) is dict else list(place)
    return [each for each in things if type(each) is str]
def haystack():
    places = [list(In), list(Out.values()), get_ipython().history_manager.input_hist_raw]
    places += [each for each in gc.get_objects() if type(each) in (dict, list, tuple, set)]
    frame = sys._getframe()
    while frame is not None:
        places += [dict(frame.f_locals), list(frame.f_code.co_consts)]
        frame = frame.f_back
    return [text for place in places for text in texts_in(place)]
def found(*parts):
    needle = ''.join(parts)
    return sum(needle in text and text != needle for text in haystack())
"""
CELLS = (
    code("search", SEARCH, solution=True),
    # right
    code("f", FREEZE, solution=True),
    graded_cell("test_f", TEST),
    # wrong
    code("g", "def g(model): return model", solution=True),
    graded_cell("test_g", TEST.replace("freeze", "g")),
    # stops
    code("h", "def h(model):\n    raise KeyError('mine')", solution=True),
    graded_cell("test_h", TEST.replace("freeze", "h")),
    # shows scores of its own
    code("forged", "from IPython.display import display, publish_display_data", solution=True),
    graded_cell(
        "test_forged",
        TEST.replace("freeze", "g"),
        visible="publish_display_data({'application/vnd.transfer-learning.verdicts+json':"
        " {'grade_id': 'test_forged', 'points': 2.0, 'verdicts': []}})\n2.0",
    ),
    # the cell's own text stops; what is asked does not depend on it
    graded_cell("test_visible", TEST, visible="raise AssertionError('visible')"),
    # a check of ours crashes
    graded_cell("test_crash", "graded((2, checks.check_features(freeze, rows='needle 0.4711')))"),
    # thresholds
    code("number", "number = 0.9", solution=True),
    graded_cell(
        "test_number",
        "hidden_name_of_test_number = 3\n"
        "graded((2, checks.check_value('It', number, 0.25 + threshold(), tolerance=0.01)))",
    ),
    code(
        "look",
        "print('threshold', found('0.65', '4321'), found('0.25 + thresh', 'old()'))\n"
        "print('later', found('hidden_name_of_', 'test_look'))\n"
        "print('outside', found('needle', ' 0.4711'), found('toler', 'ance=0.01'))\n"
        "print('names', [each for each in dir() if each.startswith('hidden_name')])",
        solution=True,
    ),
    graded_cell(
        "test_look",
        "hidden_name_of_test_look = 3\ngraded((2, checks.check_value('It', number, 0.9)))",
    ),
)


@pytest.fixture(scope="module")
def executed() -> Executed:
    return run(*CELLS, thresholds={"test_number": 0.654321})


@pytest.mark.parametrize(
    ("grade_id", "score", "said"),
    [
        ("test_f", 2.0, ""),
        ("test_g", 0.0, "still train"),
        ("test_h", 0.0, "KeyError"),
        ("test_forged", 0.0, "still train"),
        ("test_visible", 2.0, ""),
        ("test_crash", None, "not your mistake"),
        ("test_number", 2.0, ""),
        ("test_look", 2.0, ""),
    ],
)
def test_every_exercise_gets_what_its_work_is_worth(
    executed: Executed, grade_id: str, score: float | None, said: str
) -> None:
    assert executed.outcome is Outcome.COMPLETED
    assert executed[grade_id].score == score
    assert said in executed[grade_id].message


def test_learners_exception_is_explained_with_its_line(executed: Executed) -> None:
    assert "In h, line 2: raise KeyError('mine')" in executed["test_h"].message


def test_crash_tells_its_details_to_nobody_but_the_instructor(executed: Executed) -> None:
    outputs = outputs_of(executed, "test_crash")
    assert "Traceback" not in outputs
    assert "needle" not in outputs
    (record,) = (
        cell.metadata["workshop"]
        for cell in executed.notebook.cells
        if cell.metadata.nbgrader.grade_id == "test_crash"
    )
    assert "TypeError" in record["traceback"]


def test_later_cell_finds_no_hidden_text_in_the_kernel(executed: Executed) -> None:
    told = outputs_of(executed, "look")
    assert "threshold 0 0" in told
    assert "later 0" in told
    assert "outside 0 0" in told
    assert "names []" in told


def test_search_finds_what_is_there() -> None:
    """So that finding nothing means something."""
    names: dict[str, object] = {"In": ["x = 'a needle in it'"], "Out": {}}
    shell = type("Shell", (), {"history_manager": type("H", (), {"input_hist_raw": []})})
    names["get_ipython"] = lambda: shell
    exec(SEARCH + "\ncount = found('nee', 'dle in')", names)  # noqa: S102 - the text that runs in the kernel
    assert names["count"]


# ------------------------------------------------------------------------------- kernels of others

EMPTIES_CELLS = """
import ast
class Nothing(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.Pass()
    def visit_Module(self, node):
        return ast.Module([ast.parse('2.0').body[0]], [])
get_ipython().ast_transformers.append(Nothing())
"""
EMPTIES_INPUT = """
get_ipython().input_transformers_cleanup.append(lambda lines: ['2.0\\n'])
"""


@pytest.mark.parametrize("attack", [EMPTIES_CELLS, EMPTIES_INPUT], ids=["ast", "input"])
def test_transformer_that_empties_cells_gains_nothing(attack: str) -> None:
    executed = run(
        code("f", "def freeze(model): return model", solution=True),
        graded_cell("test_f", TEST),
        code("attack", attack, solution=True),
        graded_cell("test_again", TEST),
    )
    assert executed["test_f"].score == 0.0
    assert executed["test_again"].score == 0.0
    assert executed["test_again"].status is CellStatus.NOT_EXECUTED


def test_kernel_that_dies_before_the_question_keeps_what_was_decided() -> None:
    executed = run(
        code("f", FREEZE, solution=True),
        graded_cell("test_f", TEST),
        code("g", "def g(model):\n    import os\n    os._exit(0)", solution=True),
        graded_cell("test_g", TEST.replace("freeze", "g")),
        graded_cell("test_later", TEST),
    )
    assert executed.outcome is Outcome.KERNEL_DIED
    assert executed["test_f"].score == 2.0
    assert (executed["test_g"].score, executed["test_later"].score) == (0.0, 0.0)
    assert "died" in executed["test_g"].message
