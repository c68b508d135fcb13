"""The page of a class report: one file that needs no network.

Whatever stands in it is escaped, and a content security policy lets nothing run but its own two
scripts, and nothing load at all.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import re

import altair as alt
import vl_convert
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from workshop.reports.charts import charts, number, percent
from workshop.reports.class_report import ClassReport
from workshop.reports.review import TOO_EASY, TOO_HARD

_MOST_CHECKS = 20


def class_page(report: ClassReport, *, keys: bool = False) -> str:
    """The page as HTML.

    Args:
        report: the figures.
        keys: whether to show each quiz item's options, with the right ones marked.
    """
    environment = Environment(
        loader=PackageLoader("workshop.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=number, percent=percent, points=_points, breakable=_breakable)
    library, start = _chart_library(), _text(environment, "charts.js")
    return environment.get_template(
        "class.html.j2"
    ).render(
        report=report,
        keys=keys,
        charts=charts(report),
        style=Markup(_text(environment, "class.css")),  # noqa: S704 - ours
        library=Markup(library),  # noqa: S704 - Vega's
        start=Markup(start),  # noqa: S704 - ours
        allowed=" ".join(map(_hash, (library, start))),
        too_hard=TOO_HARD,
        too_easy=TOO_EASY,
        checks=report.failed_checks[:_MOST_CHECKS],
    )


@functools.cache
def _chart_library() -> str:
    """Vega-Lite, Vega and their helper for pages, of the version that Altair writes for."""
    version = alt.SCHEMA_VERSION.removeprefix("v").rpartition(".")[0]
    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=version)
    # Browsers read both line ends as one; the hash is of what they read.
    return bundle.replace("\r\n", "\n").replace("</script", "<\\/script")


def _text(environment: Environment, name: str) -> str:
    """A file beside the template, as it is."""
    loader = environment.loader
    assert loader is not None  # noqa: S101 - for the type checker
    return loader.get_source(environment, name)[0]


def _hash(script: str) -> str:
    """A script's name in a content security policy."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _points(value: float) -> str:
    return f"{round(value, 2):g}"


def _breakable(name: str) -> Markup:
    """A long name that may be broken into lines where its words end."""
    return Markup(re.sub(r"(?<=[_/.])", "<wbr>", str(escape(name))))  # noqa: S704 - escaped
