from __future__ import annotations

import pytest

from workshop.authoring.regions import Region, RegionError, split, text_of, visible

SOLVED = """def area(r):
    ### BEGIN SOLUTION
    return 3 * r
    ### END SOLUTION

# after"""


def test_a_cell_is_split_into_what_is_seen_and_what_is_not() -> None:
    pieces = split(SOLVED)
    assert [(piece.region, piece.text, piece.start) for piece in pieces] == [
        (None, "def area(r):", 0),
        (Region.SOLUTION, "    return 3 * r", 2),
        (None, "\n# after", 4),
    ]
    assert pieces[1].indent == "    "


def test_a_cell_without_markers_is_one_piece() -> None:
    (piece,) = split("x = 1\ny = 2")
    assert piece.region is None
    assert piece.text == "x = 1\ny = 2"


def test_an_empty_region_is_kept() -> None:
    (piece,) = split("### BEGIN SOLUTION\n### END SOLUTION")
    assert piece.region is Region.SOLUTION
    assert piece.lines == ()


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("x\n### BEGIN SOLUTION\ny", 1),
        ("x\n### END SOLUTION", 1),
        ("### BEGIN SOLUTION\n### BEGIN HIDDEN TESTS", 1),
        ("### BEGIN SOLUTION\n### END HIDDEN TESTS", 1),
        ("### BEGIN SOLUTION\nx\n### BEGIN SOLUTION\n### END SOLUTION", 2),
        ("# BEGIN SOLUTION", 0),
        ("#### BEGIN SOLUTION", 0),
        ("### BEGIN SOLUTION # here", 0),
        ("### begin solution", 0),
        ("### BEGIN  SOLUTION", 0),
        ("### BEGIN SOLUTIONS", 0),
        ("### BEGIN HIDDEN TEST", 0),
        ("### BEGIN_HIDDEN_TESTS", 0),
        ("=== begin marking scheme ===", 0),
        ("== BEGIN MARK SCHEME ==", 0),
        ('marker = "### BEGIN SOLUTION"', 0),
    ],
)
def test_a_marker_with_a_slip_in_it_is_refused(source: str, line: int) -> None:
    with pytest.raises(RegionError) as caught:
        split(source)
    assert caught.value.line == line
    assert caught.value.remedy


@pytest.mark.parametrize(
    "source",
    ["# The solution begins here", "begin()", "# end of the hidden layer", "solution = 1"],
)
def test_words_that_are_no_markers_pass(source: str) -> None:
    assert split(source)[0].text == source


def test_students_see_a_stub_where_the_solution_was() -> None:
    assert visible(SOLVED, is_code=True) == (
        "def area(r):\n    # YOUR CODE HERE\n    raise NotImplementedError()\n\n# after"
    )
    text = "Why?\n### BEGIN SOLUTION\nBecause.\n### END SOLUTION"
    assert visible(text, is_code=False) == "Why?\nYOUR ANSWER HERE"


def test_students_see_neither_hidden_tests_nor_mark_schemes() -> None:
    test = "seen()\n### BEGIN HIDDEN TESTS\nhidden()\n### END HIDDEN TESTS"
    assert visible(test, is_code=True) == "seen()"
    scheme = "Why?\n=== BEGIN MARK SCHEME ===\n2 points\n=== END MARK SCHEME ==="
    assert visible(scheme, is_code=False) == "Why?"


def test_the_text_of_all_regions_of_a_kind() -> None:
    source = "\n".join(
        f"=== BEGIN MARK SCHEME ===\n{points} points\n=== END MARK SCHEME ===" for points in (1, 2)
    )
    assert text_of(source, Region.MARK_SCHEME) == "1 points\n2 points"
    assert text_of(source, Region.SOLUTION) == ""
