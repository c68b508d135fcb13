"""What was answered is told; what is right only where it may be."""

from __future__ import annotations

from typing import Any

import pytest
from markupsafe import Markup

from checks.quiz import QuestionType
from workshop.quiz.asked import Asked, asked
from workshop.quiz.cells import prose
from workshop.quiz.items import Item, Numeric, Ordering, RightOrWrong, ShortAnswer
from workshop.reports.graded_items import GradedItem, ItemKind
from workshop.reports.student_answers import Answered, answered

ABOUT: dict[str, Any] = {"objective": "define", "topic": "t", "difficulty": "easy"}
FEEDBACK = RightOrWrong(right="Because it is.", wrong="Look again.")


def graded(item: Item) -> GradedItem:
    question = asked(item)
    return GradedItem(item.id, "p1", f"test_{item.id}", 1.0, ItemKind.QUIZ, question=question)


def ask_cell(question: Asked) -> str:
    return prose(question, "Question 1", counts=True)


def tell(item: GradedItem, source: str, *, keys: bool = False) -> Answered:
    assert item.question is not None
    found = answered(item, source, ask_cell(item.question), keys=keys)
    assert found is not None
    return found


def named(items: tuple[GradedItem, ...], name: str) -> GradedItem:
    return next(each for each in items if each.name == name)


def test_a_choice_is_shown_among_its_options(items: tuple[GradedItem, ...]) -> None:
    told = tell(named(items, "single"), 'single = "B"')
    assert [each.letter for each in told.choices] == ["A", "B", "C", "D"]
    assert [each.letter for each in told.choices if each.chosen] == ["B"]
    assert told.given == "B"
    assert "first" in str(Markup("").join(each.text for each in told.choices))


@pytest.mark.parametrize("name", ["single", "several", "truth"])
def test_without_keys_nothing_tells_what_is_right(items: tuple[GradedItem, ...], name: str) -> None:
    item = named(items, name)
    assert item.question is not None
    wrong = sorted(set(item.options) - item.keys)[0]
    answer = wrong if name == "truth" else repr(wrong)
    told = tell(item, f"{name} = {answer}")
    assert (told.right, told.why) == ("", "")
    assert {each.right for each in told.choices} == {None}


def test_with_keys_the_right_options_are_marked_and_explained(
    items: tuple[GradedItem, ...],
) -> None:
    item = named(items, "single")
    told = tell(item, 'single = "B"', keys=True)
    assert frozenset(each.letter for each in told.choices if each.right) == item.keys
    assert told.right == ", ".join(item.keys)
    assert told.why


@pytest.mark.parametrize(
    "source", ["single = None", "", "single = open('x').read()", "single = 'Z'"]
)
def test_an_answer_that_cannot_be_read_is_none(items: tuple[GradedItem, ...], source: str) -> None:
    told = tell(named(items, "single"), source)
    assert told.given == ""
    assert not any(each.chosen for each in told.choices)


def test_letters_of_a_changed_quiz_are_not_given_its_new_texts(
    items: tuple[GradedItem, ...],
) -> None:
    item = named(items, "single")
    assert item.question is not None
    before = ask_cell(item.question).replace("second", "former")
    told = answered(item, 'single = "B"', before, keys=True)
    assert told is not None
    assert told.given == "B"
    assert (told.stem, told.choices, told.right, told.why) == ("", (), "", "")


@pytest.mark.parametrize(
    ("item", "source", "given", "right"),
    [
        (
            Numeric(id="n", stem="How much?", type=QuestionType.NUMERIC, key=9.4, unit="%",
                    feedback=FEEDBACK, **ABOUT),
            "n = '12 %'", "12 %", "9.4 %",
        ),
        (
            ShortAnswer(id="s", stem="Which?", type=QuestionType.SHORT_ANSWER,
                        key=("task", "the task"), feedback=FEEDBACK, **ABOUT),
            "s = 'Domain!'", "domain", "task",
        ),
    ],
)  # fmt: skip
def test_numbers_and_words(item: Item, source: str, given: str, right: str) -> None:
    hidden, shown = (tell(graded(item), source, keys=keys) for keys in (False, True))
    assert (hidden.given, hidden.right) == (given, "")
    assert (shown.given, shown.right) == (given, right)
    assert FEEDBACK.right in shown.why


def test_an_order_is_told_by_its_letters() -> None:
    steps = ("load it", "freeze it", "train it")
    item = Ordering(id="o", stem="Order?", type=QuestionType.ORDERING, key=steps,
                    feedback=FEEDBACK, **ABOUT)  # fmt: skip
    told = tell(graded(item), "o = ['C', 'A', 'B']")
    assert told.given == "C, A, B"
    assert {str(each.text) for each in told.choices} == set(steps)
    assert not any(each.chosen for each in told.choices)
    texts = {each.letter: str(each.text) for each in told.choices}
    right = tell(graded(item), "o = ['C', 'A', 'B']", keys=True).right
    assert [texts[letter] for letter in right.split(", ")] == list(steps)


def test_what_is_no_question_has_no_answer(items: tuple[GradedItem, ...]) -> None:
    assert answered(named(items, "double"), "double = 1", "", keys=True) is None
