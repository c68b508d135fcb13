from __future__ import annotations

from workshop.grading.verdicts import WeightedVerdict
from workshop.reports.failed_checks import FailedCheck, crashed_checks, failed_checks
from workshop.reports.graded_items import GradedItem, ItemKind
from workshop.reports.graded_work import Work

EXERCISE = GradedItem("head", "p1", "test_head", 2.0)
QUIZ = GradedItem("which", "p1", "test_which", 1.0, ItemKind.QUIZ)


def verdict(check: str, status: str = "FAILED", score: float = 0.0, **more: str) -> WeightedVerdict:
    return WeightedVerdict(check=check, status=status, score=score, weight=2.0, **more)


def work(*verdicts: WeightedVerdict, item: str = "head") -> Work:
    return Work({item: verdicts})


def found(*works: Work) -> tuple[FailedCheck, ...]:
    by_student = {str(number): each for number, each in enumerate(works)}
    return failed_checks([EXERCISE, QUIZ], by_student, lambda text: text.replace("/root", "~"))


def test_the_most_frequent_comes_first_with_what_most_were_told() -> None:
    rare = work(verdict("a", rationale="once"))
    often = [work(verdict("b", score=0.5, rationale=text)) for text in ("x", "y", "y")]
    passed = work(verdict("b", "PASSED", 1.0))
    first, second = found(rare, *often, passed)
    assert (first.check, first.students, first.of, first.lost) == ("b", 3, 5, 1.0)
    assert (first.rationale, first.wordings) == ("y", 2)
    assert (second.check, second.students) == ("a", 1)


def test_the_example_is_of_one_verdict() -> None:
    one = verdict("a", rationale="r", expected="e1", actual="a1", hint="h1")
    other = verdict("a", rationale="s", expected="e2", actual="a2", hint="h2")
    check = found(work(one), work(other), work(other))[0]
    assert (check.rationale, check.expected, check.actual, check.hint) == ("s", "e2", "a2", "h2")


def test_a_check_that_failed_twice_for_one_student_is_one_student() -> None:
    check = found(work(verdict("a"), verdict("a")))[0]
    assert (check.students, check.lost) == (1, 4.0)


def test_skipped_and_crashed_checks_did_not_fail() -> None:
    assert found(work(verdict("a", "SKIPPED"), verdict("b", "ERROR"))) == ()
    crashed = {"0": work(verdict("b", "ERROR")), "1": work(verdict("b"))}
    assert crashed_checks([EXERCISE, QUIZ], crashed) == {"head": 1}


def test_quiz_items_are_left_out() -> None:
    assert found(work(verdict("quiz.answer"), item="which")) == ()


def test_what_came_to_no_check_is_counted_too() -> None:
    stopped = Work(stopped={"head": "raised NameError"})
    check = found(stopped, stopped, work(verdict("a", "PASSED", 1.0)))[0]
    assert (check.students, check.of, check.lost) == (2, 3, None)
    assert "raised NameError" in check.check


def test_texts_are_cleaned_and_bounded() -> None:
    text = "in /root/a \u202egpj.exe\x1b[31m" + "x" * 9000
    check = found(work(verdict("a", rationale=text)))[0]
    assert check.rationale.startswith("in ~/a")
    assert check.rationale.replace("\n", "").isprintable()
    assert len(check.rationale) <= 600


def test_one_student_with_thousands_of_checks_does_not_drown_the_others() -> None:
    flood = work(*(verdict(f"mine {number}") for number in range(2000)))
    checks = found(flood, work(verdict("a")), work(verdict("a")))
    assert len(checks) == 500
    assert (checks[0].check, checks[0].students) == ("a", 2)
