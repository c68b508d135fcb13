"""The page of feedback for one student and assignment, and the same as the head of another page.

It runs no script and loads nothing. By nbgrader's exchange a student gets one page for each
notebook that was handed in and nothing else; so each of these begins with all of the results, in a
part of its own that the rest of the page does not style (a declarative shadow root).
"""

from __future__ import annotations

import functools

from jinja2 import Environment
from markupsafe import Markup

from workshop.analysis.mastery import MASTERED
from workshop.reports.page import environment, hash_of, in_pixels, style
from workshop.reports.student_items import ItemResult
from workshop.reports.student_results import StudentResults

PAGE_NAME = "feedback.html"
"""The page's file, beside those of the notebooks."""

_MOST_FIRST = 3


def student_page(results: StudentResults) -> str:
    """The page as HTML."""
    return _whole(f"Feedback: {results.assignment}", results.student, _content(results, here=""))


def rejected_page(assignment: str, student: str, message: str) -> str:
    """The page for work that could not be graded.

    Args:
        assignment: the assignment's name.
        student: whose work it is.
        message: what is wrong; after a semicolon, what to do.
    """
    what, _, remedy = message.partition("; ")
    content = _templates().get_template("rejected.html.j2").render(what=what, remedy=remedy)
    return _whole(f"Not graded: {assignment}", student, Markup(content))  # noqa: S704 - ours


def head_of_notebook(results: StudentResults, notebook: str) -> str:
    """The same results for the beginning of a notebook's page, whatever its style.

    Args:
        results: the results.
        notebook: whose page it is: links to it stay on the page.
    """
    content = _content(results, here=notebook)
    title = f"Feedback: {results.assignment}"
    return str(
        Markup(
            '<div id="results"><template shadowrootmode="open"><style>{style}</style>'
            '<div class="page"><h1>{title}</h1>{content}</div></template>'
            '<p>Your browser is too old to show your results here: see <a href="{name}">{name}</a>'
            " or the points below.</p></div>"
        ).format(style=_style_of_part(), title=title, content=content, name=PAGE_NAME)
    )


def _whole(title: str, student: str, content: Markup) -> str:
    sheet = _style()
    return _templates().get_template("feedback.html.j2").render(
        title=title,
        student=student,
        content=content,
        style=sheet,
        allowed=hash_of(sheet),
    )  # fmt: skip


def _content(results: StudentResults, *, here: str) -> Markup:
    def cell(each: ItemResult) -> str:
        page = "" if each.item.notebook == here else f"{each.item.notebook}.html"
        return f"{page}#{each.item.grade_id}"

    def anchor(each: ItemResult) -> str:
        return f"{each.item.notebook}/{each.item.grade_id}"

    def detail(each: ItemResult) -> str:
        # Nothing leads to a place within a shadow root.
        return cell(each) if here else f"#{anchor(each)}"

    return Markup(  # noqa: S704 - the template escapes
        _templates()
        .get_template("results.html.j2")
        .render(
            results=results,
            here=here,
            first=_first(results),
            graphs=_graphs(results),
            mastered=MASTERED,
            cell=cell,
            anchor=anchor,
            detail=detail,
        )
    )


def _first(results: StudentResults) -> list[ItemResult]:
    """Where the most points are left among what a next step is known for; each step once."""
    left = [each for each in results.items if each.lost > 0 and each.next_step]
    by_step: dict[str, ItemResult] = {}
    for each in sorted(left, key=lambda each: -each.lost):
        by_step.setdefault(each.next_step, each)
    return [*by_step.values()][:_MOST_FIRST]


def _graphs(results: StudentResults) -> list[tuple[str, object, Markup]]:
    if not results.curves:
        return []
    from workshop.reports.student_charts import drawn  # noqa: PLC0415 - slow to import

    return [(notebook, curves, drawn(curves)) for notebook, curves in results.curves]


@functools.cache
def _templates() -> Environment:
    return environment()


@functools.cache
def _style() -> Markup:
    return style("feedback.css")


@functools.cache
def _style_of_part() -> Markup:
    return in_pixels(style("feedback.css", dark=False))
