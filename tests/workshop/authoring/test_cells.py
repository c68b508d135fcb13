from __future__ import annotations

import pytest

from workshop.authoring.cells import NAME, NAMED_KINDS, Kind, SourceCell


def test_only_a_test_carries_a_prefix_in_its_grade_id() -> None:
    assert SourceCell(Kind.TEST, "code", "", name="area", points=1).grade_id == "test_area"
    assert SourceCell(Kind.SOLUTION, "code", "", name="area").grade_id == "area"
    assert SourceCell(Kind.REFLECTION, "markdown", "", name="why", points=1).grade_id == "why"


def test_a_cell_without_a_name_has_no_grade_id() -> None:
    assert SourceCell(Kind.CODE, "code", "x = 1").grade_id is None


def test_where_a_cell_stands_does_not_make_it_another_cell() -> None:
    here = SourceCell(Kind.CODE, "code", "x = 1", line=1, first_line=2)
    there = SourceCell(Kind.CODE, "code", "x = 1", line=7, first_line=9)
    assert here == there


@pytest.mark.parametrize("name", ["a", "why_freeze", "part2"])
def test_good_names(name: str) -> None:
    assert NAME.fullmatch(name)


@pytest.mark.parametrize("name", ["", "A", "2nd", "_a", "a-b", "a b", "ä", "a" * 51])
def test_names_that_are_no_cell_ids(name: str) -> None:
    assert not NAME.fullmatch(name)


def test_prose_and_plain_code_are_the_kinds_without_a_key() -> None:
    assert set(Kind) - set(NAMED_KINDS) == {Kind.PROSE, Kind.CODE}
