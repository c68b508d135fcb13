"""Read and score answers to quiz questions.

An answer may have been clicked or typed, so its form is read generously: ``'c'``, ``' C '`` and
``['C']`` all mean option C. What cannot be read is said to be unreadable, and never guessed.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import combinations
from numbers import Real
from typing import Any

from checks.guard import LearnerError, checked
from checks.names import plural
from checks.verdict import Status, Verdict, passed

Answer = tuple[str, ...] | bool | float | str
"""An answer that could be read: letters, a truth value, a number, or normalised text."""

_LONGEST = 500
_LETTERS_APART = re.compile(r"[\s,;.()\[\]'\"+&>-]+|\band\b", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(\d[\d_]*(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_HYPHENS = re.compile("[-\u2010-\u2013]")
# Numbers that were computed in another order differ in their last digits.
_ROUNDING = 1e-9


class QuestionType(StrEnum):
    """What kind of answer a question asks for."""

    SINGLE_CHOICE = "single_choice"
    MULTIPLE_RESPONSE = "multiple_response"
    TRUE_FALSE = "true_false"
    NUMERIC = "numeric"
    SHORT_ANSWER = "short_answer"
    ORDERING = "ordering"


@dataclass(frozen=True)
class Form:
    """What an answer has to look like. It says nothing about which one is right.

    Attributes:
        type: the kind of question.
        letters: those of the options or steps, such as ``"ABCD"``; empty where there are none.
        unit: of a number; None if it has none.
    """

    type: QuestionType
    letters: str = ""
    unit: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "type", QuestionType(self.type))

    @property
    def asks_for(self) -> str:
        """How to answer, in words that follow "Answer with"."""
        some = f'"{self.letters[:1]}" to "{self.letters[-1:]}"'
        words = {
            QuestionType.SINGLE_CHOICE: f"one letter from {some}",
            QuestionType.MULTIPLE_RESPONSE: f'all letters from {some} that apply, as in ["X", "Y"]',
            QuestionType.TRUE_FALSE: "True or False",
            QuestionType.NUMERIC: f"a number{f' ({self.unit})' if self.unit else ''}, such as 0.5",
            QuestionType.SHORT_ANSWER: 'a few words in quotes, such as "learning rate"',
            QuestionType.ORDERING: f'all letters from {some} in order, as in ["Y", "X", "Z"]',
        }
        return words[self.type]


# ------------------------------------------------------------------------------------ reading


def read_answer(answer: object, form: Form) -> Answer:
    """What an answer says.

    Raises:
        LearnerError: nothing was answered, or not in this form.
    """
    if answer is None or (isinstance(answer, str | list | tuple) and not answer):
        raise LearnerError(
            "This question is not answered yet.", hint=f"Answer with {form.asks_for}."
        )
    if isinstance(answer, str):
        if len(answer) > _LONGEST:
            raise _unreadable(f"a text of {len(answer):,} characters", form)
        answer = unicodedata.normalize("NFKC", answer).strip()
        if not answer:
            return read_answer(None, form)
    found = _READERS[form.type](answer, form)
    if found is None:
        raise _unreadable(_said(answer), form)
    return found


def _unreadable(said: str, form: Form) -> LearnerError:
    return LearnerError(
        f"Your answer cannot be read: {said}.",
        hint=f"Answer with {form.asks_for}.",
    )


def _said(answer: object) -> str:
    if isinstance(answer, str | bool | int | float):
        text = repr(answer)
        return text if len(text) <= 60 else f"{text[:59]}…"  # noqa: PLR2004 - a line's worth
    return f"it is a {type(answer).__name__}"


def _letters(answer: object, form: Form) -> tuple[str, ...] | None:
    """The letters in an answer, in its order; None if there is anything else in it."""
    if isinstance(answer, str):
        parts = [part for part in _LETTERS_APART.split(answer) if part]
        if len(parts) == 1:
            parts = list(parts[0])
    elif isinstance(answer, list | tuple | set | frozenset) and all(
        isinstance(each, str) for each in answer
    ):
        parts = [_LETTERS_APART.sub("", each) for each in answer]
    else:
        return None
    found = tuple(part.upper() for part in parts)
    return found if found and all(part in form.letters and part for part in found) else None


def _one_letter(answer: object, form: Form) -> Answer | None:
    found = _letters(answer, form)
    return found if found and len(found) == 1 else None


def _some_letters(answer: object, form: Form) -> Answer | None:
    found = _letters(answer, form)
    return tuple(sorted(set(found))) if found else None


def _all_letters(answer: object, form: Form) -> Answer | None:
    found = _letters(answer, form)
    return found if found and sorted(found) == sorted(form.letters) else None


def _truth(answer: object, _: Form) -> Answer | None:
    if isinstance(answer, bool):
        return answer
    words = {"true": True, "false": False}
    return words.get(answer.casefold()) if isinstance(answer, str) else None


def _number(answer: object, form: Form) -> Answer | None:
    if isinstance(answer, str):
        text = answer.casefold()
        if form.unit:
            text = text.removesuffix(unicodedata.normalize("NFKC", form.unit).casefold())
        text = text.strip()
        if not _NUMBER.fullmatch(text):
            return None
        answer = float(text)
    if isinstance(answer, bool) or not isinstance(answer, Real):
        return None
    try:
        value = float(answer)
    except OverflowError:
        return None
    return value if math.isfinite(value) else None


def normalised(text: str) -> str:
    """A short answer without what makes no difference: case, blanks, hyphens, a full stop."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(_HYPHENS.sub(" ", plain).strip(" .!?\"'`").split())


