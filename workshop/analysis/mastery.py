"""How far a class has come with each objective or topic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workshop.analysis.scores import ROUNDING, ScoreMatrix, Statistic, undefined

MASTERED = 0.8
"""The share of points from which on an objective counts as reached: mastery learning asks for 80 to
90 % (Bloom 1968, Evaluation Comment 1)."""


@dataclass(frozen=True)
class Mastery:
    """How far a class has come with one objective or topic.

    Attributes:
        name: the objective's or topic's.
        items: how many items serve it.
        points: what they are worth.
        earned: the mean over students of their share of the decided points, 0 to 1.
        decided: how many students have a score for each of its items.
        reached: the share of those who earned at least the share of points that is asked for.
    """

    name: str
    items: int
    points: float
    earned: Statistic
    decided: int
    reached: Statistic

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            **self.__dict__,
            "earned": self.earned.to_dict(),
            "reached": self.reached.to_dict(),
        }


def mastery(
    matrix: ScoreMatrix, names: Sequence[str], *, mastered: float = MASTERED
) -> tuple[Mastery, ...]:
    """How far the class has come with each objective or topic that an item names.

    Args:
        matrix: the scores.
        names: what each item serves, by column; empty for an item that names nothing.
        mastered: the share of points from which on it counts as reached.

    Returns:
        In the order in which the items name them.
    """
    found = dict.fromkeys(name for name in names if name)
    return tuple(
        _of_one(matrix, name, [i for i, each in enumerate(names) if each == name], mastered)
        for name in found
    )


def _of_one(matrix: ScoreMatrix, name: str, columns: Sequence[int], mastered: float) -> Mastery:
    shares, whole = [], []
    for row in matrix.scores:
        pairs = [(score, matrix.max_scores[i]) for i in columns if (score := row[i]) is not None]
        worth = sum(points for _, points in pairs)
        if worth <= 0:
            continue
        share = sum(score for score, _ in pairs) / worth
        shares.append(share)
        if len(pairs) == len(columns):
            whole.append(share >= mastered - ROUNDING)
    return Mastery(
        name=name,
        items=len(columns),
        points=float(sum(matrix.max_scores[i] for i in columns)),
        earned=Statistic(sum(shares) / len(shares)) if shares else undefined("no score yet"),
        decided=len(whole),
        reached=Statistic(sum(whole) / len(whole))
        if whole
        else undefined("nobody's scores for it are all decided yet"),
    )
