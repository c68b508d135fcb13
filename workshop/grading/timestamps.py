"""When a submission was handed in: ``timestamp.txt``, as nbgrader's ``submit`` writes it.

nbgrader writes times with the short name of the course's time zone (``2030-07-01 12:00:00 CEST``)
and reads most of those names as UTC, which makes people late who are not.
"""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from nbgrader.utils import parse_utc

TIMESTAMP = "timestamp.txt"
_LONGEST = 1024


def parse_stamp(text: str, zone: tzinfo) -> datetime:
    """The moment that is meant, in UTC.

    Args:
        text: a day and a time, with a time zone or without, which then is UTC.
        zone: the course's time zone, whose short names count.

    Raises:
        ValueError: it is no time.
    """
    words = text.split()
    try:
        local = datetime.fromisoformat(" ".join(words[:2]))
        for fold in (0, 1):  # the hour that comes twice has two names
            there = local.replace(tzinfo=zone, fold=fold)
            if len(words) == 3 and there.tzname() == words[2]:  # noqa: PLR2004
                return there.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    try:
        if len(words) == 3 and words[2][0] in "+-":  # noqa: PLR2004
            # nbgrader takes +0200 for 200 seconds.
            return datetime.fromisoformat(f"{words[0]} {words[1]}{words[2]}").astimezone(UTC)
        moment: datetime = parse_utc(text.strip())
        return moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError, TypeError) as error:
        raise ValueError(f"{text[:100]!r} is no time") from error


def read_stamp(folder: Path) -> str:
    """What stands in a submission's ``timestamp.txt``; empty if there is none.

    Args:
        folder: the submission, which may hold anything.

    Raises:
        OSError: it cannot be read, or is a link.
        ValueError: it is no file, too long, or no text.
    """
    try:
        descriptor = os.open(folder / TIMESTAMP, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return ""
    with open(descriptor, "rb") as file:  # noqa: PTH123 - of a descriptor
        content = file.read(_LONGEST + 1) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
    if content is None or len(content) > _LONGEST:
        raise ValueError(f"{TIMESTAMP} is no short text")
    return content.decode().strip()


def handed_in(folder: Path, zone: tzinfo) -> datetime | None:
    """When a submission was handed in, in UTC; None if that is not known.

    Args:
        folder: the submission, which may hold anything.
        zone: the course's time zone.
    """
    try:
        return parse_stamp(read_stamp(folder), zone)
    except (OSError, ValueError):
        return None
