from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from workshop.quiz.deck import Question, find_questions, to_yaml
from workshop.quiz.deck_text import read_deck
from workshop.quiz.items import Quiz

DECKS = Path(__file__).parent / "decks"


def question_with(stem: str, options: tuple[str, ...], answer: str) -> Question:
    lettered = tuple(zip("ABCDEFGH", options, strict=False))
    return Question(quiz=1, number=2, stem=stem, options=lettered, answer=answer, line=3)


def load(text: str) -> Any:
    return yaml.safe_load(text)


def test_a_quiz_file_in_full() -> None:
    questions = [
        question_with("What is new: the head?", ("- the head", "the tail"), "A"),
        question_with("Freezing helps.", (), "false"),
    ]
    assert to_yaml(questions, "Module 1: why") == (
        "title: 'Module 1: why'\n"
        "items:\n"
        "  - id: q1_2\n"
        "    type: single_choice\n"
        "    stem: 'What is new: the head?'\n"
        "    points: 1\n"
        "    # objective:\n"
        "    # topic:\n"
        "    # difficulty:\n"
        "    options:\n"
        "      - text: '- the head'\n"
        "        key: true\n"
        "        # feedback: why is this right?\n"
        "      - text: the tail\n"
        "        # feedback: why is this tempting?\n"
        "  - id: q1_2_2\n"
        "    type: true_false\n"
        "    stem: Freezing helps.\n"
        "    points: 1\n"
        "    # objective:\n"
        "    # topic:\n"
        "    # difficulty:\n"
        "    key: false\n"
        "    # feedback:\n"
        '    #   "true": why is this tempting?\n'
        '    #   "false": why is this right?\n'
    )


def test_several_letters_make_a_multiple_response() -> None:
    (item,) = load(to_yaml([question_with("Which?", ("a", "b", "c"), "A, C")], "T"))["items"]
    assert item["type"] == "multiple_response"
    assert [option.get("key") for option in item["options"]] == [True, None, True]


def test_a_quiz_file_without_questions() -> None:
    assert load(to_yaml([], "null")) == {"title": "null", "items": []}


@pytest.mark.parametrize("path", sorted(DECKS.glob("*.txt")), ids=lambda path: path.stem)
def test_a_completed_quiz_file_is_a_quiz(path: Path) -> None:
    questions = find_questions(read_deck(path)).questions
    text = to_yaml(questions, path.stem)
    for field, value in {"objective": "define", "topic": "t", "difficulty": "easy"}.items():
        text = text.replace(f"# {field}:", f"{field}: {value}")
    text = text.replace("# feedback:", "feedback:").replace('#   "', '  "')
    items = Quiz.model_validate(load(text)).items
    assert [item.stem for item in items] == [question.stem for question in questions]


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.text(), st.lists(st.text(), min_size=2, max_size=4), st.integers(1, 2), st.text()
        )
    )
)
def test_a_quiz_file_loads_to_the_texts_found(
    drawn: list[tuple[str, list[str], int, str]],
) -> None:
    questions = [
        replace(question_with(stem, tuple(texts), "B"), number=number)
        for stem, texts, number, _ in drawn
    ]
    title = drawn[0][3] if drawn else ""
    quiz = load(to_yaml(questions, title))
    assert quiz["title"] == title
    assert [item["stem"] for item in quiz["items"]] == [q.stem for q in questions]
    for item, question in zip(quiz["items"], questions, strict=True):
        assert [option["text"] for option in item["options"]] == [t for _, t in question.options]
        assert [option.get("key") for option in item["options"]][:2] == [None, True]
    ids = [item["id"] for item in quiz["items"]]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in ids)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "yes",
            "null",
            "1e3",
            "- x",
            "a: b",
            "a #b",
            "'",
            '"',
            "\t",
            " x ",
            "x\ny",
            "\u2028",
            "\x07",
        ),
        *(
            "# no comment",
            "{x}",
            "*x",
            "&x",
            "!x",
            "%x",
            "@x",
            "`x`",
            "?",
            "\ufeff",
            "😀",
            "=",
            "<<",
        ),
        *("\ud800", "\x85", "...", "---", "2024-01-01", "x" * 500 + " y" * 500),
    ],
)
def test_awkward_texts_survive_a_quiz_file(text: str) -> None:
    (item,) = load(to_yaml([question_with(text, (text, "b"), "A")], text))["items"]
    assert (item["stem"], item["options"][0]) == (text, {"text": text, "key": True})
