"""What may stand in watch.yaml, and how its mistakes are named."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.moments import in_utc
from workshop.watch.settings import SETTINGS_NAME, WatchSettings, watch_settings

NAMES = ("ps1", "ps2")


def written(course: Course, text: str) -> WatchSettings:
    (course.root / SETTINGS_NAME).write_text(text)
    return watch_settings(course, NAMES)


def test_without_a_file_everything_is_graded_and_told_at_once(empty_course: Course) -> None:
    rules = watch_settings(empty_course, NAMES).rules("ps1")
    assert (rules.attempts_per_day, rules.feedback) == (None, "at once")
    assert written(empty_course, "") == WatchSettings()


def test_an_assignment_may_differ(empty_course: Course) -> None:
    settings = written(
        empty_course,
        "seconds: 5\nexchange: no\nattempts_per_day: 3\nfeedback: never\nassignments:\n"
        "  ps1: {feedback: 2030-05-04 12:00}\n  ps2: {attempts_per_day: unlimited}\n",
    )
    assert (settings.seconds, settings.exchange) == (5, False)
    one, two = settings.rules("ps1"), settings.rules("ps2")
    assert (one.attempts_per_day, one.feedback) == (3, datetime(2030, 5, 4, 12))
    assert (two.attempts_per_day, two.feedback) == (None, "never")
    assert settings.rules("ps3").attempts_per_day == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2030-05-04", datetime(2030, 5, 4, tzinfo=UTC)),
        ("2030-05-04 12:00", datetime(2030, 5, 4, 12, tzinfo=UTC)),
        ("2030-05-04 12:00:30", datetime(2030, 5, 4, 12, 0, 30, tzinfo=UTC)),
        ("2030-05-04 12:00+02:00", datetime(2030, 5, 4, 10, tzinfo=UTC)),
        ("2030-05-04T12:00:00Z", datetime(2030, 5, 4, 12, tzinfo=UTC)),
    ],
)
def test_dates_as_people_write_them(empty_course: Course, text: str, expected: datetime) -> None:
    when = written(empty_course, f"feedback: {text}\n").feedback
    assert isinstance(when, date)
    assert in_utc(when, UTC) == expected


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("seconds: 5\natempts_per_day: 3\n", 2, "atempts_per_day"),
        ("attempts_per_day: 0\n", 1, "attempts_per_day"),
        ("attempts_per_day: many\n", 1, "attempts_per_day"),
        ("\nfeedback: tomorrow\n", 2, "tomorrow"),
        ("feedback: no\n", 1, "at once, never"),
        ("feedback: 2030-02-30\n", 1, "2030-02-30"),
        ("seconds: 0\n", 1, "seconds"),
        ("seconds: .inf\n", 1, "seconds"),
        ("seconds: 1e300\n", 1, "seconds"),
        ("assignments:\n  ps1: {}\n  ps7: {feedback: never}\n", 3, "ps7"),
        ("assignments:\n  ps1:\n    seconds: 3\n", 3, "seconds"),
        ("seconds: 5\nseconds: 6\n", 2, "twice"),
    ],
)
def test_a_mistake_is_named_with_its_line(
    empty_course: Course, text: str, line: int, said: str
) -> None:
    with pytest.raises(WorkshopError) as caught:
        written(empty_course, text)
    assert str(caught.value.where).endswith(f"{SETTINGS_NAME}:{line}")
    assert said in caught.value.what
    assert caught.value.remedy
