from __future__ import annotations

import pytest

from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.verify import verify
from workshop.verify.report import Kind, Task
from workshop.verify.run import first_of_each
from workshop.verify.variants import Replacement, Variant

pytestmark = pytest.mark.usefixtures("quick_gradebooks")


@pytest.mark.slow
def test_a_good_course_is_proved(tiny_course: Course) -> None:
    seen: list[tuple[int, int]] = []
    report = verify(
        tiny_course, workers=2, progress=lambda done, total, name: seen.append((done, total))
    )
    assert report.ok, report.to_dict()
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    double, total = report.to_dict()["exercises"]
    assert (double["name"], total["name"]) == ("double", "total")
    assert double["stub_fails"] is True
    assert double["solution_passes"] is True
    assert [(each["name"], each["caught"]) for each in double["mutants"]] == [
        ("forgets_the_sign", True)
    ]
    assert double["alternatives"] == [{"name": "by_adding", "passes": True, "problem": ""}]
    assert total["mutants"] == []


@pytest.mark.slow
def test_what_is_not_as_it_should_be_is_named(tiny_course: Course) -> None:
    text = tiny_course.text("small", "doubling")
    text.write_text(text.read_text().replace("float(total(numbers) ==", "float(12 =="))
    path = tiny_course.instructor_folder("small", "doubling") / "variants.yaml"
    path.write_text(
        path.read_text()
        .replace("catches: double.negative", "catches: double.small")
        .replace("value + value", "value + 3")
    )
    report = verify(tiny_course, workers=2)
    assert not report.ok
    double, total = report.exercises
    assert total.stub_fails is False
    assert "the stub gets 1" in total.problem
    assert "double.small should fail; failed: double.negative" in double.mutants[0].problem
    assert "test_double: lost 2 instead of 0" in double.alternatives[0].problem


def test_an_outdated_patch_stops_before_any_kernel_starts(tiny_course: Course) -> None:
    path = tiny_course.instructor_folder("small", "doubling") / "variants.yaml"
    path.write_text(path.read_text().replace('old: "value * 2"', 'old: "value * 7"'))
    with pytest.raises(WorkshopError, match="stands 0 times"):
        verify(tiny_course, progress=lambda *_: pytest.fail("a kernel ran"))


def test_an_unknown_notebook_is_named(tiny_course: Course) -> None:
    with pytest.raises(WorkshopError, match="no notebook tripling"):
        verify(tiny_course, notebooks=["tripling"])


def test_of_each_exercise_the_first_variants_are_taken() -> None:
    def task(kind: Kind, name: str, exercise: str = "") -> Task:
        patch = (Replacement(old="a", new="b"),)
        variant = Variant(exercise=exercise, replace=patch) if exercise else None
        return Task("small", "doubling", kind, name, variant)

    tasks = [
        task(Kind.SOLUTION, "solution"),
        task(Kind.STUB, "stub"),
        task(Kind.WRONG, "a", "double"),
        task(Kind.WRONG, "b", "double"),
        task(Kind.WRONG, "c", "total"),
        task(Kind.RIGHT, "d", "double"),
        task(Kind.WRONG, "wrong_answer_1"),
        task(Kind.WRONG, "wrong_answer_2"),
    ]
    named = [each.name for each in first_of_each(tasks, 1)]
    assert named == ["solution", "stub", "a", "c", "d", "wrong_answer_1", "wrong_answer_2"]
    assert list(first_of_each(tasks, None)) == tasks
