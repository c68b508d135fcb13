"""What all pages share."""

from __future__ import annotations

import base64
import hashlib

from markupsafe import Markup

from workshop.analysis.scores import Statistic, undefined
from workshop.reports.page import (
    breakable,
    hash_of,
    in_pixels,
    markdown,
    number,
    percent,
    plain,
    points,
    style,
)


def test_numbers_as_text() -> None:
    assert number(Statistic(0.125)) == "0.12"
    assert number(Statistic(-0.001)) == "0.00"
    assert number(undefined("nobody came")) == "undefined: nobody came"
    assert percent(Statistic(0.5)) == "50 %"
    assert percent(undefined("nobody came")) == "undefined: nobody came"


def test_points_have_no_more_digits_than_they_need() -> None:
    shown = [points(each) for each in (3.0, 2.5, 1 / 3, 0.1 + 0.2, -1e-12, 100.0)]
    assert shown == ["3", "2.5", "0.33", "0.3", "0", "100"]


def test_names_are_escaped_before_they_may_be_broken() -> None:
    assert str(breakable("a_<b>/c")) == "a_<wbr>&lt;b&gt;/<wbr>c"


def test_signs_that_turn_or_hide_text_are_taken_out_of_it() -> None:
    assert plain("a\u202eb\x00c\nd\x1b[31m ") == "a b c\nd [31m"
    assert len(plain("x" * 10_000)) < 1_000


def test_headings_of_others_are_none_of_the_pages() -> None:
    page = markdown("# Why\n\n<h2 id='x'>And</h2>\n\n<img src='data:image/png;base64,AA=='>")
    assert "<h" not in page
    assert "Why" in page
    assert '<img alt="picture"' in page
    assert markdown('<img alt="mine">').count("alt=") == 1


def test_the_name_of_a_style_sheet_in_a_policy() -> None:
    digest = base64.b64decode(hash_of("a{}").removeprefix("'sha256-").removesuffix("'"))
    assert digest == hashlib.sha256(b"a{}").digest()


def test_only_a_page_of_its_own_follows_dark_colours() -> None:
    assert "prefers-color-scheme" in style("class.css")
    assert "prefers-color-scheme" not in style("class.css", dark=False)


def test_sizes_in_another_page_do_not_depend_on_its_root() -> None:
    assert in_pixels(Markup("a{margin:1.5rem -.5rem 2px}")) == "a{margin:24px -8px 2px}"
