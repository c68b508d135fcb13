"""Scores beside a table that was written by hand."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from checks.quiz import Form, Key, QuestionType, check_answer, check_form
from checks.verdict import Status

SINGLE = Form(QuestionType.SINGLE_CHOICE, "ABCD")
MULTIPLE = Form(QuestionType.MULTIPLE_RESPONSE, "ABCDE")
TRUTH = Form(QuestionType.TRUE_FALSE)
NUMBER = Form(QuestionType.NUMERIC, unit="parameters")
WORDS = Form(QuestionType.SHORT_ANSWER)
ORDER = Form(QuestionType.ORDERING, "ABCD")
MEGABYTE = "c" * 1_000_000
UNREADABLE = None  # not even the form is right: 0 points, and the learner is told


class Agrees(str):
    """What a forger would like to hand in; only built-in values come out of a kernel."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = str.__hash__


# form, key, answer, score
TABLE: list[tuple[Form, Key, Any, float | None]] = [
    (SINGLE, Key(("C",)), "C", 1),
    (SINGLE, Key(("C",)), "c", 1),
    (SINGLE, Key(("C",)), " C ", 1),
    (SINGLE, Key(("C",)), "C)", 1),
    (SINGLE, Key(("C",)), ["C"], 1),
    (SINGLE, Key(("C",)), ("C",), 1),
    (SINGLE, Key(("C",)), "\uff23", 1),  # a full-width C
    (SINGLE, Key(("C",)), "A", 0),
    (SINGLE, Key(("C",)), "E", UNREADABLE),
    (SINGLE, Key(("C",)), "A or C", UNREADABLE),
    (SINGLE, Key(("C",)), "AC", UNREADABLE),
    (SINGLE, Key(("C",)), ["A", "C"], UNREADABLE),
    (SINGLE, Key(("C",)), 3, UNREADABLE),
    (SINGLE, Key(("C",)), True, UNREADABLE),
    (SINGLE, Key(("C",)), None, UNREADABLE),
    (SINGLE, Key(("C",)), "", UNREADABLE),
    (SINGLE, Key(("C",)), "   ", UNREADABLE),
    (SINGLE, Key(("C",)), [], UNREADABLE),
    (SINGLE, Key(("C",)), [3], UNREADABLE),
    (SINGLE, Key(("C",)), [["C"]], UNREADABLE),
    (SINGLE, Key(("C",)), {"C": 1}, UNREADABLE),
    (SINGLE, Key(("C",)), object(), UNREADABLE),
    (SINGLE, Key(("C",)), MEGABYTE, UNREADABLE),
    (SINGLE, Key(("C",)), "C" * 2, UNREADABLE),
    (MULTIPLE, Key(("A", "C")), ["A", "C"], 1),
    (MULTIPLE, Key(("A", "C")), "C, A", 1),
    (MULTIPLE, Key(("A", "C")), "a c", 1),
    (MULTIPLE, Key(("A", "C")), "AC", 1),
    (MULTIPLE, Key(("A", "C")), "A and C", 1),
    (MULTIPLE, Key(("A", "C")), {"A", "C"}, 1),
    (MULTIPLE, Key(("A", "C")), ["A", "A", "C"], 1),
    (MULTIPLE, Key(("A", "C")), "A", 0.5),
    (MULTIPLE, Key(("A", "C")), "A, B", 0),
    (MULTIPLE, Key(("A", "C")), "A, B, C", 0.5),
    (MULTIPLE, Key(("A", "C")), "A, B, C, D", 0),
    (MULTIPLE, Key(("A", "C")), "A, B, C, D, E", 0),
    (MULTIPLE, Key(("A", "C")), "B, D, E", 0),
    (MULTIPLE, Key(("A", "B", "C")), "A, B, D", 1 / 3),
    (MULTIPLE, Key(("A", "C")), "A, F", UNREADABLE),
    (MULTIPLE, Key(("A", "C")), ["A", 3], UNREADABLE),
    (MULTIPLE, Key(("A", "C")), None, UNREADABLE),
    (MULTIPLE, Key(("A", "C")), 3, UNREADABLE),
    (MULTIPLE, Key(("A", "C")), MEGABYTE, UNREADABLE),
    (TRUTH, Key(False), False, 1),
    (TRUTH, Key(False), "false", 1),
    (TRUTH, Key(False), " FALSE ", 1),
    (TRUTH, Key(False), True, 0),
    (TRUTH, Key(False), "True", 0),
    (TRUTH, Key(False), 0, UNREADABLE),
    (TRUTH, Key(True), 1, UNREADABLE),
    (TRUTH, Key(False), "no", UNREADABLE),
    (TRUTH, Key(False), None, UNREADABLE),
    (TRUTH, Key(False), [False], UNREADABLE),
    (TRUTH, Key(True), MEGABYTE, UNREADABLE),
    (NUMBER, Key(1024.0), 1024, 1),
    (NUMBER, Key(1024.0), 1024.0, 1),
    (NUMBER, Key(1024.0), "1024", 1),
    (NUMBER, Key(1024.0), "1_024", 1),
    (NUMBER, Key(1024.0), "1.024e3", 1),
    (NUMBER, Key(1024.0), " 1024 parameters ", 1),
    (NUMBER, Key(1024.0), np.float64(1024), 1),
    (NUMBER, Key(1024.0), 1025, 0),
    (NUMBER, Key(0.3), 0.1 + 0.2, 1),
    (NUMBER, Key(10.0, 0.5), 10.5, 1),
    (NUMBER, Key(10.0, 0.5), 9.5, 1),
    (NUMBER, Key(10.0, 0.5), 10.51, 0),
    (NUMBER, Key(0.0), -0.0, 1),
    (NUMBER, Key(-2.0), "-2", 1),
    (NUMBER, Key(1024.0), "1,024", UNREADABLE),  # 1024, or a little more than 1?
    (NUMBER, Key(1024.0), "1024 MB", UNREADABLE),
    (NUMBER, Key(1024.0), "about 1024", UNREADABLE),
    (NUMBER, Key(1.0), True, UNREADABLE),
    (NUMBER, Key(1.0), float("nan"), UNREADABLE),
    (NUMBER, Key(1.0), float("inf"), UNREADABLE),
    (NUMBER, Key(1.0), 10**400, UNREADABLE),
    (NUMBER, Key(1.0), "1" * 400, UNREADABLE),
    (NUMBER, Key(1.0), None, UNREADABLE),
    (NUMBER, Key(1.0), [1], UNREADABLE),
    (NUMBER, Key(1.0), MEGABYTE, UNREADABLE),
    (WORDS, Key(("fine-tuning",)), "fine-tuning", 1),
    (WORDS, Key(("fine-tuning",)), "Fine  Tuning.", 1),
    (WORDS, Key(("LoRA", "low-rank adaptation")), "Low-Rank Adaptation", 1),
    (WORDS, Key(("fine-tuning",)), "finetuning", 0),
    (WORDS, Key(("fine-tuning",)), "fine-tuning or not", 0),
    (WORDS, Key(("fine-tuning",)), None, UNREADABLE),
    (WORDS, Key(("fine-tuning",)), "...", UNREADABLE),
    (WORDS, Key(("fine-tuning",)), 3, UNREADABLE),
    (WORDS, Key(("fine-tuning",)), ["fine-tuning"], UNREADABLE),
    (WORDS, Key(("fine-tuning",)), MEGABYTE, UNREADABLE),
    (ORDER, Key(tuple("BADC")), ["B", "A", "D", "C"], 1),
    (ORDER, Key(tuple("BADC")), "BADC", 1),
    (ORDER, Key(tuple("BADC")), "b > a > d > c", 1),
    (ORDER, Key(tuple("BADC")), "A, B, D, C", 2 / 3),  # 5 of 6 pairs
    (ORDER, Key(tuple("BADC")), "A, B, C, D", 1 / 3),  # 4 of 6
    (ORDER, Key(tuple("BADC")), "CDAB", 0),
    (ORDER, Key(tuple("BADC")), "BAD", UNREADABLE),
    (ORDER, Key(tuple("BADC")), "BADCA", UNREADABLE),
    (ORDER, Key(tuple("BADC")), {"A": 1}, UNREADABLE),
    (ORDER, Key(tuple("BADC")), None, UNREADABLE),
    (ORDER, Key(tuple("BADC")), 3, UNREADABLE),
    (ORDER, Key(tuple("BADC")), MEGABYTE, UNREADABLE),
]


