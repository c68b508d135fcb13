"""Who may hand in later: ``extensions.yaml`` in the course's root."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainValidator, RootModel, ValidationInfo

from workshop.course import Course
from workshop.moments import parse_moment
from workshop.yaml_files import load_yaml

EXTENSIONS_NAME = "extensions.yaml"
_REMEDY = "docs/instructor/late.md tells what may stand there"
_DAYS = re.compile(r"(\d{1,4}(?:\.\d+)?) days?")

Extension = timedelta | datetime | date
"""How much later work is due: by so many days, or by a moment of its own."""


def _extension(value: Any) -> Extension:
    days = _DAYS.fullmatch(value.strip()) if isinstance(value, str) else None
    if days:
        return timedelta(days=float(days[1]))
    try:
        return parse_moment(value)
    except ValueError:
        raise ValueError(
            f"{value!r} is no extension: write 3 days, 2030-05-04 or 2030-05-04 12:00"
        ) from None


def _assignment(value: Any, info: ValidationInfo) -> Any:
    known = None if info.context is None else info.context["assignments"]
    if known is not None and value not in known:
        names = ", ".join(sorted(known))
        raise ValueError(f"there is no assignment {value!r}; the gradebook knows: {names}")
    return value


KnownAssignment = Annotated[str, BeforeValidator(_assignment)]
"""The name of an assignment, which has to be among those of the validation's context."""

_Given = dict[
    KnownAssignment,
    dict[str, Annotated[Extension, PlainValidator(_extension)]],
]


class Extensions(RootModel[_Given]):
    """All extensions, by assignment and student."""

    def of(self, assignment: str, student: str) -> Extension | None:
        """What a student was given; None for nothing."""
        return self.root.get(assignment, {}).get(student)


def load_extensions(course: Course, assignments: Collection[str]) -> Extensions:
    """What stands in the course's ``extensions.yaml``; nothing if there is none.

    Args:
        course: the course.
        assignments: those that the gradebook knows.

    Raises:
        WorkshopError: the file has a fault, an unknown assignment included; names the line.
    """
    path = course.root / EXTENSIONS_NAME
    if not path.exists():
        return Extensions({})
    context = {"assignments": assignments}
    # Students may be called 0123.
    return load_yaml(path, Extensions, remedy=_REMEDY, as_text=True, context=context)
