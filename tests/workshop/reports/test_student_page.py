"""A student's page: all of it is escaped, nothing runs or loads, and everybody can read it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.jupyterlab import needs_chromium
from tests.workshop.reports.in_browser import listen, violations, without_policy
from tests.workshop.reports.learner import learner
from workshop.reports.graded_items import GradedItem
from workshop.reports.student_page import head_of_notebook, rejected_page, student_page
from workshop.reports.student_results import StudentResults

EVIL = "</style></template><script>document.title='owned'</script><img src=x onerror=alert(1)>\"'"
LIVE = {"script", "iframe", "object", "embed", "link", "form", "input", "base"}


@pytest.fixture(scope="module")
def results(items: Sequence[GradedItem]) -> StudentResults:
    return learner(items)


@pytest.fixture(scope="module")
def hostile(items: Sequence[GradedItem]) -> StudentResults:
    return learner(items, hostile=EVIL)


@pytest.fixture(scope="module")
def pages(results: StudentResults, hostile: StudentResults) -> dict[str, str]:
    return {
        "results": student_page(results),
        "hostile": student_page(hostile),
        "rejected": rejected_page("ps1", "ada", "it is empty; save it"),
    }


class Tags(HTMLParser):
    """Which elements a page has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    @property
    def ids(self) -> list[str]:
        return [attrs["id"] or "" for _, attrs in self.found if "id" in attrs]

    @property
    def links(self) -> list[str]:
        return [attrs["href"] or "" for _, attrs in self.found if "href" in attrs]


def test_what_students_wrote_is_text(hostile: StudentResults) -> None:
    whole = student_page(hostile)
    part = head_of_notebook(hostile, "p1")
    rejected = rejected_page("ps1", f"ada{EVIL}", f"p1.ipynb: this is no notebook{EVIL}; save it")
    for page in (whole, part, rejected):
        assert "&lt;script&gt;" in page
        tags = Tags(page).found
        assert not LIVE & {tag for tag, _ in tags}
        assert not [attrs for _, attrs in tags if any(name.startswith("on") for name in attrs)]
        assert not [attrs for _, attrs in tags if "src" in attrs]
        # A style sheet and a shadow root end where ours do.
        assert page.count("</style>") == 1
    assert part.count("</template>") == 1
    assert "</template>" not in whole


def test_nothing_is_loaded(results: StudentResults) -> None:
    for page in (student_page(results), head_of_notebook(results, "p1")):
        for _, attrs in Tags(page).found:
            assert not {"src", "srcset", "action", "background"} & set(attrs)
        assert not re.search(r"url\(|@import", page)
    whole = student_page(results)
    assert "default-src 'none'" in whole
    assert "script-src" not in whole
    assert "'unsafe-inline'; img-src" in whole  # attributes of tables alone


def test_links_lead_to_the_page_itself_or_to_notebooks_that_were_handed_in(
    results: StudentResults,
) -> None:
    page = Tags(student_page(results))
    assert len(set(page.ids)) == len(page.ids)
    for link in page.links:
        path, _, fragment = link.partition("#")
        assert (path or fragment in page.ids) and path in ("", "p1.html")


def test_nothing_leads_to_a_notebook_that_is_not_there(results: StudentResults) -> None:
    missing = tuple(
        replace(each, item=replace(each.item, notebook="p2"), seen=False) for each in results.items
    )
    page = student_page(replace(results, items=missing))
    assert not [link for link in Tags(page).links if "p2" in link]
    assert page.count("Not handed in") == len(missing)


def test_at_the_head_of_a_notebook_links_lead_into_it(results: StudentResults) -> None:
    part = Tags(head_of_notebook(results, "p1"))
    grade_ids = {each.item.grade_id for each in results.items}
    assert {link for link in part.links if link.startswith("#")} == {f"#{x}" for x in grade_ids}
    other = Tags(head_of_notebook(results, "p2"))
    assert not [link for link in other.links if link.startswith("#")]


def test_everything_is_told(results: StudentResults) -> None:
    page = student_page(results).replace("<wbr>", "")
    for each in results.items:
        assert (each.label or each.item.name) in page
        for found in each.findings:
            for text in (found.rationale, found.expected, found.actual, found.hint):
                assert text in page
        assert str(each.comment) in page
        assert str(each.written) in page
    for told in ("p2.ipynb was not handed in", "0.5", "86 to 91 %", "60 runs", "fine-tuning"):
        assert told in page


