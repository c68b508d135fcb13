"""The page: all of it is escaped, it runs only its own scripts, and it can be read by everybody."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.jupyterlab import needs_chromium
from tests.workshop.reports.classroom import Classroom, in_memory
from tests.workshop.reports.in_browser import listen, violations, without_policy
from workshop.reports.class_page import class_page
from workshop.reports.class_report import ClassReport, class_report
from workshop.reports.graded_items import GradedItem

EVIL = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>\"'"


@pytest.fixture(scope="module")
def report(items: Sequence[GradedItem]) -> ClassReport:
    return class_report(in_memory("ps1", items, Classroom(students=60, hostile=EVIL)))


@pytest.fixture(scope="module")
def page(report: ClassReport) -> str:
    return class_page(report)


class Tags(HTMLParser):
    """Which elements a page has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_what_students_wrote_is_text(page: str) -> None:
    assert "&lt;img src=x" in page
    tags = Tags(page).found
    assert [tag for tag, _ in tags].count("script") == 3
    assert not {"img", "iframe", "object", "embed", "link", "form"} & {tag for tag, _ in tags}
    assert not [attrs for _, attrs in tags if any(name.startswith("on") for name in attrs)]


def test_nothing_is_loaded(page: str) -> None:
    for _, attrs in Tags(page).found:
        assert not {"src", "srcset", "action"} & set(attrs)
        assert (attrs.get("href") or "#").startswith("#")
    assert "default-src 'none'" in page
    assert "unsafe-eval" not in page


def test_each_chart_has_a_table(page: str, report: ClassReport) -> None:
    text = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    for section in text.split("<section")[1:]:
        if 'class="chart"' in section:
            assert "<table>" in section
    for each in report.items:
        assert each.item.name in text.replace("<wbr>", "")


def test_undefined_says_why(items: Sequence[GradedItem]) -> None:
    one = class_report(in_memory("ps1", items, Classroom(students=1, rejected=0)))
    text = class_page(one)
    assert "undefined: 1 student with a total" in text
    assert "There is nothing to draw yet." in text


def test_keys_are_shown_on_request_only(page: str, report: ClassReport) -> None:
    assert "second option" not in page
    with_keys = class_page(report, keys=True)
    assert "the &lt;b&gt;first&lt;/b&gt; option" in with_keys
    assert "holds the keys" in with_keys


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize("width", [1300, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_a_browser(page: str, tmp_path: Path, browser: Any, scheme: str, width: int) -> None:
    path = tmp_path / "class.html"
    path.write_text(page, encoding="utf-8")
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 900}, offline=True
    )
    tab = context.new_page()
    heard = listen(tab)
    tab.goto(path.as_uri())
    tab.wait_for_selector("html[data-charts]")
    assert heard.said == []
    assert heard.asked == [path.as_uri()]
    assert tab.title() == "Class report: ps1"
    assert tab.get_attribute("html", "data-charts") == "drawn"
    assert tab.locator(".chart svg").count() == tab.locator(".chart").count() == 7
    # Wide tables scroll in their own place; the page does not.
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
    path.write_text(without_policy(page), encoding="utf-8")
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    tab = context.new_page()
    tab.goto(path.as_uri())
    tab.wait_for_selector("html[data-charts]")
    assert violations(tab) == []
    context.close()


@pytest.mark.slow
@needs_chromium
def test_a_click_on_the_legend_fades_the_others(page: str, tmp_path: Path, browser: Any) -> None:
    path = tmp_path / "class.html"
    path.write_text(page, encoding="utf-8")
    tab = browser.new_page()
    tab.goto(path.as_uri())
    tab.wait_for_selector("html[data-charts]")
    bars = "#chart-difficulty .mark-rect path"
    strong = (
        "[...document.querySelectorAll(s)].filter(x => getComputedStyle(x).opacity > 0.5).length"
    )
    count = f"s => {strong}"
    before = tab.evaluate(count, bars)
    tab.locator("#chart-difficulty .role-legend-symbol path").first.click()
    tab.wait_for_function(f"n => (s => {strong})('{bars}') < n", arg=before)
    tab.close()
