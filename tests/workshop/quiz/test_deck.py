from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from workshop.quiz.deck import Found, Problem, Question, find_questions
from workshop.quiz.deck_text import read_deck

DECKS = Path(__file__).parent / "decks"
NAMES = [path.stem for path in sorted(DECKS.glob("*.txt"))]


def expected(name: str) -> Found:
    """What a deck holds, as written down by hand."""
    data = yaml.safe_load((DECKS / f"{name}.yaml").read_text(encoding="utf-8"))
    questions = [
        Question(**{**entry, "options": tuple(entry.get("options", {}).items())})
        for entry in data["questions"]
    ]
    return Found(tuple(questions), tuple(Problem(**entry) for entry in data["problems"]))


def found_in(text: str) -> Found:
    return find_questions(text.split("\n"))


@pytest.mark.parametrize("name", NAMES)
def test_the_questions_of_a_deck(name: str) -> None:
    assert find_questions(read_deck(DECKS / f"{name}.txt")) == expected(name)


CHOICE = "Question 1: Which part is new?\n- A) the head\n- B) the backbone\n"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Answer: A", "A"),
        ("answer : b", "B"),
        ("ANSWER: B)", "B"),
        ("Answer: B) the backbone", "B"),
        ("Answer: B) the back", "B"),
        ("Answer:B)the backbone.", "B"),
        ("Answer: (B)", "B"),
        ("Answer: Option B", "B"),
        ("Answer: B - it was trained before.", "B"),
        ("- Answer: B. It was trained before, on a lot of data.", "B"),
        ("Answer 1: B", "B"),
        ("Answer to question 1: B", "B"),
        ("Correct answer: B", "B"),
        ("Answer: A, B", "A, B"),
        ("Answers: b, a", "A, B"),
        ("Answers: A and B", "A, B"),
        ("Answer: A & B.", "A, B"),
        ("Answer: A) and B)", "A, B"),
    ],
)
def test_ways_to_write_an_answer(text: str, key: str) -> None:
    found = found_in(f"{CHOICE}\n{text}")
    assert [question.answer for question in found.questions] == [key]
    assert not found.problems


@pytest.mark.parametrize(
    "text",
    [
        "Answer: A or B",
        "Answer: A/B",
        "Answer: AB",
        "Answer: A) the head and B) the backbone",
        "Answer: A) the backbone",
        "Answer: A, B because both are",
        "Answer: A, not B",
        "Answer: A, A",
        "Answer: A new head",
        "Answer: B-splines",
        "Answer: Both of them",
        "Answer:",
        "Answer: C",
        "Answer: True",
        "Answer: 1",
        "Answer to question 2: A",
    ],
)
def test_an_answer_that_leaves_room_for_doubt_is_reported(text: str) -> None:
    found = found_in(f"{CHOICE}\n{text}")
    assert not found.questions
    assert 1 in [problem.line for problem in found.problems]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Answer: True", "true"),
        ("ANSWER : false.", "false"),
        ("Answer: False - only its rank is small.", "false"),
        ("Answer: True (see above)", "true"),
        ("Answer: True or False", None),
        ("Answer: True/False", None),
        ("Answer: True, or false", None),
        ("Answer: Truest of all", None),
        ("Answer: Not true", None),
        ("Answer: T", None),
    ],
)
def test_the_answer_to_a_statement(text: str, key: str | None) -> None:
    found = found_in(f"Question 1: An adapter is small.\n\n{text}")
    assert [question.answer for question in found.questions] == [key] * (key is not None)
    assert [problem.line for problem in found.problems] == [1] * (key is None)


@pytest.mark.parametrize(
    "beginning",
    [
        "Question 1: ",
        "question 1 : ",
        "QUESTION 1. ",
        "Question 1.",
        "Q1: ",
        "q 1) ",
        "Question #1: ",
        "Question 1 - ",
        "Question 1/3: ",
        "Question 1 of 3: ",
        "Question 1 (2 points): ",
        "- Question 1: ",
        "### **Question 1:** ",
        "Question 1\n",
        "Quick Quiz! Question 1: ",
    ],
)
def test_ways_to_begin_a_question(beginning: str) -> None:
    found = found_in(f"{beginning}Freezing saves memory.\n\nAnswer: True")
    assert [(q.number, q.stem, q.line) for q in found.questions] == [
        (1, "Freezing saves memory.", 1)
    ]
    assert not found.problems