def test_what_is_open_is_no_zero(results: StudentResults) -> None:
    page = student_page(replace(results, score=None))
    assert "none yet" in page
    assert "open, of 4" in page
    assert "0 of 4" not in page


def test_the_most_points_come_first_among_what_to_do_next(results: StudentResults) -> None:
    page = student_page(results)
    assert page.index("Where to go on") < page.index("Restart the kernel.") < page.index(">Points<")
    perfect = replace(results, items=tuple(each for each in results.items if not each.lost))
    assert "Where to go on" not in student_page(perfect)


def test_the_same_step_is_named_once(results: StudentResults) -> None:
    twice = replace(results, items=(*results.items, *results.items))
    shown = student_page(twice)
    part = shown[shown.index("Where to go on") : shown.index(">Points<")]
    assert part.count("Restart the kernel.") == 1


def test_right_answers_stand_only_where_they_may(results: StudentResults) -> None:
    quiz = [each for each in results.items if each.answer is not None]
    without = [each for each in quiz if each.answer is not None and not each.answer.right]
    assert 0 < len(without) < len(quiz)
    page = student_page(replace(results, items=tuple(without)))
    assert "(right)" not in page
    assert "Why it is right" not in page
    assert "(right)" in student_page(results)


def test_rejected_work_is_told_why_and_what_to_do() -> None:
    page = rejected_page("ps1", "ada", "submitted/ada/ps1/p1.ipynb: it is empty; hand it in again")
    assert "not even 0" in page
    assert "p1.ipynb: it is empty" in page
    assert "<li>Hand it in again.</li>" in page


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize(
    "look", [*product(("results", "hostile", "rejected"), ("light", "dark"), (1300, 360))], ids=str
)
def test_in_a_browser(
    pages: dict[str, str], tmp_path: Path, browser: Any, look: tuple[str, str, int]
) -> None:
    kind, scheme, width = look
    page = pages[kind]
    path = tmp_path / "feedback.html"
    path.write_text(page, encoding="utf-8")
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 900}, offline=True
    )
    tab = context.new_page()
    heard = listen(tab)
    tab.goto(path.as_uri())
    assert heard.said == []
    assert heard.asked == [path.as_uri()]
    assert tab.title() == ("Not graded: ps1" if kind == "rejected" else "Feedback: ps1")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    dark = tab.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == (scheme == "dark")
    context.close()
    path.write_text(without_policy(page), encoding="utf-8")
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    tab = context.new_page()
    tab.goto(path.as_uri())
    assert violations(tab) == []
    tab.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert violations(tab) == []
    context.close()


@pytest.mark.slow
@needs_chromium
def test_nothing_is_folded_away_on_paper(
    results: StudentResults, tmp_path: Path, browser: Any
) -> None:
    path = tmp_path / "feedback.html"
    path.write_text(student_page(results), encoding="utf-8")
    context = browser.new_context(color_scheme="dark")
    tab = context.new_page()
    tab.goto(path.as_uri())
    passed = tab.locator("details.passed .findings").first
    assert not passed.is_visible()
    tab.emulate_media(media="print")
    assert passed.evaluate("each => each.getBoundingClientRect().height") > 0
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    context.close()


@pytest.mark.slow
@needs_chromium
def test_the_head_of_another_page_keeps_its_own_style(
    results: StudentResults, tmp_path: Path, browser: Any
) -> None:
    part = head_of_notebook(results, "p1")
    page = (
        '<!DOCTYPE html><html lang="en"><head><title>t</title><style>html{font-size:10px}'
        "h1,h2,h4,p,table,td{display:none;color:red}body{background:#fff}</style></head>"
        f'<body><main>{part}<a id="test_double">here</a></main></body></html>'
    )
    path = tmp_path / "p1.html"
    path.write_text(page, encoding="utf-8")
    tab = browser.new_page(viewport={"width": 360, "height": 900}, color_scheme="dark")
    tab.goto(path.as_uri())
    heading = tab.locator("#results h1")
    assert heading.is_visible()
    assert heading.evaluate("each => getComputedStyle(each).fontSize") == "27.2px"
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
    assert violations(tab) == []
    tab.close()
