"""Keys of questions that count, in forms that can be looked for in what students get."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from checks.quiz import QuestionType
from checks.sealing import seal
from workshop.authoring.cells import SourceCell
from workshop.authoring.skeletons import skeleton
from workshop.course import Course
from workshop.quiz.asked import Asked, asked
from workshop.quiz.items import load_quizzes

# What may stand between a question's name and its key: `name = "B"`, `{"name": {"key": ["B"]}}`.
_BETWEEN = r"(?:\W{1,12}(?:keys?|right|answers?|correct|solutions?|is))*\W{1,12}"
_MARKED = ("keytrue", "righttrue", "correcttrue", "truekey")
_SEALED_LENGTH = 40


@dataclass(frozen=True)
class KeySecret:
    """The key of one question.

    Attributes:
        name: the question's, for the report.
        pattern: finds the key beside the question's name, and a sealed key of this question.
        skeletons: letters and digits that tell the key: an option marked as right, and the key as
            self-checks seal it.
    """

    name: str
    pattern: re.Pattern[str]
    skeletons: tuple[str, ...]

    def told_in(self, text: str) -> bool:
        """Whether a text tells the key beside the question's name."""
        # Looking for the bare name first is many times faster.
        return self.name in text and self.pattern.search(text) is not None


def counted_questions(cells: Iterable[SourceCell], course: Course) -> dict[str, Asked]:
    """The questions that count among a notebook's cells, by their names."""
    names = [str(cell.quiz["name"]) for cell in cells if cell.quiz and not cell.quiz["self_check"]]
    if not names:
        return {}
    quizzes = load_quizzes(course.quizzes).values()
    items = {item.id: item for quiz in quizzes for item in quiz.items}
    return {name: asked(items[name]) for name in names}


def key_secret(question: Asked) -> KeySecret:
    """What tells the key of a question."""
    item = question.item
    name = re.escape(item.id)
    told = "|".join(_written(question))
    pattern = rf"{name}{_BETWEEN}(?:{told})(?!\w)|unseal\W{{1,8}}{name}\W"
    sealed = skeleton(seal(item.id, question.key))[:_SEALED_LENGTH]
    return KeySecret(item.id, re.compile(pattern), (sealed, *_marked(question)))


def _written(question: Asked) -> Iterator[str]:
    """Patterns of the key as people and programs write it."""
    answer: Any = question.answer
    if question.form.type is QuestionType.SHORT_ANSWER:
        yield from (rf"(?i:{re.escape(str(each))})" for each in question.key.right)  # type: ignore[union-attr]
    elif isinstance(answer, bool):
        yield f"(?i:{answer})"
    elif isinstance(answer, int | float):
        yield from {re.escape(form) for form in (repr(answer), f"{answer:g}", f"{answer:,}")}
    else:
        letters = [answer] if isinstance(answer, str) else [*answer]
        yield r"\W{0,6}".join(letters)


def _marked(question: Asked) -> Iterator[str]:
    """The text of a right option with a sign that it is right."""
    if question.form.type in (QuestionType.SINGLE_CHOICE, QuestionType.MULTIPLE_RESPONSE):
        right = question.key.right if isinstance(question.key.right, tuple) else ()
        for letter, text in question.options:
            if letter in right:
                yield from (skeleton(text) + sign for sign in _MARKED)
