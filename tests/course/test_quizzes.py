"""The course's own quizzes: enough of each, and every question is asked somewhere."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from workshop.authoring.build import load_cells
from workshop.authoring.cells import Kind, SourceCell
from workshop.course import Course
from workshop.quiz.items import (
    Item,
    MultipleResponse,
    Objective,
    SingleChoice,
    TrueFalse,
    load_quizzes,
)

COURSE = Course.at(Path(__file__).parents[2])
QUIZZES = load_quizzes(COURSE.quizzes)
ITEMS = [item for quiz in QUIZZES.values() for item in quiz.items]
LEAST_IN_A_MODULE, LEAST_OF_A_KIND = 12, 3


def asked_in(assignment: str) -> list[SourceCell]:
    return [
        cell
        for notebook in COURSE.notebooks(assignment)
        for cell in load_cells(COURSE, assignment, notebook)
        if cell.quiz
    ]


ASKED = {assignment: asked_in(assignment) for assignment in COURSE.assignments()}
# An extra assignment asks a question or two among its exercises, and has no quiz of its own.
MODULES = [each for each in COURSE.assignments() if "quiz" in COURSE.notebooks(each)]


@pytest.mark.parametrize("module", MODULES)
def test_each_module_has_enough_questions(module: str) -> None:
    assert len(QUIZZES[module].items) >= LEAST_IN_A_MODULE
    assert len(ASKED[module]) >= LEAST_IN_A_MODULE


def test_each_objective_and_each_topic_has_enough_questions() -> None:
    objectives = Counter(item.objective for item in ITEMS)
    topics = Counter(item.topic for item in ITEMS)
    assert min(objectives[each] for each in Objective) >= LEAST_OF_A_KIND
    assert {topic: count for topic, count in topics.items() if count < LEAST_OF_A_KIND} == {}


def test_every_question_is_asked_once() -> None:
    asked = Counter(cell.quiz["name"] for cells in ASKED.values() for cell in cells)
    assert asked == Counter(item.id for item in ITEMS)


def test_every_section_of_a_notebook_has_a_self_check_or_is_an_exercise() -> None:
    """A section of a quiz starts with one."""
    for module in MODULES:
        sections = _sections(load_cells(COURSE, module, "quiz"))
        questions = [section for section in sections if any(cell.quiz for cell in section)]
        assert len(questions) >= 3
        for section in questions:
            first = next(cell for cell in section if cell.quiz)
            assert first.quiz["self_check"], first.name


def _sections(cells: tuple[SourceCell, ...]) -> list[list[SourceCell]]:
    sections: list[list[SourceCell]] = [[]]
    for cell in cells:
        if cell.kind is Kind.PROSE and cell.source.startswith("## "):
            sections.append([])
        sections[-1].append(cell)
    return sections


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.id)
def test_every_answer_is_explained(item: Item) -> None:
    match item:
        case SingleChoice() | MultipleResponse():
            said = [option.feedback for option in item.options]
        case TrueFalse():
            said = [item.feedback.true, item.feedback.false]
        case _:
            said = [item.feedback.right, item.feedback.wrong]
            said += [each.feedback for each in getattr(item, "mistakes", ())]
    assert len(set(said)) == len(said)
    assert min(map(len, said)) > 20, said
