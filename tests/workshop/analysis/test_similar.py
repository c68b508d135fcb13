from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from typer.testing import CliRunner

from workshop.analysis.similar import Similar, find_similar
from workshop.analysis.similar_page import MOST_PAIRS, page
from workshop.cli import app
from workshop.course import ROOT_VARIABLE, Course
from workshop.errors import WorkshopError

CONFIG = Path(__file__).parents[3] / "nbgrader_config.py"
GIVEN = """\
def evaluate(model, batches):
    with torch.no_grad():
        outputs = [model(images).argmax(dim=1) == labels for images, labels in batches]
    return torch.cat(outputs).float().mean().item()
"""
STUB = "# YOUR CODE HERE\nraise NotImplementedError()"

FREEZE = """\
def freeze(model, names):
    kept = set()
    for name, parameter in model.named_parameters():
        wanted = any(name.startswith(each) for each in names)
        parameter.requires_grad_(wanted)
        if not wanted:
            kept.add(name.rpartition(".")[0])
    return sorted(kept)
"""
FREEZE_RENAMED = """\
# I did this all by myself
def freeze(net, prefixes):
    frozen = set()   # names
    for n, p in net.named_parameters():

        yes = any( n.startswith(q) for q in prefixes )
        p.requires_grad_(yes)
        if not yes: frozen.add(n.rpartition('.')[0])
    return sorted(frozen)
"""
OTHER_FREEZE = """\
def freeze(model, names):
    layers = dict(model.named_modules())
    model.requires_grad_(False)
    [layers[layer].requires_grad_(True) for layer in names]
    return [key for key, value in layers.items() if not list(value.parameters(recurse=False))]
"""
EVALUATE = """\
def balanced(targets, predictions):
    scores = []
    while len(scores) < targets.max() + 1:
        mask = targets == len(scores)
        scores.append((predictions[mask] == len(scores)).sum() / mask.sum())
    return float(sum(scores) / len(scores))
"""
OTHER_EVALUATE = """\
def balanced(targets, predictions):
    table = torch.zeros(2, 2)
    table.index_put_((targets, predictions), torch.ones(len(targets)), accumulate=True)
    return (table.diagonal() / table.sum(dim=1)).nanmean().item()
"""
ESSAY = (
    "Freezing keeps what the network learnt from a million photographs, which a hundred solar cells"
    " could only spoil; once the head has settled, a small rate may move the last blocks a little,"
    " and the validation images tell when to stop before the network learns them by heart."
)


def _meta(grade_id: str) -> dict[str, object]:
    return {"nbgrader": {"grade_id": grade_id, "solution": True, "schema_version": 3}}


def notebook(freeze: str = STUB, evaluate: str = STUB, essay: str = "Why?") -> NotebookNode:
    return new_notebook(
        cells=[
            new_markdown_cell("# Freezing"),
            new_code_cell(GIVEN),
            new_code_cell(freeze, metadata=_meta("freeze")),
            new_code_cell(evaluate, metadata=_meta("balanced")),
            new_markdown_cell(essay, metadata=_meta("why")),
        ]
    )


@pytest.fixture
def course(tmp_path: Path) -> Course:
    shutil.copy(CONFIG, tmp_path)
    course = Course.at(tmp_path)
    release = course.release_notebook("ps1", "p1")
    release.parent.mkdir(parents=True)
    release.write_text(json.dumps(notebook()))
    return course


def hand_in(course: Course, student: str, content: NotebookNode | str | bytes) -> Path:
    path = course.submitted / student / "ps1" / "p1.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not isinstance(content, bytes):
        content = (content if isinstance(content, str) else json.dumps(content)).encode()
    path.write_bytes(content)
    return path


def names(found: Similar) -> list[tuple[str, str]]:
    return [(pair.first.student, pair.second.student) for pair in found.pairs]


def test_other_names_comments_and_layout_do_not_hide_a_copy(course: Course) -> None:
    hand_in(course, "ada", notebook(FREEZE, EVALUATE))
    hand_in(course, "bob", notebook(FREEZE_RENAMED, EVALUATE.replace("scores", "s")))
    hand_in(course, "cy", notebook(OTHER_FREEZE, OTHER_EVALUATE))
    found = find_similar(course, "ps1")
    assert names(found) == [("ada", "bob")]
    [pair] = found.pairs
    assert pair.share == 1.0
    assert {(one.name, other.name) for one, other, _ in pair.cells} == {
        ("freeze", "freeze"),
        ("balanced", "balanced"),
    }


