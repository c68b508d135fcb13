"""What being late costs: nbgrader's plugin for it with a rule, and who has more time.

nbgrader asks its plugin about one notebook at a time. A rule for an assignment ("two points a day")
would then be applied once for each of its notebooks; here it is applied to the whole, and what it
takes off is shared out among the notebooks by their scores.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from nbgrader.api import Gradebook
from nbgrader.plugins import LateSubmissionPlugin
from nbgrader.preprocessors import AssignLatePenalties
from traitlets import Enum, Float, TraitError
from traitlets.config import Config

from workshop.course import CONFIG_NAME, Course
from workshop.errors import WorkshopError
from workshop.grading.extensions import Extension, Extensions, load_extensions
from workshop.grading.gradebook import assignment_names
from workshop.moments import in_utc, in_words, later, zone_of

_DAY = 86400.0
_SAME = 1e-9
_MAXIMUM, _SCORE, _POINTS = "percent of the maximum", "percent of the score", "points"


class LateRule(LateSubmissionPlugin):  # type: ignore[misc] # nbgrader ships no types
    """Takes off so much for each day begun; nothing, as it stands.

    nbgrader's own ``penalty_method = "zero"`` takes off everything after the time of grace.
    """

    per_day = Float(0.0, min=0.0, help="What each day begun costs, in the unit.").tag(config=True)
    unit = Enum(
        (_MAXIMUM, _SCORE, _POINTS),
        default_value=_MAXIMUM,
        help="What `per_day` and `at_most` are: points, or percent of the points that the"
        " assignment is worth, or percent of those that were earned.",
    ).tag(config=True)
    at_most = Float(
        None, allow_none=True, min=0.0, help="Never more than that, in the unit; None for no limit."
    ).tag(config=True)
    grace_minutes = Float(
        0.0,
        min=0.0,
        help="So late costs nothing. Who is later than that is late from the due date on.",
    ).tag(config=True)

    def late_submission_penalty(
        self,
        student_id: str,  # noqa: ARG002 - the rule is the same for all
        score: float,
        total_seconds_late: float,
        max_score: float | None = None,
    ) -> float:
        """The points that being late costs.

        Args:
            student_id: whose work it is.
            score: the points earned.
            total_seconds_late: since the work was due.
            max_score: the points that can be earned; the score, if that is not known.
        """
        if total_seconds_late <= self.grace_minutes * 60:
            return 0.0
        if self.penalty_method == "zero":
            return score
        amount = self.per_day * math.ceil(total_seconds_late / _DAY)
        amount = amount if self.at_most is None else min(amount, self.at_most)
        if self.unit != _POINTS:
            base = max_score if self.unit == _MAXIMUM and max_score is not None else score
            amount = amount / 100 * base
        return float(min(amount, score))

    def said(self, seconds_late: float) -> str:
        """Why it costs that, in words."""
        if seconds_late <= self.grace_minutes * 60:
            return f"that is within {self.grace_minutes:g} minutes of grace"
        if self.penalty_method == "zero":
            return "late work earns nothing"
        days = math.ceil(seconds_late / _DAY)
        limit = "" if self.at_most is None else f", at most {self.at_most:g}"
        return f"{self.per_day:g} {self.unit} for each day begun, {days} so far{limit}"


@dataclass(frozen=True)
class Lateness:
    """When a submission came, and when it was due.

    Attributes:
        handed_in: when it came; None if that is not known, and then it is not late.
        due: when it was due, an extension included; None if it was never due.
        due_for_all: when it was due for those without an extension.
    """

    handed_in: datetime | None
    due: datetime | None
    due_for_all: datetime | None

    @property
    def seconds(self) -> float:
        """How late it is; 0 if it is not."""
        if self.handed_in is None or self.due is None:
            return 0.0
        return max(0.0, (self.handed_in - self.due).total_seconds())


@dataclass(frozen=True)
class Late:
    """What being late costs a submission.

    Attributes:
        lateness: how late it is.
        shares: the points taken off, by notebook; without those that nothing is taken off.
        reason: why; empty if it came before it was due for all.
    """

    lateness: Lateness
    shares: Mapping[str, float]
    reason: str

    @property
    def points(self) -> float:
        """All that is taken off."""
        return float(sum(self.shares.values()))


class Penalties:
    """The course's rule and its extensions, which are read once.

    Args:
        course: the course.
        config: that of its ``nbgrader_config.py``.

    Raises:
        WorkshopError: the rule's settings have a fault; names the line.
    """

    def __init__(self, course: Course, config: Config) -> None:
        self._course = course
        self._extensions: Extensions | None = None
        self._zone = zone_of(config)
        _check_names(course, config)
        try:
            self._step = AssignLatePenalties(config=config)
            self._step.init_plugin()
        except TraitError as error:
            raise WorkshopError(
                f"the rule for late work: {error}",
                where=f"{CONFIG_NAME}:{_line_of(course, 'LateRule')}",
                remedy="docs/instructor/late.md tells what may stand there",
            ) from error

    def extensions(self, gradebook: Gradebook) -> Extensions:
        """The course's extensions.

        Raises:
            WorkshopError: the file has a fault; names the line.
        """
        if self._extensions is None:
            self._extensions = load_extensions(self._course, assignment_names(gradebook))
        return self._extensions

    def planned(self, gradebook: Gradebook, assignment: str, student: str) -> Late:
        """What the rule takes off a submission as it stands in the gradebook; changes nothing.

        Raises:
            WorkshopError: the file of extensions has a fault; names the line.
        """
        submission = gradebook.find_submission(assignment, student)
        extension = self.extensions(gradebook).of(assignment, student)
        late = self._lateness(submission, extension)
        if not late.seconds:
            return Late(late, {}, self._reason(late, ""))
        plugin = self._step.plugin_inst
        notebooks = {each.name: each for each in submission.notebooks}
        if isinstance(plugin, LateRule):
            whole = plugin.late_submission_penalty(
                student, submission.score, late.seconds, submission.max_score
            )
            shares = {
                name: whole * each.score / submission.score
                for name, each in notebooks.items()
                if whole > 0 and each.score > 0
            }
            return Late(late, shares, self._reason(late, plugin.said(late.seconds)))
        asked = {
            name: plugin.late_submission_penalty(student, each.score, late.seconds)
            for name, each in notebooks.items()
        }
        shares = {
            name: float(self._step._check_late_penalty(notebooks[name], points))
            for name, points in asked.items()
            if points is not None
        }
        return Late(late, shares, self._reason(late, type(plugin).__name__))

    def apply(self, gradebook: Gradebook, assignment: str, student: str) -> Late:
        """Take off what the rule says, inside a transaction.

        Raises:
            WorkshopError: as for ``planned``.
        """
        gradebook.db.flush()
        gradebook.db.expire_all()  # the points of a notebook are summed by the database
        late = self.planned(gradebook, assignment, student)
        for notebook in gradebook.find_submission(assignment, student).notebooks:
            notebook.late_submission_penalty = late.shares.get(notebook.name)
        return late

    def stands(self, gradebook: Gradebook, assignment: str, student: str) -> bool:
        """Whether the gradebook holds what the rule says."""
        shares = self.planned(gradebook, assignment, student).shares
        notebooks = gradebook.find_submission(assignment, student).notebooks
        return all(
            abs((each.late_submission_penalty or 0.0) - shares.get(each.name, 0.0)) <= _SAME
            for each in notebooks
        )

    def in_words(self, moment: datetime | None) -> str:
        """A moment in the course's time zone; empty for None."""
        return "" if moment is None else in_words(moment, self._zone)

    def _lateness(self, submission: Any, extension: Extension | None) -> Lateness:
        handed_in, for_all = (
            None if each is None else each.replace(tzinfo=UTC)  # nbgrader leaves the zone out
            for each in (submission.timestamp, submission.assignment.duedate)
        )
        due = for_all
        if for_all is not None:
            if extension is None:  # one that was given in nbgrader's own way
                due = for_all + (submission.extension or timedelta())
            elif isinstance(extension, timedelta):
                due = later(for_all, extension, self._zone)
            else:
                due = max(for_all, in_utc(extension, self._zone, end_of_day=True))
        return Lateness(handed_in, due, for_all)

    def _reason(self, late: Lateness, rule: str) -> str:
        handed_in, due, for_all = late.handed_in, late.due, late.due_for_all
        if handed_in is None or due is None or for_all is None or handed_in <= for_all:
            return ""
        extended = "" if due == for_all else f" (extended from {self.in_words(for_all)})"
        said = f"{_span(late.seconds)} late: {rule}" if late.seconds else "in time"
        return f"handed in {self.in_words(handed_in)}, due {self.in_words(due)}{extended}; {said}"


