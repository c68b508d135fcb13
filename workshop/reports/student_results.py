"""What came of one student's work on one assignment, with all that feedback may tell of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from nbgrader.api import Gradebook

from workshop.analysis.mastery import Mastery, mastery
from workshop.analysis.scores import ScoreMatrix
from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.grading.gradebook import (
    CellGrade,
    load_comments,
    load_grades,
    max_score_of,
    require_assignment,
)
from workshop.grading.machine_paths import path_hider
from workshop.grading.records import Outcome
from workshop.reports.graded_items import GradedItem, describe_items
from workshop.reports.graded_notebook import UNREADABLE, GradedNotebook, read_graded
from workshop.reports.page import plain
from workshop.reports.student_curves import Curves, curves_in
from workshop.reports.student_goals import Band, Measured, load_bands, measured
from workshop.reports.student_items import ItemResult, NotebookTeller


@dataclass(frozen=True)
class StudentResults:
    """What came of one student's work on one assignment.

    Attributes:
        assignment: the assignment's name.
        student: whose work it is.
        notebooks: of the assignment.
        missing: those that were not handed in.
        items: each graded cell, in the assignment's order.
        score: points so far, less what being late costs; None if nothing is decided.
        max_score: points that can be earned.
        late_penalty: points that are taken off.
        objectives: how far the learner has come with each.
        measured: what was measured again of the learner's models.
        curves: what the learner's notebooks showed, by notebook.
        notices: what to know about the whole of it.
    """

    assignment: str
    student: str
    notebooks: tuple[str, ...]
    missing: tuple[str, ...]
    items: tuple[ItemResult, ...]
    score: float | None
    max_score: float
    late_penalty: float
    objectives: tuple[Mastery, ...]
    measured: tuple[Measured, ...]
    curves: tuple[tuple[str, Curves], ...]
    notices: tuple[str, ...]

    @property
    def waiting(self) -> int:
        """How many scores are still open."""
        return sum(each.score is None for each in self.items)


class ResultsReader:
    """Reads the results of one assignment, student after student.

    Args:
        course: the course.
        assignment: the assignment's name.
        keys: whether right answers to quiz items may be told.

    Attributes:
        notes: what could not be found out about the assignment; no student is named.
    """

    def __init__(self, course: Course, assignment: str, *, keys: bool = False) -> None:
        self._course, self._assignment, self._keys = course, assignment, keys
        self._clean = path_hider(course.root)
        self._described: dict[tuple[tuple[str, str], ...], tuple[GradedItem, ...]] = {}
        self._bands: dict[str, Mapping[str, Mapping[str, Band]]] = {}
        self.notes: list[str] = []

    def read(self, gradebook: Gradebook, student: str) -> StudentResults:
        """The results of one student.

        Args:
            gradebook: open.
            student: whose.

        Raises:
            WorkshopError: the gradebook does not know the assignment.
        """
        names = require_assignment(gradebook, self._assignment)
        grades, late_penalty = load_grades(gradebook, self._assignment, student)
        comments = load_comments(gradebook, self._assignment, student)
        opened, notices = self._opened(names, student)
        tellers = {
            name: NotebookTeller(opened.get(name), self._clean, keys=self._keys) for name in names
        }
        items = self._items(grades)
        scores = [each.score for each in grades if each.score is not None]
        return StudentResults(
            assignment=self._assignment,
            student=student,
            notebooks=names,
            missing=tuple(name for name in names if name not in opened),
            items=tuple(
                tellers[item.notebook].tell(item, grade, comments)
                for item, grade in zip(items, grades, strict=True)
            ),
            score=max(0.0, float(sum(scores)) - late_penalty) if scores else None,
            max_score=max_score_of(gradebook, self._assignment),
            late_penalty=late_penalty,
            objectives=_objectives(student, items, grades),
            measured=tuple(
                chain.from_iterable(
                    self._measured(item, tellers[item.notebook], opened.get(item.notebook))
                    for item in items
                )
            ),
            curves=tuple(
                (name, each) for name, found in opened.items() for each in curves_in(found.cells)
            ),
            notices=tuple(notices),
        )

    def _items(self, grades: Sequence[CellGrade]) -> tuple[GradedItem, ...]:
        """The items in the gradebook's order; the texts that tell of them are read only once."""
        names = tuple((each.notebook, each.grade_id) for each in grades)
        if names not in self._described:
            items, notes = describe_items(self._course, self._assignment, grades)
            self._described[names] = items
            self.notes += [note for note in notes if note not in self.notes]
        return self._described[names]

    def _opened(
        self, names: Sequence[str], student: str
    ) -> tuple[dict[str, GradedNotebook], list[str]]:
        """The notebooks that were graded, and what to know about how that went."""
        folder = self._course.autograded / student / self._assignment
        opened: dict[str, GradedNotebook] = {}
        notices = []
        for name in names:
            path = folder / f"{name}.ipynb"
            try:
                if path.is_file():
                    opened[name] = read_graded(path)
            except UNREADABLE:
                notices.append(f"{name}: what came of it cannot be read. Tell your instructor.")
        for name, notebook in opened.items():
            if notebook.outcome is not Outcome.COMPLETED:
                said = plain(self._clean(notebook.message))
                notices.append(f"In {name}, not everything was run: {said or notebook.outcome}")
        return opened, notices

    def _measured(
        self, item: GradedItem, teller: NotebookTeller, notebook: GradedNotebook | None
    ) -> Iterator[Measured]:
        verdicts = teller.verdicts(item)
        if verdicts and notebook is not None:
            yield from measured(
                item.name,
                item.grade_id,
                teller.source(item.grade_id),
                verdicts,
                self._bands_of(item.notebook),
                device=notebook.device.calibrated_as,
            )

    def _bands_of(self, notebook: str) -> Mapping[str, Mapping[str, Band]]:
        if notebook not in self._bands:
            try:
                found = load_bands(self._course.calibration(self._assignment, notebook))
            except WorkshopError as error:
                found = {}
                self.notes.append(f"no bands of right solutions for {notebook}: {error.what}")
            self._bands[notebook] = found
        return self._bands[notebook]


def _objectives(
    student: str, items: Sequence[GradedItem], grades: Sequence[CellGrade]
) -> tuple[Mastery, ...]:
    """How far one student has come with each objective: a class of one."""
    scores = tuple(
        each.auto_score if each.manual_score is None else each.manual_score for each in grades
    )
    matrix = ScoreMatrix(
        (student,),
        tuple(item.name for item in items),
        tuple(item.max_score for item in items),
        (scores,),
    )
    return mastery(matrix, [item.objective for item in items])
