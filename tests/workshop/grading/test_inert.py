"""Pages of what others wrote: nothing runs, nothing is loaded, and it can still be read."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode
from nbformat.v4 import (
    new_code_cell,
    new_markdown_cell,
    new_notebook,
    new_output,
)
from nbgrader.converters import GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from nbgrader.server_extensions.formgrader import handlers
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from tests.workshop.grading.payloads import (
    HTML,
    NOTEBOOKS,
    PAYLOADS,
    PNG,
    QUOTE,
    RUN,
    carriers,
    ended,
    meta,
    raw_cell,
    shows,
)
from workshop.grading.clean_html import clean_html, markdown_to_html
from workshop.grading.inert import InertView
from workshop.grading.verdicts import VERDICTS_MIME

CONFIG = Path(__file__).parents[3] / "nbgrader_config.py"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def settings() -> Config:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Config(PyFileConfigLoader(CONFIG.name, str(CONFIG.parent)).load_config())


@cache
def feedback_exporter() -> Any:
    """As ``nbgrader generate_feedback`` makes it, without the gradebook."""
    config = settings()
    converter = GenerateFeedback(coursedir=CourseDirectory(config=config), config=config)
    exporter = converter.exporter_class(parent=converter, config=converter.config)
    for step in converter.preprocessors:
        if "GetStudentGrades" not in str(step):
            exporter.register_preprocessor(step, enabled=True)
    return exporter


@cache
def formgrader_exporter(*, stock: bool = False) -> Any:
    """As the formgrader makes it."""
    config = Config() if stock else settings()
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    exporter: Any = HTMLExporter
    return exporter(config=config)


def feedback_page(notebook: NotebookNode) -> str:
    about = {"notebook": "p1", "score": 1.0, "max_score": 2.0, "late_penalty": 0.0}
    page, _ = feedback_exporter().from_notebook_node(notebook, {"nbgrader": about})
    return str(page)


def formgrader_page(notebook: NotebookNode, *, stock: bool = False) -> str:
    resources = {
        **dict.fromkeys(("assignment_id", "notebook_id", "submission_id", "student"), "p1"),
        **dict.fromkeys(("base_url", "last_name", "first_name", "notebook_path"), ""),
        "index": 0,
        "total": 1,
    }
    page, _ = formgrader_exporter(stock=stock).from_notebook_node(notebook, resources)
    return str(page)


class Page(HTMLParser):
    """What a page would run or load."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.found: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        values = {name: value or "" for name, value in attrs}
        if LIVE_TAGS.fullmatch(tag) or (
            tag == "meta" and values.get("http-equiv", "").lower() == "refresh"
        ):
            self.found.append(f"<{tag}>")
        for name, value in values.items():
            address = re.sub(r"[\s\x00]", "", value).lower()
            if name.startswith("on") or name in (
                "srcdoc",
                "ping",
                "srcset",
                "formaction",
                "action",
            ):
                self.found.append(name)
            if re.match(r"(javascript|vbscript|file|data:(?!image/(png|jpeg|svg)))", address):
                self.found.append(f"{name}={value[:40]}")
            if name == "src" and not re.match(r"data:image/(png|jpeg|svg\+xml)[;,]", address):
                self.found.append(f"src={value[:40]}")
            if name == "href" and not re.match(r"https?://|mailto:|#", address):
                self.found.append(f"href={value[:40]}")
            if name == "style" and re.search(r"url|position|margin|inset|z-index|@", address):
                self.found.append(f"style={value[:40]}")


LIVE_TAGS = re.compile(
    "script|i?frame|frameset|object|embed|applet|form|input|button|textarea|select|base|link|svg|math"
    "|template|video|audio|source|marquee|dialog|noscript"
)


def part_of_others(page: str) -> str:
    """The formgrader's page without its own head and bar."""
    return page.split('id="notebook-container">', 1)[1].rsplit('<div class="help">', 1)[0]


@pytest.mark.parametrize("name", PAYLOADS)
def test_feedback_holds_nothing_live(name: str) -> None:
    text = feedback_page(ended(PAYLOADS[name]()))
    assert not Page(text).found
    assert "Content-Security-Policy" in text
    assert "the end of the page" in text


@pytest.mark.parametrize("name", PAYLOADS)
def test_the_formgraders_view_adds_nothing_live(name: str) -> None:
    page = formgrader_page(ended(PAYLOADS[name]()))
    text = part_of_others(page)
    # Its own fields for points and comments.
    own = ["<button>", "<input>", "<textarea>"]
    graded = name in ("notebook: comment",)
    assert not [each for each in Page(text).found if not (graded and each in own)]
    assert "cloudflare" not in text


