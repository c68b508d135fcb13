"""Times of submissions, read as nbgrader writes them."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from dateutil.tz import gettz  # type: ignore[import-untyped] # ships no types

from workshop.grading.timestamps import handed_in, parse_stamp

FORMAT = "%Y-%m-%d %H:%M:%S.%f %Z"  # nbgrader's


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"])
@pytest.mark.parametrize("month", range(1, 13))
def test_what_nbgrader_writes_is_read(name: str, month: int) -> None:
    moment = datetime(2030, month, 15, 9, 30, 1, 25, tzinfo=UTC)
    written = moment.astimezone(gettz(name)).strftime(FORMAT)
    assert parse_stamp(written, ZoneInfo(name)) == moment


def test_the_name_of_the_zone_decides_in_the_hour_that_comes_twice() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert parse_stamp("2030-10-27 02:30:00 CEST", berlin).hour == 0
    assert parse_stamp("2030-10-27 02:30:00 CET", berlin).hour == 1


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2030-01-01 12:00:00", 12),
        ("2030-01-01 12:00:00 UTC", 12),
        ("2030-01-01T12:00:00Z", 12),
        ("2030-01-01 12:00:00+02:00", 10),
        ("2030-01-01 12:00:00 +0200", 10),
        ("2030-01-01 12:00:00 Europe/Berlin", 11),
    ],
)
def test_other_ways_to_write_a_time(text: str, hour: int) -> None:
    assert parse_stamp(text, UTC) == datetime(2030, 1, 1, hour, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "9" * 40, "2030-01-01 12:00:00 9999999999", "\0"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no time"):
        parse_stamp(text, UTC)


def test_a_time_comes_from_a_small_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "timestamp.txt"
    assert handed_in(tmp_path, UTC) is None
    path.write_text("2030-01-01 12:00:00 UTC\n")
    assert handed_in(tmp_path, UTC) == datetime(2030, 1, 1, 12, tzinfo=UTC)
    path.rename(tmp_path / "other")
    path.symlink_to(tmp_path / "other")
    assert handed_in(tmp_path, UTC) is None
    path.unlink()
    os.mkfifo(path)
    assert handed_in(tmp_path, UTC) is None
    path.unlink()
    path.write_bytes(b"2030-01-01 12:00:00 UTC" + b" " * 100_000)
    assert handed_in(tmp_path, UTC) is None
