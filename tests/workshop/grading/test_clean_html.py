"""What people write in angle brackets that is no HTML: it stays, as text."""

from __future__ import annotations

import html
import re

import pytest

from workshop.grading.clean_html import clean_html, markdown_to_html


def shown(page: str) -> str:
    """The text that a browser shows."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", page)).split())


@pytest.mark.parametrize(
    "text",
    [
        "Write for x <in> xs, not for x of xs.",
        "<in> is missing in line 3",
        "The type is List<int>, and <class 'set'> is another one",
        "use <and>, <or>, <not>, <min>, <set>, <path>, <use> and </in> here",
        "a <in>b</in> c",
        "1 < 2 and <IN> 3 > 2",
    ],
)
def test_a_comment_keeps_every_word(text: str) -> None:
    for page in (markdown_to_html(text), markdown_to_html(f"Well done.\n\n{text}\n\nLast.")):
        assert text.replace("'", "") in shown(page).replace("'", "")
    assert shown(markdown_to_html(f"{text}\n\nLast.")).endswith("Last.")


def test_html_stays_html() -> None:
    page = markdown_to_html(
        "<b>bold</b> <sup>2</sup> <in>\n\n<details><summary>s</summary>t</details>"
    )
    assert "<b>bold</b>" in page
    assert "<sup>2</sup>" in page
    assert "<details><summary>s</summary>" in page


@pytest.mark.parametrize("name", ["script", "style", "iframe", "math", "object"])
def test_what_runs_is_left_out_with_its_text(name: str) -> None:
    assert shown(clean_html(f"a <{name}>bad <in></{name}> b")) == "a b"


def test_tags_of_others_are_left_out_and_their_text_stays() -> None:
    assert (
        shown(clean_html("<o:p>a</o:p> <my-widget>b</my-widget> <section>c</section>")) == "a b c"
    )


def test_what_looks_like_a_tag_in_an_attribute_stays_there() -> None:
    assert clean_html('<b title="x <in> y">b</b>') == '<b title="x &lt;in&gt; y">b</b>'


@pytest.mark.parametrize("text", ["<in> a", "a <in b", "</in>", "<in/> a &lt;in&gt;"])
def test_cleaning_twice_changes_nothing(text: str) -> None:
    once = clean_html(text)
    assert clean_html(once) == once
