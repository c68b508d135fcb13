"""Which items an instructor should look at, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workshop.analysis.distractors import DistractorStatistics
from workshop.analysis.item_analysis import ItemStatistics
from workshop.reports.graded_items import GradedItem

TOO_HARD = 0.2
TOO_EASY = 0.95
# One student alone moves the facility index by a fifth, and is 5 % of those who were asked.
_FEWEST_FOR_FACILITY = 5
_FEWEST_FOR_DISTRACTORS = 20


@dataclass(frozen=True)
class ToReview:
    """An item, and one reason to look at it.

    Attributes:
        item: its name.
        reason: a word for programs.
        what: what was seen.
        advice: what may be behind it, and what to do.
    """

    item: str
    reason: str
    what: str
    advice: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return dict(self.__dict__)


def to_review(
    item: GradedItem,
    statistics: ItemStatistics,
    distractors: DistractorStatistics | None,
    crashed: Mapping[str, int],
) -> tuple[ToReview, ...]:
    """The reasons to look at an item, the most pressing first; none if it behaved well.

    Args:
        item: what it is.
        statistics: how it behaved.
        distractors: how its options behaved; None if it has none.
        crashed: for how many students a check went wrong itself, by item.
    """
    found = (
        *_crashed(crashed.get(item.name, 0)),
        *_discrimination(statistics),
        *_facility(statistics),
        *(_distractors(distractors) if distractors is not None else ()),
    )
    return tuple(ToReview(item.name, *each) for each in found)


_Reason = tuple[str, str, str]


def _crashed(count: int) -> Iterator[_Reason]:
    if count:
        yield (
            "check_crashed",
            f"the check itself went wrong for {_students(count)}",
            "that is our fault and costs nobody points: workshop log --json has the traceback;"
            " grade again once it is put right, or decide by hand",
        )


def _discrimination(statistics: ItemStatistics) -> Iterator[_Reason]:
    for word, name, value in (
        ("point_biserial", "corrected point-biserial", statistics.point_biserial.value),
        ("discrimination", "discrimination index", statistics.discrimination.value),
    ):
        if value is not None and value < 0:
            yield (
                f"negative_{word}",
                f"{name} {value:.2f}: students who did well elsewhere did worse here",
                "look for a wrong key, a question that can be read in two ways, or a check that"
                " rejects good solutions",
            )
            return  # the second would say the same


def _facility(statistics: ItemStatistics) -> Iterator[_Reason]:
    value = statistics.facility.value
    if value is None or statistics.students < _FEWEST_FOR_FACILITY:
        return
    if value < TOO_HARD:
        yield (
            "too_hard",
            f"facility index {value:.2f}, below {TOO_HARD:g}",
            "read what students were told: was it taught, is the task clear, is the key right?",
        )
    elif value > TOO_EASY:
        yield (
            "too_easy",
            f"facility index {value:.2f}, above {TOO_EASY:g}",
            "it tells students apart no more; fine as a first step, else ask for more",
        )


def _distractors(distractors: DistractorStatistics) -> Iterator[_Reason]:
    if distractors.asked - distractors.unread < _FEWEST_FOR_DISTRACTORS:
        return
    if distractors.tempts_the_best:
        yield (
            "distractor_beats_key",
            "the upper group chose some distractor more often than a key",
            "check the key; if it is right, the distractor may be right as well",
        )
    if distractors.never_chosen:
        all_of_them = sum(not each.is_key for each in distractors.options)
        yield (
            "distractor_never_chosen",
            f"nobody chose {distractors.never_chosen} of its {all_of_them} distractors",
            "replace it by a mistake that students really make",
        )


def _students(count: int) -> str:
    return f"{count} student{'' if count == 1 else 's'}"