@pytest.mark.parametrize(
    ("form", "key", "answer", "score"),
    TABLE,
    ids=[f"{number} {form.type}" for number, (form, *_) in enumerate(TABLE)],
)
def test_score(form: Form, key: Key, answer: object, score: float | None) -> None:
    readable = check_form(answer, form)
    verdict = check_answer(answer, form, key)
    assert verdict.status is not Status.ERROR, verdict.rationale
    assert verdict.score == pytest.approx(score or 0)
    assert readable.status is (Status.FAILED if score is None else Status.PASSED)
    assert len(verdict.rationale) < 1_000
    if score is None:
        assert verdict.hint


def test_multiple_response_earns_right_minus_wrong() -> None:
    """Over all answers: as counted one by one."""
    right = {"A", "C", "D"}
    for number in range(1, 2**5):
        chosen = [letter for bit, letter in enumerate("ABCDE") if number >> bit & 1]
        counted = sum(1 if letter in right else -1 for letter in chosen)
        verdict = check_answer(chosen, MULTIPLE, Key(tuple(sorted(right))))
        assert verdict.score == pytest.approx(max(0, counted / 3))


def test_ordering_earns_kendalls_tau() -> None:
    for order in permutations("ABCD"):
        place = ["BADC".index(letter) for letter in order]
        tau = kendalltau(range(4), place).statistic
        verdict = check_answer(order, ORDER, Key(tuple("BADC")))
        assert verdict.score == pytest.approx(max(0, tau))


