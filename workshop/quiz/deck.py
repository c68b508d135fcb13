"""Quizzes in the text of slide decks: each question with its options and its key.

Between other slides, a deck holds lines like these::

    Quick Quiz!

    Question 1: Which part of a pretrained network does feature extraction replace?
    - A) the backbone
    - B) the head

    Answer: B

A line continues a stem or an option if it follows directly: without a blank line, a slide break or
a bullet in between. A key is never guessed: where a deck can be read in two ways, the question is
reported with its line and left out. What is odd but leaves the key clear is reported as well.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain, count
from string import ascii_uppercase
from textwrap import indent

import yaml

from workshop.quiz.deck_lines import Kind, Line, read_lines, says_the_same

_NO_STATEMENT = re.compile(r"(?:true\s*(?:or|/)\s*false)?\W*", re.IGNORECASE)
_TRUTH = ("true", "false")
_ASKED = {True: "why is this right?", False: "why is this tempting?"}


@dataclass(frozen=True)
class Question:
    """A question whose key is clear.

    Attributes:
        quiz: which quiz of the deck it belongs to, counted from 1.
        number: as the deck numbers it.
        stem: the question, on one line.
        options: letter and text of each, from A on; empty for a true/false question.
        answer: the key: letters ("C", or "A, C" for several), "true" or "false".
        line: where it begins, counted from 1.
    """

    quiz: int
    number: int
    stem: str
    options: tuple[tuple[str, str], ...]
    answer: str
    line: int


@dataclass(frozen=True)
class Problem:
    """Something in a deck that its author has to look at.

    Attributes:
        line: the line concerned, counted from 1; for a question, the one where it begins.
        what: what is wrong with it.
    """

    line: int
    what: str


@dataclass(frozen=True)
class Found:
    """What a deck holds.

    Attributes:
        questions: those with a clear key, in the deck's order.
        problems: by line. A question that is not among ``questions`` has one at its line.
    """

    questions: tuple[Question, ...]
    problems: tuple[Problem, ...]


def find_questions(lines: Sequence[str]) -> Found:
    """The questions in a deck's text.

    Args:
        lines: as from :func:`workshop.quiz.deck_text.read_deck`; a form feed begins a new slide.

    Returns:
        Each line that begins a question gives a question, a problem at that line, or both.
    """
    collector = _Collector()
    for line in read_lines(lines):
        collector.take(line)
    collector.close("the end of the deck")
    problems = sorted(collector.problems, key=lambda problem: problem.line)
    return Found(tuple(collector.questions), tuple(problems))


def to_yaml(questions: Sequence[Question], title: str) -> str:
    """A quiz file for an author to complete: what only people can write is left as comments.

    Args:
        questions: as found in a deck.
        title: of the quiz.

    Returns:
        YAML with ``title`` and ``items``. Stems and options load to exactly the texts given; ids
        (``q1_2``: quiz 1, question 2) are unique.
    """
    ids: set[str] = set()
    blocks = [_dumped({"title": title}), "items:\n" if questions else "items: []\n"]
    for question in questions:
        name = _unused_id(question, ids)
        ids.add(name)
        blocks.append(_item(question, name))
    return "".join(blocks)


@dataclass
class _Draft:
    """A question while its lines come in.

    Attributes:
        wrapped: the text that a directly following line continues; None if there is none.
        attached: whether nothing has separated the next line from the question's own ones.
        left_out: the first line of other text since the stem or the last option; 0 if none.
        late_stem: the line of a stem that stands after a blank line; 0 if there is none.
        faults: what makes the key unclear.
        notes: what does not.
    """

    quiz: int
    start: Line
    stem: list[str] = field(default_factory=list)
    options: list[tuple[str, list[str]]] = field(default_factory=list)
    answers: list[Line] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    wrapped: list[str] | None = None
    attached: bool = True
    slide_over: bool = False
    left_out: int = 0
    late_stem: int = 0

    def __post_init__(self) -> None:
        if self.start.text:
            self.stem.append(self.start.text)
        self.wrapped = self.stem

    @property
    def name(self) -> str:
        return f"question {self.start.label[:12]}".rstrip()

    def note(self, what: str, line: int | None = None) -> None:
        self.notes.append(Problem(line or self.start.number, f"{self.name}: {what}"))

    def pause(self, *, slide_over: bool = False) -> None:
        """Ends a wrapped text."""
        self.wrapped = None
        self.attached = False
        self.slide_over |= slide_over

    def take(self, line: Line) -> None:
        if self.answers:
            return
        if line.kind is Kind.OPTION:
            self._option(line)
        elif line.kind is Kind.TEXT:
            self._text(line)
        elif line.kind is Kind.PAGE_NUMBER:
            self._page_number(line)
        else:
            self.pause(slide_over=line.kind is Kind.SLIDE_BREAK)

    def _option(self, line: Line) -> None:
        if self.left_out and self.options:
            # A line such as "C. elegans is a worm" on another slide looks just like an option.
            self.faults.append(f"other text stands between its options, on line {self.left_out}")
        elif self.left_out:
            self.note(f"line {self.left_out}, before its options, is not taken for its text")
        self.left_out = 0
        self.wrapped = [line.text] if line.text else []
        self.attached = True
        self.options.append((line.label, self.wrapped))

    def _text(self, line: Line) -> None:
        if self.wrapped is not None and not line.bulleted:
            self.wrapped.append(line.text)
        elif self.attached:
            if self.wrapped is not None:
                self.note(f"line {line.number} has a bullet and no letter, so it is left out")
            self.wrapped = None
        elif not (self.stem or self.options or self.slide_over or self.left_out or line.bulleted):
            self.stem.append(line.text)
            self.late_stem = line.number
            self.wrapped, self.attached = self.stem, True
        else:
            self.left_out = self.left_out or line.number

    def _page_number(self, line: Line) -> None:
        if self.wrapped is None:
            return
        if not self.wrapped or line.label == "inside":
            self._text(line)
            return
        if line.label != "last":
            self.note(f"the number alone on line {line.number} is taken for a page number")
        self.pause()


class _Collector:
    """Sorts a deck's lines by questions."""

    def __init__(self) -> None:
        self.questions: list[Question] = []
        self.problems: list[Problem] = []
        self._draft: _Draft | None = None
        self._quiz = 0
        self._numbers: set[int] = set()  # of the quiz, so far
        self._last = 0
        self._heading = False

    def take(self, line: Line) -> None:
        if line.kind is Kind.QUIZ:
            self._take_heading()
        elif line.kind is Kind.QUESTION:
            self._take_question(line)
        elif line.kind is Kind.ANSWER:
            self._take_answer(line)
        elif self._draft is not None:
            self._draft.take(line)

    def close(self, end: str) -> None:
        """Ends the question at hand; ``end`` says what comes instead of more of it."""
        draft, self._draft = self._draft, None
        if draft is None:
            return
        options = _lettered(draft)
        faults = [
            *draft.faults,
            *_stem_faults(draft, options),
            *_option_faults(options),
            *_answer_faults(draft.answers, options, end),
        ]
        self.problems += draft.notes
        self.problems += [Problem(draft.start.number, f"{draft.name}: {what}") for what in faults]
        if not faults:
            stem, key, start = " ".join(draft.stem), draft.answers[0].label, draft.start
            found = Question(draft.quiz, start.count, stem, tuple(options), key, start.number)
            self.questions.append(found)

    def _take_heading(self) -> None:
        self._heading = True
        if self._draft is not None and self._draft.options and not self._draft.answers:
            # The heading may be the title of each of the quiz's slides, the answer's one included.
            self._draft.pause(slide_over=True)
        else:
            self.close("the next quiz")

    def _take_question(self, line: Line) -> None:
        self.close("the next question")
        number = line.count
        if self._quiz == 0 or (self._heading and number != self._last + 1):
            self._quiz, self._last, self._numbers = self._quiz + 1, 0, set()
        self._heading = False
        self._draft = _Draft(self._quiz, line)
        if number < 0:
            self._draft.faults.append("its number cannot be read")
            return
        if number in self._numbers:
            self._draft.note("its number stands twice in this quiz")
        elif number != self._last + 1:
            self._draft.note("its number does not follow the one before")
        self._numbers.add(number)
        self._last = number

    def _take_answer(self, line: Line) -> None:
        draft = self._draft
        if draft is None:
            self.problems.append(Problem(line.number, "an answer without a question"))
            return
        if line.count >= 0 and line.count != draft.start.count:
            self.problems.append(Problem(line.number, f"an answer, but not to {draft.name}"))
            line = Line(Kind.ANSWER, line.number)
        elif draft.answers:
            draft.note("a second answer; is another question's beginning missing?", line.number)
        draft.answers.append(line)


