"""Which options of a quiz item were chosen, by whom, and whether its distractors do their work.

A distractor is functional if at least 5 % choose it; distractor efficiency is the share of an
item's distractors that are (Tarrant, Ware and Mohammed 2009, BMC Medical Education 9:40; Hingorjo
and Jaleel 2012, Journal of the Pakistan Medical Association 62).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workshop.analysis.scores import Floats, Statistic, undefined

FUNCTIONAL = 0.05


@dataclass(frozen=True)
class OptionStatistics:
    """Who chose one option.

    Attributes:
        letter: the option's.
        text: what it says, in Markdown.
        is_key: whether it is right.
        chosen: by how many.
        share: of all who were asked.
        upper: share of the upper 27 % who chose it.
        lower: share of the lower 27 % who chose it.
    """

    letter: str
    text: str
    is_key: bool
    chosen: int
    share: Statistic
    upper: Statistic
    lower: Statistic

    def to_dict(self) -> dict[str, Any]:
        """For JSON. It tells the key."""
        return {
            name: each.to_dict() if isinstance(each, Statistic) else each
            for name, each in self.__dict__.items()
        }


@dataclass(frozen=True)
class DistractorStatistics:
    """How the options of one item behaved.

    Attributes:
        item: its name.
        asked: how many students had the question.
        unread: how many of them gave no answer, or none that can be read.
        options: in the order of their letters.
        efficiency: the share of distractors that are functional, 0 to 1.
        nonfunctional: how many distractors fewer than 5 % chose.
        never_chosen: how many distractors nobody chose.
        tempts_the_best: whether more of the upper group chose some distractor than a key.
    """

    item: str
    asked: int
    unread: int
    options: tuple[OptionStatistics, ...]
    efficiency: Statistic
    nonfunctional: int
    never_chosen: int
    tempts_the_best: bool

    def to_dict(self, *, keys: bool) -> dict[str, Any]:
        """For JSON; the options, which tell the key, only on request."""
        data = {**self.__dict__, "efficiency": self.efficiency.to_dict()}
        del data["options"]
        return data | ({"options": [each.to_dict() for each in self.options]} if keys else {})


def distractor_statistics(
    item: str,
    options: Mapping[str, str],
    keys: Collection[str],
    choices: Sequence[frozenset[str] | None],
    groups: tuple[Floats, Floats] | None,
) -> DistractorStatistics:
    """Count who chose what.

    Args:
        item: the item's name.
        options: each option's text by its letter.
        keys: the letters of those that are right.
        choices: each student's letters; None if there is no answer that can be read.
        groups: how far each of these students belongs to the upper and to the lower 27 %; None
            where there are no such groups.
    """
    counted = tuple(
        _option(letter, text, letter in keys, choices, groups) for letter, text in options.items()
    )
    wrong = [each for each in counted if not each.is_key]
    weak = [each for each in wrong if (each.share.value or 0.0) < FUNCTIONAL]
    answered = sum(each is not None for each in choices)
    right = [each.upper.value or 0.0 for each in counted if each.is_key]
    return DistractorStatistics(
        item=item,
        asked=len(choices),
        unread=len(choices) - answered,
        options=counted,
        efficiency=_efficiency(len(wrong), len(weak), answered),
        nonfunctional=len(weak) if answered else 0,
        never_chosen=sum(not each.chosen for each in wrong) if answered else 0,
        tempts_the_best=any((each.upper.value or 0.0) > min(right, default=1.0) for each in wrong),
    )


def _efficiency(distractors: int, weak: int, answered: int) -> Statistic:
    if not distractors:
        return undefined("all options are right")
    if not answered:
        return undefined("nobody gave an answer that can be read")
    return Statistic((distractors - weak) / distractors)


def _option(
    letter: str,
    text: str,
    is_key: bool,
    choices: Sequence[frozenset[str] | None],
    groups: tuple[Floats, Floats] | None,
) -> OptionStatistics:
    chose = np.array([each is not None and letter in each for each in choices], dtype=np.float64)
    count = int(chose.sum())
    share = Statistic(count / len(choices)) if choices else undefined("nobody was asked")
    upper, lower = (
        (_share(chose, weights) for weights in groups)
        if groups is not None
        else (undefined("there are no upper and lower groups"),) * 2
    )
    return OptionStatistics(letter, text, is_key, count, share, upper, lower)


def _share(chose: Floats, weights: Floats) -> Statistic:
    whole = float(weights.sum())
    if whole <= 0:
        return undefined("nobody of this group was asked")
    return Statistic(float(chose @ weights) / whole)