def _words(answer: object, _: Form) -> Answer | None:
    return (normalised(answer) or None) if isinstance(answer, str) else None


_READERS: Mapping[QuestionType, Callable[[object, Form], Answer | None]] = {
    QuestionType.SINGLE_CHOICE: _one_letter,
    QuestionType.MULTIPLE_RESPONSE: _some_letters,
    QuestionType.TRUE_FALSE: _truth,
    QuestionType.NUMERIC: _number,
    QuestionType.SHORT_ANSWER: _words,
    QuestionType.ORDERING: _all_letters,
}


@checked("quiz.form")
def check_form(answer: object, form: Form) -> Verdict:
    """The answer can be read; whether it is right is not looked at.

    Args:
        answer: the learner's.
        form: what it has to look like.
    """
    found = read_answer(answer, form)
    if isinstance(found, tuple):
        return passed("quiz.form", f"Your answer is {', '.join(found)}.")
    shown = f"{found:g}" if isinstance(found, float) else str(found)
    unit = f" {form.unit}" if form.unit else ""
    return passed("quiz.form", f"Your answer is {shown}{unit}.")


# ------------------------------------------------------------------------------------ scoring


@dataclass(frozen=True)
class Key:
    """What is right, and what to say about each answer.

    Attributes:
        right: letters (in order, for an ordering), a truth value, a number, or accepted forms.
        tolerance: how far a number may be off, in its unit.
        feedback: what each option teaches, by its letter, ``"true"`` or ``"false"``; or what to say
            about a ``"right"`` and a ``"wrong"`` answer.
        mistakes: typical wrong numbers or texts, and what they show.
    """

    right: tuple[str, ...] | bool | float
    tolerance: float = 0.0
    feedback: Mapping[str, str] = field(default_factory=dict)
    mistakes: tuple[tuple[float | str, str], ...] = ()


@checked("quiz.answer")
def check_answer(answer: object, form: Form, key: Key) -> Verdict:
    """The answer is right; part of the score for part of a multiple response or an ordering.

    Args:
        answer: the learner's.
        form: what it has to look like.
        key: what is right.
    """
    found = read_answer(answer, form)
    score = _SCORES[form.type](found, key)
    said = _feedback(found, form, key, right=score == 1)
    if score == 1:
        return passed("quiz.answer", f"Right. {said}".strip())
    first = "Partly right." if score else "Not right."
    rationale = " ".join(filter(None, (first, _share(found, form, key), said)))
    return Verdict("quiz.answer", Status.FAILED, score, rationale)


def _same(found: Any, key: Key) -> float:
    return float(found == key.right)


def _response(found: Any, key: Key) -> float:
    """Right minus wrong, of all that are right, and not below 0."""
    right = set(_texts(key))
    return max(0.0, (len(right & set(found)) - len(set(found) - right)) / len(right))


def _close(found: Any, key: Key) -> float:
    target = float(key.right)  # type: ignore[arg-type] # a number, since the question asks for one
    slack = key.tolerance + _ROUNDING * abs(target)
    return float(abs(found - target) <= slack)


def _accepted(found: Any, key: Key) -> float:
    return float(found in {normalised(each) for each in _texts(key)})


def _order(found: Any, key: Key) -> float:
    """Kendall's tau, and not below 0: 1 for the right order, 0 for what guessing earns."""
    place = {letter: number for number, letter in enumerate(_texts(key))}
    pairs = [place[one] < place[other] for one, other in combinations(found, 2)]
    return max(0.0, 2 * sum(pairs) / len(pairs) - 1)


_SCORES: Mapping[QuestionType, Callable[[Any, Key], float]] = {
    QuestionType.SINGLE_CHOICE: _same,
    QuestionType.MULTIPLE_RESPONSE: _response,
    QuestionType.TRUE_FALSE: _same,
    QuestionType.NUMERIC: _close,
    QuestionType.SHORT_ANSWER: _accepted,
    QuestionType.ORDERING: _order,
}


def _texts(key: Key) -> tuple[str, ...]:
    return key.right if isinstance(key.right, tuple) else ()


def _share(found: Answer, form: Form, key: Key) -> str:
    """How much of a multiple response or an ordering is right, without telling which."""
    if form.type is QuestionType.MULTIPLE_RESPONSE and isinstance(found, tuple):
        right = len(set(found) & set(_texts(key)))
        return f"{right} of your {plural(len(found), 'choice')} and {len(_texts(key))} right ones."
    return ""


def _feedback(found: Answer, form: Form, key: Key, *, right: bool) -> str:
    texts = key.feedback
    for mistake, said in key.mistakes:
        same = (
            found == normalised(mistake)
            if isinstance(mistake, str)
            else isinstance(found, float) and _close(found, Key(mistake, key.tolerance))
        )
        if same and not right:
            return said
    if isinstance(found, bool):
        return texts.get(str(found).lower(), "")
    if isinstance(found, tuple) and form.type is not QuestionType.ORDERING:
        return " ".join(filter(None, (texts.get(letter, "") for letter in found)))
    return texts.get("right" if right else "wrong", "")
