"""Grades as CSV that Canvas and Moodle import.

Canvas: Instructor Guide, "How do I import grades in the Gradebook?", and what its importer does
(``lib/gradebook_importer.rb`` of canvas-lms). Moodle: MoodleDocs, "Grade import", and
``grade/import/csv/classes/load_data.php``.

Both are careless with ids: Canvas takes the digits that a text begins with and falls back to names;
Moodle gives the grade of a line without an id to the student of the line before, and imports
nothing of a file in which it does not know one student. So only students with a sound id get a
line, and the others are named.
"""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from workshop.errors import WorkshopError
from workshop.grading.export import Grades, harmless, is_formula, total_of
from workshop.grading.results import SubmissionResult
from workshop.grading.roster import Person, Roster

_CANVAS_COLUMNS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
_CANVAS_IDS = ("canvas_id", "sis_user_id", "sis_login_id")
# As Canvas writes it.
_POINTS_POSSIBLE = "    Points Possible"
# For a new grade item, Moodle takes an empty field for 0; a hyphen is no grade.
_NO_MOODLE_GRADE = "-"
# A site may allow more (``unlimitedgrades``).
_MOST_IN_MOODLE = 100.0


@dataclass(frozen=True)
class PlatformGrades:
    """The grades of one assignment for a learning platform.

    Attributes:
        csv: the file to import.
        problems: who has no line although there is work of theirs, and what is wrong in the
            students' file; with file and line.
        notes: whose grade is left empty, and what else to know.
    """

    csv: str
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def for_canvas(
    grades: Grades, roster: Roster, *, column: str | None = None, out_of: float | None = None
) -> PlatformGrades:
    """The grades for Canvas' gradebook.

    A grade is left empty as long as a part of it is undecided. Penalties for being late are taken
    off, as nbgrader does.

    Args:
        grades: the assignment's grades.
        roster: the ids of its students.
        column: the heading of the grades; the assignment's name if not given.
        out_of: what full marks are worth on the platform; the assignment's points if not given.

    Raises:
        WorkshopError: ``out_of`` is given for an assignment that is worth no points.
    """
    return _exported(_Canvas(), grades, roster, column, out_of)


def for_moodle(
    grades: Grades, roster: Roster, *, column: str | None = None, out_of: float | None = None
) -> PlatformGrades:
    """The grades for Moodle's gradebook, by ID number, or by email if nobody has an ID number.

    Everything else is as in :func:`for_canvas`.
    """
    return _exported(_Moodle(roster.people.values()), grades, roster, column, out_of)


@dataclass(frozen=True)
class _Line:
    """What one student gets; None as long as that is undecided."""

    person: Person
    points: float | None

    @property
    def name(self) -> str:
        return self.person.name or self.person.student


class _Platform(Protocol):
    def fault(self, person: Person) -> str:
        """What is wrong with a student's ids; empty if nothing is."""

    def csv(self, lines: Sequence[_Line], column: str, maximum: float) -> str:
        """The file."""

    def notes(self, lines: Iterable[_Line]) -> Iterator[str]:
        """What to know before importing it."""


def _exported(
    platform: _Platform, grades: Grades, roster: Roster, column: str | None, out_of: float | None
) -> PlatformGrades:
    maximum = max(each.max_score for each in grades.results)
    if out_of is not None and not maximum:
        raise WorkshopError(f"{grades.assignment} is worth no points", remedy="leave out --out-of")
    lines, problems, notes = [], list(roster.problems), []
    for result in grades.results:
        person = roster.people.get(result.student)
        fault = platform.fault(person) if person else _missing(roster, result.student)
        if person is None or fault:
            problems.append(f"{_place(roster, person)}: {fault}; {_left_out(result)}")
            continue
        points, note = _points(grades, result)
        if points is not None and out_of is not None:
            points = round(points * out_of / maximum, 4)
        lines.append(_Line(person, points))
        if note:
            notes.append(f"{_place(roster, person)}: {result.student}: {note}")
    notes += [*_without_work(grades, roster), *platform.notes(lines)]
    text = platform.csv(lines, column or grades.assignment, float(out_of or maximum))
    return PlatformGrades(text, tuple(problems), tuple(notes))


def _place(roster: Roster, person: Person | None) -> str:
    return f"{roster.path}:{person.line}" if person else str(roster.path)


