"""The page of a class report: one file that needs no network.

Whatever stands in it is escaped, and a content security policy lets nothing run but its own two
scripts, and nothing load at all.
"""

from __future__ import annotations

import functools

import altair as alt
import vl_convert
from markupsafe import Markup

from workshop.reports.charts import charts
from workshop.reports.class_report import ClassReport
from workshop.reports.page import environment, hashes_of, style, text_of
from workshop.reports.review import TOO_EASY, TOO_HARD

_MOST_CHECKS = 20


def class_page(report: ClassReport, *, keys: bool = False) -> str:
    """The page as HTML.

    Args:
        report: the figures.
        keys: whether to show each quiz item's options, with the right ones marked.
    """
    library, start = _chart_library(), text_of("charts.js")
    return (
        environment()
        .get_template("class.html.j2")
        .render(
            report=report,
            keys=keys,
            charts=charts(report),
            style=style("class.css"),
            library=Markup(library),  # noqa: S704 - Vega's
            start=Markup(start),  # noqa: S704 - ours
            allowed=hashes_of((library, start)),
            too_hard=TOO_HARD,
            too_easy=TOO_EASY,
            checks=report.failed_checks[:_MOST_CHECKS],
        )
    )


@functools.cache
def _chart_library() -> str:
    """Vega-Lite, Vega and their helper for pages, of the version that Altair writes for."""
    version = alt.SCHEMA_VERSION.removeprefix("v").rpartition(".")[0]
    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=version)
    # Browsers read both line ends as one; the hash is of what they read.
    return bundle.replace("\r\n", "\n").replace("</script", "<\\/script")
