"""The charts of a class report, as Vega-Lite specifications made with Altair.

Each chart is as wide as its place on the page. Its texts and lines get their colours from the
page's style sheet, so that they can be read in light and dark.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from workshop.analysis.mastery import Mastery
from workshop.reports.class_report import ClassReport, ItemReport
from workshop.reports.graded_items import ItemKind
from workshop.reports.page import number, percent
from workshop.reports.review import TOO_EASY, TOO_HARD

Spec = dict[str, Any]
_Chart = Any  # what Altair's encode() returns has no type

# At least 3:1 against the page, in light and in dark, and apart for colour-blind eyes.
_BLUE, _ORANGE, _GREEN, _GREY = "#3d7fd0", "#c8641b", "#1f9470", "#858b96"
_KINDS = [kind.value for kind in ItemKind]
_KIND_COLOURS = alt.Scale(domain=_KINDS, range=[_BLUE, _ORANGE, _GREEN])
_KIND_SHAPES = alt.Scale(domain=_KINDS, range=["circle", "square", "triangle-up"])
_ROW = 22
_MOST_CHECKS = 20


def charts(report: ClassReport) -> dict[str, Spec]:
    """The specification of each chart by the name of its place on the page.

    A chart that would be empty is left out.
    """
    made = {"distribution": _distribution(report)}
    if any(each.statistics.facility.value is not None for each in report.items):
        made["difficulty"] = _difficulty(report.items)
    if any(each.statistics.point_biserial.value is not None for each in report.items):
        made["discrimination"] = _discrimination(report.items)
    if report.failed_checks:
        made["checks"] = _checks(report)
    if report.objectives:
        made["objectives"] = _mastery(report.objectives, "by objective")
    if report.topics:
        made["topics"] = _mastery(report.topics, "by topic")
    if report.time.bins:
        made["time"] = _time(report)
    return {name: _finished(chart) for name, chart in made.items()}


def _finished(chart: _Chart) -> Spec:
    whole = chart.properties(width="container", background="transparent").configure_view(
        stroke=None
    )
    spec: Spec = whole.to_dict()
    return spec


def _of(rows: Sequence[dict[str, Any]], description: str) -> alt.Chart:
    return alt.Chart(alt.InlineData(values=list(rows)), description=description)


def _legend(field: str) -> alt.Parameter:
    """A click on the legend shows one kind only; a second click shows all again."""
    return alt.selection_point(fields=[field], bind="legend")


def _faded(chosen: alt.Parameter) -> Any:
    return alt.when(chosen).then(alt.value(0.9)).otherwise(alt.value(0.12))


def _distribution(report: ClassReport) -> _Chart:
    rows = [
        {
            "from": each.low,
            "to": each.high,
            "range": f"{each.low} to {each.high} %",
            "state": state,
            "students": count,
        }
        for each in report.distribution
        for state, count in (("complete", each.complete), ("still open", each.waiting))
    ]
    states = alt.Scale(domain=["complete", "still open"], range=[_BLUE, _ORANGE])
    chosen = _legend("state")
    return (
        _of(rows, "Histogram of scores in tenths of the points that can be earned")
        .mark_bar()
        .encode(
            x=alt.X("from:Q", bin=alt.BinParams(binned=True, step=10), title="score, %"),
            x2="to:Q",
            y=alt.Y("students:Q", title="students", axis=alt.Axis(tickMinStep=1)),
            color=alt.Color("state:N", scale=states, title=None, legend=_at_top()),
            opacity=_faded(chosen),
            tooltip=["range:N", "state:N", "students:Q"],
        )
        .add_params(chosen)
        .properties(height=260)
    )


def _at_top() -> alt.Legend:
    return alt.Legend(orient="top", symbolType="square")


def _about(each: ItemReport) -> dict[str, Any]:
    statistics = each.statistics
    return {
        "item": each.item.name,
        "notebook": each.item.notebook,
        "kind": each.item.kind.value,
        "facility": statistics.facility.value,
        "correlation": statistics.point_biserial.value,
        "students": statistics.students,
        "facility index": number(statistics.facility),
        "discrimination index": number(statistics.discrimination),
        "corrected point-biserial": number(statistics.point_biserial),
    }


_ITEM_TIPS = [
    *("item:N", "notebook:N", "kind:N", "students:Q", "facility index:N"),
    *("discrimination index:N", "corrected point-biserial:N"),
]


def _difficulty(items: Sequence[ItemReport]) -> _Chart:
    rows = [_about(each) for each in items if each.statistics.facility.value is not None]
    chosen = _legend("kind")
    bars = (
        _of(rows, "Facility index of each item, the hardest first")
        .mark_bar()
        .encode(
            x=_facility(),
            y=_names("item", sort=[each["item"] for each in _hardest_first(rows)]),
            color=alt.Color("kind:N", scale=_KIND_COLOURS, title=None, legend=_at_top()),
            opacity=_faded(chosen),
            tooltip=_ITEM_TIPS,
        )
        .add_params(chosen)
    )
    return alt.layer(bars, _lines("x", TOO_HARD, TOO_EASY)).properties(height=_ROW * len(rows))


def _facility() -> alt.X:
    scale, axis = alt.Scale(domain=[0, 1], clamp=True), alt.Axis(tickCount=5, format=".1f")
    return alt.X("facility:Q", title="facility index", scale=scale, axis=axis)


def _hardest_first(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: float(row["facility"]))


def _names(field: str, sort: Any) -> alt.Y:
    axis = alt.Axis(labelOverlap=False, ticks=False, domain=False)
    return alt.Y(f"{field}:N", sort=sort, title=None, axis=axis)


def _lines(axis: str, *places: float) -> _Chart:
    rule = _of([{"at": place} for place in places], "Limits").mark_rule(
        color=_GREY, strokeDash=[4, 3], tooltip=None
    )
    return rule.encode(x="at:Q") if axis == "x" else rule.encode(y="at:Q")


def _discrimination(items: Sequence[ItemReport]) -> _Chart:
    rows = [_about(each) for each in items]
    rows = [row for row in rows if None not in (row["facility"], row["correlation"])]
    chosen = _legend("kind")
    points = (
        _of(rows, "Corrected point-biserial over facility index, one point for each item")
        .mark_point(filled=True, size=90)
        .encode(
            x=_facility(),
            y=alt.Y("correlation:Q", title="corrected point-biserial"),
            color=alt.Color("kind:N", scale=_KIND_COLOURS, title=None, legend=_at_top()),
            shape=alt.Shape("kind:N", scale=_KIND_SHAPES, title=None, legend=_at_top()),
            opacity=_faded(chosen),
            tooltip=_ITEM_TIPS,
        )
        .add_params(chosen)
    )
    layers = (_lines("y", 0), _lines("x", TOO_HARD, TOO_EASY), points)
    return alt.layer(*layers).properties(height=320)


def _checks(report: ClassReport) -> _Chart:
    rows = [
        {
            "name": f"{each.item}: {each.check}",
            "students": each.students,
            "of": each.of,
            "told": each.rationale,
        }
        for each in report.failed_checks[:_MOST_CHECKS]
    ]
    return (
        _of(rows, "How many students lost points by each check, the most frequent first")
        .mark_bar(color=_ORANGE)
        .encode(
            x=alt.X("students:Q", title="students", axis=alt.Axis(tickMinStep=1)),
            y=_names("name", sort=None),
            tooltip=["name:N", "students:Q", "of:Q", "told:N"],
        )
        .properties(height=_ROW * len(rows))
    )


def _mastery(rows: Sequence[Mastery], how: str) -> _Chart:
    measures = (("points earned", "earned"), ("students who reached it", "reached"))
    values = [
        {
            "name": each.name,
            "measure": measure,
            "share": getattr(each, field).value,
            "items": each.items,
            "percent": percent(getattr(each, field)),
        }
        for each in rows
        for measure, field in measures
    ]
    names = [measure for measure, _ in measures]
    chosen = _legend("measure")
    return (
        _of(values, f"Share of points earned, and of students who reached it, {how}")
        .mark_bar()
        .encode(
            x=alt.X(
                "share:Q",
                title="share",
                axis=alt.Axis(format="%", tickCount=5),
                scale=alt.Scale(domain=[0, 1], clamp=True),
            ),
            y=_names("name", sort=None),
            yOffset=alt.YOffset("measure:N", sort=names),
            color=alt.Color(
                "measure:N",
                scale=alt.Scale(domain=names, range=[_BLUE, _GREEN]),
                title=None,
                legend=_at_top(),
            ),
            opacity=_faded(chosen),
            tooltip=["name:N", "measure:N", "percent:N", "items:Q"],
        )
        .add_params(chosen)
        .properties(height=_ROW * len(rows))
    )


def _time(report: ClassReport) -> _Chart:
    rows = [{"from": each.low, "to": each.high, "submissions": each.count}
            for each in report.time.bins]  # fmt: skip
    width = rows[0]["to"] - rows[0]["from"]
    return (
        _of(rows, "Histogram of the seconds that it took to grade a submission")
        .mark_bar(color=_BLUE)
        .encode(
            x=alt.X("from:Q", bin=alt.BinParams(binned=True, step=width), title="seconds"),
            x2="to:Q",
            y=alt.Y("submissions:Q", title="submissions", axis=alt.Axis(tickMinStep=1)),
            tooltip=["from:Q", "to:Q", "submissions:Q"],
        )
        .properties(height=220)
    )
