"""What holds of each format that quizzes are exported to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workshop.quiz.test_xml_text import EXAMPLES, QUIZZES, plain
from workshop.quiz.asked import asked
from workshop.quiz.items import Numeric, Quiz, load_quiz
from workshop.quiz.moodle import from_moodle, to_moodle
from workshop.quiz.qti import from_qti, to_qti

BothWays = Callable[[Quiz], Quiz]
FORMATS: dict[str, BothWays] = {
    "moodle": lambda quiz: from_moodle(to_moodle(quiz)),
    "qti": lambda quiz: from_qti(to_qti(quiz)),
}
each_format = pytest.mark.parametrize("both_ways", FORMATS.values(), ids=FORMATS)


@each_format
@pytest.mark.parametrize("path", QUIZZES, ids=lambda path: path.stem)
def test_the_quizzes_of_the_course_come_back(both_ways: BothWays, path: Path) -> None:
    quiz = load_quiz(path)
    assert both_ways(quiz) == plain(quiz)


@each_format
def test_a_parameterised_item_comes_back_as_the_number_that_is_asked(both_ways: BothWays) -> None:
    item = EXAMPLES["parameterised"].items[0]
    [found] = both_ways(EXAMPLES["parameterised"]).items
    assert isinstance(found, Numeric)
    question = asked(item)
    assert (found.stem, found.key) == (question.stem, question.answer)
    assert found.feedback.model_dump() == question.key.feedback
    assert [(each.value, each.feedback) for each in found.mistakes] == [(4, "Just 4.")]