def test_the_form_tells_nothing_about_the_key() -> None:
    for answer in "ABCD":
        said = check_form(answer, SINGLE).rationale
        assert said.replace(answer, "?") == check_form("A", SINGLE).rationale.replace("A", "?")


def test_feedback_is_that_of_what_was_chosen() -> None:
    key = Key(("C",), feedback={"A": "about A", "C": "about C"})
    assert "about A" in check_answer("A", SINGLE, key).rationale
    assert "about C" not in check_answer("A", SINGLE, key).rationale
    assert "about C" in check_answer("C", SINGLE, key).rationale
    both = check_answer("A, C", MULTIPLE, Key(("C",), feedback=key.feedback)).rationale
    assert "about A" in both
    assert "about C" in both


def test_typical_mistakes_have_feedback_of_their_own() -> None:
    key = Key(6.0, feedback={"right": "yes", "wrong": "no"}, mistakes=((5.0, "times, not plus"),))
    assert "times, not plus" in check_answer(5, NUMBER, key).rationale
    assert "no" in check_answer(7, NUMBER, key).rationale
    assert "yes" in check_answer(6, NUMBER, key).rationale
    words = Key(("LoRA",), feedback={"wrong": "no"}, mistakes=(("Lora the explorer", "cute"),))
    assert "cute" in check_answer("lora the EXPLORER", WORDS, words).rationale


def test_text_that_equals_everything_gains_nothing() -> None:
    assert check_answer(Agrees("x y"), SINGLE, Key(("C",))).score == 0
    assert check_answer(Agrees("x y"), WORDS, Key(("LoRA",))).score == 0


@pytest.mark.parametrize("form", [SINGLE, MULTIPLE, TRUTH, NUMBER, WORDS, ORDER])
@settings(deadline=None)
@given(
    answer=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_no_answer_makes_a_check_crash(form: Form, answer: object) -> None:
    keys: dict[QuestionType, Any] = {QuestionType.TRUE_FALSE: True, QuestionType.NUMERIC: 1.0}
    key = Key(keys.get(form.type, tuple(form.letters)[:4] or ("x",)))
    assert check_form(answer, form).status is not Status.ERROR
    assert check_answer(answer, form, key).status is not Status.ERROR
