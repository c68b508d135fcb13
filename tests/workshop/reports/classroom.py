"""A class that was never graded: its gradebook, graded notebooks and log are written as if it was.

Abilities and difficulties follow a two-parameter logistic model, so that the scores hang together
as those of a real class do.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from nbgrader.coursedir import CourseDirectory

from checks.quiz import QuestionType
from workshop.analysis.scores import ScoreMatrix
from workshop.course import Course, scripts_on_path
from workshop.grading.gradebook import CellGrade, open_gradebook
from workshop.grading.journal import Entry, Journal, LoggedCell, Why
from workshop.grading.records import CellResult, CellStatus, Outcome, status_of
from workshop.grading.transaction import (
    NotebookGrades,
    mark_taken,
    one_transaction,
    write_grades,
    write_rejected,
)
from workshop.grading.verdicts import VERDICTS_MIME
from workshop.quiz.cells import prose
from workshop.reports.gather import ClassData, State, Submission
from workshop.reports.graded_items import GradedItem, ItemKind, describe_items
from workshop.reports.graded_work import read_work

_CHECKS = ("model.trainable", "optimizer.groups", "training.loss", "accuracy.above")


@dataclass(frozen=True)
class Classroom:
    """How the class is to be.

    Attributes:
        students: how many have a score.
        rejected: how many more were rejected.
        read_by_hand: which share of the written answers is decided.
        hostile: a text that stands in verdicts and names wherever a student could put one.
        picture_bytes: of what each graded notebook holds besides.
        seed: of everything random.
    """

    students: int = 40
    rejected: int = 1
    read_by_hand: float = 1.0
    hostile: str = ""
    picture_bytes: int = 0
    seed: int = 0


@dataclass(frozen=True)
class Student:
    """One of the class.

    Attributes:
        name: the name.
        results: by test, by notebook; none for a rejected submission.
        cells: of the graded notebooks.
        by_hand: points by hand, by notebook and cell.
        entry: of the log.
    """

    name: str
    results: dict[str, list[CellResult]]
    cells: dict[str, list[dict[str, Any]]]
    by_hand: dict[tuple[str, str], float]
    entry: Entry

    def scores(self, items: Sequence[GradedItem]) -> tuple[float | None, ...]:
        """The points that count, for each item."""
        tested = {
            (name, each.grade_id): each.score
            for name, found in self.results.items()
            for each in found
        }
        scores = {**tested, **self.by_hand}
        return tuple(scores.get((item.notebook, item.grade_id)) for item in items)


def fill(course: Course, assignment: str, room: Classroom) -> None:
    """Let a class have handed in an assignment that the gradebook knows, and have it graded."""
    with scripts_on_path():
        coursedir = CourseDirectory(config=course.nbgrader_config())
        items = _items(course, coursedir, assignment)
        journal = Journal(course.gradelog)
        with one_transaction(coursedir) as gradebook:
            for student in attend(assignment, items, room):
                if student.results:
                    _write_notebooks(course, assignment, student, room)
                    graded = [
                        NotebookGrades(name, tuple(each)) for name, each in student.results.items()
                    ]
                    write_grades(gradebook, assignment, student.name, graded)
                    _decide_by_hand(gradebook, assignment, student)
                else:
                    write_rejected(gradebook, assignment, student.name)
                logged = journal.append(student.entry)
                mark_taken(*(gradebook, logged.digest, logged.number, assignment, student.name))


def in_memory(assignment: str, items: Sequence[GradedItem], room: Classroom) -> ClassData:
    """The same class as it is gathered, without any file."""
    students = [*attend(assignment, items, room)]
    rows = [student.scores(items) for student in students]
    submissions = []
    for student, row in zip(students, rows, strict=True):
        decided = [each for each in row if each is not None]
        state = State.COMPLETE if len(decided) == len(row) else State.WAITING
        submissions.append(
            Submission(
                student.name,
                state if decided else State.REJECTED,
                sum(decided) if decided else None,
            )
        )
    with tempfile.TemporaryDirectory() as folder:
        work = {}
        for student in students:
            place = Path(folder) / student.name
            place.mkdir()
            for name, cells in student.cells.items():
                (place / f"{name}.ipynb").write_text(json.dumps({"cells": cells}))
            work[student.name] = read_work(place, items)
    return ClassData(
        assignment=assignment,
        items=tuple(items),
        matrix=ScoreMatrix(
            tuple(each.name for each in students),
            tuple(each.name for each in items),
            tuple(each.max_score for each in items),
            tuple(rows),
        ),
        submissions=tuple(submissions),
        work=work,
        entries=tuple(each.entry for each in students),
        notes=(),
    )


def attend(assignment: str, items: Sequence[GradedItem], room: Classroom) -> Iterator[Student]:
    """Everyone of a class, the rejected last."""
    random = np.random.default_rng(room.seed)
    levels = random.normal(-0.3, 1.1, len(items))
    slopes = random.uniform(0.8, 2.0, len(items))
    ended = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    for number in range(room.students):
        ended += timedelta(seconds=float(random.lognormal(3.5, 0.4)))
        ability = float(random.normal())
        results: dict[str, list[CellResult]] = {}
        cells: dict[str, list[dict[str, Any]]] = {}
        by_hand: dict[tuple[str, str], float] = {}
        for item, level, slope in zip(items, levels, slopes, strict=True):
            right = 1 / (1 + math.exp(-slope * (ability - level)))
            result, made = _work(item, right, random, room)
            results.setdefault(item.notebook, []).append(result)
            cells.setdefault(item.notebook, []).extend(made)
            if item.kind is ItemKind.WRITTEN and random.random() < room.read_by_hand:
                points = float(random.binomial(int(item.max_score), right))
                by_hand[item.notebook, item.grade_id] = points
        name = f"student{number:04}"
        entry = _entry(assignment, name, ended, results, float(random.lognormal(3.2, 0.5)))
        yield Student(name, results, cells, by_hand, entry)
    for number in range(room.rejected):
        name = f"rejected{number:04}"
        yield Student(name, {}, {}, {}, _entry(assignment, name, ended, {}, 0.1))


def _items(course: Course, coursedir: CourseDirectory, assignment: str) -> tuple[GradedItem, ...]:
    with open_gradebook(coursedir) as gradebook:
        notebooks = sorted(gradebook.find_assignment(assignment).notebooks, key=lambda x: x.name)
        grades = [
            CellGrade(each.name, cell.name, None, None, None, float(cell.max_score), False)
            for each in notebooks
            for cell in _in_order(each)
        ]
    return describe_items(course, assignment, grades)[0]


def _in_order(notebook: Any) -> list[Any]:
    order = {cell.name: index for index, cell in enumerate(notebook.source_cells)}
    return sorted(notebook.grade_cells, key=lambda cell: order[cell.name])


def _work(
    item: GradedItem, right: float, random: np.random.Generator, room: Classroom
) -> tuple[CellResult, list[dict[str, Any]]]:
    if item.kind is ItemKind.WRITTEN:
        status = CellStatus.NEEDS_MANUAL_GRADE
        return CellResult(item.grade_id, None, item.max_score, status), []
    if item.kind is ItemKind.QUIZ:
        return _quiz(item, right, random)
    if random.random() < 0.03:
        cell = _grade_cell(item, None)
        result = CellResult(item.grade_id, 0.0, item.max_score, CellStatus.FAILED, "NameError: x")
        cell["metadata"]["workshop"] = {
            "state": "raised", "status": "failed", "error": {"ename": "NameError"},
        }  # fmt: skip
        return result, [cell]
    checks = _CHECKS[: 1 + len(item.name) % 3]
    weight = item.max_score / len(checks)
    verdicts = [
        _verdict(name, weight, bool(random.random() < right ** (1 / len(checks))), random, room)
        for name in checks
    ]
    score = sum(each["score"] * each["weight"] for each in verdicts)
    status = status_of(score, item.max_score)
    result = CellResult(item.grade_id, score, item.max_score, status)
    return result, [_grade_cell(item, verdicts)]


def _verdict(
    check: str, weight: float, passed: bool, random: np.random.Generator, room: Classroom
) -> dict[str, Any]:
    wrong = int(random.integers(1, 4))
    return {
        "check": check + room.hostile,
        "status": "PASSED" if passed else "FAILED",
        "score": float(passed),
        "weight": weight,
        "rationale": "All as asked."
        if passed
        else f"{wrong} of 16 layers can still change{room.hostile}.",
        "expected": None if passed else "only the head's parameters require a gradient",
        "actual": None if passed else f"{wrong} layers of the backbone do{room.hostile}",
        "hint": None if passed else "Freeze the backbone before you make the optimizer.",
    }


def _quiz(
    item: GradedItem, right: float, random: np.random.Generator
) -> tuple[CellResult, list[dict[str, Any]]]:
    assert item.question is not None
    question = item.question
    is_right = bool(random.random() < right)
    answer: object = question.answer
    if not is_right:
        # The last distractor is never chosen; some leave the question out.
        wrong = [each for each in item.options if each not in item.keys][:-1]
        answer = str(random.choice(wrong)) if wrong and random.random() < 0.9 else None
    if question.form.type is QuestionType.TRUE_FALSE:
        answer = is_right if question.key.right else not is_right
    solution = {
        "cell_type": "code",
        "metadata": {"nbgrader": {"grade_id": question.item.id, "solution": True}},
        "source": f"{question.item.id} = {answer!r}",
        "outputs": [],
    }
    verdict = {
        "check": "quiz.answer",
        "status": "PASSED" if is_right else "FAILED",
        "score": float(is_right),
        "weight": item.max_score,
        "rationale": "Right." if is_right else "Not right.",
    }
    score = item.max_score * is_right
    result = CellResult(item.grade_id, score, item.max_score, status_of(score, item.max_score))
    asks = {
        "cell_type": "markdown",
        "metadata": {"nbgrader": {"grade_id": f"ask_{question.item.id}", "locked": True}},
        "source": prose(question, "Question 1", counts=True),
    }
    return result, [asks, solution, _grade_cell(item, [verdict])]


def _grade_cell(item: GradedItem, verdicts: list[dict[str, Any]] | None) -> dict[str, Any]:
    table = {"grade_id": item.grade_id, "points": item.max_score, "verdicts": verdicts}
    shown = {"output_type": "display_data", "metadata": {}, "data": {VERDICTS_MIME: table}}
    return {
        "cell_type": "code",
        "metadata": {
            "nbgrader": {"grade_id": item.grade_id, "grade": True, "points": item.max_score},
            "workshop": {"state": "completed", "status": "passed"},
        },
        "source": "",
        "outputs": [] if verdicts is None else [shown],
    }


def _write_notebooks(course: Course, assignment: str, student: Student, room: Classroom) -> None:
    folder = course.autograded / student.name / assignment
    folder.mkdir(parents=True)
    picture = {
        "output_type": "display_data",
        "metadata": {},
        "data": {"image/png": "A" * room.picture_bytes},
    }
    drawing = {"cell_type": "code", "metadata": {}, "source": "plot()", "outputs": [picture]}
    for name, made in student.cells.items():
        content = {"cells": [drawing, *made], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        (folder / f"{name}.ipynb").write_text(json.dumps(content), encoding="utf-8")


def _decide_by_hand(gradebook: Any, assignment: str, student: Student) -> None:
    for (notebook, grade_id), points in student.by_hand.items():
        grade = gradebook.find_grade(grade_id, notebook, assignment, student.name)
        grade.manual_score, grade.needs_manual_grade = points, False


def _entry(
    assignment: str,
    student: str,
    ended: datetime,
    results: dict[str, list[CellResult]],
    seconds: float,
) -> Entry:
    return Entry(
        assignment=assignment,
        student=student,
        why=Why.FIRST,
        outcome=Outcome.COMPLETED if results else Outcome.REJECTED,
        message="",
        user="instructor",
        host="machine",
        assignment_version="1",
        package_version="1",
        submission="0",
        notebooks=tuple(results),
        began=(ended - timedelta(seconds=seconds)).isoformat(),
        ended=ended.isoformat(),
        cells=tuple(
            LoggedCell(name, each.grade_id, each.score, each.max_score, each.status)
            for name, found in results.items()
            for each in found
        ),
    )
