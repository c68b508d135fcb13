from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from workshop.authoring.entries import entries_of, with_entries
from workshop.errors import WorkshopError

WHERE = Path("variants.yaml")
TEXT = """\
# What this file is.
wrong:
  first:   # a remark
    loses: {a: 1}
    said: >-
      One line

      and another.

# About the right ones.
right:
  second: {x: 1}
"""


def test_entries_come_at_the_end_of_their_block_and_everything_else_stays() -> None:
    text = with_entries(TEXT, "wrong", "third:\n  loses: {b: 2}\n", WHERE)
    assert yaml.safe_load(text)["wrong"] == {
        "first": {"loses": {"a": 1}, "said": "One line\nand another."},
        "third": {"loses": {"b": 2}},
    }
    added = ["", "  third:", "    loses: {b: 2}"]
    before = TEXT.split("\n")
    at = before.index("      and another.") + 1
    assert text.split("\n") == [*before[:at], *added, *before[at:]]


def test_the_last_block_is_added_to_at_the_end_of_the_file() -> None:
    text = with_entries(TEXT, "right", "third: {y: 2}\n", WHERE)
    assert text == TEXT + "\n  third: {y: 2}\n"


@pytest.mark.parametrize(
    "text", ["", "# Nothing yet.\n", "right:\n  a: 1\n", "wrong:\n", "wrong:\nright:\n  a: 1\n"]
)
def test_a_missing_or_empty_block_is_begun(text: str) -> None:
    result = with_entries(text, "wrong", "b: 2\n", WHERE)
    assert yaml.safe_load(result) == {**(yaml.safe_load(text) or {}), "wrong": {"b": 2}}
    assert all(line in result for line in text.split("\n"))


@pytest.mark.parametrize(
    "text", ["items:\n- a\n- b\n\n# c\nmore: 1\n", "items:\n    - a\n    - b\n"]
)
def test_a_sequence_is_added_to_with_its_own_indentation(text: str) -> None:
    result = with_entries(text, "items", "- c\n", WHERE)
    assert yaml.safe_load(result)["items"] == ["a", "b", "c"]


@pytest.mark.parametrize(
    "text",
    [
        "wrong: {}\n",
        "wrong: {a: 1}\n",
        "wrong: [a]\n",
        "wrong:\n  b: 1\n",
        "wrong:\n  a: 1\n...\n",
        "{wrong: {a: 1}}\n",
    ],
)
def test_what_cannot_be_added_to_is_refused(text: str) -> None:
    with pytest.raises(WorkshopError, match="nothing can be added") as error:
        with_entries(text, "wrong", "b: 2\n", WHERE)
    assert error.value.remedy


def test_the_entries_of_a_block_can_be_taken_out_and_put_in() -> None:
    entries = entries_of(TEXT, "wrong")
    assert yaml.safe_load(entries) == yaml.safe_load(TEXT)["wrong"]
    assert "# a remark" in entries
    assert with_entries("", "wrong", entries, WHERE) == (
        "wrong:\n" + TEXT.split("wrong:\n")[1].split("\n# About", maxsplit=1)[0]
    )
    with pytest.raises(KeyError):
        entries_of(TEXT, "neither")
