from __future__ import annotations

from pathlib import Path

import pytest

from checks.quiz import check_answer
from tests.workshop.quiz.test_asked import PARAMETERISED, loaded
from tests.workshop.quiz.test_items import GOOD, item
from workshop.course import Course
from workshop.quiz.answers import other_writings, wrong_answers
from workshop.quiz.asked import asked
from workshop.quiz.items import load_quizzes

COURSE = Course.at(Path(__file__).parents[3])
ITEMS = [item for quiz in load_quizzes(COURSE.quizzes).values() for item in quiz.items]


@pytest.mark.parametrize("text", [*GOOD, item("parameterised", f"{PARAMETERISED}, seed: 1")])
def test_each_type_has_wrong_answers_and_other_writings(tmp_path: Path, text: str) -> None:
    question = asked(loaded(tmp_path, text))
    for answer in wrong_answers(question):
        assert check_answer(answer, question.form, question.key).score == 0, answer
    for answer in other_writings(question):
        assert check_answer(answer, question.form, question.key).score == 1, answer
    assert wrong_answers(question)
    assert other_writings(question)


@pytest.mark.parametrize("each", ITEMS, ids=lambda each: each.id)
def test_the_courses_own_questions_are_scored_as_they_should(each: object) -> None:
    question = asked(each)  # type: ignore[arg-type]
    scores = [
        check_answer(answer, question.form, question.key).score
        for answer in wrong_answers(question)
    ]
    assert scores
    assert set(scores) == {0}
    for answer in (question.answer, *other_writings(question)):
        verdict = check_answer(answer, question.form, question.key)
        assert verdict.score == 1, (answer, verdict.rationale)
