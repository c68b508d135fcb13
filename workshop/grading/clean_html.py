"""HTML of others, reduced to what can only be looked at.

An allowlist: text, tables, lists, code and pictures that are part of the page. Everything else is
left out, whatever it is: scripts, handlers, frames, forms, style sheets, positioned boxes, names
that a page's own scripts look for, and addresses that load or run something.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from urllib.parse import quote

import nh3
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments.token import STANDARD_TYPES  # type: ignore[import-untyped]


def _words(text: str) -> set[str]:
    return set(text.split())


_TAGS = _words(
    "a abbr b bdi bdo blockquote br caption cite code col colgroup dd del details dfn div dl dt em"
    " figcaption figure h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q rp rt ruby s samp"
    " small span strong sub summary sup table tbody td tfoot th thead time tr tt u ul var wbr"
)
# Without their content, which would otherwise stay behind as text.
_GONE = _words(
    "applet audio canvas embed frameset iframe math noembed noframes noscript object script select"
    " style svg template textarea title video xmp"
)
# The other elements of HTML, whose tags are left out and whose text stays.
_UNWRAPPED = _words(
    "acronym address area article aside base basefont bgsound big blink body button center command"
    " data datalist dialog dir fieldset font footer form frame head header hgroup html image input"
    " isindex keygen label legend link listing main map marquee menu menuitem meta meter multicol"
    " nav nextid nobr optgroup option output param picture plaintext portal progress rb rtc search"
    " section slot source spacer strike track"
)
_ATTRIBUTES = {
    "*": {"align", "dir", "id", "lang", "style", "title"},
    "a": {"href"},
    "col": {"span"},
    "colgroup": {"span"},
    "details": {"open"},
    "img": {"alt", "height", "src", "width"},
    "li": {"value"},
    "ol": {"reversed", "start"},
    "table": {"border"},
    "td": {"colspan", "rowspan", "valign"},
    "th": {"abbr", "colspan", "rowspan", "scope", "valign"},
}
# No size, margin or position, so that nothing lies over anything else, and no `background`, which
# can load pictures.
_STYLES = _words(
    "background-color border border-bottom border-collapse border-color border-left border-right"
    " border-style border-top border-width color font-style font-weight padding text-align"
    " text-decoration vertical-align white-space"
)
# A page's own classes could cover it (`navbar-fixed-top`); these only colour code and tables.
_CODE = {name for name in STANDARD_TYPES.values() if name}
_CLASSES = {"div": {"highlight"}, "table": {"dataframe"}, "span": _CODE}
_LINK = re.compile(r"(https?://|mailto:|#)", re.IGNORECASE)
_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml)[;,]", re.IGNORECASE)
_PIXELS = re.compile(r"\d{1,4}(px|%)?")
_HTML = _TAGS | _GONE | _UNWRAPPED
# A name with a colon or a hyphen is an element of somebody's own.
_TAG = re.compile(r"</?([A-Za-z][\w.]*)(?![\w.:-])")
_SVG = re.compile(r"<svg\b.*?</svg>", re.IGNORECASE | re.DOTALL)
_SVG_OPENS = re.compile(r"<svg\b", re.IGNORECASE)
_SVG_CLOSES = re.compile(r"</svg>", re.IGNORECASE)
_NAMESPACE = re.compile(r"\sxmlns\s*=")
# Anchors of others keep apart from the names that the page itself gives.
_PREFIX = "text-"


def clean_html(text: str) -> str:
    """HTML that shows the same and does nothing. Cleaning it again changes nothing.

    What looks like a tag and is none of HTML's, such as ``<in>``, is text.
    """
    # Nothing is searched for where it cannot be: a thousand <svg> without an end take no time.
    end = max((found.end() for found in _SVG_CLOSES.finditer(text)), default=0)
    pictured = _SVG.sub(lambda found: svg_as_picture(found[0]), text[:end]) + text[end:]
    return _CLEANER.clean(_TAG.sub(_text_unless_html, pictured))


def _text_unless_html(found: re.Match[str]) -> str:
    """A tag as it stands, or as text: the cleaner takes names of MathML's with all that follows."""
    return found[0] if found[1].lower() in _HTML else "&lt;" + found[0][1:]


def svg_as_picture(text: str) -> str:
    """A drawing as the picture of a page, which runs no script and loads nothing."""
    opens = _SVG_OPENS.search(text)
    if opens and not _NAMESPACE.search(text, opens.end(), text.find(">", opens.end())):
        name = ' xmlns="http://www.w3.org/2000/svg"'
        text = text[: opens.end()] + name + text[opens.end() :]
    return f'<img alt="drawing" src="data:image/svg+xml,{quote(text)}">'


def markdown_to_html(text: str, attachments: Mapping[str, dict[str, str]] | None = None) -> str:
    """Markdown as nbconvert shows it, made inert. Formulas stay as their source."""
    renderer = IPythonRenderer(
        escape=False, attachments=dict(attachments or {}), exclude_anchor_links=True
    )
    try:
        rendered = str(MarkdownWithMath(renderer=renderer).render(text))
    except Exception:  # noqa: BLE001 - text made to break the renderer is still to be read
        rendered = f"<pre>{html.escape(text)}</pre>"
    return clean_html(rendered)


def _attribute(tag: str, name: str, value: str) -> str | None:
    if name == "id":
        return value if value.startswith(_PREFIX) else _PREFIX + value
    if name == "href":
        if value.startswith("#"):
            return value if value.startswith("#" + _PREFIX) else "#" + _PREFIX + value[1:]
        return value if _LINK.match(value) else None
    if name == "src":
        return value if _PICTURE.match(value) else None
    if tag == "img" and name in ("width", "height"):
        return value if _PIXELS.fullmatch(value) else None
    return value


_CLEANER = nh3.Cleaner(
    tags=_TAGS,
    clean_content_tags=_GONE,
    attributes=_ATTRIBUTES,
    attribute_filter=_attribute,
    url_schemes={"data", "http", "https", "mailto"},
    allowed_classes=_CLASSES,
    filter_style_properties=_STYLES,
    link_rel="noopener noreferrer nofollow",
)
