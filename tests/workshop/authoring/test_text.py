from __future__ import annotations

from pathlib import Path

import jupytext
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workshop.authoring.cells import Kind, SourceCell
from workshop.authoring.text import NotebookText, normalise, parse, read, render
from workshop.course import Course
from workshop.errors import WorkshopError

EVERY_KIND = """# %% [markdown]
# Prose.

# %%
x = 1

# %% locked="setup" topic="start"
import math

# %% solution="area" objective="implement" topic="circles" hint="Say \\"pi\\"."
area = 1

# %% test="area" points=2.5
area

# %% [markdown] reflection="why" points=4
# Why?
"""


def test_each_kind_of_cell_is_read_with_its_keys() -> None:
    cells = parse(EVERY_KIND).cells
    assert [cell.kind for cell in cells] == [
        Kind.PROSE,
        Kind.CODE,
        Kind.LOCKED,
        Kind.SOLUTION,
        Kind.TEST,
        Kind.REFLECTION,
    ]
    assert [cell.grade_id for cell in cells] == [None, None, "setup", "area", "test_area", "why"]
    assert [cell.points for cell in cells] == [None, None, None, None, 2.5, 4]
    assert cells[0].source == "Prose."
    assert cells[2].extras == {"topic": "start"}
    assert cells[3].extras == {"objective": "implement", "topic": "circles", "hint": 'Say "pi".'}
    assert cells[5].cell_type == "markdown"


def test_cells_know_their_lines() -> None:
    cells = parse("# %%\n\n\nx = 1\n\n# %%\ny = 2\n").cells
    assert [(cell.line, cell.first_line) for cell in cells] == [(1, 4), (6, 7)]


def test_a_text_in_normal_form_stays_as_it_is() -> None:
    assert normalise(EVERY_KIND) == EVERY_KIND


def test_the_normal_form_orders_keys_and_blank_lines() -> None:
    text = '# %% hint="h"  objective="o"   solution="a"\n\n\nx = 1\n\n\n\n# %%\ny = 2'
    expected = '# %% solution="a" objective="o" hint="h"\nx = 1\n\n# %%\ny = 2\n'
    assert normalise(text) == expected


def test_the_cells_are_those_that_jupytext_finds(tiny_course: Course) -> None:
    path = tiny_course.text("small", "doubling")
    ours = read(path).cells
    theirs = jupytext.read(path, fmt="py:percent").cells
    assert [cell.cell_type for cell in ours] == [cell.cell_type for cell in theirs]
    assert [cell.source for cell in ours] == [cell.source for cell in theirs]


def test_windows_line_ends_and_a_byte_order_mark_make_no_difference(tmp_path: Path) -> None:
    path = tmp_path / "windows.py"
    path.write_bytes(b"\xef\xbb\xbf" + EVERY_KIND.replace("\n", "\r\n").encode())
    assert read(path) == parse(EVERY_KIND)


def test_a_magic_and_a_cell_magic_survive() -> None:
    text = "# %%\n# %time x = 1\n\n# %%\n# %%time\ny = 2\n"
    cells = parse(text).cells
    assert [cell.source for cell in cells] == ["%time x = 1", "%%time\ny = 2"]
    assert normalise(text) == text


def test_the_header_of_jupytext_is_kept() -> None:
    text = "# ---\n# jupyter:\n#   jupytext:\n# ---\n\n# %%\nx = 1\n"
    assert normalise(text) == text


def test_a_text_without_cells_is_empty() -> None:
    assert parse("").cells == ()
    assert parse("\n\n").cells == ()


