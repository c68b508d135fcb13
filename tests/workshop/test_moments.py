from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from traitlets.config import Config

from workshop.errors import WorkshopError
from workshop.moments import in_utc, in_words, parse_moment, zone_of

EAST = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2030-05-04", datetime(2030, 5, 3, 22, tzinfo=UTC)),
        ("2030-05-04 12:00", datetime(2030, 5, 4, 10, tzinfo=UTC)),
        (" 2030-05-04T12:00Z ", datetime(2030, 5, 4, 12, tzinfo=UTC)),
        ("2030-05-04 12:00-01:00", datetime(2030, 5, 4, 13, tzinfo=UTC)),
    ],
)
def test_a_zone_counts_where_none_is_named(text: str, expected: datetime) -> None:
    assert in_utc(parse_moment(text), EAST) == expected


def test_a_day_has_an_end() -> None:
    end = in_utc(date(2030, 5, 4), EAST, end_of_day=True)
    assert end == datetime(2030, 5, 4, 21, 59, 59, tzinfo=UTC)
    assert in_utc(datetime(2030, 5, 4), EAST, end_of_day=True).hour == 22


@pytest.mark.parametrize(
    "value", ["tomorrow", "2030-02-30", "04.05.2030", "", "0001-01-01", 20300504]
)
def test_what_is_no_moment_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="no date"):
        parse_moment(value)


def test_the_courses_zone_is_nbgraders() -> None:
    assert zone_of(Config()) is UTC
    berlin = zone_of(Config({"Exchange": {"timezone": "Europe/Berlin"}}))
    assert "14:00 CEST" in in_words(datetime(2030, 5, 4, 12, tzinfo=UTC), berlin)
    with pytest.raises(WorkshopError, match="Europe/Nowhere"):
        zone_of(Config({"Exchange": {"timezone": "Europe/Nowhere"}}))
