"""What a learner answered to a quiz question, and what there is to say about it."""

from __future__ import annotations

from dataclasses import dataclass, field

from markupsafe import Markup

from checks.guard import LearnerError
from checks.quiz import Answer, QuestionType, read_answer
from workshop.quiz.asked import Asked
from workshop.reports.graded_items import GradedItem
from workshop.reports.graded_work import assigned
from workshop.reports.page import markdown


@dataclass(frozen=True)
class Choice:
    """One option or step.

    Attributes:
        letter: what an answer names it by.
        text: what it says.
        chosen: whether the learner named it; False for steps, all of which are named.
        right: whether it is right; None if that is not to be told.
    """

    letter: str
    text: Markup
    chosen: bool = False
    right: bool | None = None


@dataclass(frozen=True)
class Answered:
    """One question and the answer to it.

    Attributes:
        stem: what was asked; empty if the quiz has been changed since.
        choices: the options or steps, in the order in which they were shown; none likewise.
        given: the answer in words; empty if there is none that can be read.
        right: the right answer in words; empty if it is not to be told.
        why: why it is right; empty likewise.
    """

    stem: Markup
    choices: tuple[Choice, ...]
    given: str
    right: str = ""
    why: Markup = field(default_factory=Markup)


def answered(item: GradedItem, source: str, asked: str, *, keys: bool) -> Answered | None:
    """What was answered to a quiz item; None if the item is none.

    Args:
        item: the item, with the question that its quiz asks today.
        source: the text of the learner's cell.
        asked: the text of the cell that asked the question when the notebook was graded. Where the
            two differ, letters mean other options: only what the learner wrote is told then.
        keys: whether the right answer may be told.
    """
    question = item.question
    if question is None:
        return None
    try:
        found = read_answer(assigned(source, question.item.id), question.form)
    except LearnerError:
        found = None
    given = "" if found is None else _words(found, question)
    if not _is_asked(question, asked):
        return Answered(Markup(""), (), given)
    named = _named(found)
    is_order = question.form.type is QuestionType.ORDERING
    options = dict(question.options) if is_order else item.options
    choices = tuple(
        Choice(
            letter,
            _inline(text),
            chosen=letter in named and not is_order,
            right=(letter in item.keys) if keys and not is_order else None,
        )
        for letter, text in options.items()
    )
    if not keys:
        return Answered(markdown(question.stem), choices, given)
    right = _words(_right(question), question)
    return Answered(markdown(question.stem), choices, given, right, _why(question))


def _is_asked(question: Asked, text: str) -> bool:
    shown = [f"- **{letter})** {option}" for letter, option in question.options]
    return question.stem.strip() in text and all(each in text for each in shown)


def _named(found: Answer | None) -> frozenset[str]:
    if isinstance(found, bool):
        return frozenset({str(found)})
    return frozenset(found) if isinstance(found, tuple) else frozenset()


def _words(found: Answer, question: Asked) -> str:
    if isinstance(found, tuple):
        return ", ".join(found)
    if isinstance(found, bool | str):
        return str(found)
    unit = f" {question.form.unit}" if question.form.unit else ""
    return f"{found:.10g}{unit}"


def _right(question: Asked) -> Answer:
    """The key as an answer; of several accepted forms, the first."""
    right = question.key.right
    if question.form.type is QuestionType.SHORT_ANSWER and isinstance(right, tuple):
        return right[0]
    return right


def _why(question: Asked) -> Markup:
    texts, right = question.key.feedback, question.key.right
    if question.form.type in (QuestionType.SINGLE_CHOICE, QuestionType.MULTIPLE_RESPONSE):
        letters = right if isinstance(right, tuple) else ()
        return Markup("").join(markdown(texts[each]) for each in letters if each in texts)
    name = str(right).lower() if isinstance(right, bool) else "right"
    return markdown(texts.get(name, ""))


def _inline(text: str) -> Markup:
    """Markdown without the paragraph around it."""
    page = markdown(text).strip()
    is_one = page.startswith("<p>") and page.endswith("</p>") and page.count("<p>") == 1
    return Markup(page.removeprefix("<p>").removesuffix("</p>") if is_one else page)  # noqa: S704
