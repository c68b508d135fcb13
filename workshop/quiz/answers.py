"""Other answers to a question: wrong ones that learners give, and right ones written otherwise."""

from __future__ import annotations

from typing import Any

from checks.quiz import QuestionType, normalised
from workshop.quiz.asked import Asked


def wrong_answers(question: Asked) -> tuple[Any, ...]:
    """Answers that must earn nothing; at least one for each question."""
    form, key = question.form, question.key
    right = key.right if isinstance(key.right, tuple) else ()
    others = [letter for letter in form.letters if letter not in right]
    mistakes = [mistake for mistake, _ in key.mistakes]
    match form.type:
        case QuestionType.SINGLE_CHOICE:
            return tuple(others)
        case QuestionType.MULTIPLE_RESPONSE:
            # Where all apply, only no answer earns nothing.
            return tuple([letter] for letter in others) or ([],)
        case QuestionType.TRUE_FALSE:
            return (not key.right,)
        case QuestionType.NUMERIC:
            value = float(question.answer)
            return (*mistakes, value + 1 + 2 * key.tolerance, -value - 1 - 2 * key.tolerance)
        case QuestionType.SHORT_ANSWER:
            accepted = {normalised(each) for each in right}
            return (*mistakes, "not " + min(accepted, key=len))
        case QuestionType.ORDERING:
            return ([*right[::-1]],)


def other_writings(question: Asked) -> tuple[Any, ...]:
    """The right answer as others would write it; each must earn all."""
    form, key, answer = question.form, question.key, question.answer
    match form.type:
        case QuestionType.SINGLE_CHOICE:
            return (f" {answer.lower()} ", [answer])
        case QuestionType.MULTIPLE_RESPONSE:
            return (", ".join(answer).lower(), tuple(answer[::-1]))
        case QuestionType.TRUE_FALSE:
            return (str(answer).lower(), str(answer))
        case QuestionType.NUMERIC:
            return (f"{answer!r} {form.unit or ''}".strip(), float(answer) + key.tolerance / 2)
        case QuestionType.SHORT_ANSWER:
            forms = key.right if isinstance(key.right, tuple) else ()
            return tuple(f" {each.upper()} ." for each in forms)
        case QuestionType.ORDERING:
            return (", ".join(answer), "".join(answer).lower())