def test_what_no_valid_notebook_holds_is_cleaned_too() -> None:
    result = NotebookNode(output_type="execute_result", execution_count=QUOTE)
    broken = raw_cell(
        id=QUOTE, execution_count=QUOTE, outputs=[result, NotebookNode()], source=[QUOTE]
    )
    step: Any = InertView
    notebook, _ = step().preprocess(NotebookNode(new_notebook(), cells=[broken]), {})
    assert not Page(feedback_page(notebook)).found


def test_pages_of_feedback_need_nothing_from_elsewhere() -> None:
    text = feedback_page(carriers("$x^2$"))
    assert "<script" not in text
    assert "$x^2$" in text
    assert not re.findall(r"@import|url\(\s*['\"]?(?:https?:)?//", text)
    assert "default-src 'none'" in text


def test_a_page_ends_where_it_should() -> None:
    wild = feedback_page(carriers("</div></td></table></body></html>"))
    tame = feedback_page(carriers("x"))
    assert wild.count("</div>") == tame.count("</div>")


class TestStillShown:
    @pytest.mark.parametrize("make", [feedback_page, formgrader_page])
    def test_pictures(self, make: Callable[[NotebookNode], str]) -> None:
        size = {"image/png": meta(width=32, height=16)}
        drawing = '<svg viewBox="0 0 9 9"><rect width="9" height="9"/></svg>'
        cells = [
            shows("image/png", PNG, metadata=size),
            shows("image/jpeg", PNG),
            shows("image/svg+xml", '<?xml version="1.0"?>' + drawing),
            shows("text/html", f"<p>here {drawing}</p>"),
            shows("text/html", f'<img src="data:image/png;base64,{PNG}" width="20">'),
            new_markdown_cell(f"![x](data:image/png;base64,{PNG})"),
            new_markdown_cell("![x](attachment:a.png)", attachments={"a.png": {"image/png": PNG}}),
        ]
        text = make(new_notebook(cells=cells))
        assert text.count(f"data:image/png;base64,{PNG}") == 4
        assert text.count(f"data:image/jpeg;base64,{PNG}") == 1
        assert re.search(r'<img[^>]*height="?16', text)
        shown = [unquote(found) for found in re.findall(r'data:image/svg\+xml,([^"]*)', text)]
        assert len(shown) == 2
        assert all('viewBox="0 0 9 9"' in each and "xmlns=" in each for each in shown)

    def test_tables_code_lists_and_formulas(self) -> None:
        frame = (
            '<div><style scoped>.x{}</style><table border="1" class="dataframe"><thead><tr>'
            "<th>size</th></tr></thead><tbody><tr><td>3 &lt; 4</td></tr></tbody></table></div>"
        )
        written = "## Why\n\n1. *so*\n\n|a|b|\n|-|-|\n|1|2|\n\n```python\nreturn 1\n```\n\n$a<b$"
        text = feedback_page(
            new_notebook(
                cells=[
                    shows("text/html", frame),
                    new_markdown_cell(written),
                    shows("text/latex", "$\\frac{1}{2}$"),
                ]
            )
        )
        for each in ('class="dataframe"', "3 &lt; 4", "<em>so</em>", "<td>1</td>", "$a&lt;b$"):
            assert each in text
        assert '<span class="k">return</span>' in text
        assert "$\\frac{1}{2}$" in text
        assert re.search(r"<h2[^>]*>Why", text)

    def test_a_program_leaves_a_note(self) -> None:
        text = feedback_page(NOTEBOOKS["javascript output"]())
        assert "not shown here" in text
        assert RUN not in text

    def test_our_tables(self) -> None:
        verdict = {"check": "c", "status": "FAILED", "score": 0.25, "weight": 2.0}
        verdict |= {"rationale": "<img src=x onerror=alert(1)>", "hint": "look again"}
        table = {"grade_id": "t", "points": 2.0, "verdicts": [verdict]}
        about = {"grade_id": "t", "points": 2, "grade": True, "solution": False, "locked": True}
        cell = shows(VERDICTS_MIME, table)
        cell.metadata = meta(nbgrader=NotebookNode(about, score=0.5))
        text = feedback_page(new_notebook(cells=[cell]))
        assert "look again" in text
        assert "0.5 of 2" in text
        assert not Page(text).found


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a\x1b]0;title\x07b", "ab"),
        ("a\x1b]8;;https://x.example\x1b\\b", "ab"),
        ("a\x1b[2J\x1b[31mb\x1b[0m", 'a<span class="ansi-red-fg">b</span>'),
        ("a\x1b[1\x1bcb\x9b2J\x00\x08", "abc"),
        ("a\tb\nc", "a\tb\nc"),
    ],
)
def test_what_steers_a_terminal_is_not_on_the_page(text: str, wanted: str) -> None:
    cell = new_code_cell(outputs=[new_output("stream", text=text)])
    page = feedback_page(new_notebook(cells=[cell]))
    assert not set("\x1b\x9b\x07\x00") & set(page)
    assert wanted in page or wanted == "abc"


