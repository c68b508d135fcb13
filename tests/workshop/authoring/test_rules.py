from __future__ import annotations

import pytest

from workshop.authoring.cells import Kind, SourceCell
from workshop.authoring.rules import check_cells
from workshop.authoring.text import parse
from workshop.course import Course
from workshop.errors import WorkshopError

SOLUTION = """# %% solution="area"
### BEGIN SOLUTION
area = 3
### END SOLUTION
"""
TEST = """# %% test="area" points=1
### BEGIN HIDDEN TESTS
float(area == 3)
### END HIDDEN TESTS
"""


def check(text: str) -> None:
    check_cells(parse(text, "name.py").cells, "name.py")


def test_a_good_notebook_passes(tiny_course: Course) -> None:
    check(tiny_course.text("small", "doubling").read_text(encoding="utf-8"))
    check(SOLUTION + TEST)


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        (SOLUTION + SOLUTION, 5, "'area' is used twice"),
        (SOLUTION + TEST + TEST, 9, "'test_area' is used twice"),
        (SOLUTION + TEST + '# %% locked="test_area"\nx = 1\n', 9, "'test_area' is used twice"),
        (TEST, 1, "no such exercise before it"),
        (TEST + SOLUTION, 1, "no such exercise before it"),
        ('# %% solution="area"\narea = 3\n', 1, "without '### BEGIN SOLUTION'"),
        ('# %% [markdown] reflection="why" points=1\n# Why?\n', 1, "without '### BEGIN SOLUTION'"),
        (SOLUTION + '# %% test="area" points=1\narea\n', 5, "needs one region"),
        (SOLUTION + TEST + "### BEGIN HIDDEN TESTS\n1\n### END HIDDEN TESTS\n", 5, "but has 2"),
        (SOLUTION + TEST + "print(1)\n", 9, "text after the hidden tests"),
        (
            SOLUTION + TEST.replace("### ", "    ### ").replace("float", "    float"),
            6,
            "must not be indented",
        ),
        ("# %%\n\n### BEGIN SOLUTION\nx = 1\n### END SOLUTION\n", 3, "in a code cell"),
        (
            "# %% [markdown]\n# === BEGIN MARK SCHEME ===\n# x\n# === END MARK SCHEME ===\n",
            2,
            "in a prose cell",
        ),
        (
            '# %% solution="area"\n### BEGIN HIDDEN TESTS\n1\n### END HIDDEN TESTS\n',
            2,
            "in a solution cell",
        ),
        ("# %%\nx = 1\n\n### BEGIN SOLUTION\n", 4, "never closed"),
        ("# %%\nx = 1\ny = (\n", 3, "not Python"),
        (SOLUTION.replace("area = 3", "area = = 3"), 3, "not Python"),
        (
            '# %% solution="area"\nif True:\n### BEGIN SOLUTION\n    area = 3\n### END SOLUTION\n',
            1,
            "the student's code is not Python",
        ),
    ],
)
def test_a_fault_is_named_with_file_and_line(text: str, line: int, problem: str) -> None:
    with pytest.raises(WorkshopError) as caught:
        check(text)
    assert problem in caught.value.what
    assert caught.value.where == f"name.py:{line}"
    assert caught.value.remedy


@pytest.mark.parametrize(
    "code",
    [
        "%matplotlib inline",
        "!ls",
        "x = !ls",
        "%%bash\nif then fi",
        "await task()",
        "print?",
        "pattern = '\\d'",
        "# nothing but a comment",
        "",
    ],
)
def test_what_a_notebook_may_hold_beyond_python(code: str) -> None:
    check_cells([SourceCell(Kind.CODE, "code", code)], "name.ipynb")


def test_without_lines_the_cell_is_named() -> None:
    cells = [
        SourceCell(Kind.PROSE, "markdown", "x"),
        SourceCell(Kind.SOLUTION, "code", "x =\n### BEGIN SOLUTION", name="area"),
    ]
    with pytest.raises(WorkshopError) as caught:
        check_cells(cells, "name.ipynb")
    assert caught.value.where == "name.ipynb: cell 2 (area), line 2"
