"""What an instructor looks at afterwards: pages, tables, spreadsheets."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from tests.security.lab import ASSIGNMENT, CANARIES, OWN_WORK, Attack, build
from workshop.grading.export import export_grades
from workshop.grading.feedback import generate_feedback

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("display")]

SCRIPT = "<script>alert(1)</script>"
IMAGE = "<img src=x onerror=alert(1)>"
SHOWS = f"""
from IPython.display import HTML, Javascript, SVG, Markdown, display
display(HTML({SCRIPT!r}), HTML({IMAGE!r}), Javascript('alert(1)'), Markdown({SCRIPT!r}))
display(HTML('<a href="javascript:alert(1)">x</a><iframe src="//evil.example"></iframe>'))
picture = '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
display({{'image/svg+xml': picture}}, raw=True)
print('\\x1b]0;title\\x07\\x1b[2J\\x1b[31m' + {IMAGE!r})
Evil = type({IMAGE!r}, (Exception,), {{}})
def freeze(model): raise Evil({SCRIPT!r})
raise Evil({SCRIPT!r})
"""


def _writes(notebook: NotebookNode) -> None:
    text = f"{SCRIPT}{IMAGE}[x](javascript:alert(1))<style>*{{display:none}}</style>"
    notebook.cells.append(new_markdown_cell(text, id="own"))


KEPT = {"groups": "pass", "train": "model = new_model()", "loop": "pass"}
SHOWING = Attack("shows and raises HTML", "harm", {"freeze": SHOWS, **KEPT}, edit=_writes)
FORMULA = "=HYPERLINK('x')"
# Text that runs: a tag or attribute in a page, not its escaped form.
ALIVE = re.compile(
    r"<script(?! src)[^>]*>alert|<img[^>]*onerror|<iframe|<svg[^>]*onload|<a[^>]*href=.javascript"
)


def test_nothing_that_was_handed_in_is_alive_on_a_page_or_in_a_spreadsheet(tmp_path: Path) -> None:
    lab = build(tmp_path / "course")
    students = ["shows", FORMULA, "@SUM(1)", "-2+3", "<img src=x onerror=alert(1)>"]
    lab.hand_in("shows", SHOWING.notebook(lab.release))
    for student in students[1:]:
        lab.hand_in(student, "{}")
    graded = lab.grade(students)
    assert graded["shows"].scores == OWN_WORK
    pages = generate_feedback(lab.course, ASSIGNMENT, students)
    assert {page.parents[1].name for page in pages} == set(students)
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not ALIVE.search(text), page
        assert "\x1b" not in text
        assert not any(canary in text for canary in CANARIES.values())
    table = export_grades(lab.course, ASSIGNMENT).to_csv()
    fields = [field for row in csv.reader(io.StringIO(table)) for field in row]
    assert not [field for field in fields if field.startswith(("=", "+", "@", "-", "\t"))]
    assert f"'{FORMULA}" in fields