def penalties_of(course: Course, config: Config, steps: Iterable[Any]) -> Penalties | None:
    """The course's penalties; None if its steps of grading assign none.

    Args:
        course: the course.
        config: that of its ``nbgrader_config.py``.
        steps: ``Autograde.autograde_preprocessors``, as names or classes.

    Raises:
        WorkshopError: the rule's settings have a fault; names the line.
    """
    names = (getattr(step, "__name__", str(step)) for step in steps)
    if any(name.rpartition(".")[2] == AssignLatePenalties.__name__ for name in names):
        return Penalties(course, config)
    return None


def _check_names(course: Course, config: Config) -> None:
    known = LateRule.class_trait_names(config=True)
    for name in config.LateRule:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise WorkshopError(
                f"there is no setting c.LateRule.{name}",
                where=f"{CONFIG_NAME}:{_line_of(course, f'LateRule.{name}')}",
                remedy=f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}",
            )


def _line_of(course: Course, text: str) -> int:
    lines = course.config_path.read_text(encoding="utf-8").splitlines()
    found = (number for number, line in enumerate(lines, 1) if f"c.{text}" in line)
    return next(found, 1)


def _span(seconds: float) -> str:
    """A span of time for people."""
    minutes = math.ceil(seconds / 60)
    days, hours = minutes // 1440, minutes // 60 % 24
    parts = ((days, "d"), (hours, "h"), (minutes % 60, "min"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count)
