"""Decks made at random: what goes in comes out, or is reported."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workshop.quiz.deck import Found, Question, find_questions

# A deck takes a while to draw, and longer on a machine that is busy.
CALM = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])

# Some of them might be taken for marks, but do not stand where marks do.
WORDS = (
    "the|head|backbone|layer|freeze|rank-8|32|naïve|(LoRA)|weights:|'source'|target?|#|✓|\u2013|学习"
    "|answer:|question|A/B|e.g.|3.5|learning|true"
)
TEXTS = st.lists(st.sampled_from(WORDS.split("|")), max_size=12).map(
    lambda words: " ".join(["Which", *words])
)
NOISE = st.sampled_from(
    ["Why it works", "- fewer weights", "• The answer: it depends", "Questions so far", "p. 7"]
)
GAPS = st.lists(st.sampled_from(["", "-", " • ", "   ", "\f", "12"]), max_size=3).map(
    lambda lines: ["", *lines]
)


@dataclass(frozen=True)
class Written:
    """A question, and the lines of a deck that it was written to."""

    question: Question
    lines: tuple[str, ...]
    answers: tuple[str, ...]


@st.composite
def wrapped(draw: st.DrawFn, text: str, mark: str) -> list[str]:
    words = text.split(" ")
    ends = sorted(draw(st.sets(st.integers(2, max(2, len(words) - 1)), max_size=2)))
    pieces = [words[start:end] for start, end in zip([0, *ends], [*ends, None], strict=True)]
    lines = [draw(st.sampled_from(["", "  ", "\t"])) + " ".join(piece) for piece in pieces if piece]
    # These make another line of what they begin, in a deck as for its reader.
    if any(re.match(r"\s*(?:[\d#\u2013-]|question \d|answer: true)", line) for line in lines[1:]):
        lines = [text]
    return [mark + lines[0], *lines[1:]]


@st.composite
def written(draw: st.DrawFn, quiz: int, number: int) -> Written:
    stem = draw(TEXTS)
    texts = draw(st.lists(TEXTS, min_size=2, max_size=5, unique=True) | st.just([]))
    letters = "ABCDE"[: len(texts)]
    mark = draw(st.sampled_from(["Question {}: ", "Q{}. ", "  QUESTION {} : ", "question {}) "]))
    lines = draw(wrapped(stem, mark.format(number)))
    option = draw(st.sampled_from(["- {}) ", "-{} )", " {}. ", "• {}) ", "({}) "]))
    for letter, text in zip(letters, texts, strict=True):
        lines += draw(st.just([]) | GAPS.filter(lambda gap: "12" not in gap))
        lines += draw(wrapped(text, option.format(letter)))
    if texts:
        keys = sorted(draw(st.sets(st.sampled_from(letters), min_size=1, max_size=2)))
        answer, other = ", ".join(keys), draw(st.sampled_from(letters))
        other = "true" if other == answer else other
    else:
        answer, other = draw(st.permutations(["true", "false"]))
    question = Question(quiz, number, stem, tuple(zip(letters, texts, strict=True)), answer, 0)
    forms = ["Answer: {}", "ANSWER : {}.", "- answer:{}"]
    form = draw(st.sampled_from(forms))
    return Written(question, tuple(lines), (form.format(answer), form.format(other)))


@st.composite
def decks(draw: st.DrawFn, *, spoil: bool = True) -> tuple[list[str], list[Question], set[int]]:
    """A deck's lines, its questions, and the lines of those whose answer is lacking or doubled."""
    lines: list[str] = ["Transfer learning", ""]
    questions: list[Question] = []
    spoilt: set[int] = set()
    for quiz in range(1, draw(st.integers(1, 3)) + 1):
        lines += [draw(st.sampled_from(["Quick Quiz!", "QUICK  QUIZ !", "- quick quiz"]))]
        for number in range(1, draw(st.integers(1, 4)) + 1):
            lines += draw(GAPS)
            one = draw(written(quiz, number))
            questions.append(replace(one.question, line=len(lines) + 1))
            lines += one.lines
            fate = draw(st.sampled_from(["kept", "kept", *["dropped", "doubled"] * spoil]))
            given = {"kept": one.answers[:1], "dropped": (), "doubled": one.answers}[fate]
            if fate != "kept":
                spoilt.add(len(lines) + 1 - len(one.lines))
            for answer in given:
                lines += [*draw(GAPS), *draw(st.lists(NOISE, max_size=3)), *draw(GAPS), answer]
        lines += [*draw(GAPS), *draw(st.lists(NOISE, max_size=3)), *draw(GAPS)]
    return lines, questions, spoilt


@CALM
@given(decks())
def test_decks_made_at_random_come_back(deck: tuple[list[str], list[Question], set[int]]) -> None:
    lines, questions, spoilt = deck
    found = find_questions(lines)
    assert list(found.questions) == [q for q in questions if q.line not in spoilt]
    assert {problem.line for problem in found.problems} >= spoilt


@CALM
@given(decks(spoil=False), st.data())
def test_a_lost_line_never_leads_to_a_wrong_key(
    deck: tuple[list[str], list[Question], set[int]], data: st.DataObject
) -> None:
    lines, questions, _ = deck
    lost = data.draw(st.integers(1, len(lines)))
    right = {q.line - (q.line > lost): q for q in questions if q.line != lost}
    for question in find_questions(lines[: lost - 1] + lines[lost:]).questions:
        assert question.answer == right[question.line].answer


def check_consistent(lines: list[str], found: Found) -> None:
    places = {question.line for question in found.questions}
    places |= {problem.line for problem in found.problems}
    assert places <= set(range(1, len(lines) + 1))
    for number, line in enumerate(lines, start=1):
        if re.match(r"[-\s\u2022]*question\s*\d+\s*:", line, re.IGNORECASE):
            assert number in places
    for question in found.questions:
        letters = [letter for letter, _ in question.options]
        assert letters == list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"[: len(letters)])
        assert question.stem.strip()
        assert all(text.strip() for _, text in question.options)
        if question.options:
            assert set(question.answer.split(", ")) <= set(letters)
        else:
            assert question.answer in ("true", "false")


@settings(deadline=None)
@given(st.lists(st.text()))
def test_no_text_crashes_the_search(lines: list[str]) -> None:
    check_consistent(lines, find_questions(lines))


MARKS = (
    "Quick Quiz!|Question 1: a|Question 2:|Q3: b|A) a|B) b|- C )c|D)|a. d|B. |-|•|12|\f|\f3|---"
    "|Answer: A|Answer: B|Answer: a, c|Answer: True|answer: false|Answer: maybe|Answer:|text"
    "|- text||  |Question: what|Answer 2: A|**Question 1**|True or False: x"
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(MARKS.split("|")), max_size=40))
def test_marks_in_any_order_are_sorted(lines: list[str]) -> None:
    check_consistent(lines, find_questions(lines))
