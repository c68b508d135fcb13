"""Quiz files: what is wrong in them is named with its line."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from workshop.errors import WorkshopError
from workshop.quiz.items import Quiz, load_quiz, load_quizzes

COMMON = "objective: define, topic: LoRA, difficulty: easy"
OPTIONS = "options: [{text: a, key: true, feedback: f}, {text: b, feedback: f}]"
BOTH = "feedback: {right: r, wrong: w}"
EACH = 'feedback: {"true": t, "false": f}'
ONE_R = f"variables: {{r: [1]}}, {BOTH}"
ALONE = "options: [{text: a, key: true, feedback: f}]"
NO_KEY = OPTIONS.replace("key: true, ", "")
STEPS = f"key: [a, b, c], {BOTH}"
MISTAKE = "mistakes: [{value: 4, feedback: f}]"
WORDS = "mistakes: [{forms: [A-B], feedback: f}]"


def quiz(tmp_path: Path, *items: str, name: str = "one") -> Path:
    path = tmp_path / f"{name}.yaml"
    path.write_text("title: T\nitems:\n" + "".join(f"  - {{{item}}}\n" for item in items))
    return path


def item(kind: str, rest: str, name: str = "q") -> str:
    return f"id: {name}, type: {kind}, stem: S, {COMMON}, {rest}"


GOOD = [
    item("single_choice", OPTIONS),
    item("multiple_response", OPTIONS),
    item("true_false", f"key: false, {EACH}"),
    item(
        "numeric",
        f"key: 3, tolerance: 0.1, unit: MB, {BOTH}, {MISTAKE}",
    ),
    item("short_answer", f"key: [a b], {BOTH}, mistakes: [{{forms: [c], feedback: f}}]"),
    item("ordering", STEPS),
    item("parameterised", f"key: r * 2, variables: {{r: [1, 2]}}, {BOTH}"),
]


@pytest.mark.parametrize("text", GOOD)
def test_each_type_is_read(tmp_path: Path, text: str) -> None:
    found = load_quiz(quiz(tmp_path, text))
    assert isinstance(found, Quiz)
    assert found.items[0].points == 1


BAD = {
    "unknown key": (item("single_choice", f"{OPTIONS}, hint: x"), "hint"),
    "unknown type": (item("essay", OPTIONS), "type"),
    "no key": (
        item("single_choice", NO_KEY),
        "0",
    ),
    "two keys": (
        item("single_choice", OPTIONS.replace("b, feedback", "b, key: true, feedback")),
        "2 options",
    ),
    "no right response": (
        item("multiple_response", NO_KEY),
        "no option",
    ),
    "one option": (
        item("single_choice", ALONE),
        "options",
    ),
    "the same option": (item("single_choice", OPTIONS.replace("text: b", "text: ' A '")), "same"),
    "no feedback": (item("single_choice", OPTIONS.replace(", feedback: f", "", 1)), "feedback"),
    "empty stem": (
        item("ordering", STEPS).replace("stem: S", "stem: ' '"),
        "stem",
    ),
    "no points": (item("ordering", f"key: [a, b, c], points: 0, {BOTH}"), "points"),
    "points without end": (item("ordering", f"key: [a, b, c], points: .inf, {BOTH}"), "points"),
    "another objective": (
        item("ordering", STEPS).replace("define", "enjoy"),
        "objective",
    ),
    "bad id": (item("ordering", STEPS, "Q 1"), "id"),
    "truth in words": (
        item("true_false", f'key: "false", {EACH}'),
        "key",
    ),
    "a mistake that is right": (
        item("numeric", f"key: 3, tolerance: 1, {BOTH}, {MISTAKE}"),
        "accepted",
    ),
    "words that are right": (
        item("short_answer", f"key: [a b], {BOTH}, {WORDS}"),
        "accepted",
    ),
    "nothing accepted": (item("short_answer", f"key: ['!'], {BOTH}"), "accepted form"),
    "a step twice": (item("ordering", f"key: [a, b, a], {BOTH}"), "same"),
    "two steps": (item("ordering", f"key: [a, b], {BOTH}"), "key"),
    "unknown variable": (
        item("parameterised", f"key: r * s, {ONE_R}"),
        "'s'",
    ),
    "no formula": (item("parameterised", f"key: r r, {ONE_R}"), "formula"),
    "no value": (item("parameterised", f"key: 1 / r, variables: {{r: [1, 0]}}, {BOTH}"), "value"),
    "a brace": (
        item("parameterised", f"key: r, {ONE_R}").replace("stem: S", "stem: '{s}'"),
        "brace",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, name: str) -> None:
    text, said = BAD[name]
    fine = item("ordering", STEPS, "fine")
    with pytest.raises(WorkshopError) as caught:
        load_quiz(quiz(tmp_path, fine, text))
    assert said in caught.value.what
    assert caught.value.where == f"{tmp_path / 'one.yaml'}:4"
    assert caught.value.remedy


def test_an_id_stands_once_in_a_file_and_in_a_course(tmp_path: Path) -> None:
    text = item("ordering", STEPS)
    with pytest.raises(WorkshopError, match="above"):
        load_quiz(quiz(tmp_path, text, text))
    quiz(tmp_path, text, name="one")
    quiz(tmp_path, text, name="two")
    with pytest.raises(WorkshopError, match=r"one\.yaml already"):
        load_quizzes(tmp_path)


def test_all_files_of_a_folder_are_read(tmp_path: Path) -> None:
    assert load_quizzes(tmp_path) == {}
    quiz(tmp_path, item("ordering", STEPS, "a"), name="one")
    quiz(tmp_path, item("ordering", STEPS, "b"), name="two")
    assert [*load_quizzes(tmp_path)] == ["one", "two"]


def test_the_line_of_a_deep_key_is_its_own(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_text(
        textwrap.dedent("""\
        title: T
        items:
          - id: q
            type: single_choice
            stem: S
            objective: define
            topic: LoRA
            difficulty: easy
            options:
              - text: a
                key: true
                feedback: f
              - text: b
                key: maybe
                feedback: f
        """)
    )
    with pytest.raises(WorkshopError) as caught:
        load_quiz(path)
    assert caught.value.where == f"{path}:14"