@pytest.mark.parametrize(
    ("marker", "problem"),
    [
        ('# %% solution="a" points=3', "unknown key 'points'"),
        ('# %% solutoin="a"', "unknown key 'solutoin'"),
        ('# %% locked="a" hint="h"', "unknown key 'hint'"),
        ('# %% topic="t"', "unknown key 'topic'"),
        ('# %% test="a"', "a test needs points"),
        ('# %% [markdown] reflection="a"', "a reflection needs points"),
        ('# %% test="a" points=0', "above 0"),
        ('# %% test="a" points=-2', "above 0"),
        ('# %% test="a" points="3"', "above 0"),
        ('# %% test="a" points=' + "9" * 400 + ".5", "above 0"),
        ('# %% solution="a" solution="b"', "stands twice"),
        ('# %% solution="a" locked="b"', "both locked and solution"),
        ("# %% solution=a", "cannot read 'solution=a'"),
        ("# %% solution='a'", "cannot read"),
        ('# %% solution="A"', "cannot be the name"),
        ('# %% solution="a b"', "cannot be the name"),
        ('# %% solution="' + "a" * 51 + '"', "cannot be the name"),
        ("# %% solution=3", "cannot be the name"),
        ('# %% solution="a" hint=3', "hint must be text"),
        ('# %% solution="a" hint="\\q"', "cannot read the value of 'hint'"),
        ('# %% [markdown] solution="a"', "a solution cell holds code"),
        ('# %% [markdown] test="a" points=1', "a test cell holds code"),
        ('# %% reflection="a" points=1', "a reflection is written text"),
        ("# %% [raw]", "unknown cell type [raw]"),
        ("# %% [markdown", "cannot read"),
        ("# %%% deeper", "cannot read the cell marker"),
        ("  # %%", "cannot read the cell marker"),
    ],
)
def test_a_wrong_marker_is_refused_with_file_and_line(marker: str, problem: str) -> None:
    with pytest.raises(WorkshopError) as caught:
        parse(f"# %%\nx = 1\n\n{marker}\ny = 2\n", "folder/name.py")
    assert problem in caught.value.what
    assert caught.value.where == "folder/name.py:4"
    assert caught.value.remedy


def test_text_before_the_first_cell_is_refused() -> None:
    with pytest.raises(WorkshopError, match="text before the first cell") as caught:
        parse("\nimport os\n\n# %%\nx = 1\n", "name.py")
    assert caught.value.where == "name.py:2"


def test_a_line_of_prose_without_its_comment_sign_is_refused() -> None:
    with pytest.raises(WorkshopError, match="must start with #") as caught:
        parse("# %% [markdown]\n# fine\nnot fine\n", "name.py")
    assert caught.value.where == "name.py:3"


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "latin.py"
    path.write_bytes("# %%\nname = 'Müller'\n".encode("latin-1"))
    with pytest.raises(WorkshopError, match="not UTF-8") as caught:
        read(path)
    assert caught.value.where == str(path)


_LINES = st.lists(
    st.sampled_from(
        [
            "x = 1",
            "    y = 'ä'",
            "",
            "# a comment",
            "text *with* marks",
            "- item",
            "def f():",
            '"""',
        ]
    ),
    max_size=5,
).map(lambda lines: "\n".join(lines).strip("\n"))
_CODE = st.builds(SourceCell, st.just(Kind.CODE), st.just("code"), _LINES)
_PROSE = st.builds(SourceCell, st.just(Kind.PROSE), st.just("markdown"), _LINES)
_SOLUTION = st.builds(
    SourceCell,
    st.just(Kind.SOLUTION),
    st.just("code"),
    _LINES,
    name=st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True),
    extras=st.dictionaries(
        st.sampled_from(["objective", "topic", "hint"]),
        st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), max_size=12),
    ),
)
_TEST = st.builds(
    SourceCell,
    st.just(Kind.TEST),
    st.just("code"),
    _LINES,
    name=st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True),
    points=st.integers(1, 50) | st.sampled_from([0.5, 2.25]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(_CODE, _PROSE, _SOLUTION, _TEST), max_size=4))
def test_cells_written_and_read_again_are_the_same(cells: list[SourceCell]) -> None:
    text = render(NotebookText("", tuple(cells)))
    assert parse(text).cells == tuple(cells)
    assert normalise(text) == text
