"""Which checks failed most, with what students were told then."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workshop.grading.verdicts import WeightedVerdict
from workshop.reports.graded_items import GradedItem, ItemKind
from workshop.reports.graded_work import Work
from workshop.reports.page import plain

# The names of checks that run inside a learner's kernel are the learner's to choose.
_MOST = 500


@dataclass(frozen=True)
class FailedCheck:
    """One check of one exercise that found something wrong.

    Attributes:
        item: the exercise's name.
        check: the check's name; what the cell did, where it did not come to a check.
        students: how many lost points by it.
        of: how many have a verdict of it, or none because their cell did not come to one.
        lost: the mean points that these students lost by it; None where there is no verdict.
        rationale: what most of them were told.
        wordings: how many different texts they were told: numbers and names in them differ.
        expected: from the same verdict; empty if it has none.
        actual: from the same verdict; empty if it has none.
        hint: from the same verdict; empty if it has none.
    """

    item: str
    check: str
    students: int
    of: int
    lost: float | None
    rationale: str = ""
    wordings: int = 0
    expected: str = ""
    actual: str = ""
    hint: str = ""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return dict(self.__dict__)


def failed_checks(
    items: Sequence[GradedItem], work: Mapping[str, Work], clean: Callable[[str], str]
) -> tuple[FailedCheck, ...]:
    """The checks that failed, most frequent first, at most 500 of them.

    Quiz items are left out: each has one check, and its facility index tells the same.

    Args:
        items: the assignment's.
        work: what the graded notebooks tell, by student.
        clean: takes out of a text what the report must not show, such as this machine's paths.
    """
    found: list[FailedCheck] = []
    for item in items:
        if item.kind is ItemKind.EXERCISE:
            found += _of_item(item.name, [*work.values()], clean)
    return tuple(sorted(found, key=lambda each: -each.students)[:_MOST])


def crashed_checks(items: Sequence[GradedItem], work: Mapping[str, Work]) -> dict[str, int]:
    """For how many students a check of each item went wrong itself, by the item's name."""
    return {
        item.name: count
        for item in items
        if (
            count := sum(
                any(verdict.crashed for verdict in each.verdicts.get(item.name, ()))
                for each in work.values()
            )
        )
    }


def _of_item(item: str, work: Sequence[Work], clean: Callable[[str], str]) -> Iterator[FailedCheck]:
    told: dict[str, list[WeightedVerdict]] = defaultdict(list)
    failed_for: Counter[str] = Counter()
    for each in work:
        failed = [verdict for verdict in each.verdicts.get(item, ()) if _failed(verdict)]
        for verdict in failed:
            told[verdict.check].append(verdict)
        failed_for.update({verdict.check for verdict in failed})
    looked_at = sum(item in each.verdicts or item in each.stopped for each in work)
    for check, verdicts in told.items():
        yield _summary((item, check), verdicts, (failed_for[check], looked_at), clean)
    stopped = Counter(each.stopped[item] for each in work if item in each.stopped)
    for why, students in stopped.items():
        yield FailedCheck(item, f"no verdict: {why}", students, looked_at, None)


def _failed(verdict: WeightedVerdict) -> bool:
    return verdict.status.upper() == "FAILED"


def _summary(
    names: tuple[str, str],
    verdicts: Sequence[WeightedVerdict],
    counts: tuple[int, int],
    clean: Callable[[str], str],
) -> FailedCheck:
    wordings = Counter(verdict.rationale for verdict in verdicts)
    common = wordings.most_common(1)[0][0]
    example = next(verdict for verdict in verdicts if verdict.rationale == common)
    lost = sum(verdict.weight * (1 - verdict.score) for verdict in verdicts)

    def shown(text: str | None) -> str:
        return plain(clean(text or ""))

    return FailedCheck(
        item=names[0],
        check=plain(names[1]),
        students=counts[0],
        of=counts[1],
        lost=lost / counts[0],
        rationale=shown(example.rationale),
        wordings=len(wordings),
        expected=shown(example.expected),
        actual=shown(example.actual),
        hint=shown(example.hint),
    )
