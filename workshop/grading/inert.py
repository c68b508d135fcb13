"""A notebook of others as a web page: nothing in it runs, loads or covers anything.

``nbgrader_config.py`` puts :class:`InertView` and the two filters into every HTML exporter, so that
feedback pages and the formgrader's view of a submission are cleaned by the same code. A notebook
file itself is not changed. :class:`FeedbackExporter` makes feedback pages, which hold no script at
all.
"""

from __future__ import annotations

import re
from typing import Any

from jinja2 import DictLoader, Environment, pass_context
from jinja2.bccache import Bucket, BytecodeCache
from jinja2.runtime import Context
from nbconvert.exporters import HTMLExporter
from nbconvert.filters import Highlight2HTML
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode
from nbformat.v4 import new_output

from workshop.errors import WorkshopError
from workshop.grading.clean_html import clean_html, markdown_to_html, svg_as_picture
from workshop.grading.records import KEY, nbgrader_of
from workshop.grading.verdicts import VERDICTS_MIME

_NOT_SHOWN = "[Part of this output is a program or an interactive view. It is not shown here.]"
_LIVE = re.compile(r"application/(?!json)|text/(html|javascript|vnd\.)")
_PYTHON = Highlight2HTML(pygments_lexer="ipython3")  # type: ignore[no-untyped-call]
_GRADE_ID = re.compile(r"[\w-]+", re.ASCII)
# What steers a terminal, but for the colours that templates show; page breaks, bells, zero bytes.
_STEERING = re.compile(
    r"\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)?"
    r"|\x1b(?!\[[\d;]*m)(?:\[[0-?]*[ -/]*[@-~])?"
    r"|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]"
)
_PICTURES = ("image/png", "image/jpeg")
_PASSED_ON = ("text/latex", *_PICTURES, "text/plain")
# The page needs no network. `style-src` is for the templates' own style sheets.
_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none';"
    " form-action 'none'"
)
_HEAD = f"""<head>
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
"""
# What is too wide scrolls inside its own box and paints nothing outside of it. The colours of code
# and of terminals are named by the templates and defined by JupyterLab, which is not here.
_STYLE = """<style>
:root {
  --jp-mirror-editor-keyword-color: #1a6b1a; --jp-mirror-editor-string-color: #a3201d;
  --jp-mirror-editor-comment-color: #3d6b6b; --jp-mirror-editor-number-color: #0b6b3a;
  --jp-mirror-editor-operator-color: #7a1fa2;
}
.ansi-red-fg { color: #b42318; } .ansi-green-fg { color: #1a7f37; }
.ansi-blue-fg { color: #0550ae; } .ansi-cyan-fg { color: #0b6670; }
.ansi-yellow-fg { color: #8a5a00; } .ansi-bold { font-weight: bold; }
.output_subarea, .text_cell_render { overflow-x: auto; contain: paint; margin: 0.5em 0; }
.output_subarea pre { white-space: pre-wrap; overflow-wrap: anywhere; }
.output_subarea img, .text_cell_render img { max-width: 100%; height: auto; }
.rendered_html th, .rendered_html td { padding: 0.2em 0.7em; }
.rendered_html table { margin: 0.3em 0; }
</style>
</head>"""


