from __future__ import annotations

import pytest

from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.grading.verdicts import WeightedVerdict
from workshop.verify.messages import Message, differences, record
from workshop.verify.report import ExerciseResult, VariantResult


def verdict(
    rationale: str = "4 layers are frozen.", hint: str = "Freeze 3.", check: str = "freezing.x"
) -> WeightedVerdict:
    return WeightedVerdict(
        check=check, status="FAILED", score=0.0, weight=1.0, rationale=rationale, hint=hint
    )


def exercise(*verdicts: WeightedVerdict, catches: str = "freezing.x") -> ExerciseResult:
    mutant = VariantResult("forgets_the_sign", True, catches=catches, verdicts=verdicts)
    return ExerciseResult("small", "doubling", "double", True, True, mutants=[mutant])


@pytest.fixture
def noted_course(tiny_course: Course) -> Course:
    assert differences(tiny_course, [exercise(verdict())])
    record(tiny_course, [exercise(verdict())])
    return tiny_course


def test_what_was_recorded_is_no_difference(noted_course: Course) -> None:
    assert differences(noted_course, [exercise(verdict())]) == []


def test_numbers_may_vary(noted_course: Course) -> None:
    other = exercise(verdict("12,345.5 layers are frozen.", "Freeze 1e-3."))
    assert differences(noted_course, [other]) == []
    before = noted_course.instructor_folder("small", "doubling") / "messages.yaml"
    text = before.read_text()
    record(noted_course, [other])
    assert before.read_text() == text


def test_names_of_temporary_folders_may_vary() -> None:
    one, other, another = (
        Message.of(verdict(f"There is no '{path}/adapter.bin'."))
        for path in (
            "/scratch/tmpa9cbj21x",
            "/home/ada/tmp/tmpv_fktzds",
            "/scratch/tmpa9cbj21x/more",
        )
    )
    assert one.same_as(other)
    assert not one.same_as(another)


@pytest.mark.parametrize(
    "other",
    [verdict("4 layers are not frozen."), verdict(hint="Thaw 3."), verdict(hint="")],
    ids=["rationale", "hint", "no hint"],
)
def test_other_words_are_a_difference(noted_course: Course, other: WeightedVerdict) -> None:
    (problem,) = differences(noted_course, [exercise(other)])
    assert "forgets_the_sign" in problem
    record(noted_course, [exercise(other)])
    assert differences(noted_course, [exercise(other)]) == []


def test_words_about_a_measured_accuracy_may_vary() -> None:
    one = Message.of(verdict("60 % right.", check="accuracy.achieved"))
    assert one.same_as(Message.of(verdict("Guessing.", check="accuracy.achieved")))
    assert not one.same_as(Message.of(verdict("60 % right.", check="accuracy.other")))


def test_only_the_check_that_a_mistake_is_named_after_is_recorded(tiny_course: Course) -> None:
    record(tiny_course, [exercise(verdict(check="other.check"), verdict("This."))])
    text = (tiny_course.instructor_folder("small", "doubling") / "messages.yaml").read_text()
    assert "This." in text
    assert "other.check" not in text


def test_what_was_not_heard_this_time_is_kept_while_it_exists(noted_course: Course) -> None:
    record(noted_course, [exercise()])
    folder = noted_course.instructor_folder("small", "doubling")
    record(noted_course, [exercise(verdict("Others say this.", check="b"), catches="b")])
    assert "Others say this." in (folder / "messages.yaml").read_text()
    variants = (folder / "variants.yaml").read_text()
    (folder / "variants.yaml").write_text(variants.replace("forgets_the_sign", "renamed"))
    record(noted_course, [exercise(verdict())])
    assert "forgets_the_sign" not in (folder / "messages.yaml").read_text()


def test_a_damaged_file_is_named(noted_course: Course) -> None:
    path = noted_course.instructor_folder("small", "doubling") / "messages.yaml"
    path.write_text("messages: {a: {chekc: b}}\n")
    with pytest.raises(WorkshopError, match=r"messages\.yaml"):
        differences(noted_course, [exercise(verdict())])
