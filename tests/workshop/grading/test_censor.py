"""Whoever repeats hidden lines is found out, and nobody else."""

from __future__ import annotations

import html
from urllib.parse import quote

import pytest

from workshop.grading.censor import Censor

LINE = "assert model(held_out) > 0.87 and label < 'crack'"
SOURCES = [
    "def mine(x):\n    return x * 2  # a line of the learner's",
    f"shown(1)\n### BEGIN HIDDEN TESTS\n{LINE}\nx = 1\nshown(1)\n### END HIDDEN TESTS",
]


@pytest.mark.parametrize(
    "text",
    [
        LINE,
        f"before {LINE} after",
        "\n".join(LINE.split()),
        repr(LINE),
        html.escape(LINE),
        quote(LINE),
        f"<b>{LINE.replace('model', '<i>model</i>')}</b>".replace(" < ", " &lt; "),
        LINE.replace("assert", "\x1b[31massert\x1b[39m"),
    ],
)
def test_a_hidden_line_is_found_in_any_form(text: str) -> None:
    assert Censor.of(SOURCES).finds(text)


@pytest.mark.parametrize(
    "text", ["", "x = 1", "shown(1)", "return x * 2  # a line of the learner's"]
)
def test_short_and_visible_lines_tell_nothing(text: str) -> None:
    assert not Censor.of(SOURCES).finds(text)


def test_without_hidden_parts_nothing_is_found() -> None:
    assert not Censor.of(SOURCES[:1]).finds(LINE)
