"""How often the checks are wrong: wrong solutions that pass, right ones that fail.

A set of tests is a classifier (Wrenn, Krishnamurthi and Fisler 2018): it has a share of wrong
solutions that it catches, and a share of right ones that it rejects, and both are only estimated
from the solutions that there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from checks import wilson_interval
from workshop.course import Course
from workshop.grading.verdicts import WeightedVerdict
from workshop.verify.report import VerifyReport

_PAGE = """\
# How often the checks are wrong

A check can be wrong in two ways: it lets a wrong solution pass, or it rejects a right one. Both
were counted on the solutions in the `variants.yaml` of every notebook: wrong ones as learners write
them, each named after the check that has to catch it, and right ones that look different from
ours. The intervals (Wilson 1927) say how much so few solutions can tell: none rejected of ten
still allows an error rate of a quarter.

They are no random sample of what learners hand in. Somebody who wrote a check also thought of these
mistakes; a mistake that nobody thought of is in no row. When you meet one, add it to
`variants.yaml`: [For authors](../author/README.md) tells how.

How often chance alone rejects a right solution where an accuracy is asked for stands in
[Thresholds](thresholds.md).

{table}
This page is written by `workshop verify --record`.
"""


@dataclass(frozen=True)
class ErrorRates:
    """What one check did with the solutions that it has to tell apart.

    Attributes:
        check: its name.
        caught: how many of the wrong solutions that are named after it failed it.
        wrong: how many there are.
        rejected: how many right solutions failed it.
        right: how many right solutions it looked at.
    """

    check: str
    caught: int
    wrong: int
    rejected: int
    right: int


def error_rates(report: VerifyReport) -> list[ErrorRates]:
    """One for each check that has something to catch, by name."""
    caught: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    rejected: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for exercise in report.exercises:
        for mutant in exercise.mutants:
            if mutant.catches:
                wrong[mutant.catches] += 1
                caught[mutant.catches] += bool(mutant.failures)
    for verdicts in _of_right_ones(report):
        for check in {each.check for each in verdicts}:
            right[check] += 1
            rejected[check] += any(each.check == check and not each.passed for each in verdicts)
    return [
        ErrorRates(check, caught[check], wrong[check], rejected[check], right[check])
        for check in sorted(wrong)
    ]


def _of_right_ones(report: VerifyReport) -> Iterator[tuple[WeightedVerdict, ...]]:
    """The verdicts on each reference solution and each other right one."""
    for run in report.solutions:
        yield run.all_verdicts
    for exercise in report.exercises:
        for alternative in exercise.alternatives:
            yield alternative.verdicts


def to_markdown(rates: Iterable[ErrorRates]) -> str:
    """A table with a row for each check and one for all."""
    rows = list(rates)
    total = ErrorRates(
        "**all**",
        sum(each.caught for each in rows),
        sum(each.wrong for each in rows),
        sum(each.rejected for each in rows),
        sum(each.right for each in rows),
    )
    lines = [
        "| check | wrong solutions caught | 95 % | right solutions rejected | 95 % |",
        "| --- | --- | --- | --- | --- |",
    ]
    for each in [*rows, total]:
        name = each.check if each is total else f"`{each.check}`"
        lines.append(
            f"| {name} | {each.caught} of {each.wrong} | {_interval(each.caught, each.wrong)}"
            f" | {each.rejected} of {each.right} | {_interval(each.rejected, each.right)} |"
        )
    return "\n".join(lines) + "\n"


def write(course: Course, report: VerifyReport) -> Path:
    """Write the page for instructors.

    Returns:
        Its file.
    """
    path = course.root / "docs" / "instructor" / "error_rates.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)  # a course of its own has no pages yet
    path.write_text(_PAGE.format(table=to_markdown(error_rates(report))), encoding="utf-8")
    return path


def _interval(count: int, total: int) -> str:
    if not total:
        return "-"
    low, high = wilson_interval(count, total)
    return f"{low:.0%} to {high:.0%}"