def _lettered(draft: _Draft) -> list[tuple[str, str]]:
    """A draft's options as texts, without letters that stand alone and name no other option."""
    written = {letter for letter, parts in draft.options if parts}
    alone = sorted({letter for letter, _ in draft.options} - written)
    if alone:
        draft.note(f"{', '.join(alone)}: no text follows, so this is no option")
    return [(letter, " ".join(parts)) for letter, parts in draft.options if letter in written]


def _stem_faults(draft: _Draft, options: list[tuple[str, str]]) -> list[str]:
    if _NO_STATEMENT.fullmatch(" ".join(draft.stem)):
        return ["its stem is empty"]
    if draft.late_stem and not options:
        # Without options to show that the slide is the question's, it may be any slide's title.
        return [f"its stem is empty; line {draft.late_stem} stands after a blank line"]
    if draft.late_stem:
        draft.note(f"its stem is taken from line {draft.late_stem}, after a blank line")
    return []


def _option_faults(options: list[tuple[str, str]]) -> list[str]:
    letters = [letter for letter, _ in options]
    most, times = Counter(letters).most_common(1)[0] if letters else ("", 0)
    if times > 1:
        return [f"{times} of its options are lettered {most}"]
    if letters != list(ascii_uppercase[: len(letters)]):
        return [f"its options are lettered {', '.join(letters)}: one is missing or out of place"]
    for letter, text in options:
        after = ascii_uppercase[letters.index(letter) + 1 : letters.index(letter) + 2]
        if after and re.search(rf"(?<!\w){after}\s?[).](?!\S)", text, re.IGNORECASE):
            return [f"option {letter} seems to hold option {after} as well"]
    return []


