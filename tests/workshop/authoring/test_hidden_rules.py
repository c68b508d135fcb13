from __future__ import annotations

import pytest

from workshop.authoring.rules import check_cells
from workshop.authoring.text import parse
from workshop.errors import WorkshopError

SETUP = """# %% locked="setup"
import checks
whole = 3

"""
EXERCISE = """# %% solution="area"
### BEGIN SOLUTION
area = 3
### END SOLUTION

"""


def graded_by(decides: str, points: float = 2) -> str:
    return (
        f'# %% test="area" points={points}\nprint("visible")\n'
        f"### BEGIN HIDDEN TESTS\n{decides}\n### END HIDDEN TESTS\n"
    )


def check(text: str) -> None:
    check_cells(parse(text, "name.py").cells, "name.py")


@pytest.mark.parametrize(
    ("decides", "points"),
    [
        ("graded((2, checks.check_value('The area', area, 3)))", 2),
        ("graded((1, checks.check_value('a', area, 3)), (1, checks.check_value('b', area, 3)))", 2),
        ("graded((0.1, checks.check_value('a', area, 3)), (0.2, checks.check_value('b', area, 3)))"
         , 0.3),
        ("graded((2, checks.check_accuracy(area, held_out(), threshold())))", 2),
        ("assert area == 3", 2),
    ],
)  # fmt: skip
def test_a_good_hidden_part_passes(decides: str, points: float) -> None:
    check(SETUP + EXERCISE + graded_by(decides, points))


@pytest.mark.parametrize(
    ("decides", "problem"),
    [
        ("graded((1, checks.check_value('The area', area, 3)))", "worth 1 points, the cell 2"),
        ("graded((3, checks.check_value('The area', area, 3)))", "worth 3 points, the cell 2"),
        ("graded((2, checks.check_value('The area', whole, 3)))", "nothing that the learner made"),
        ("graded((2, checks.check_value('The area', area + threshold(), 3)))", "with secrets"),
        ("graded((2, chekcs.check_value('The area', area, 3)))", "no check that the grader has"),
        ("graded(checks.check_value('The area', area, 3))", "no pair"),
    ],
)
def test_a_part_that_cannot_be_decided_is_refused_with_its_line(decides: str, problem: str) -> None:
    with pytest.raises(WorkshopError, match=problem) as caught:
        check(SETUP + EXERCISE + graded_by(decides))
    assert caught.value.where == "name.py:12"


def test_an_exercise_must_not_give_a_value_to_a_name_of_the_graders() -> None:
    good = graded_by("graded((2, checks.check_value('The area', area, 3)))")
    with pytest.raises(WorkshopError, match="'whole' a value") as caught:
        check(SETUP + EXERCISE.replace("area = 3", "whole = area = 3") + good)
    assert caught.value.where == "name.py:6"


def test_a_locked_cell_with_a_magic_cannot_be_run_by_the_grader() -> None:
    magic = SETUP.replace("whole = 3", "%matplotlib inline")
    good = graded_by("graded((2, checks.check_value('The area', area, 3)))")
    with pytest.raises(WorkshopError, match="only IPython") as caught:
        check(magic + EXERCISE + good)
    assert caught.value.where == "name.py:3"
    check(magic + EXERCISE + graded_by("assert area == 3"))
