from __future__ import annotations

import pytest

from tests.workshop.authoring.content import content_of
from workshop.authoring.build import load_cells
from workshop.authoring.new_quiz import TYPES, new_item, new_quiz
from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.quiz.items import Quiz, load_quiz


def quiz_of(course: Course, name: str) -> Quiz:
    return load_quiz(course.quizzes / f"{name}.yaml")


def asked(course: Course, assignment: str, notebook: str) -> list[str]:
    cells = load_cells(course, assignment, notebook)
    return [cell.quiz["name"] for cell in cells if cell.quiz]


def test_a_quiz_has_an_item_of_each_type_and_is_asked(empty_course: Course) -> None:
    draft = new_quiz(empty_course, "fresh", "questions")
    quiz = quiz_of(empty_course, "questions")
    assert tuple(item.type for item in quiz.items) == TYPES
    assert asked(empty_course, "fresh", "questions") == [item.id for item in quiz.items]
    lines = (empty_course.quizzes / "questions.yaml").read_text().split("\n")
    edited = [lines[place.line - 1].removeprefix("  - id: ") for place in draft.edit]
    assert edited == [item.id for item in quiz.items]
    assert all(draft.files.values())


def test_the_types_are_all_that_there_are() -> None:
    assert set(TYPES) == set(
        Quiz.model_json_schema()["properties"]["items"]["items"]["discriminator"]["mapping"]
    )


@pytest.mark.parametrize("kind", TYPES)
def test_an_item_of_each_type_can_be_added_alone(empty_course: Course, kind: str) -> None:
    new_item(empty_course, "fresh", "questions", "mine", kind=kind)
    new_item(empty_course, "fresh", "questions", "yours", kind=kind)
    assert [(item.id, item.type) for item in quiz_of(empty_course, "questions").items] == [
        ("mine", kind),
        ("yours", kind),
    ]
    assert asked(empty_course, "fresh", "questions") == ["mine", "yours"]


def test_a_quiz_can_be_asked_in_a_notebook_that_is_there(tiny_course: Course) -> None:
    before = load_cells(tiny_course, "small", "doubling")
    new_quiz(tiny_course, "small", "questions", notebook="doubling")
    assert load_cells(tiny_course, "small", "doubling")[: len(before)] == before
    assert len(asked(tiny_course, "small", "doubling")) == len(TYPES)


def test_an_item_is_asked_after_the_others_of_its_quiz(tiny_course: Course) -> None:
    new_quiz(tiny_course, "small", "questions")
    path = tiny_course.text("small", "questions")
    marker = '# %% quiz="questions"\n'
    named = marker + "# questions_order\n\n# %% [markdown]\n# Between.\n\n"
    path.write_text(path.read_text().replace(marker, f"{named}{marker}# questions_words\n"))
    draft = new_item(tiny_course, "small", "questions", "mine", kind="numeric")
    assert draft.notebook == "questions"
    assert asked(tiny_course, "small", "questions") == [
        "questions_order",
        "questions_words",
        "mine",
    ]
    assert not any(draft.files.values())


def test_a_quiz_keeps_what_its_author_wrote(empty_course: Course) -> None:
    new_item(empty_course, "fresh", "questions", "mine")
    path = empty_course.quizzes / "questions.yaml"
    path.write_text(
        "# Mine.\n" + path.read_text().replace("title:", "shuffle: true\ntitle:") + "\n# The end.\n"
    )
    before = path.read_text()
    new_item(empty_course, "fresh", "questions", "yours", kind="true_false")
    lines = iter(path.read_text().split("\n"))
    assert all(line in lines for line in before.split("\n"))
    assert quiz_of(empty_course, "questions").shuffle


def test_an_item_of_another_assignment_is_asked_there(empty_course: Course) -> None:
    new_item(empty_course, "fresh", "questions", "mine")
    new_item(empty_course, "later", "questions", "yours")
    assert asked(empty_course, "later", "questions") == ["yours"]


@pytest.mark.parametrize(
    ("quiz", "item", "kind"),
    [
        ("Questions", None, "numeric"),
        ("my-questions", None, "numeric"),
        ("q" * 41, None, "numeric"),
        ("../questions", None, "numeric"),
        ("null", None, "numeric"),
        ("taken", None, "numeric"),
        ("taken", "Mine", "numeric"),
        ("taken", "i" * 41, "numeric"),
        ("taken", "yes", "numeric"),
        ("taken", "first", "numeric"),
        ("other", "first", "numeric"),
        ("taken", "mine", "essay"),
    ],
)
def test_what_cannot_be_written_is_refused_and_nothing_written(
    empty_course: Course, quiz: str, item: str | None, kind: str
) -> None:
    new_item(empty_course, "fresh", "taken", "first")
    before = content_of(empty_course.root)
    with pytest.raises(WorkshopError) as error:
        if item is None:
            new_quiz(empty_course, "fresh", quiz)
        else:
            new_item(empty_course, "fresh", quiz, item, kind=kind)
    assert error.value.remedy
    assert content_of(empty_course.root) == before


def test_an_item_that_an_exercise_has_the_name_of_is_refused(tiny_course: Course) -> None:
    before = content_of(tiny_course.root)
    with pytest.raises(WorkshopError, match="double"):
        new_item(tiny_course, "small", "questions", "double", notebook="doubling")
    assert content_of(tiny_course.root) == before