def test_cleaning_twice_changes_nothing() -> None:
    for text in HTML.values():
        once = clean_html(text)
        assert clean_html(once) == once


@pytest.mark.parametrize("text", ["<svg " * 100_000, "<svg>" * 50_000 + "</svg>", "<!--" * 99_999])
@pytest.mark.timeout(30)
def test_cleaning_takes_no_time(text: str) -> None:
    clean_html(text)


def test_text_made_to_break_the_renderer_is_still_shown() -> None:
    assert "hidden" not in markdown_to_html("> " * 5000 + "<script>hidden</script>")


class TestPrivate:
    def test_paths_of_the_machine_are_shortened(self) -> None:
        line = f'File "{sys.prefix}/lib/python3/site-packages/torch/x.py", line 3\n'
        coloured = f"\x1b[32m{CONFIG.parent}/checks/guard.py:12\x1b[39m {Path.home()}/notes"
        text = feedback_page(
            new_notebook(
                cells=[
                    raw_cell(outputs=[new_output("stream", text=line)]),
                    raw_cell(
                        outputs=[new_output("error", ename="E", evalue=line, traceback=[coloured])]
                    ),
                    shows("text/html", f"<p>{line}</p>"),
                ]
            )
        )
        for path in (sys.prefix, str(CONFIG.parent), f"{Path.home()}/"):
            assert path not in text
        assert text.count("site-packages/torch/x.py") == 2
        assert "checks/guard.py:12" in text

    def test_records_of_ours_are_not_shown(self) -> None:
        about = {"grade_id": "t", "points": 2, "grade": True, "solution": False, "locked": True}
        about["score"] = 0
        record = {"traceback": "Traceback: threshold 0.87", "status": "error", "undecided": True}
        cell = new_code_cell("check()", metadata={"nbgrader": about, "workshop": record})
        text = feedback_page(new_notebook(cells=[cell], metadata={"workshop": {"seconds": 0.87}}))
        assert "0.87" not in text
        assert "costs you no points" in text

    def test_drawings_that_repeat_a_test_are_removed(self) -> None:
        hidden = "assert model(held_out) > 0.87 and label < 3"
        source = f"x = 1\n### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS"
        drawing = f"<svg><text>{hidden.replace('<', '&lt;')}</text></svg>"
        cells = [
            new_code_cell(source),
            shows("image/svg+xml", drawing),
            shows("text/html", drawing),
        ]
        text = feedback_page(new_notebook(cells=cells))
        assert "held_out" not in unquote(text)
        assert text.count("repeated parts of the tests") == 2


def shown_by_chromium(page: str, folder: Path) -> str:
    """The page after its scripts have run."""
    path = folder / "page.html"
    path.write_text(page, encoding="utf-8")
    done = subprocess.run(
        [
            str(CHROMIUM),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={folder / 'profile'}",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--virtual-time-budget=3000",
            "--dump-dom",
            path.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return done.stdout


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="NOT TESTED in a browser: no chromium on this machine")
class TestInABrowser:
    def everything(self) -> NotebookNode:
        cells = [
            cell
            for name, make in PAYLOADS.items()
            if "very deep" not in name and "not closed" not in name and "shot" not in name
            for cell in make().cells
        ]
        cells.append(shows("text/html", f'<img id="p" src="data:image/png;base64,{PNG}">'))
        cells.append(shows("text/html", '<table class="dataframe"><tr><td>seen</td></tr></table>'))
        return new_notebook(cells=cells)

    def test_payloads_work_without_us(self, tmp_path: Path) -> None:
        cells = [shows("text/html", HTML["script"]), shows("text/html", HTML["image handler"])]
        text = shown_by_chromium(formgrader_page(new_notebook(cells=cells), stock=True), tmp_path)
        assert "<title>owned</title>" in text

    @pytest.mark.parametrize("policy", [True, False])
    def test_nothing_runs_in_feedback(self, tmp_path: Path, policy: bool) -> None:
        page = feedback_page(self.everything())
        if not policy:
            page = re.sub('<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
        text = shown_by_chromium(page, tmp_path)
        assert "<title>p1</title>" in text
        assert not Page(text).found
        assert PNG in text
        assert "<td>seen</td>" in text

    def test_nothing_runs_in_the_formgrader(self, tmp_path: Path) -> None:
        text = shown_by_chromium(formgrader_page(self.everything()), tmp_path)
        assert "<title>p1</title>" in text
        assert "<td>seen</td>" in text
