"""A learner's curves as a drawing with Vega-Lite, made here: the page runs no script."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import vl_convert
from markupsafe import Markup

from workshop.reports.student_curves import Curves

# At least 3:1 against the page, in light and in dark, and apart for colour-blind eyes; the dashes
# and shapes tell them apart without any colour.
_COLOURS = ("#3d7fd0", "#c8641b", "#1f9470", "#b05fa8", "#858b96")
_DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 4])
_SHAPES = ("circle", "square", "triangle-up", "diamond", "cross")
# Narrow enough for a phone: letters that shrink with the picture could not be read.
_WIDTH, _HEIGHT = 270, 180
_MOST_TICKS, _MOST_MARKS = 8, 25
_TEXT = {"labelFontSize": 12, "titleFontSize": 12}


def drawn(curves: Curves) -> Markup:
    """The curves as a drawing for the page, which gives texts and lines their colours."""
    version = alt.SCHEMA_VERSION.removeprefix("v").rpartition(".")[0]
    drawing = vl_convert.vegalite_to_svg(specification(curves), vl_version=version)
    return Markup(drawing)  # noqa: S704 - Vega escapes


def specification(curves: Curves) -> dict[str, Any]:
    """The drawing as Vega-Lite asks for it."""
    # A value that is not there interrupts its line.
    rows = [
        {"x": x, "y": y, "name": each.name}
        for each in curves.curves
        for x, y in zip(each.x, each.y, strict=False)
        if x is not None
    ]
    names = [each.name for each in curves.curves]
    many = max(len(each.points) for each in curves.curves) > _MOST_MARKS
    marks = False if many else alt.OverlayMarkDef(filled=True, size=45)
    symbol = {"symbolType": "stroke", "symbolStrokeWidth": 2} if many else {"symbolStrokeWidth": 0}
    legend = alt.Legend(orient="top", columns=1, **symbol)
    chart = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_line(point=marks, strokeWidth=2)
        .encode(
            x=alt.X("x:Q", title=curves.xlabel, axis=_ticks(rows), scale=alt.Scale(zero=False)),
            y=alt.Y("y:Q", title=curves.ylabel, scale=alt.Scale(zero=False)),
            color=alt.Color("name:N", scale=_scale(names, _COLOURS), title=None, legend=legend),
            strokeDash=alt.StrokeDash("name:N", scale=_scale(names, _DASHES), legend=None),
            shape=alt.Shape("name:N", scale=_scale(names, _SHAPES), legend=None),
        )
        .properties(width=_WIDTH, height=_HEIGHT, background="transparent")
        .configure_view(stroke=None)
        .configure_axis(
            labelFontSize=12, titleFontSize=12, titleFontWeight="normal", titleLimit=_WIDTH
        )
        .configure_legend(labelFontSize=12, labelLimit=_WIDTH - 40)
    )
    made: dict[str, Any] = chart.to_dict()
    return made


def _ticks(rows: Sequence[dict[str, Any]]) -> alt.Axis:
    """Ticks where something is counted: at some of the whole numbers that there are."""
    places = sorted({float(row["x"]) for row in rows})
    if not all(place.is_integer() for place in places):
        return alt.Axis()
    step = -(-len(places) // _MOST_TICKS)
    return alt.Axis(values=places[::step], format="d")


def _scale(names: Sequence[str], signs: Sequence[Any]) -> alt.Scale:
    return alt.Scale(domain=list(names), range=[signs[i % len(signs)] for i in range(len(names))])
