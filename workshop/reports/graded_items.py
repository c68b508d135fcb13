"""What is known of an assignment's graded cells besides their scores: kind, objective, question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from checks.quiz import QuestionType
from workshop.authoring.build import load_cells
from workshop.authoring.cells import TEST_PREFIX, Kind
from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.grading.gradebook import CellGrade
from workshop.quiz.asked import Asked, asked
from workshop.quiz.items import load_quizzes


class ItemKind(StrEnum):
    """What kind of work earns the points."""

    EXERCISE = "exercise"
    QUIZ = "quiz item"
    WRITTEN = "written answer"


@dataclass(frozen=True)
class GradedItem:
    """One graded cell.

    Attributes:
        name: the exercise's or quiz item's; preceded by the notebook's where two share it.
        notebook: the notebook that it stands in.
        grade_id: the graded cell's name.
        max_score: the points that it is worth.
        kind: what kind of work it asks for.
        objective: what it serves; empty if it does not say.
        topic: what it is about; empty if it does not say.
        question: what is asked; None if this is no quiz item.
    """

    name: str
    notebook: str
    grade_id: str
    max_score: float
    kind: ItemKind = ItemKind.EXERCISE
    objective: str = ""
    topic: str = ""
    question: Asked | None = None

    @property
    def difficulty(self) -> str:
        """The author's guess; empty if there is none."""
        return "" if self.question is None else str(self.question.item.difficulty.value)

    @property
    def options(self) -> dict[str, str]:
        """The texts of a quiz item's options by what an answer names them; empty without any."""
        if self.question is None:
            return {}
        if self.question.form.type is QuestionType.TRUE_FALSE:
            return {"True": "True", "False": "False"}
        choice = (QuestionType.SINGLE_CHOICE, QuestionType.MULTIPLE_RESPONSE)
        return dict(self.question.options) if self.question.form.type in choice else {}

    @property
    def keys(self) -> frozenset[str]:
        """Which of the options are right."""
        if not self.options or self.question is None:
            return frozenset()
        right = self.question.key.right
        return frozenset(right if isinstance(right, tuple) else (str(right),))

    def to_dict(self) -> dict[str, Any]:
        """For JSON; no key is in it."""
        names = ("name", "notebook", "grade_id", "max_score", "objective", "topic", "difficulty")
        return {name: getattr(self, name) for name in names} | {"kind": self.kind.value}


@dataclass(frozen=True)
class _Told:
    """What the text of a notebook says of one graded cell."""

    objective: str
    topic: str
    question: Asked | None = None


def describe_items(
    course: Course, assignment: str, grades: Sequence[CellGrade]
) -> tuple[tuple[GradedItem, ...], tuple[str, ...]]:
    """The graded items of an assignment in its order, and what could not be found out.

    Objectives, topics and questions stand in the text that the notebooks are made from. Where that
    cannot be read, the items are without them, and a note says why.

    Args:
        course: the course.
        assignment: the assignment's name.
        grades: what the gradebook holds of somebody's submission.
    """
    told: dict[tuple[str, str], _Told] = {}
    notes: list[str] = []
    for notebook in dict.fromkeys(grade.notebook for grade in grades):
        try:
            told |= _told(course, assignment, notebook)
        except WorkshopError as error:
            notes.append(f"objectives and questions of {notebook} are not known: {error.what}")
    items = []
    for grade, name in zip(grades, _names(grades), strict=True):
        about = told.get((grade.notebook, grade.grade_id), _Told("", ""))
        items.append(
            GradedItem(
                name=name,
                notebook=grade.notebook,
                grade_id=grade.grade_id,
                max_score=grade.max_score,
                kind=_kind(grade, about),
                objective=about.objective,
                topic=about.topic,
                question=about.question,
            )
        )
    return tuple(items), tuple(notes)


def _names(grades: Sequence[CellGrade]) -> list[str]:
    """The shortest name of each that tells it from all others."""
    names = [grade.grade_id.removeprefix(TEST_PREFIX) for grade in grades]
    longer = [f"{grade.notebook}/{name}" for grade, name in zip(grades, names, strict=True)]
    longest = [f"{grade.notebook}/{grade.grade_id}" for grade in grades]
    for better in (longer, longest):
        counts = Counter(names)
        names = [
            other if counts[name] > 1 else name for name, other in zip(names, better, strict=True)
        ]
    return names


def _kind(grade: CellGrade, about: _Told) -> ItemKind:
    if about.question is not None:
        return ItemKind.QUIZ
    is_test = grade.grade_id.startswith(TEST_PREFIX)
    return ItemKind.EXERCISE if is_test else ItemKind.WRITTEN


def _told(course: Course, assignment: str, notebook: str) -> dict[tuple[str, str], _Told]:
    quizzes = load_quizzes(course.quizzes)
    questions = {item.id: item for quiz in quizzes.values() for item in quiz.items}
    found = {}
    for cell in load_cells(course, assignment, notebook):
        if cell.name is None or cell.kind not in (Kind.SOLUTION, Kind.REFLECTION):
            continue
        is_test = cell.kind is Kind.SOLUTION
        grade_id = f"{TEST_PREFIX}{cell.name}" if is_test else cell.name
        counts = bool(cell.quiz) and not cell.quiz.get("self_check")
        found[notebook, grade_id] = _Told(
            cell.extras.get("objective", ""),
            cell.extras.get("topic", ""),
            asked(questions[cell.name]) if counts else None,
        )
    return found
