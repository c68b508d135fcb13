"""What came of one submission: the gradebook's scores with the executed notebook's record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook

from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.grading.devices import Device, recorded
from workshop.grading.gradebook import CellGrade, load_grades, load_master, max_score_of
from workshop.grading.prechecks import RejectedSubmission, check_folder, read_notebook
from workshop.grading.records import (
    CellResult,
    CellStatus,
    Outcome,
    nbgrader_of,
    record_of,
    status_of,
    worst,
)
from workshop.grading.restore import restore


@dataclass(frozen=True)
class SubmissionResult:
    """What came of one submission.

    Attributes:
        student: whose it is.
        outcome: how its grading ended; the worst of its notebooks. None if it was not graded yet.
        score: points so far, by test and by hand, without the penalty for being late; None if
            there is no score at all.
        max_score: points that can be earned.
        seconds: wall time of its cells.
        cells: one result for each graded cell, in the assignment's order.
        message: what went wrong with the whole of it and what to do; empty if nothing did.
        late_penalty: points that nbgrader takes off for being late.
        needs_manual_grade: whether a person has to decide about a part of it.
        devices: what each notebook was graded on, by its name.
    """

    student: str
    outcome: Outcome | None
    score: float | None
    max_score: float
    seconds: float
    cells: tuple[CellResult, ...]
    message: str = ""
    late_penalty: float = 0.0
    needs_manual_grade: bool = False
    devices: Mapping[str, Device] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """For JSON, with the keys of ``workshop grade --json``."""
        return {
            "student": self.student,
            "outcome": self.outcome.value if self.outcome else None,
            "score": self.score,
            "max_score": self.max_score,
            "seconds": self.seconds,
            "message": self.message,
            "devices": {name: each.to_dict() for name, each in self.devices.items()},
            "cells": [cell.to_dict() for cell in self.cells],
        }


def submissions_of(course: Course, assignment: str) -> tuple[str, ...]:
    """Everyone who handed something in, be it a file where a folder should be, sorted."""
    return tuple(
        sorted(
            path.parent.name
            for path in course.submitted.glob("*/*")
            if path.name == assignment and not path.parent.name.startswith(".")
        )
    )


def check_submission(course: Course, gradebook: Gradebook, assignment: str, student: str) -> None:
    """Look at a submission without running anything.

    Raises:
        RejectedSubmission: it cannot be graded as it is.
    """
    folder = course.submitted / student / assignment
    names = sorted(each.name for each in gradebook.find_assignment(assignment).notebooks)
    check_folder(folder, names)
    for name in names:
        if (folder / f"{name}.ipynb").exists():
            notebook = read_notebook(folder / f"{name}.ipynb")
            try:
                restore(notebook, load_master(gradebook, assignment, name))
            except RejectedSubmission as error:
                raise RejectedSubmission(
                    error.what, where=folder / f"{name}.ipynb", remedy=error.remedy
                ) from error


def in_one_line(error: WorkshopError, course: Course) -> str:
    """An error's text without the course's place on this machine."""
    text = f"{error.what}; {error.remedy}" if error.remedy else error.what
    if error.where:
        text = f"{error.where}: {text}"
    return text.replace(f"{course.root}/", "")


def read_result(
    course: Course, gradebook: Gradebook, assignment: str, student: str, *, failure: str = ""
) -> SubmissionResult:
    """The result of a submission that was graded before, or could not be.

    Args:
        course: the course.
        gradebook: its gradebook, open.
        assignment: the assignment's name.
        student: whose submission it is.
        failure: why it could not be graded; found out again if not given and nothing was graded.
    """
    grades, late_penalty = load_grades(gradebook, assignment, student)
    executed = _executed(course, assignment, student)
    rejected = bool(failure)
    if not executed and not failure:
        rejected, failure = _why_not(course, gradebook, assignment, student)
    records = {
        (name, nbgrader_of(cell).get("grade_id")): record_of(cell)
        for name, notebook in executed.items()
        for cell in notebook.cells
        if nbgrader_of(cell)
    }
    cells = tuple(
        _cell_result(grade, records.get((grade.notebook, grade.grade_id)), failure)
        for grade in grades
    )
    scores = [cell.score for cell in cells if cell.score is not None]
    whole = [record_of(notebook) for notebook in executed.values()]
    messages = [failure, *(str(each.get("message", "")) for each in whole)]
    outcomes = [Outcome(each.get("outcome", Outcome.COMPLETED)) for each in whole]
    return SubmissionResult(
        student=student,
        outcome=Outcome.REJECTED if rejected else worst(outcomes) if executed else None,
        score=float(sum(scores)) if scores else None,
        max_score=max_score_of(gradebook, assignment),
        seconds=round(sum((float(each.get("seconds", 0.0)) for each in whole), 0.0), 3),
        cells=cells,
        message="; ".join(filter(None, messages)),
        late_penalty=late_penalty,
        needs_manual_grade=any(grade.needs_manual_grade for grade in grades),
        devices={name: recorded(record_of(each).get("device")) for name, each in executed.items()},
    )


def _executed(course: Course, assignment: str, student: str) -> dict[str, NotebookNode]:
    """The graded notebooks of a submission by name."""
    folder: Path = course.autograded / student / assignment
    return {path.stem: _read(path) for path in sorted(folder.glob("*.ipynb"))}


def _read(path: Path) -> NotebookNode:
    notebook: NotebookNode = nbformat.read(path, as_version=4)
    return notebook


def _why_not(
    course: Course, gradebook: Gradebook, assignment: str, student: str
) -> tuple[bool, str]:
    """Why there is no graded notebook: whether the submission was rejected, and a message."""
    try:
        check_submission(course, gradebook, assignment, student)
    except RejectedSubmission as error:
        return True, in_one_line(error, course)
    return False, f"not graded yet; run: workshop grade {assignment} --student {student}"


def _cell_result(grade: CellGrade, record: NotebookNode | None, failure: str) -> CellResult:
    message = "" if record is None else str(record.get("message", ""))
    if record is None:
        message = failure or f"no notebook {grade.notebook}.ipynb was handed in"
    if grade.manual_score is not None or (grade.extra_credit and grade.score is not None):
        status = status_of(grade.score or 0.0, grade.max_score)
        message = "; ".join(filter(None, (message, "graded by hand")))
    elif record is None:
        status = CellStatus.NOT_EXECUTED
    else:
        status = CellStatus(record.get("status", CellStatus.NOT_EXECUTED))
    return CellResult(grade.grade_id, grade.score, grade.max_score, status, message)
