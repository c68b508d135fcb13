"""Grades out of the gradebook, as CSV for people and as JSON for programs."""

from __future__ import annotations

import csv as csv_format
import io
import json as json_format
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbgrader.coursedir import CourseDirectory

from workshop.course import Course, scripts_on_path
from workshop.errors import WorkshopError
from workshop.grading.gradebook import (
    CellGrade,
    load_grades,
    open_gradebook,
    require_assignment,
    students_of,
)
from workshop.grading.results import SubmissionResult, read_result, submissions_of

# Spreadsheets take text that begins so for a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_COLUMNS = (
    "student",
    "outcome",
    "total",
    "score",
    "late_penalty",
    "max_score",
    "needs_manual_grade",
    "message",
)


@dataclass(frozen=True)
class Grades:
    """The grades of one assignment.

    Attributes:
        assignment: its name.
        columns: the name of each graded cell, in the assignment's order; preceded by the
            notebook's name where two notebooks have a cell of the same name.
        results: by student.
    """

    assignment: str
    columns: tuple[str, ...]
    results: tuple[SubmissionResult, ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON. Where there is no score yet, it is None."""
        return {
            "assignment": self.assignment,
            "cells": list(self.columns),
            "students": [
                {
                    **_row(result),
                    "cells": dict(zip(self.columns, self._scores(result), strict=True)),
                }
                for result in self.results
            ],
        }

    def to_csv(self) -> str:
        """One line a student. Where there is no score yet, the field is empty.

        Text that a spreadsheet would take for a formula begins with an apostrophe.
        """
        text = io.StringIO()
        writer = csv_format.writer(text, lineterminator="\n")
        writer.writerow([harmless(name) for name in (*_COLUMNS, *self.columns)])
        for result in self.results:
            row = [*_row(result).values(), *self._scores(result)]
            writer.writerow([harmless(value) for value in row])
        return text.getvalue()

    def _scores(self, result: SubmissionResult) -> list[float | None]:
        # The gradebook has no cells of a submission that was never looked at.
        return [cell.score for cell in result.cells] or [None] * len(self.columns)


def export_grades(
    course: Course, assignment: str, *, csv: Path | None = None, json: Path | None = None
) -> Grades:
    """The grades of everyone who handed in an assignment.

    Args:
        course: the course.
        assignment: the assignment's name.
        csv: where to write them as CSV, if anywhere.
        json: where to write them as JSON, if anywhere.

    Raises:
        WorkshopError: unknown assignment, nobody handed it in, or a file cannot be written.
    """
    with scripts_on_path():
        coursedir = CourseDirectory(config=course.nbgrader_config())
        with open_gradebook(coursedir) as gradebook:
            require_assignment(gradebook, assignment)
            known = {*students_of(gradebook, assignment), *submissions_of(course, assignment)}
            students = sorted(known)
            results = [read_result(course, gradebook, assignment, name) for name in students]
            rows = [load_grades(gradebook, assignment, name)[0] for name in students]
    columns = _columns(max(rows, key=len, default=[]))
    if not columns:
        raise WorkshopError(
            f"there are no grades of {assignment}",
            where=course.gradebook,
            remedy=f"run: workshop grade {assignment}",
        )
    grades = Grades(assignment, columns, tuple(results))
    if csv is not None:
        # With a mark that this is UTF-8: spreadsheets guess wrong without it.
        write_text(csv, "\ufeff" + grades.to_csv())
    if json is not None:
        write_text(json, json_format.dumps(grades.to_dict(), indent=2, allow_nan=False) + "\n")
    return grades


def total_of(result: SubmissionResult) -> float | None:
    """The points that count: less the penalty for being late, as nbgrader takes it off."""
    return None if result.score is None else max(result.score - result.late_penalty, 0.0)


def _row(result: SubmissionResult) -> dict[str, str | float | bool | None]:
    values = (
        result.student,
        result.outcome.value if result.outcome else None,
        total_of(result),
        result.score,
        result.late_penalty,
        result.max_score,
        result.needs_manual_grade,
        result.message,
    )
    return dict(zip(_COLUMNS, values, strict=True))


def _columns(grades: Sequence[CellGrade]) -> tuple[str, ...]:
    names = [grade.grade_id for grade in grades]
    return tuple(
        grade.grade_id if names.count(grade.grade_id) == 1 else f"{grade.notebook}/{grade.grade_id}"
        for grade in grades
    )


def is_formula(text: str) -> bool:
    """Whether a spreadsheet would take a text for a formula."""
    return text.startswith(_FORMULA_STARTS)


def harmless(value: str | float | bool | None) -> str:
    """What stands in a field of CSV; text that a spreadsheet would compute gets an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.10g}"
    return "'" + value if is_formula(value) else value


def write_text(path: Path, text: str) -> None:
    """Write a file in UTF-8, its folder too.

    Raises:
        WorkshopError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise WorkshopError(
            f"cannot be written: {error.strerror}", where=path, remedy="name another file"
        ) from error
