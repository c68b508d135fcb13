from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tests.workshop.reports.classroom import Classroom, in_memory
from workshop.analysis.scores import undefined
from workshop.reports.charts import charts
from workshop.reports.class_report import ClassReport, class_report
from workshop.reports.graded_items import GradedItem


def report_of(items: Sequence[GradedItem], students: int) -> ClassReport:
    return class_report(in_memory("ps1", items, Classroom(students=students, rejected=0)))


def rows_of(spec: Any, field: str) -> list[dict[str, Any]]:
    """The data of a specification that has this field."""
    return next(rows for rows in spec["datasets"].values() if field in rows[0])


def test_each_chart_shows_the_reports_numbers(items: Sequence[GradedItem]) -> None:
    report = report_of(items, 60)
    made = charts(report)
    assert [*made] == [
        *("distribution", "difficulty", "discrimination", "checks", "objectives", "topics", "time")
    ]
    counted = sum(row["students"] for row in rows_of(made["distribution"], "state"))
    assert counted == 60
    facility = {row["item"]: row["facility"] for row in rows_of(made["difficulty"], "item")}
    assert facility == {each.item.name: each.statistics.facility.value for each in report.items}
    checks = rows_of(made["checks"], "students")
    assert [row["students"] for row in checks] == [each.students for each in report.failed_checks]
    time = rows_of(made["time"], "submissions")
    assert sum(row["submissions"] for row in time) == 60


def test_what_is_undefined_is_not_drawn_as_zero(items: Sequence[GradedItem]) -> None:
    made = charts(report_of(items, 1))
    assert "discrimination" not in made
    report = report_of(items, 60)
    first, *rest = report.items
    hidden = replace(first, statistics=replace(first.statistics, facility=undefined("why")))
    rows = rows_of(charts(replace(report, items=(hidden, *rest)))["difficulty"], "item")
    assert first.item.name not in {row["item"] for row in rows}


def test_every_chart_says_what_it_is_and_loads_nothing(items: Sequence[GradedItem]) -> None:
    for spec in charts(report_of(items, 60)).values():
        text = json.dumps(spec)
        assert "description" in text
        assert '"url"' not in text
        json.dumps(spec, allow_nan=False)
