"""The rule for late work against cases computed by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from nbgrader.plugins import LateSubmissionPlugin
from traitlets.config import Config

from tests.workshop.grading.durable import (
    by_hand,
    gradebook_of,
    hand_in,
    lines_of,
    run,
    without_kernels,
)
from workshop.authoring.generate import generate
from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.grading.grade import grade
from workshop.grading.history import read_log
from workshop.grading.late import Lateness, LateRule
from workshop.grading.late_work import late_work, out_of_date
from workshop.grading.override import override

if TYPE_CHECKING:
    from tests.workshop.grading.conftest import TinyCourse

MINUTE, HOUR, DAY = 60, 3600, 86400
# Settings, points earned of 40, seconds late, points taken off: worked out on paper.
CASES: list[tuple[dict[str, Any], float, float, float]] = [
    ({}, 30, 3 * DAY, 0),
    ({"per_day": 10}, 30, 0, 0),
    ({"per_day": 10}, 30, 1, 4),  # a day begun: a tenth of 40
    ({"per_day": 10}, 30, DAY, 4),
    ({"per_day": 10}, 30, DAY + 1, 8),
    ({"per_day": 10}, 30, 30 * DAY, 30),  # never more than there is
    ({"per_day": 10, "at_most": 50}, 30, 30 * DAY, 20),
    ({"per_day": 10, "unit": "percent of the score"}, 30, 1, 3),
    ({"per_day": 10, "unit": "percent of the score", "at_most": 25}, 30, 3 * DAY, 7.5),
    ({"per_day": 2, "unit": "points"}, 30, 2 * DAY + HOUR, 6),
    ({"per_day": 2, "unit": "points", "at_most": 5}, 30, 4 * DAY, 5),
    ({"per_day": 2, "unit": "points"}, 1, DAY, 1),
    ({"per_day": 2, "unit": "points", "grace_minutes": 15}, 30, 15 * MINUTE, 0),
    ({"per_day": 2, "unit": "points", "grace_minutes": 15}, 30, 15 * MINUTE + 1, 2),
    # Grace is no extension: who comes later is late from the due date on.
    ({"per_day": 2, "unit": "points", "grace_minutes": 15}, 30, DAY + 10 * MINUTE, 4),
    ({"penalty_method": "zero", "grace_minutes": 5}, 30, 5 * MINUTE, 0),
    ({"penalty_method": "zero", "grace_minutes": 5}, 30, 6 * MINUTE, 30),
    ({"per_day": 50}, 0, DAY, 0),
]
RULE = """
c.LateRule.per_day = 2
c.LateRule.unit = "points"
c.LateRule.at_most = 3
c.LateRule.grace_minutes = 15
"""
DUE = datetime(2030, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(("settings", "score", "seconds", "expected"), CASES)
def test_the_rule_takes_off_what_was_worked_out(
    settings: dict[str, Any], score: float, seconds: float, expected: float
) -> None:
    rule = LateRule(config=Config({"LateRule": settings}))
    assert rule.late_submission_penalty("ada", score, seconds, 40) == pytest.approx(expected)


def test_nbgraders_own_settings_hold() -> None:
    config = Config({"LateSubmissionPlugin": {"penalty_method": "zero"}})
    ours, stock = LateRule(config=config), LateSubmissionPlugin(config=config)
    for each in (ours, stock):
        assert each.late_submission_penalty("ada", 7, DAY) == 7


@pytest.mark.parametrize(
    ("handed_in", "due", "expected"),
    [(DUE, DUE, 0), (DUE + timedelta(hours=1), DUE, HOUR), (None, DUE, 0), (DUE, None, 0)],
)
def test_without_both_moments_nobody_is_late(
    handed_in: datetime | None, due: datetime | None, expected: float
) -> None:
    assert Lateness(handed_in, due, due).seconds == expected


# --- in a course ------------------------------------------------------------------------------


@pytest.fixture
def late(fast: TinyCourse) -> TinyCourse:
    """ada came in time, bob an hour late, cy two days and an hour late; all earned 4 points."""
    configure(fast, RULE)
    with by_hand(fast.course) as gradebook:
        gradebook.update_or_create_assignment("ps1", duedate="2030-01-01 12:00:00 UTC")
    for student, after in {"ada": 0, "bob": 1, "cy": 49}.items():
        hand_in(fast, student, 2)
        came = DUE + timedelta(hours=after)
        stamp(fast, student, f"{came:%Y-%m-%d %H:%M:%S.%f} UTC")
    return fast


def configure(tiny: TinyCourse, text: str) -> None:
    with tiny.course.config_path.open("a") as file:
        file.write(text)


def stamp(tiny: TinyCourse, student: str, moment: str) -> None:
    (tiny.course.submitted / student / "ps1/timestamp.txt").write_text(moment)


def extend(tiny: TinyCourse, text: str) -> None:
    (tiny.course.root / "extensions.yaml").write_text(f"ps1:\n{text}")


def taken_off(tiny: TinyCourse, **how: Any) -> dict[str, float]:
    return {each.student: each.late_penalty for each in grade(tiny.course, "ps1", **how).results}


def test_days_points_and_cap(late: TinyCourse) -> None:
    assert taken_off(late) == {"ada": 0, "bob": 2, "cy": 3}


def test_the_log_tells_what_was_taken_off_and_why(late: TinyCourse) -> None:
    grade(late.course, "ps1")
    by_student = {line["student"]: line for line in lines_of(late.course)}
    assert [by_student[each]["late_penalty"] for each in ("ada", "bob", "cy")] == [0, 2, 3]
    assert by_student["ada"]["late_reason"] == ""
    said = by_student["cy"]["late_reason"]
    for part in ("2030-01-03 13:00 UTC", "2030-01-01 12:00 UTC", "2 d 1 h late", "2 points"):
        assert part in said
    assert read_log(late.course, "ps1").ok
    status, output = run(late.course, "log", "ps1", "--student", "cy")
    assert status == 0
    assert "3 points off" in output


def test_a_penalty_that_is_not_from_the_log_is_found(late: TinyCourse) -> None:
    grade(late.course, "ps1")
    with by_hand(late.course) as gradebook:
        notebook = gradebook.find_submission_notebook("p1", "ps1", "bob")
        notebook.late_submission_penalty = 0.5
    (difference,) = read_log(late.course, "ps1").differences
    assert "bob" in difference


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("  cy: 3 days", 0),
        ("  cy: 1 day", 3),  # a day and an hour late: two days begun, 4 points, at most 3
        ("  cy: 2 days", 2),
        ("  cy: 2.5 days", 0),
        ("  cy: 2030-01-03", 0),  # the whole day
        ("  cy: 2030-01-03 12:50", 0),  # within the minutes of grace
        ("  cy: 2030-01-03 12:00", 2),
        ("  cy: 2030-01-03 13:00+02:00", 2),
        ("  cy: 2029-01-01", 3),  # nobody has less time than the others
        ("  zoe: 9 days", 3),
    ],
)
def test_extensions(late: TinyCourse, given: str, expected: float) -> None:
    extend(late, given)
    assert taken_off(late, students=["cy"]) == {"cy": expected}


def test_an_extension_in_nbgraders_own_way_counts_where_the_file_says_nothing(
    late: TinyCourse,
) -> None:
    grade(late.course, "ps1")
    with by_hand(late.course) as gradebook:
        gradebook.grant_extension("ps1", "bob", days=1)
        gradebook.grant_extension("ps1", "cy", days=9)
    extend(late, "  cy: 1 day")
    assert taken_off(late) == {"ada": 0, "bob": 0, "cy": 3}


def test_an_extension_that_comes_later_counts_without_grading_again(late: TinyCourse) -> None:
    grade(late.course, "ps1")
    before = gradebook_of(late.course)
    extend(late, "  bob: 1 day\n")
    report = grade(late.course, "ps1")
    assert report.stored == ("ada", "bob", "cy")
    assert [each.late_penalty for each in report.results] == [0, 0, 3]
    assert len(report.late) == 1
    assert gradebook_of(late.course) == before
    line = lines_of(late.course)[-1]
    assert (line["what"], line["student"], line["late_penalty"]) == ("late", "bob", 0)
    assert "extended from" in line["late_reason"]
    assert read_log(late.course, "ps1").ok
    assert grade(late.course, "ps1").late == ()
    assert len(lines_of(late.course)) == 4


def test_percent_of_the_score_follows_points_given_by_hand(late: TinyCourse) -> None:
    configure(late, "c.LateRule.unit = 'percent of the score'\nc.LateRule.per_day = 25\n")
    configure(late, "c.LateRule.at_most = None\n")
    assert taken_off(late, students=["bob"]) == {"bob": 1}
    with by_hand(late.course) as gradebook:
        gradebook.find_grade("why", "p1", "ps1", "bob").manual_score = 4.0
    assert taken_off(late, students=["bob"]) == {"bob": 2}


def test_the_table_shows_what_would_change_and_changes_nothing(late: TinyCourse) -> None:
    grade(late.course, "ps1")
    extend(late, "  bob: 1 day\n  zoe: 2 days\n")
    report = late_work(late.course, "ps1")
    assert [(each.student, each.taken_off, each.by_the_rule) for each in report.rows] == [
        ("bob", 2, 0),
        ("cy", 3, 3),
    ]
    assert (report.undated, report.absent) == ((), ("zoe",))
    assert len(lines_of(late.course)) == 3


def test_the_table_from_the_command_line(late: TinyCourse) -> None:
    grade(late.course, "ps1")
    extend(late, "  bob: 1 day\n")
    status, output = run(late.course, "late", "ps1", "--json", "-")
    assert status == 0, output
    assert '"taken_off": 2.0' in output
    assert '"by_the_rule": 0' in output
    assert "workshop grade ps1" in output


def test_an_export_tells_whose_penalty_is_not_up_to_date(late: TinyCourse) -> None:
    grade(late.course, "ps1")
    assert out_of_date(late.course, "ps1") == ()
    with by_hand(late.course) as gradebook:
        gradebook.find_grade("test_cube", "p1", "ps1", "cy").manual_score = 0.0
        gradebook.find_grade("test_square", "p1", "ps1", "bob").manual_score = 0.0
    assert out_of_date(late.course, "ps1") == ("cy",)  # 2 points are left, and 3 are taken off
    status, output = run(late.course, "export", "ps1")
    assert status == 0
    assert "not up to date: cy" in output


def test_who_has_no_time_of_submission_is_named(late: TinyCourse) -> None:
    (late.course.submitted / "cy/ps1/timestamp.txt").unlink()
    assert taken_off(late) == {"ada": 0, "bob": 2, "cy": 0}
    assert late_work(late.course, "ps1").undated == ("cy",)


def test_times_are_read_as_nbgrader_writes_them_in_the_courses_zone(late: TinyCourse) -> None:
    configure(late, "c.Exchange.timezone = 'America/New_York'\n")
    with by_hand(late.course) as gradebook:
        gradebook.update_or_create_assignment("ps1", duedate="2030-07-01 12:00:00 UTC")
    stamp(late, "cy", "2030-07-01 08:00:00.000000 EDT")
    stamp(late, "bob", "2030-07-01 09:00:00.000000 EDT")
    assert taken_off(late) == {"ada": 0, "bob": 2, "cy": 0}


def test_days_more_end_at_the_same_time_of_day(late: TinyCourse) -> None:
    """Clocks in Berlin go back on 2030-10-27: three days later it is noon again, 73 hours on."""
    configure(late, "c.Exchange.timezone = 'Europe/Berlin'\n")
    with by_hand(late.course) as gradebook:
        gradebook.update_or_create_assignment("ps1", duedate="2030-10-25 10:00:00 UTC")
    stamp(late, "cy", "2030-10-28 11:00:00 UTC")
    stamp(late, "bob", "2030-10-28 11:16:00 UTC")
    extend(late, "  cy: 3 days\n  bob: 3 days\n")
    assert taken_off(late) == {"ada": 0, "bob": 2, "cy": 0}


def test_points_by_hand_for_rejected_work_are_late_by_its_own_time(late: TinyCourse) -> None:
    late.submit("cy", "no notebook")
    stamp(late, "cy", "2030-01-03 13:00:00 UTC")
    grade(late.course, "ps1")
    override(late.course, "ps1", "cy", "why", 4)
    assert lines_of(late.course)[-1]["late_penalty"] == 3
    extend(late, "  cy: 2 days\n")
    assert grade(late.course, "ps1").stored == ("ada", "bob", "cy")
    assert [each.by_the_rule - each.taken_off for each in late_work(late.course, "ps1").rows] == [
        0,
        0,
    ]
    assert lines_of(late.course)[-1]["late_penalty"] == 2
    assert read_log(late.course, "ps1").ok


def test_rejected_work_is_not_charged_for_the_earlier_one(late: TinyCourse) -> None:
    assert taken_off(late)["cy"] == 3
    late.submit("cy", "no notebook")
    stamp(late, "cy", "2030-01-04 13:00:00 UTC")
    assert taken_off(late)["cy"] == 0
    assert read_log(late.course, "ps1").ok


def test_an_unknown_student_is_an_error(late: TinyCourse) -> None:
    grade(late.course, "ps1")
    assert [each.student for each in late_work(late.course, "ps1", ["cy"]).rows] == ["cy"]
    with pytest.raises(WorkshopError, match="cyy"):
        late_work(late.course, "ps1", ["cyy"])


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("  bob: 1 day\n  cy: 0001-01-01\n", 3, "0001"),
        ("  bob: 1 day\n  cy: soon\n", 3, "soon"),
        ("  cy: 1 day\n  cy: 2 days\n", 3, "twice"),
        ("  cy: -1 days\n", 2, "-1 days"),
        ("  cy: 123456 days\n", 2, "123456"),
        ("  cy: [1 day]\n", 2, "1 day"),
        ("  cy: 1 day\nps2:\n  cy: 1 day\n", 3, "ps2"),
    ],
)
def test_a_mistake_in_the_extensions_is_named_before_anything_is_graded(
    late: TinyCourse, text: str, line: int, said: str
) -> None:
    extend(late, text)
    with pytest.raises(WorkshopError, match=said) as caught:
        grade(late.course, "ps1")
    assert str(caught.value.where).endswith(f"extensions.yaml:{line}")
    assert not late.course.gradelog.exists()


def test_names_in_the_extensions_are_text(late: TinyCourse) -> None:
    late.submit("0123", late.answered({"square": "# 2 points", "cube": "# 2 points"}))
    stamp(late, "0123", "2030-01-03 13:00:00 UTC")
    extend(late, "  0123: 3 days\n")
    assert taken_off(late, students=["0123"]) == {"0123": 0}


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("per_day = -1", "per_day"),
        ("perday = 1", "did you mean per_day"),
        ("unit = 'percent'", "unit"),
        ("grace_minutes = 'long'", "grace_minutes"),
    ],
)
def test_a_mistake_in_the_rule_is_named_with_its_line(
    late: TinyCourse, setting: str, said: str
) -> None:
    lines = late.course.config_path.read_text().splitlines()
    kept = [line for line in lines if "c.LateRule" not in line]
    late.course.config_path.write_text("\n".join([*kept, f"c.LateRule.{setting}", ""]))
    with pytest.raises(WorkshopError, match=said) as caught:
        grade(late.course, "ps1")
    assert str(caught.value.where) == f"nbgrader_config.py:{len(kept) + 1}"


def test_two_notebooks_share_one_penalty(make_tiny: Callable[[], TinyCourse]) -> None:
    course = _with_two_notebooks(make_tiny())
    report = grade(course, "ps1")
    assert report.results[0].late_penalty == pytest.approx(2)
    with by_hand(course) as gradebook:
        shares = {
            each.name: each.late_submission_penalty
            for each in gradebook.find_submission("ps1", "ada").notebooks
        }
    # 4 points in one notebook, 1 in the other: 2 points off are 1.6 and 0.4.
    assert shares == pytest.approx({"p1": 1.6, "p2": 0.4})


def _with_two_notebooks(tiny: TinyCourse) -> Course:
    """An assignment of two notebooks that ada handed in an hour late."""
    course = tiny.course
    without_kernels(course)
    configure(tiny, RULE)
    source = course.source_notebooks / "ps1"
    (source / "p2.ipynb").write_bytes((source / "p1.ipynb").read_bytes())
    tiny.submit("ada", tiny.answered({"square": "# 2 points", "cube": "# 2 points"}))
    second = tiny.answered({"square": "# 0.5 points", "cube": "# 0.5 points"})
    release = course.root / "second"
    generate(course, {"ps1": ("p1", "p2")}, source=course.source_notebooks, release=release)
    (course.submitted / "ada/ps1/p2.ipynb").write_text(json.dumps(second))
    stamp(tiny, "ada", "2030-01-01 13:00:00 UTC")
    with by_hand(course) as gradebook:
        gradebook.update_or_create_assignment("ps1", duedate="2030-01-01 12:00:00 UTC")
    return course
