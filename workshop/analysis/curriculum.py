"""Which objective and which topic is served by which exercises and quiz items.

Read from what the exercises and items say of themselves, so that the table cannot promise what the
course does not have.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from workshop.authoring.build import load_cells
from workshop.authoring.cells import Kind, SourceCell
from workshop.course import Course
from workshop.quiz.items import Objective, load_quizzes

OBJECTIVES = {
    Objective.DEFINE: "define transfer learning and its advantages",
    Objective.DISTINGUISH: "tell domain adaptation, feature extraction, fine-tuning and LoRA apart",
    Objective.IMPLEMENT: "implement them for vision and language models",
    Objective.EVALUATE: "evaluate them against training on limited data",
    Objective.TROUBLESHOOT: "troubleshoot the pitfalls",
}
"""After the course a participant can ..."""


_RULE = "| --- | --- | --- | --- |"
_PAGE = """\
# What serves which objective

Read from the exercises and quiz items themselves: their `objective` and `topic`. An exercise is
listed by its notebook and name, with the points of its test or of its written answer.

{tables}
This page is written by `workshop curriculum --output docs/instructor/curriculum.md`.
"""


@dataclass(frozen=True)
class Served:
    """One thing that serves an objective.

    Attributes:
        assignment: the assignment it stands in.
        notebook: the notebook; empty for a quiz item.
        name: the exercise's name; the quiz' for an item.
        objective: what it serves.
        topic: what it is about.
        points: what it is worth.
        exercise: whether it is an exercise; a quiz item otherwise.
    """

    assignment: str
    notebook: str
    name: str
    objective: str
    topic: str
    points: float
    exercise: bool


def curriculum(course: Course) -> list[Served]:
    """All exercises of the course in their order, then all its quiz items.

    Raises:
        WorkshopError: a notebook or a quiz cannot be read.
    """
    exercises = [
        each
        for assignment in course.assignments()
        for notebook in course.notebooks(assignment)
        for each in _exercises(assignment, notebook, load_cells(course, assignment, notebook))
    ]
    items = [
        Served(quiz, "", item.id, item.objective, item.topic, item.points, exercise=False)
        for quiz, content in load_quizzes(course.quizzes).items()
        for item in content.items
    ]
    return exercises + items


def _exercises(assignment: str, notebook: str, cells: Sequence[SourceCell]) -> Iterable[Served]:
    points = {cell.name: float(cell.points or 0) for cell in cells if cell.kind is Kind.TEST}
    for cell in cells:
        if cell.quiz or cell.origin:
            continue
        if cell.kind in (Kind.SOLUTION, Kind.REFLECTION) and cell.name:
            worth = points.get(cell.name, float(cell.points or 0))
            extras = cell.extras
            yield Served(
                assignment,
                notebook,
                cell.name,
                extras.get("objective", ""),
                extras.get("topic", ""),
                worth,
                exercise=True,
            )


def holes(served: Iterable[Served], topics: Iterable[str]) -> list[str]:
    """What is missing: objectives without exercises or items, topics without any, words left out.

    Args:
        served: what the course has.
        topics: what it promises.
    """
    all_served = list(served)
    problems = [
        f"{each.assignment}/{each.notebook}: {each.name} names no {what}"
        for each in all_served
        for what, value in (("objective", each.objective), ("topic", each.topic))
        if not value
    ]
    known = {each.value for each in Objective}
    problems += [
        f"{each.name}: {each.objective!r} is no objective"
        for each in all_served
        if each.objective and each.objective not in known
    ]
    for objective in Objective:
        for exercise, kind in ((True, "exercise"), (False, "quiz item")):
            if not any(
                each.objective == objective and each.exercise is exercise for each in all_served
            ):
                problems.append(f"no {kind} serves the objective {objective.value}")
    found = {each.topic for each in all_served}
    problems += [f"nothing is about {topic}" for topic in topics if topic not in found]
    return problems


def to_markdown(served: Iterable[Served]) -> str:
    """A table of the objectives, and one of the topics."""
    all_served = list(served)
    lines = ["| objective: a participant can ... | exercises | points | quiz items |", _RULE]
    for objective in Objective:
        own = [each for each in all_served if each.objective == objective]
        lines.append(f"| **{objective.value}**: {OBJECTIVES[objective]} | {_row(own)} |")
    lines += ["", "| topic | exercises | points | quiz items |", _RULE]
    for topic in sorted({each.topic for each in all_served}, key=str.casefold):
        own = [each for each in all_served if each.topic == topic]
        lines.append(f"| {topic} | {_row(own)} |")
    return "\n".join(lines) + "\n"


def page(served: Iterable[Served]) -> str:
    """The tables as a page for instructors."""
    return _PAGE.format(tables=to_markdown(served))


def _row(served: Sequence[Served]) -> str:
    exercises = [each for each in served if each.exercise]
    named: dict[str, list[str]] = {}
    for each in exercises:
        named.setdefault(f"{each.assignment}/{each.notebook}", []).append(f"`{each.name}`")
    listed = "<br>".join(f"{notebook}: {', '.join(names)}" for notebook, names in named.items())
    points = sum(each.points for each in exercises)
    items = [f"`{each.name}`" for each in served if not each.exercise]
    return f"{listed or '-'} | {points:g} | {', '.join(items) or '-'}"
