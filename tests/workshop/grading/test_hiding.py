from __future__ import annotations

import pytest

from workshop.grading.hiding import hidden_part, visible_part

SOURCE = "a\n### BEGIN HIDDEN TESTS\nb\n### END HIDDEN TESTS\nc"


def test_parts() -> None:
    assert visible_part(SOURCE) == "a\nc"
    assert hidden_part(SOURCE) == "b"


@pytest.mark.parametrize("begin", ["=== BEGIN MARK SCHEME ===", "# BEGIN HIDDEN TESTS"])
def test_a_region_never_closed_hides_the_rest(begin: str) -> None:
    assert visible_part(f"a\n{begin}\nb\nc") == "a"


def test_text_without_regions_is_all_visible() -> None:
    assert visible_part("a\n\nb\n") == "a\n\nb\n"
    assert hidden_part("a\n\nb\n") == ""