def test_other_places_of_cells_do_not_either(course: Course) -> None:
    moved = notebook()
    moved.cells = [
        new_code_cell(EVALUATE),
        new_code_cell("x = 1\n\n" + FREEZE_RENAMED),
        *moved.cells,
    ]
    hand_in(course, "ada", notebook(FREEZE, EVALUATE))
    hand_in(course, "bob", moved)
    [pair] = find_similar(course, "ps1").pairs
    assert {(one.name, other.name) for one, other, _ in pair.cells} == {
        ("freeze", "cell 2"),
        ("balanced", "cell 1"),
    }


def test_texts_count_too(course: Course) -> None:
    hand_in(course, "ada", notebook(essay=ESSAY))
    hand_in(course, "bob", notebook(essay=f"**{ESSAY.upper()}**\n"))
    hand_in(course, "cy", notebook(essay="Because few images cannot teach that many parameters."))
    assert names(find_similar(course, "ps1")) == [("ada", "bob")]


def test_independent_and_unanswered_notebooks_are_not_listed(course: Course) -> None:
    hand_in(course, "ada", notebook(FREEZE, OTHER_EVALUATE))
    hand_in(course, "bob", notebook(OTHER_FREEZE, EVALUATE))
    for student in ("cy", "dan", "eve"):
        hand_in(course, student, notebook())
    found = find_similar(course, "ps1")
    assert (found.compared, names(found), found.skipped) == (5, [], ())


def test_what_was_released_is_nobodys_own(course: Course) -> None:
    """Locked cells that were copied into the answers, changed a little."""
    for student in ("ada", "bob"):
        hand_in(course, student, notebook(GIVEN + f"\nmine = {student!r}", GIVEN, essay="Why? So."))
    assert names(find_similar(course, "ps1")) == []


def _of_own(seed: int) -> str:
    """A program that nobody else writes."""
    draw = random.Random(seed)
    words = ["add", "mul", "sub", "div", "pow", "max", "min", "abs", "log", "exp", "cat", "sum"]
    calls = "".join(f"    x = x.{draw.choice(words)}(x).{draw.choice(words)}()\n" for _ in range(9))
    return f"def balanced(x):\n{calls}    return x\n"


def test_what_many_write_is_not_counted(course: Course) -> None:
    for number in range(8):
        hand_in(course, f"student{number}", notebook(FREEZE, _of_own(number)))
    assert names(find_similar(course, "ps1")) == []
    hand_in(course, "copy", notebook(FREEZE, _of_own(3).replace("x", "y")))
    found = find_similar(course, "ps1")
    assert names(found) == [("copy", "student3")]
    assert [one.name for one, _, _ in found.pairs[0].cells] == ["balanced"]


def test_agreeing_once_is_no_wonder_in_a_large_class(course: Course) -> None:
    """Two of many who agree in one short exercise, and a pair that agrees everywhere."""
    for number in range(40):
        shared = FREEZE if number in (3, 4) else _of_own(100 + number)
        own = ESSAY if number in (7, 8) else ""
        evaluate = _of_own(7 if number == 8 else number)
        if number in (3, 4):
            evaluate = STUB
        hand_in(course, f"s{number:02}", notebook(shared, evaluate, own))
    found = find_similar(course, "ps1")
    assert names(found) == [("s07", "s08")]


