"""A key that was planted in a release is found, in any form that a build could give it."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from checks.sealing import seal
from tests.workshop.quiz.sample import make_course
from workshop.authoring.build import build
from workshop.authoring.confidential import LeakKind, secrets_of
from workshop.authoring.leaks import scan_release
from workshop.authoring.matching import Matcher
from workshop.authoring.notebook import dumps
from workshop.course import Course
from workshop.quiz.asked import asked
from workshop.quiz.items import load_quizzes

COUNTED = ("single", "multiple", "truth", "number", "words")
pytestmark = pytest.mark.usefixtures("quick_gradebooks")


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return make_course(tmp_path / "course")


def in_answer(cells: dict[str, Any], name: str, answer: Any) -> None:
    cells[name].source = f"{name} = {answer!r}"


def in_comment(cells: dict[str, Any], name: str, answer: Any) -> None:
    cells["setup"].source += f"\n# {name}: {answer}"


def in_metadata(cells: dict[str, Any], name: str, answer: Any) -> None:
    cells[name].metadata["workshop"][name] = {"key": answer}


def in_outputs(cells: dict[str, Any], name: str, answer: Any) -> None:
    text = json.dumps({name: answer})
    cells["setup"].outputs.append(nbformat.v4.new_output("stream", text=text))


def in_base64(cells: dict[str, Any], name: str, answer: Any) -> None:
    text = f"{name} = {answer!r}".encode()
    cells["setup"].metadata[f"{name}_saved"] = base64.b64encode(text).decode()


def in_gzip(cells: dict[str, Any], name: str, answer: Any) -> None:
    packed = gzip.compress(json.dumps({name: {"right": answer}}).encode())
    cells["setup"].metadata[f"{name}_saved"] = base64.b64encode(packed).decode()


def in_hex(cells: dict[str, Any], name: str, answer: Any) -> None:
    cells["setup"].source += f"\nx = bytes.fromhex('{f'{name} = {answer!r}'.encode().hex()}')"


FORMS: list[Callable[[dict[str, Any], str, Any], None]] = [
    *(in_answer, in_comment, in_metadata, in_outputs, in_base64, in_gzip, in_hex)
]


def planted(course: Course, plant: Callable[[dict[str, Any]], None]) -> set[tuple[str, str]]:
    """What the scan finds after something was planted in the release."""
    build(course)
    path = course.release_notebook("ps1", "p1")
    notebook = nbformat.read(path, as_version=4)
    plant({cell.id: cell for cell in notebook.cells})
    path.write_text(dumps(notebook), encoding="utf-8")
    return {(leak.kind.value, leak.name) for leak in scan_release(course)}


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_a_key_beside_its_questions_name_is_found(course: Course, form: Any) -> None:
    items = {item.id: item for item in load_quizzes(course.quizzes)["one"].items}

    def plant(cells: dict[str, Any]) -> None:
        for name in COUNTED:
            form(cells, name, asked(items[name]).answer)

    found = planted(course, plant)
    assert {name for kind, name in found if kind == LeakKind.KEY} == {
        f"key of {name}" for name in COUNTED
    }


@pytest.mark.slow
def test_what_a_self_check_may_hold_is_a_leak_for_a_question_that_counts(course: Course) -> None:
    items = {item.id: item for item in load_quizzes(course.quizzes)["one"].items}

    def plant(cells: dict[str, Any]) -> None:
        for name in COUNTED:
            sealed = seal(name, asked(items[name]).key)
            halves = f'"{sealed[:50]}"\n    "{sealed[50:]}"'
            cells["setup"].source += f"\nk_{COUNTED.index(name)} = ({halves})"

    found = planted(course, plant)
    assert {name for kind, name in found if kind == LeakKind.KEY} == {
        f"key of {name}" for name in COUNTED
    }


@pytest.fixture
def matcher(course: Course) -> Matcher:
    return Matcher(secrets_of(course))


@pytest.mark.parametrize(
    "text",
    [
        'single = "{single}"',
        "single: {single}",
        "single,{single}\n",
        "[('single', '{single}')]",
        '"single": {{"key": ["{single}"]}}',
        "the answer to single is {single}",
        "single -> {single}",
        'checks.unseal("single", ("0a1b"))',
        "numbers: number = 3.0",
        "TRUTH\ntruth = false",
        "words: a  B",
    ],
)
def test_ways_to_write_a_key(course: Course, matcher: Matcher, text: str) -> None:
    items = {item.id: item for item in load_quizzes(course.quizzes)["one"].items}
    single = asked(items["single"]).answer
    found = [*matcher.find(text.format(single=single).replace("  ", " ").encode())]
    assert [match.kind for match in found] == [LeakKind.KEY], found


@pytest.mark.parametrize(
    "text",
    [
        "single = None",
        "single = ",
        'checks.show(checks.check_form(single, checks.Form("single_choice", "AB")))',
        '{"name": "single", "options": [["A", "a"], ["B", "b"]], "type": "single_choice"}',
        "a single Bee",
        "number = 31",
        "truth, or falsehood",
        "order = ['A', 'B', 'C']",
    ],
)
def test_what_is_no_key(matcher: Matcher, text: str) -> None:
    assert [*matcher.find(text.encode())] == []


def test_an_option_that_is_marked_as_right(course: Course) -> None:
    path = course.quizzes / "one.yaml"
    path.write_text(path.read_text().replace("text: a,", "text: protects the weights,"))
    matcher = Matcher(secrets_of(course))
    told = json.dumps([{"text": "protects the weights", "key": True}, {"text": "b"}])
    assert {match.kind for match in matcher.find(told.encode())} == {LeakKind.KEY}
    assert not [*matcher.find(b'[{"text": "protects the weights"}]')]


def test_self_checks_keep_no_secret(course: Course, matcher: Matcher) -> None:
    text = course.text("ps1", "p1").read_text()
    assert "self_check" in text
    assert not [*matcher.find(b"drawn = 4; drawn = 2; order = ['A', 'B', 'C']")]


def test_an_item_that_counts_may_not_check_itself_in_another_notebook(course: Course) -> None:
    """The other notebook would hold its key."""
    other = Path(course.source) / "ps2" / "p2.py"
    other.parent.mkdir()
    other.write_text('# %% locked="setup"\nimport checks\n\n# %% self_check="one"\n# single\n')
    build(course)
    found = scan_release(course)
    assert {(leak.path.parts[0], leak.kind, leak.name) for leak in found} == {
        ("ps2", LeakKind.KEY, "key of single")
    }