def _points(grades: Grades, result: SubmissionResult) -> tuple[float | None, str]:
    """The points that count, None while they are undecided, and what there is to say."""
    if result.score is None:
        return None, f"no score, left empty: {result.message or 'nothing is decided yet'}"
    cells = zip(grades.columns, result.cells, strict=True)
    undecided = [name for name, cell in cells if cell.score is None]
    if undecided:
        return None, f"left empty until somebody decides about {', '.join(undecided)}"
    note = "written, but the formgrader asks to look again at points that were given by hand"
    return total_of(result), note if result.needs_manual_grade else ""


def _left_out(result: SubmissionResult) -> str:
    total = total_of(result)
    points = "without a score so far" if total is None else f"with {total:g} points"
    return f"{result.student} is left out, {points}"


def _missing(roster: Roster, student: str) -> str:
    if student in roster.named:
        return f"what it says of {student} cannot be used"
    near = difflib.get_close_matches(student, sorted(roster.named), n=1)
    return f"{student} is not in it" + (f" ({near[0]} is)" if near else "")


def _without_work(grades: Grades, roster: Roster) -> Iterator[str]:
    """Those whom only the file knows: they handed in nothing, or their name is misspelt there."""
    handed_in = {each.student for each in grades.results}
    for student, person in roster.people.items():
        if student not in handed_in:
            yield f"{_place(roster, person)}: nothing from {student}, who gets no line"


class _Canvas:
    """Matches by ID, else by SIS User ID, else by SIS Login ID."""

    def fault(self, person: Person) -> str:
        ids = {name: getattr(person, name) for name in _CANVAS_IDS}
        number = person.canvas_id
        if not any(ids.values()):
            return f"one of {', '.join(_CANVAS_IDS)} is needed"
        if number and not (number.isascii() and number.isdigit()):
            return f"canvas_id is a number, not {number!r}"
        return _computed(ids)

    def csv(self, lines: Sequence[_Line], column: str, maximum: float) -> str:
        heading = [*_CANVAS_COLUMNS, column]
        possible = [_POINTS_POSSIBLE, "", "", "", "", harmless(maximum)]
        return _table(heading, possible, *(self._row(line) for line in lines))

    def _row(self, line: _Line) -> list[str]:
        ids = (getattr(line.person, name) for name in _CANVAS_IDS)
        return [harmless(line.name), *ids, harmless(line.person.section), harmless(line.points)]

    def notes(self, lines: Iterable[_Line]) -> Iterator[str]:
        if any(line.points is None for line in lines):
            yield "an empty grade takes away what Canvas has: it shows all changes before it saves"


class _Moodle:
    """Matches by one id, which all lines need to have."""

    def __init__(self, people: Iterable[Person]) -> None:
        by_number = any(person.idnumber for person in people)
        self._id = "idnumber" if by_number else "email"
        self._heading = "ID number" if by_number else "Email address"
        self._why = "is needed, since others have one" if by_number else "or idnumber is needed"

    def fault(self, person: Person) -> str:
        value = getattr(person, self._id)
        # Moodle takes "0" for nothing.
        if value in ("", "0"):
            return f"{self._id} {self._why}"
        return _computed({self._id: value})

    def csv(self, lines: Sequence[_Line], column: str, maximum: float) -> str:  # noqa: ARG002 - see Canvas
        return _table([self._heading, "Full name", column], *(self._row(line) for line in lines))

    def _row(self, line: _Line) -> list[str]:
        points = _NO_MOODLE_GRADE if line.points is None else harmless(line.points)
        return [getattr(line.person, self._id), harmless(line.name), points]

    def notes(self, lines: Iterable[_Line]) -> Iterator[str]:
        if any((line.points or 0.0) > _MOST_IN_MOODLE for line in lines):
            yield (
                f"there are grades above {_MOST_IN_MOODLE:g}: Moodle then imports nothing, unless"
                " the site allows them; --out-of 100 writes shares of 100"
            )


def _computed(ids: Mapping[str, str]) -> str:
    """An id with an apostrophe would be another id, and one without could be computed."""
    for name, value in ids.items():
        if is_formula(value):
            return f"{name} begins with {value[0]!r}, which spreadsheets take for a formula"
    return ""


def _table(heading: Sequence[str], *rows: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([[*heading[:-1], harmless(heading[-1])], *rows])
    return text.getvalue()