def _answer_faults(answers: list[Line], options: list[tuple[str, str]], end: str) -> list[str]:
    if not answers:
        return [f"no answer before {end}"]
    first, *others = answers
    if not first.label:
        return [f"its answer, on line {first.number}, is neither letters nor true or false"]
    for other in others:
        if other.label not in ("", first.label):
            return [f"two answers that differ, on lines {first.number} and {other.number}"]
    if first.label not in _TRUTH:
        return _letter_faults(first, options)
    return [f"its answer is {first.label}, but it has options"] if options else []


def _letter_faults(answer: Line, options: list[tuple[str, str]]) -> list[str]:
    if len(options) < 2:  # noqa: PLR2004 - a choice
        return [f"its answer is {answer.label}, but it has fewer than two options"]
    lacking = [letter for letter in answer.label.split(", ") if letter not in dict(options)]
    if lacking:
        return [f"its answer {lacking[0]} is none of its options"]
    if not says_the_same(answer, dict(options)):
        return [f"its answer, on line {answer.number}, can be read in two ways"]
    return []


def _unused_id(question: Question, used: set[str]) -> str:
    base = f"q{question.quiz}_{question.number}"
    candidates = chain([base], (f"{base}_{copy}" for copy in count(2)))
    return next(name for name in candidates if name not in used)


def _item(question: Question, name: str) -> str:
    keys = question.answer.split(", ")
    if question.answer in _TRUTH:
        kind = "true_false"
    else:
        kind = "single_choice" if len(keys) == 1 else "multiple_response"
    head = _dumped({"id": name, "type": kind, "stem": question.stem, "points": 1})
    body = "".join(f"# {field}:\n" for field in ("objective", "topic", "difficulty"))
    if kind == "true_false":
        body += _dumped({"key": question.answer == "true"}) + "# feedback:\n"
        body += "".join(f'#   "{value}": {_ASKED[value == question.answer]}\n' for value in _TRUTH)
    else:
        options = (_option(text, right=letter in keys) for letter, text in question.options)
        body += "options:\n" + "".join(options)
    return _list_entry(head + body)


def _option(text: str, *, right: bool) -> str:
    entry = _dumped({"text": text, "key": True} if right else {"text": text})
    return _list_entry(f"{entry}# feedback: {_ASKED[right]}\n")


def _list_entry(block: str) -> str:
    return f"  - {indent(block, ' ' * 4)[4:]}"


class _Dumper(yaml.SafeDumper):
    """Writes each scalar on one line, so that comments can stand between them."""


def _one_line(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if text.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _one_line)


def _dumped(entries: dict[str, str | int | bool]) -> str:
    return yaml.dump(
        entries, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=sys.maxsize
    )
