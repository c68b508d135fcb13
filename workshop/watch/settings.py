"""What an instructor says about watching, in ``watch.yaml`` in the course's root.

It is a file of its own, not a part of ``nbgrader_config.py``: it may be changed while the watch
runs, and a mistake in it is named with its line.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    PositiveInt,
)

from workshop.course import Course
from workshop.grading.extensions import KnownAssignment
from workshop.moments import parse_moment
from workshop.yaml_files import load_yaml

SETTINGS_NAME = "watch.yaml"
AT_ONCE: Literal["at once"] = "at once"
NEVER: Literal["never"] = "never"
_UNLIMITED = "unlimited"
_LONGEST = 86400  # seconds between two looks
_REMEDY = "docs/instructor/watch.md lists what may stand there"


def _feedback(value: Any) -> str | datetime | date:
    if value in (AT_ONCE, NEVER):
        return str(value)
    try:
        return parse_moment(value)
    except ValueError:
        raise ValueError(
            f"{value!r}: write at once, never, or a date such as 2030-05-04 12:00"
        ) from None


def _limit(value: Any) -> Any:
    return None if value == _UNLIMITED else value


class Rules(BaseModel):
    """What may be said for the course, and otherwise for one assignment.

    Attributes:
        attempts_per_day: how many submissions of each student are graded on one day; None for all.
        feedback: when students get it: ``at once``, ``never``, or from a day or moment on.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    attempts_per_day: Annotated[PositiveInt | None, BeforeValidator(_limit)] = None
    feedback: Annotated[str | datetime | date, PlainValidator(_feedback)] = AT_ONCE


class WatchSettings(Rules):
    """How a course is watched; each setting has a usual value.

    Attributes:
        seconds: between two looks.
        exchange: whether to collect from nbgrader's exchange; None for yes if there is one.
        assignments: what differs for one of them.
    """

    seconds: Annotated[float, Field(gt=0, le=_LONGEST)] = 30
    exchange: bool | None = None
    assignments: dict[KnownAssignment, Rules] = {}

    def rules(self, assignment: str) -> Rules:
        """What holds for an assignment."""
        own = self.assignments.get(assignment)
        said = {} if own is None else {name: getattr(own, name) for name in own.model_fields_set}
        both = {"attempts_per_day": self.attempts_per_day, "feedback": self.feedback, **said}
        return Rules.model_construct(**both)


def watch_settings(course: Course, assignments: Collection[str]) -> WatchSettings:
    """The settings in the course's ``watch.yaml``, or the usual ones if there is none.

    Args:
        course: the course.
        assignments: those that the gradebook knows.

    Raises:
        WorkshopError: the file has a fault, an unknown assignment included; names the line.
    """
    path = course.root / SETTINGS_NAME
    if not path.exists():
        return WatchSettings()
    # YAML's own dates tell no line when there is no such day.
    context = {"assignments": assignments}
    return load_yaml(path, WatchSettings, remedy=_REMEDY, as_text=True, context=context)
