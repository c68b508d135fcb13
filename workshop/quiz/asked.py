"""From an item to what is asked in a notebook, and to the key that stays behind."""

from __future__ import annotations

import hashlib
import random
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from checks.quiz import Form, Key, QuestionType
from workshop.quiz.formulas import Number, evaluated
from workshop.quiz.items import (
    Item,
    MultipleResponse,
    Numeric,
    Ordering,
    Parameterised,
    RightOrWrong,
    ShortAnswer,
    SingleChoice,
    TrueFalse,
)


@dataclass(frozen=True)
class Asked:
    """One question as it is asked.

    Attributes:
        item: where it comes from.
        stem: the question, in Markdown.
        options: letter and text of each option or step, in the order in which they are shown.
        form: what an answer has to look like.
        key: what is right. It never leaves the instructor's side.
        answer: a right answer, as a learner would write it.
    """

    item: Item
    stem: str
    options: tuple[tuple[str, str], ...]
    form: Form
    key: Key
    answer: Any


def asked(item: Item) -> Asked:
    """The question that an item asks, always the same for the same item.

    Options are shuffled, so that where authors like to put the key tells nothing. Nothing that is
    shown depends on what is right.
    """
    match item:
        case SingleChoice() | MultipleResponse():
            return _choice(item)
        case TrueFalse():
            feedback = {"true": item.feedback.true, "false": item.feedback.false}
            key = Key(item.key, feedback=feedback)
            return Asked(item, item.stem, (), Form(item.type), key, item.key)
        case Numeric():
            mistakes = tuple((each.value, each.feedback) for each in item.mistakes)
            return _number(item, item.stem, item.key, item.feedback, mistakes)
        case ShortAnswer():
            return _short(item)
        case Ordering():
            return _ordering(item)
        case Parameterised():
            return _parameterised(item)


def _random(item: Item) -> random.Random:
    """Random numbers that depend on nothing but the item's id, on every machine alike."""
    return random.Random(hashlib.sha256(item.id.encode()).digest())


def _lettered(item: Item, texts: Sequence[str]) -> tuple[tuple[str, str], ...]:
    # Sorted first: whoever knows how this shuffles could else tell the order in the file from the
    # order shown, and in an ordering that is the key.
    shuffled = _random(item).sample(sorted(texts), len(texts))
    return tuple(zip(string.ascii_uppercase, shuffled, strict=False))


def _choice(item: SingleChoice | MultipleResponse) -> Asked:
    by_text = {option.text: option for option in item.options}
    options = _lettered(item, [*by_text])
    right = tuple(letter for letter, text in options if by_text[text].key)
    feedback = {letter: by_text[text].feedback for letter, text in options}
    letters = "".join(letter for letter, _ in options)
    answer = right[0] if item.type is QuestionType.SINGLE_CHOICE else list(right)
    key = Key(right, feedback=feedback)
    return Asked(item, item.stem, options, Form(item.type, letters), key, answer)


def _short(item: ShortAnswer) -> Asked:
    mistakes = tuple((form, each.feedback) for each in item.mistakes for form in each.forms)
    key = Key(item.key, feedback=_both(item.feedback), mistakes=mistakes)
    return Asked(item, item.stem, (), Form(item.type), key, item.key[0])


def _ordering(item: Ordering) -> Asked:
    options = _lettered(item, item.key)
    letter_of = {text: letter for letter, text in options}
    right = tuple(letter_of[step] for step in item.key)
    form = Form(item.type, "".join(sorted(right)))
    return Asked(
        item, item.stem, options, form, Key(right, feedback=_both(item.feedback)), [*right]
    )


def _parameterised(item: Parameterised) -> Asked:
    draw = random.Random(f"{item.id} {item.seed}")
    # In the order of their names, so that the order in the file does not matter.
    values = {name: draw.choice(item.variables[name]) for name in sorted(item.variables)}
    feedback = RightOrWrong(
        right=item.feedback.right.format(**values), wrong=item.feedback.wrong.format(**values)
    )
    key = evaluated(item.key, values)
    mistakes = {
        evaluated(each.key, values): each.feedback.format(**values) for each in item.mistakes
    }
    # A wrong formula can give the right number by chance.
    typical = tuple((value, said) for value, said in mistakes.items() if value != key)
    return _number(item, item.stem.format(**values), key, feedback, typical)


def _number(
    item: Numeric | Parameterised,
    stem: str,
    value: Number,
    feedback: RightOrWrong,
    mistakes: tuple[tuple[Number, str], ...],
) -> Asked:
    form = Form(QuestionType.NUMERIC, unit=item.unit)
    key = Key(float(value), item.tolerance, _both(feedback), mistakes)
    return Asked(item, stem, (), form, key, value)


def _both(feedback: RightOrWrong) -> Mapping[str, str]:
    return {"right": feedback.right, "wrong": feedback.wrong}