@pytest.mark.parametrize(
    "line",
    [
        "The question 1: of them all",
        "Questions: ask them now",
        "Question 1 asks about the head",
        "Quick quizzes keep a class awake",
        "Q-learning: not today",
        "The answer: it depends",
        "answer: it depends",
        "Answers come later",
        "Quick quiz questions keep a class awake",
        "the answer: B",
    ],
)
def test_words_within_prose_are_neither_questions_nor_answers(line: str) -> None:
    found = found_in(f"{CHOICE}\n{line}\n\nAnswer: A")
    assert [question.answer for question in found.questions] == ["A"]
    assert not found.problems


AMBIGUOUS = {
    "no answer before the next question": (
        "Question 1: Freezing is free.\n\nQuestion 2: Heads are new.\n\nAnswer: True",
        [1],
        [3],
    ),
    "no answer before the end": (CHOICE, [1], []),
    "no answer before the next quiz": (
        "Quick Quiz!\nQuestion 1: Freezing is free.\n\nQuick Quiz!\n\nAnswer: True",
        [2, 6],
        [],
    ),
    "two answers that differ": (f"{CHOICE}\nAnswer: A\n\nAnswer: B", [1, 7], []),
    "one answer twice": (f"{CHOICE}\nAnswer: A\n\nAnswer: A", [7], [1]),
    "an answer that is no option": (f"{CHOICE}\nAnswer: C", [1], []),
    "an answer of which one letter is no option": (f"{CHOICE}\nAnswer: A, C", [1], []),
    "a doubled letter": (f"{CHOICE}- B) the batch\n\nAnswer: A", [1], []),
    "a doubled letter on another slide": (f"{CHOICE}\nMore\n- A) more\n\nAnswer: A", [1, 1], []),
    "a letter alone beside an option": (f"{CHOICE}- B)\n\nAnswer: A", [1], []),
    "a letter alone": (f"{CHOICE}- C)\n\nAnswer: A", [1], [1]),
    "a gap": (CHOICE.replace("B)", "C)") + "\nAnswer: A", [1], []),
    "a gap left by a letter alone": (
        "Question 1: Which?\nA) a head\nB)\n\nC) a tail\nAnswer: A",
        [1, 1],
        [],
    ),
    "options that start late": (
        "Question 1: Which? A) a head\nB) a tail\nC) a body\n\nAnswer: B",
        [1],
        [],
    ),
    "two options on a line": (
        "Question 1: Which?\nA) a head\nB) a tail   C) a body\nAnswer: B",
        [1],
        [],
    ),
    "one option": ("Question 1: Which?\n- A) the head\n\nAnswer: A", [1], []),
    "a letter without options": ("Question 1: Which?\n- the head\n\nAnswer: A", [1, 1], []),
    "a letter without options or bullets": ("Question 1: Which?\n\nAnswer: A", [1], []),
    "options and a truth": (f"{CHOICE}\nAnswer: True", [1], []),
    "an empty stem": ("Question 1:\n- A) the head\n- B) the tail\n\nAnswer: A", [1], []),
    "a stem without a statement": ("Question 1: True or False?\n\nAnswer: True", [1], []),
    "an empty stem before another slide": (
        "Question 1:\n\nWhy it works\n\nAnswer: True",
        [1],
        [],
    ),
    "a stem after a blank line": (
        "Question 1\n\nWhich?\n- A) the head\n- B) the tail\n\nAnswer: B",
        [1],
        [1],
    ),
    "an answer without a question": ("Quick Quiz!\n\nAnswer: C", [3], []),
    "an answer after its quiz": (f"{CHOICE}\nAnswer: A\n\nQuick Quiz!\nAnswer: B", [8], [1]),
    "a number that jumps": (
        "Q1: It is so.\nAnswer: True\nQ3: It is not.\nAnswer: False",
        [3],
        [1, 3],
    ),
    "a number that repeats": (
        "Q1: It is so.\nAnswer: True\nQ1: It is not.\nAnswer: False",
        [3],
        [1, 3],
    ),
    "a quiz that starts late": ("Quick Quiz\nQ2: It is so.\nAnswer: True", [2], [2]),
    "a number that cannot be read": ("Question 1.2: It is so.\n\nAnswer: True", [1], []),
    "a number in words": ("Question two: It is so.\n\nAnswer: True", [1], []),
    "no number": ("Question: Is it so?\n\nAnswer: True", [1], []),
    "a number beyond all": (f"Question {'9' * 5000}: It is so.\n\nAnswer: True", [1], []),
    "other text between options": (
        "Q1: Which?\nA. a head\nB. a tail\n\nModel organisms\nC. elegans is a worm\n\nAnswer: A",
        [1],
        [],
    ),
    "other text before the options": (
        "Q1: Look at this network.\n\nWhat is new?\n\nA. the head\nB. the tail\n\nAnswer: A",
        [1],
        [1],
    ),
    "a bullet within the stem": (
        "Q1: Which hold?\n- fast and small\nA) both\nB) none\n\nAnswer: A",
        [1],
        [1],
    ),
    "a number alone after an option": (f"{CHOICE}12\n\nMore\n\nAnswer: A", [1], [1]),
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_what_is_ambiguous_is_reported_with_its_line(name: str) -> None:
    text, problem_lines, question_lines = AMBIGUOUS[name]
    found = found_in(text)
    assert [problem.line for problem in found.problems] == problem_lines
    assert [question.line for question in found.questions] == question_lines


def test_other_slides_become_no_part_of_a_question() -> None:
    other = "Why it works\n- fewer weights\n- less data\nmore words\n\n\f7\n"
    found = found_in(f"Question 1: Which part is new?\nA) head\nB) tail\n\n{other}\nAnswer: A")
    assert found.questions[0].options == (("A", "head"), ("B", "tail"))
    assert found.questions[0].stem == "Which part is new?"
    assert not found.problems
    found = found_in(f"Question 1: A head is new.\n\n{other}\nAnswer: True")
    assert found.questions[0].stem == "A head is new."
    assert not found.problems


def test_a_slide_break_ends_a_text_like_a_blank_line() -> None:
    for page_break in ("\f", "\f\n", "---\n"):
        found = found_in(f"{CHOICE}{page_break}Another slide\n\nAnswer: B")
        assert found.questions[0].options[-1] == ("B", "the backbone")


def test_options_may_go_on_after_a_slide_break() -> None:
    found = found_in(f"Quick Quiz\n{CHOICE}3\n\fQuick Quiz\n-\n- C) the batch\n\nAnswer: C")
    assert [letter for letter, _ in found.questions[0].options] == ["A", "B", "C"]
    assert not found.problems


def test_a_heading_on_every_slide_begins_one_quiz() -> None:
    slides = [f"Quick Quiz!\nQuestion {n}: It is so.\nAnswer: True\n" for n in (1, 2, 3, 1)]
    assert [question.quiz for question in found_in("\f".join(slides)).questions] == [1, 1, 1, 2]


def test_blanks_and_invisible_characters_make_no_difference() -> None:
    text = CHOICE.replace(" ", "\u00a0\t ").replace("A)", "\u200bA\ufeff)") + "\nAnswer:\u00a0A"
    assert found_in(text) == found_in(f"{CHOICE}\nAnswer: A")


def test_very_long_decks_are_read_in_a_moment() -> None:
    many = 20_000
    for line in ("1", "A) x", "Question 1: x", "Answer: C", "- ", "**" * many, "1." * many):
        count = 1 if len(line) > many else many
        found = find_questions(["Question 1: Which?", *[line] * count, "Answer: A"])
        assert found.problems
