"""Moments as people write them into settings: a day, or a day and a time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import PlainValidator
from traitlets.config import Config

from workshop.course import CONFIG_NAME
from workshop.errors import WorkshopError

_EARLIEST, _LATEST = 1970, 9000
_REMEDY = "write a day, 2030-05-04, or a day and a time, 2030-05-04 12:00"


def parse_moment(value: Any) -> datetime | date:
    """A day or a moment from what YAML makes of it.

    Raises:
        ValueError: it is neither.
    """
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no date: {_REMEDY}")
    for read in (date.fromisoformat, datetime.fromisoformat):
        try:
            moment: date = read(value.strip())  # a datetime is one too
        except ValueError:
            continue
        if _EARLIEST <= moment.year <= _LATEST:  # beyond them, other time zones have no such day
            return moment
    raise ValueError(f"{value!r} is no date: {_REMEDY}")


Moment = Annotated[datetime | date, PlainValidator(parse_moment)]
"""A field of a settings file that holds a day or a moment."""


def in_utc(moment: datetime | date, zone: tzinfo, *, end_of_day: bool = False) -> datetime:
    """The moment that is meant.

    Args:
        moment: a day, or a moment; with a time zone of its own or without.
        zone: the time zone of moments that name none.
        end_of_day: whether a day stands for its last second; else for its first.
    """
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time(23, 59, 59) if end_of_day else time())
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def later(moment: datetime, span: timedelta, zone: tzinfo) -> datetime:
    """A moment after a span, in UTC: whole days later it is the same time of day in the zone."""
    return (moment.astimezone(zone) + span).astimezone(UTC)


def zone_of(config: Config) -> tzinfo:
    """The course's time zone: nbgrader's ``Exchange.timezone``, which is UTC if it is not set.

    Raises:
        WorkshopError: there is no such time zone.
    """
    name = str(config.Exchange.get("timezone", "UTC"))
    if name == "UTC":  # known also where no table of time zones is installed
        return UTC
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        raise WorkshopError(
            f"there is no time zone {name!r}",
            where=f"{CONFIG_NAME}: c.Exchange.timezone",
            remedy="write a name such as Europe/Berlin",
        ) from error


def in_words(moment: datetime, zone: tzinfo) -> str:
    """A moment for people, in the course's time zone."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M %Z}"