class InertView(Preprocessor):
    """Leaves of a notebook what templates show and nothing that they would pass on to a browser.

    Templates write some values into the page as they are: outputs, attachments, execution counts,
    the name of the language, tags.
    """

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Clean the notebook in place."""
        language = {"name": "python", "pygments_lexer": "ipython3"}
        kept = {KEY: nb.metadata[KEY]} if isinstance(nb.metadata.get(KEY), dict) else {}
        nb.metadata = NotebookNode(kept, language_info=NotebookNode(language))
        for number, cell in enumerate(nb.cells):
            _clean_cell(cell, number)
        return nb, resources


class _Compiled(BytecodeCache):
    """Templates that were compiled in this process: an exporter is made for each submission.

    Jinja compares the text that a template was compiled from.
    """

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give what is known."""
        if bucket.key in self._known:
            bucket.bytecode_from_string(self._known[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        self._known[bucket.key] = bucket.bytecode_to_string()


_COMPILED = _Compiled()


class FeedbackExporter(HTMLExporter):
    """Makes pages without scripts, which browsers are told to keep that way."""

    def __init__(self, config: Any = None, **kw: Any) -> None:
        # The templates ask for formulas to be typeset by a script from elsewhere.
        no_scripts = DictLoader({"mathjax.html.j2": "{% macro mathjax(url='') %}{% endmacro %}"})
        super().__init__(config, extra_loaders=[no_scripts], **kw)  # type: ignore[no-untyped-call]

    def _create_environment(self) -> Environment:
        made: Environment = super()._create_environment()  # type: ignore[no-untyped-call]
        made.bytecode_cache = _COMPILED
        return made

    def from_notebook_node(
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        """The page and its resources.

        Raises:
            WorkshopError: the template makes a page that nothing can be added to.
        """
        page, resources = super().from_notebook_node(nb, resources, **kw)
        before, head, rest = page.partition("<head>")
        style, end, body = rest.partition("</head>")
        if not head or not end:
            raise WorkshopError(
                "the template of feedback pages has no <head>",
                where="nbgrader_config.py",
                remedy="leave c.HTMLExporter.template_name as it is",
            )
        return before + _HEAD + style + _STYLE + body, resources


@pass_context
def markdown_filter(context: Context, source: str) -> str:
    """The templates' filter ``markdown2html``, for cells and for graders' comments."""
    cell = context.get("cell") or {}
    return markdown_to_html(source, cell.get("attachments"))


def highlight_filter(source: str, **_: object) -> str:
    """The templates' filter ``highlight_code``, which a notebook cannot tell its language."""
    return str(_PYTHON(source))


def _clean_cell(cell: NotebookNode, number: int) -> None:
    kept = NotebookNode()
    if _GRADE_ID.fullmatch(str(nbgrader_of(cell).get("grade_id", ""))):
        kept["nbgrader"] = cell.metadata["nbgrader"]
    if isinstance(cell.metadata.get(KEY), dict):
        kept[KEY] = cell.metadata[KEY]
    cell.metadata = kept
    cell["id"] = f"cell-{number}"
    cell.source = _joined(cell.source)
    attachments = cell.pop("attachments", None)
    if cell.cell_type == "code":
        cell.execution_count = _count(cell.get("execution_count"))
        cell.outputs = [_clean_output(output) for output in cell.get("outputs", [])]
    elif cell.cell_type == "markdown":
        if isinstance(attachments, dict):
            cell["attachments"] = {
                name: {kind: data for kind, data in files.items() if isinstance(data, str)}
                for name, files in attachments.items()
                if isinstance(files, dict)
            }
    else:
        # Raw text may be HTML for a template; here it is text.
        cell.cell_type = "markdown"
        cell.source = "".join(f"    {line}" for line in cell.source.splitlines(keepends=True))


def _clean_output(output: NotebookNode) -> NotebookNode:
    kind = output.get("output_type")
    clean: NotebookNode
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        clean = new_output("stream", name=name, text=_plain(output.get("text")))
    elif kind == "error":
        lines = output.get("traceback")
        clean = new_output(
            "error",
            ename=_plain(output.get("ename")),
            evalue=_plain(output.get("evalue")),
            traceback=[_plain(line) for line in lines] if isinstance(lines, list) else [],
        )
    else:
        data = output.get("data") if isinstance(output.get("data"), dict) else {}
        clean = new_output("display_data", _clean_data(data), metadata=_sizes(output))
        if kind == "execute_result":
            clean.output_type = kind
            clean["execution_count"] = _count(output.get("execution_count"))
    return clean


def _clean_data(data: dict[str, Any]) -> dict[str, Any]:
    """The forms of one output that can be shown, the page's HTML first."""
    shown: dict[str, Any] = {
        kind: _plain(data[kind]) for kind in _PASSED_ON if _joined(data.get(kind))
    }
    page = clean_html(_joined(data.get("text/html")))
    if not page.strip() and "text/markdown" in data:
        page = markdown_to_html(_joined(data["text/markdown"]))
    if not page.strip() and _joined(data.get("image/svg+xml")):
        page = clean_html(svg_as_picture(_joined(data["image/svg+xml"])))
    if page.strip():
        shown["text/html"] = page
    if set(shown) <= {"text/plain"} and (not shown or any(map(_LIVE.match, data))):
        shown["text/plain"] = "\n".join(filter(None, (shown.get("text/plain"), _NOT_SHOWN)))
    if VERDICTS_MIME in data:
        shown[VERDICTS_MIME] = data[VERDICTS_MIME]
    return shown


def _sizes(output: NotebookNode) -> dict[str, Any]:
    """The pictures' sizes and descriptions, the only metadata that templates need."""
    metadata = output.get("metadata")
    found = {}
    for kind in _PICTURES:
        about = metadata.get(kind) if isinstance(metadata, dict) else None
        if isinstance(about, dict):
            sizes = {name: about[name] for name in ("width", "height") if _count(about.get(name))}
            text = {"alt": about["alt"]} if isinstance(about.get("alt"), str) else {}
            found[kind] = sizes | text
    return found


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _plain(value: object) -> str:
    """Text that an output shows, without what would steer a terminal that it is copied to."""
    return _STEERING.sub("", _joined(value))


def _joined(value: object) -> str:
    """Text, which notebooks may hold as a list of lines; nothing for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "".join(value)
    return ""
