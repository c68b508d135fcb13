"""What the grader runs of a notebook: locked cells that need nothing of the learner's."""

from __future__ import annotations

import os
from typing import Any

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from workshop.errors import WorkshopError
from workshop.grading.trusted import locked_sources, shared_names, trusted_names


def cell(grade_id: str, source: str, **flags: bool) -> Any:
    base = {"grade": False, "solution": False, "locked": False}
    return new_code_cell(source, metadata={"nbgrader": {"grade_id": grade_id, **base, **flags}})


def test_locked_cells_are_taken_and_no_others() -> None:
    notebook = new_notebook(
        cells=[
            new_markdown_cell("text"),
            new_code_cell("free = 1"),
            cell("setup", "a = 1", locked=True),
            cell("square", "b = 2", solution=True),
            cell("both", "b = 2", solution=True, locked=True),
            cell("test_square", "c = 3", grade=True, locked=True),
            cell("later", "d = 4", locked=True),
        ]
    )
    assert locked_sources(notebook) == (("setup", "a = 1"), ("later", "d = 4"))


def test_cells_that_need_something_of_the_learners_are_left_out() -> None:
    names = trusted_names(
        (
            ("setup", "import math\nSIDE = 2"),
            ("helper", "def area(n=SIDE):\n    total = 0\n    total += n * n\n    return total"),
            ("shows", "print(solve(SIDE))"),
            ("uses_in_a_function", "def wrapped():\n    return solve(3)"),
            ("after_it", "x = wrapped()"),
            ("loops", "sizes = []\nfor size in range(3):\n    sizes.append(size * area())"),
            ("root", "root = math.sqrt(area())"),
        )
    )
    assert names["root"] == 2
    assert names["sizes"] == [0, 4, 8]
    assert not {"wrapped", "x"} & names.keys()


def test_cells_say_nothing_on_the_graders_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    trusted_names((("noisy", "import sys\nprint('out')\nprint('err', file=sys.stderr)"),))
    assert capfd.readouterr() == ("", "")


def test_cells_run_once_for_many_submissions() -> None:
    cells = (("counted", "import itertools\nmade = object()"),)
    assert trusted_names(cells)["made"] is trusted_names(cells)["made"]


def test_pictures_are_for_nobody_here_but_for_somebody_in_the_kernels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("MPLBACKEND", raising=False)
    names = trusted_names((("setup", "import os\nbackend = os.environ['MPLBACKEND']"),))
    assert names["backend"] == "Agg"
    assert "MPLBACKEND" not in os.environ


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("import no_such_module_here", "no_such_module_here"),
        ("%matplotlib inline", "SyntaxError"),
        ("def f(:", "SyntaxError"),
        ("raise ValueError('the reason')", "the reason"),
    ],
)
def test_cell_that_stops_is_named_with_what_to_do(source: str, said: str) -> None:
    with pytest.raises(WorkshopError) as caught:
        trusted_names((("setup", "a = 1"), ("broken", source)))
    assert "broken" in str(caught.value)
    assert said in str(caught.value)
    assert caught.value.remedy


def test_shared_names_are_known_without_running_anything() -> None:
    cells = (
        ("setup", "import math\nSIDE = 2"),
        ("needs the learner", "made = solve(SIDE)"),
        ("and so does this", "print(made)\nafterwards = 1"),
        ("helper", "def area(n=SIDE):\n    return math.sqrt(n)"),
    )
    names = trusted_names(cells).keys() - {"__name__", "__builtins__"}
    assert shared_names(source for _, source in cells) == names == {"math", "SIDE", "area"}
