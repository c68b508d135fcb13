"""Who was late and what that costs; bringing it up to date after a change of rule or extensions."""

from __future__ import annotations

import math
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import AssignLatePenalties
from traitlets.config import Config

from workshop.course import Course, scripts_on_path
from workshop.errors import WorkshopError
from workshop.grading.failures import patiently
from workshop.grading.gradebook import open_gradebook, require_assignment, students_of
from workshop.grading.journal import Decision, What
from workshop.grading.late import Late, Penalties, penalties_of
from workshop.grading.ledger import Ledger
from workshop.grading.writer_lock import user_name


@dataclass(frozen=True)
class LateWork:
    """One submission that came after it was due for all.

    Attributes:
        student: whose it is.
        handed_in: when it came.
        due: when it was due, an extension included.
        seconds_late: how late that is; 0 with an extension that is long enough.
        taken_off: points that the gradebook takes off.
        by_the_rule: points that the rule takes off as it stands now.
        reason: why.
    """

    student: str
    handed_in: str
    due: str
    seconds_late: float
    taken_off: float
    by_the_rule: float
    reason: str

    @property
    def is_up_to_date(self) -> bool:
        """Whether the gradebook takes off what the rule says."""
        return math.isclose(self.taken_off, self.by_the_rule, abs_tol=1e-9)


@dataclass(frozen=True)
class LateReport:
    """The late submissions of one assignment.

    Attributes:
        assignment: its name.
        due: when it was due for all, in words; empty if it has no due date.
        rows: by student.
        undated: whose submissions have no time, so that they are never late.
        absent: who has an extension and has handed nothing in that was graded.
    """

    assignment: str
    due: str
    rows: tuple[LateWork, ...]
    undated: tuple[str, ...]
    absent: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``workshop late --json``."""
        return {
            "assignment": self.assignment,
            "due": self.due,
            "late": [vars(each) for each in self.rows],
            "undated": list(self.undated),
            "absent": list(self.absent),
        }


def penalties_in(course: Course, config: Config) -> Penalties | None:
    """The penalties of a course's ``nbgrader_config.py``; None if it assigns none.

    Raises:
        WorkshopError: the rule's settings have a fault; names the line.
    """
    steps = config.Autograde.get("autograde_preprocessors", [AssignLatePenalties])
    return penalties_of(course, config, steps)


def late_work(course: Course, assignment: str, students: Sequence[str] | None = None) -> LateReport:
    """Who was late and what it costs; changes nothing.

    Args:
        course: the course.
        assignment: the assignment's name.
        students: whose submissions; all of them for None.

    Raises:
        WorkshopError: unknown assignment, or a fault in the rule or the extensions.
    """
    config = course.nbgrader_config()
    penalties = penalties_in(course, config)
    if penalties is None:
        raise WorkshopError(
            "nothing is ever taken off for being late: AssignLatePenalties is not among the steps",
            where=course.config_path,
            remedy="put it into c.Autograde.autograde_preprocessors, as docs/instructor/late.md"
            " tells",
        )
    coursedir = CourseDirectory(config=config)

    def look() -> LateReport:
        with open_gradebook(coursedir) as gradebook:
            return _report(gradebook, penalties, assignment, students)

    with scripts_on_path():
        return patiently(look)


def _report(
    gradebook: Gradebook, penalties: Penalties, assignment: str, students: Sequence[str] | None
) -> LateReport:
    require_assignment(gradebook, assignment)
    known = students_of(gradebook, assignment)
    for each in students or ():
        if each not in known:
            raise WorkshopError(
                f"nothing of {assignment} by {each!r} was graded",
                where="gradebook.db",
                remedy=f"correct the name, or grade it first: workshop grade {assignment}",
            )
    found = []
    for each in known if students is None else sorted(set(students)):
        late = penalties.planned(gradebook, assignment, each)
        found.append((each, late, _held(gradebook, assignment, each)))
    due = gradebook.find_assignment(assignment).duedate
    given = penalties.extensions(gradebook).root.get(assignment, {})
    return LateReport(
        assignment,
        penalties.in_words(due and due.replace(tzinfo=UTC)),
        tuple(_row(penalties, *each) for each in found if each[1].reason or each[2]),
        tuple(name for name, late, _ in found if late.lateness.handed_in is None),
        tuple(sorted(name for name in given if name not in known)),
    )


def out_of_date(course: Course, assignment: str) -> tuple[str, ...]:
    """Whose points off for being late are not those of the rule and the extensions as they stand.

    Args:
        course: the course.
        assignment: the assignment's name.

    Raises:
        WorkshopError: unknown assignment, or a fault in the rule or the extensions.
    """
    if penalties_in(course, course.nbgrader_config()) is None:
        return ()
    rows = late_work(course, assignment).rows
    return tuple(each.student for each in rows if not each.is_up_to_date)


def bring_up_to_date(
    ledger: Ledger, penalties: Penalties, assignment: str, student: str
) -> Decision | None:
    """Take off what the rule says now, where the gradebook holds something else.

    Args:
        ledger: log and gradebook, being written.
        penalties: the rule and the extensions.
        assignment: the assignment's name.
        student: whose submission, which is in the gradebook.

    Returns:
        What was changed; None if nothing was.

    Raises:
        WorkshopError: a fault in the extensions, or it cannot be written.
    """

    def stands() -> bool:
        with open_gradebook(ledger.coursedir) as gradebook:
            return penalties.stands(gradebook, assignment, student)

    def write(gradebook: Gradebook) -> Decision:
        late = penalties.apply(gradebook, assignment, student)
        return decision(What.LATE, assignment, student, late=late)

    return None if patiently(stands) else ledger.decide(write)


def decision(
    what: What, assignment: str, student: str, *, late: Late | None, **about: Any
) -> Decision:
    """A decision that is made here and now, by whoever runs this.

    Args:
        what: what is decided.
        assignment: the assignment's name.
        student: whose submission it is about.
        late: what being late costs since then; None if nobody looked at that.
        about: further fields of the decision.
    """
    return Decision(
        *(what, assignment, student, user_name(), socket.gethostname()),
        when=datetime.now(UTC).isoformat(timespec="milliseconds"),
        late_penalty=None if late is None else late.points,
        late_reason="" if late is None else late.reason,
        **about,
    )


def _held(gradebook: Gradebook, assignment: str, student: str) -> float:
    submission = gradebook.find_submission(assignment, student)
    return float(submission.late_submission_penalty or 0.0)


def _row(penalties: Penalties, student: str, late: Late, held: float) -> LateWork:
    lateness = late.lateness
    return LateWork(
        student,
        penalties.in_words(lateness.handed_in),
        penalties.in_words(lateness.due),
        lateness.seconds,
        held,
        late.points,
        late.reason,
    )
