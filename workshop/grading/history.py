"""What the log tells about an assignment, and whether the gradebook agrees with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nbgrader.coursedir import CourseDirectory

from workshop.course import Course, scripts_on_path
from workshop.errors import WorkshopError
from workshop.grading.failures import patiently
from workshop.grading.gradebook import (
    CellGrade,
    assignment_names,
    load_grades,
    open_gradebook,
    students_of,
)
from workshop.grading.journal import Decided, Decision, Entry, History, Journal, Logged, What
from workshop.grading.records import Outcome
from workshop.grading.transaction import taken

_NEAR = 1e-9


@dataclass(frozen=True)
class Told:
    """An entry of the log with what became of it.

    Attributes:
        logged: the entry with its place.
        counted: whether the gradebook took it, then or later replaced by another.
        stands: whether the gradebook's present scores come from it.
    """

    logged: Logged
    counted: bool
    stands: bool

    @property
    def state(self) -> str:
        """What became of it, in a word."""
        if self.stands:
            return "stands"
        if self.counted:
            return "replaced"
        is_failure = self.logged.entry.outcome is Outcome.NOT_GRADED
        return "not graded" if is_failure else "interrupted"


@dataclass(frozen=True)
class Ruled:
    """A decision of the log with what became of it.

    Attributes:
        decided: the decision with its place.
        counted: whether the gradebook took it.
    """

    decided: Decided
    counted: bool

    @property
    def state(self) -> str:
        """What became of it, in a word."""
        return "done" if self.counted else "interrupted"


@dataclass(frozen=True)
class GradeLog:
    """The history of an assignment.

    Attributes:
        assignment: its name.
        entries: what was graded, oldest first.
        decisions: what was changed without grading again, oldest first.
        problems: where the log was changed or damaged; concerns the whole course.
        differences: where the gradebook holds a score by test that does not come from the log.
        by_hand: points that a person has given, which is as it should be.
    """

    assignment: str
    entries: tuple[Told, ...]
    decisions: tuple[Ruled, ...]
    problems: tuple[str, ...]
    differences: tuple[str, ...]
    by_hand: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the log is as it was written, and the gradebook agrees with it."""
        return not self.problems and not self.differences

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``workshop log --json``; tracebacks are in it, it is not for students."""
        return {
            "assignment": self.assignment,
            "ok": self.ok,
            "problems": list(self.problems),
            "differences": list(self.differences),
            "by_hand": list(self.by_hand),
            "entries": [
                {
                    "number": told.logged.number,
                    "digest": told.logged.digest,
                    "state": told.state,
                    "score": told.logged.entry.score,
                    **asdict(told.logged.entry),
                }
                for told in self.entries
            ],
            "decisions": [
                {
                    "number": ruled.decided.number,
                    "digest": ruled.decided.digest,
                    "state": ruled.state,
                    **asdict(ruled.decided.decision),
                }
                for ruled in self.decisions
            ],
        }

    @property
    def remarks(self) -> tuple[str, ...]:
        """What lines say beyond scores by test: lateness, points by hand, comments; by line."""
        said = [(told.logged.number, _of_entry(told.logged.entry)) for told in self.entries]
        said += [(each.decided.number, _of_decision(each.decided.decision))
                 for each in self.decisions]  # fmt: skip
        return tuple(f"line {number}: {text}" for number, text in sorted(said) if text)


def read_log(course: Course, assignment: str, students: Sequence[str] | None = None) -> GradeLog:
    """Read an assignment's history, check the log and compare it with the gradebook.

    Nothing is changed or repaired, so that it may be called while another process is grading.

    Args:
        course: the course.
        assignment: the assignment's name.
        students: whose submissions; all of them for None.

    Raises:
        WorkshopError: nothing is known of the assignment, or of a student; the log or the
            gradebook cannot be read.
    """
    coursedir = CourseDirectory(config=course.nbgrader_config())
    history = Journal(course.gradelog).read()

    def look() -> tuple[dict[str, tuple[str, str]], dict[str, tuple[list[CellGrade], float]]]:
        with open_gradebook(coursedir) as gradebook:
            grades = {}
            if assignment in assignment_names(gradebook):
                for name in students_of(gradebook, assignment):
                    grades[name] = load_grades(gradebook, assignment, name)
            return taken(gradebook), grades

    with scripts_on_path():
        counted, grades = patiently(look)
    mine = [each for each in history.entries if each.entry.assignment == assignment]
    known = {*grades, *(each.entry.student for each in mine)}
    _require(course, assignment, students, known)
    selected = known if students is None else set(students)
    decided = [each for each in history.decisions if each.decision.assignment == assignment]
    standing = {each.entry.student: each for each in mine if each.digest in counted}
    penalties = _penalties(
        [each for each in mine if each.digest in counted],
        [each for each in decided if each.digest in counted],
    )
    differences, by_hand = [], []
    for name in sorted(selected):
        logged = standing.get(name)
        held, penalty = grades.get(name, ([], 0.0))
        differences += _differences(name, logged.entry if logged else None, held)
        if held and not _same(penalties.get(name, penalty), penalty):
            differences.append(f"{name}: {penalty:g} points off for being late in the gradebook,"
                               f" {penalties[name]:g} in the log")  # fmt: skip
        by_hand += [f"{name}: {_place(each)}: {_points(each)}" for each in held
                    if each.manual_score is not None or each.extra_credit]  # fmt: skip
    return GradeLog(
        assignment,
        tuple(
            Told(each, each.digest in counted, each == standing.get(each.entry.student))
            for each in mine
            if each.entry.student in selected
        ),
        tuple(
            Ruled(each, each.digest in counted)
            for each in decided
            if each.decision.student in selected
        ),
        (*history.problems, *_unaccounted(history, counted)),
        tuple(differences),
        tuple(by_hand),
    )


def _require(
    course: Course, assignment: str, students: Sequence[str] | None, known: set[str]
) -> None:
    if not known:
        raise WorkshopError(
            f"nothing of {assignment!r} was graded",
            where=course.gradelog,
            remedy=f"correct the name, or run: workshop grade {assignment}",
        )
    for student in students or ():
        if student not in known:
            raise WorkshopError(
                f"nothing of {assignment} by {student!r} was graded",
                where=course.gradelog,
                remedy=f"there are: {', '.join(sorted(known)[:20])}",
            )


def _penalties(entries: Sequence[Logged], decisions: Sequence[Decided]) -> dict[str, float]:
    """The points off for being late that the log says last, by student."""
    records: dict[int, Entry | Decision] = {each.number: each.entry for each in entries}
    records |= {each.number: each.decision for each in decisions}
    found: dict[str, float] = {}
    for _, record in sorted(records.items()):
        if record.late_penalty is not None:
            found[record.student] = record.late_penalty
    return found


def _unaccounted(history: History, counted: dict[str, tuple[str, str]]) -> list[str]:
    problems = []
    if history.torn:
        problems.append(
            "the last line was not written to its end: the grader was stopped there, or is writing"
            " just now; the next `workshop grade` takes it off and grades that submission again"
        )
    known = {each.digest for each in history.entries}
    known |= {each.digest for each in history.decisions}
    problems += [
        f"the gradebook took an entry about {assignment} of {student} that is not in the log as it"
        " was: it was changed or taken away"
        for digest, (assignment, student) in sorted(counted.items(), key=lambda item: item[1])
        if digest not in known
    ]
    return problems


def _differences(student: str, entry: Entry | None, grades: Sequence[CellGrade]) -> list[str]:
    if entry is None:
        scored = [each for each in grades if each.auto_score is not None]
        return [f"{student}: the gradebook has scores that are in no entry"] if scored else []
    if not grades:
        return [f"{student}: the submission was taken out of the gradebook"]
    logged = {(cell.notebook, cell.grade_id): cell.score for cell in entry.cells}
    found = []
    for each in grades:
        if each.notebook not in entry.notebooks and entry.outcome is not Outcome.REJECTED:
            continue  # not handed in, or graded earlier than the rest
        expected = logged.get((each.notebook, each.grade_id))
        if not _same(expected, each.auto_score):
            found.append(
                f"{student}: {_place(each)}: {_number(each.auto_score)} by test in the gradebook,"
                f" {_number(expected)} in the log"
            )
    return found


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= _NEAR


def _of_entry(entry: Entry) -> str:
    if not entry.late_reason:
        return ""
    return f"{entry.student}: {entry.late_penalty or 0:g} points off: {entry.late_reason}"


def _of_decision(decision: Decision) -> str:
    said = []
    if decision.what is What.OVERRIDE:
        said.append(
            f"{decision.notebook}/{decision.grade_id}: {_number(decision.manual_before)} ->"
            f" {_number(decision.manual_after)} points by hand"
        )
        if decision.extra_before != decision.extra_after:
            before, after = _number(decision.extra_before), _number(decision.extra_after)
            said.append(f"extra credit {before} -> {after}")
        if decision.comment:
            said.append(f"comment: {decision.comment}")
    if decision.late_penalty is not None and (decision.late_reason or decision.what is What.LATE):
        why = decision.late_reason or "in time"
        said.append(f"{decision.late_penalty:g} points off: {why}")
    return f"{decision.student}: {'; '.join(said)}"


def _place(grade: CellGrade) -> str:
    return f"{grade.notebook}/{grade.grade_id}"


def _points(grade: CellGrade) -> str:
    extra = f", extra credit {grade.extra_credit:g}" if grade.extra_credit else ""
    return f"{_number(grade.manual_score)} by hand, {_number(grade.auto_score)} by test{extra}"


def _number(score: float | None) -> str:
    return "none" if score is None else f"{score:g}"
