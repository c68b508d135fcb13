"""What all our pages share: templates that escape, one style in light and dark, a strict policy."""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from collections.abc import Callable, Sequence
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from workshop.analysis.scores import Statistic
from workshop.grading.clean_html import markdown_to_html

_LONGEST = 600
_REM = re.compile(r"(\d*\.?\d+)rem\b")
_PIXELS = 16
_HEADING = re.compile(r"<(/?)h[1-6]\b[^>]*>")
_NO_ALT = re.compile(r"<img(?![^>]*\salt=)")


def environment(**filters: Callable[..., object]) -> Environment:
    """The templates. Whatever is put into one is escaped; a name that is not given is an error.

    Args:
        filters: for templates, besides those for points, numbers and names.
    """
    made = Environment(
        loader=PackageLoader("workshop.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        points=points, number=number, percent=percent, breakable=breakable, **filters
    )
    return made


@functools.cache
def text_of(name: str) -> str:
    """A file beside the templates, as it is."""
    return (files("workshop.reports") / "templates" / name).read_text(encoding="utf-8")


def style(*names: str, dark: bool = True) -> Markup:
    """The style sheet of a page: what all pages share, then its own.

    Args:
        names: of its own style sheets.
        dark: whether it follows a reader who asks for dark colours.
    """
    shared = ("page.css", "dark.css") if dark else ("page.css",)
    return Markup("".join(text_of(name) for name in (*shared, *names)))  # noqa: S704 - ours


def in_pixels(sheet: Markup) -> Markup:
    """A style sheet for a part of another page, whose root may have any size of letters."""
    return Markup(_REM.sub(lambda found: f"{float(found[1]) * _PIXELS:g}px", sheet))  # noqa: S704


def hash_of(text: str) -> str:
    """The name of a script or style sheet in a content security policy."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def hashes_of(texts: Sequence[str]) -> str:
    """The names of several, as a policy lists them."""
    return " ".join(map(hash_of, texts))


def points(value: float) -> str:
    """A number of points: no more digits than it needs, two after the point at most."""
    return f"{round(value, 2) + 0.0:g}"


def number(statistic: Statistic, digits: int = 2) -> str:
    """A statistic as text, with the reason where it is undefined."""
    if statistic.value is None:
        return f"undefined: {statistic.reason}"
    # No minus before a zero.
    return f"{round(statistic.value, digits) + 0.0:.{digits}f}"


def percent(statistic: Statistic) -> str:
    """A share as text, with the reason where it is undefined."""
    return number(statistic) if statistic.value is None else f"{100 * statistic.value:.0f} %"


def breakable(name: str) -> Markup:
    """A long name that may be broken into lines where its words end."""
    return Markup(re.sub(r"(?<=[_/.])", "<wbr>", str(escape(name))))  # noqa: S704 - escaped


def markdown(text: str) -> Markup:
    """Somebody's Markdown as a part of a page: inert, and without headings of its own."""
    page = _HEADING.sub(r"<\1p>", markdown_to_html(text))
    return Markup(_NO_ALT.sub('<img alt="picture"', page))  # noqa: S704 - made inert


def plain(text: str) -> str:
    """Text of a bearable length, without signs that could turn or hide what stands around it."""
    shown = "".join(each if each.isprintable() or each == "\n" else " " for each in text).strip()
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"
