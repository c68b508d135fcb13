from __future__ import annotations

from scipy.stats import binomtest

from workshop.course import Course
from workshop.grading.verdicts import WeightedVerdict
from workshop.verify.error_rates import ErrorRates, error_rates, to_markdown, write
from workshop.verify.report import ExerciseResult, Kind, Run, Task, VariantResult, VerifyReport


def verdict(check: str, *, passed: bool) -> WeightedVerdict:
    return WeightedVerdict(
        check=check, status="PASSED" if passed else "FAILED", score=float(passed), weight=1.0
    )


def wrong(catches: str, **checks: bool) -> VariantResult:
    return VariantResult("wrong", True, catches=catches, verdicts=_verdicts(checks))


def right(**checks: bool) -> VariantResult:
    return VariantResult("right", True, verdicts=_verdicts(checks))


def _verdicts(checks: dict[str, bool]) -> tuple[WeightedVerdict, ...]:
    return tuple(verdict(name, passed=passed) for name, passed in checks.items())


def report() -> VerifyReport:
    exercise = ExerciseResult(
        "small",
        "doubling",
        "double",
        True,
        True,
        mutants=[
            wrong("a", a=False, b=True),
            wrong("a", a=True, b=False),  # somebody else caught it
            wrong("b", b=False),
        ],
        alternatives=[right(a=True, b=False), right(b=True)],
    )
    task = Task("small", "doubling", Kind.SOLUTION, "solution")
    solution = Run(task, {}, {"test_double": _verdicts({"a": True, "c": True})}, 1.0, "")
    return VerifyReport((exercise,), 1.0, (solution,))


def test_each_check_has_its_counts() -> None:
    assert error_rates(report()) == [
        ErrorRates("a", caught=1, wrong=2, rejected=0, right=2),
        ErrorRates("b", caught=1, wrong=1, rejected=1, right=2),
    ]


def test_the_table_has_a_row_for_each_check_and_the_intervals_of_scipy() -> None:
    table = to_markdown(error_rates(report()))
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
    assert [row[0] for row in rows[2:]] == ["`a`", "`b`", "**all**"]
    interval = binomtest(1, 2).proportion_ci(method="wilson")
    assert rows[2] == [
        "`a`",
        "1 of 2",
        f"{interval.low:.0%} to {interval.high:.0%}",
        "0 of 2",
        "0% to {:.0%}".format(binomtest(0, 2).proportion_ci(method="wilson").high),
    ]


def test_the_page_is_written_where_instructors_look(tiny_course: Course) -> None:
    path = write(tiny_course, report())
    assert path == tiny_course.root / "docs" / "instructor" / "error_rates.md"
    assert "| 2 of 3 |" in path.read_text()