def test_what_cannot_be_read_is_named_and_the_rest_compared(course: Course) -> None:
    hand_in(course, "ada", notebook(FREEZE, EVALUATE))
    hand_in(course, "bob", notebook(FREEZE_RENAMED, EVALUATE))
    hand_in(course, "broken", b'{"cells": [')
    hand_in(course, "empty", b"")
    hand_in(course, "deep", '{"cells": ' + "[" * 100_000)
    hand_in(course, "other", notebook()).rename(course.submitted / "other/ps1/mine.ipynb")
    hand_in(course, "link", notebook())
    (course.submitted / "link/ps1/more").symlink_to("/etc/passwd")
    hand_in(course, "long", notebook("x = [" + "1, " * 100_000 + "]"))
    many = notebook()
    many.cells += [new_code_cell(f"y{number} = {number}") for number in range(600)]
    hand_in(course, "many", many)
    (course.submitted / "file").mkdir()
    (course.submitted / "file/ps1").write_text("no folder")
    found = find_similar(course, "ps1")
    assert names(found) == [("ada", "bob")]
    skipped = [each.partition(":")[0] for each in found.skipped]
    assert skipped == ["broken", "deep", "empty", "file", "link", "long", "many", "other"]
    assert not [each for each in found.skipped if str(course.root) in each]


def test_broken_python_is_compared_as_well(course: Course) -> None:
    for student, line in (("ada", "def f(:"), ("bob", "def g(:")):
        hand_in(course, student, notebook(f"{line}\n{FREEZE}\n)))\n'''", EVALUATE))
    assert names(find_similar(course, "ps1")) == [("ada", "bob")]


def test_nothing_to_compare_is_an_error(course: Course) -> None:
    with pytest.raises(WorkshopError, match="nobody handed in ps1"):
        find_similar(course, "ps1")
    with pytest.raises(WorkshopError, match="was not released"):
        find_similar(course, "ps2")


NASTY = "</pre><script>alert('[/red]')</script>\x1b[2J\u202e"


@pytest.fixture
def nasty(course: Course) -> Course:
    hand_in(
        course, "<b>[red]ada", notebook(FREEZE + f"# {NASTY}\nx = {NASTY!r}\n{NASTY}", EVALUATE)
    )
    hand_in(course, "bob\x1b[2J", notebook(FREEZE_RENAMED, EVALUATE))
    hand_in(course, "broken<i>", b"")
    return course


def test_the_page_shows_what_others_wrote_as_text(nasty: Course) -> None:
    text = page(find_similar(nasty, "ps1"))
    assert "<script" not in text
    assert not [sign for sign in ("\x1b", "\u202e", "<b>", "<i>") if sign in text]
    assert "&lt;script&gt;" in text
    assert "&lt;b&gt;[red]ada" in text
    assert "broken&lt;i&gt;" in text
    marked = [each.split("</mark>")[0] for each in text.split("<mark>")[1:]]
    assert any("named_parameters" in each for each in marked)
    assert not any("script" in each for each in marked)
    assert "http" not in text.replace("http-equiv", "")


def test_marks_keep_the_text_whole(course: Course) -> None:
    hand_in(course, "ada", notebook(f"a = 1\n\n{FREEZE}\nprint('end')"))
    hand_in(course, "bob", notebook(FREEZE_RENAMED))
    text = page(find_similar(course, "ps1"))
    first = text.split("<pre>")[1].split("</pre>")[0].replace("<mark>", "").replace("</mark>", "")
    assert first.replace("&#34;", '"').replace("&#39;", "'") == f"a = 1\n\n{FREEZE}\nprint('end')"


def test_a_page_stays_short_enough_to_open(course: Course) -> None:
    for number in range(2 * 25):
        hand_in(course, f"s{number:02}", notebook(_of_own(number // 5), _of_own(99 + number // 5)))
    found = find_similar(course, "ps1", at_least=0.01)
    assert len(found.pairs) == 10 * 10
    many = Similar("ps1", 50, found.pairs * 3, ())
    assert page(many).count("<h2") == MOST_PAIRS
    assert "of 300" in page(many)


def test_the_command_prints_a_table_and_writes_files(
    nasty: Course, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(nasty.root))
    html = tmp_path / "new" / "similar.html"
    done = CliRunner().invoke(app, ["similar", "ps1", "--json", "-", "--html", str(html)])
    assert done.exit_code == 0, done.output
    data = json.loads(done.stdout)
    assert data["compared"] == 2
    assert data["pairs"][0]["students"] == ["<b>[red]ada", "bob\x1b[2J"]
    assert data["pairs"][0]["share"] > 0.5
    assert "[red]ada" in done.stderr
    assert "\x1b" not in done.stderr
    assert "broken<i>" in done.stderr
    assert html.read_text().startswith("<!DOCTYPE html>")
