"""Where an accuracy threshold stands: between what right and wrong solutions reach over seeds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from scipy import stats

from workshop import learn
from workshop.errors import WorkshopError

# Learners choose other rates, epochs and batches than the reference: their accuracies spread more
# than those of seeds alone. No standard deviation below this is believed.
LEAST_SPREAD = 0.01
RIGHT_REJECTED = 0.001
WRONG_ACCEPTED = 0.05


@dataclass(frozen=True)
class Summary:
    """Accuracies of models that were made alike, each with another seed."""

    seeds: int
    mean: float
    sd: float
    min: float
    max: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Summary:
        """Of at least two values."""
        spread = statistics.stdev(values)
        return cls(len(values), statistics.mean(values), spread, min(values), max(values))

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Summary:
        """What ``to_dict`` gave, whatever else stands with it."""
        return cls(*(told[each.name] for each in fields(cls)))

    def joined(self, other: Summary) -> Summary:
        """Both together, as if they had been measured at once."""
        seeds = self.seeds + other.seeds
        mean = (self.seeds * self.mean + other.seeds * other.mean) / seeds
        squares = sum(
            (each.seeds - 1) * each.sd**2 + each.seeds * (each.mean - mean) ** 2
            for each in (self, other)
        )
        sd = math.sqrt(squares / (seeds - 1))
        return Summary(seeds, mean, sd, min(self.min, other.min), max(self.max, other.max))

    def turned(self) -> Summary:
        """With every sign changed."""
        return Summary(self.seeds, -self.mean, self.sd, -self.max, -self.min)

    def spread(self) -> float:
        """The standard deviation of one more value around the mean of these."""
        return max(self.sd, LEAST_SPREAD) * math.sqrt(1 + 1 / self.seeds)

    def lower_limit(self, rate: float) -> float:
        """What one more value falls below with probability ``rate``, by the t distribution.

        At least a standard deviation below the lowest value: where single trainings fail, low
        values are more frequent than a t distribution has them.
        """
        quantile = float(stats.t.ppf(rate, df=self.seeds - 1))
        return min(self.mean + quantile * self.spread(), self.min - self.sd)

    def exceeds(self, threshold: float) -> float:
        """The probability that one more value reaches the threshold, by the t distribution."""
        distance = (threshold - self.mean) / self.spread()
        return float(stats.t.sf(distance, df=self.seeds - 1))

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


def threshold_of(
    name: str, right: Summary, wrong: Mapping[str, Summary], *, below: bool, majority: float
) -> dict[str, Any]:
    """Where a threshold stands, with all that it was set from.

    Args:
        name: the threshold's.
        right: accuracies of right solutions.
        wrong: those of wrong solutions, by their names.
        below: whether a right solution stays below the threshold.
        majority: the accuracy of always giving the more frequent class.

    Raises:
        WorkshopError: there is no place that tells right from wrong.
    """
    sign = -1 if below else 1
    limit = (right.turned() if below else right).lower_limit(RIGHT_REJECTED)
    threshold = sign * math.floor(1000 * limit) / 1000
    accepted = {
        each: (found.turned() if below else found).exceeds(sign * threshold)
        for each, found in wrong.items()
    }
    guessed = not below and majority >= threshold
    if max(accepted.values()) > WRONG_ACCEPTED or guessed:
        raise WorkshopError(
            f"{threshold} does not tell right from wrong: wrong solutions reach it with {accepted}",
            where=name,
            remedy="let another check tell them apart, and name other wrong solutions here",
        )
    return {
        "threshold": threshold,
        "below": below,
        "device": str(learn.pick_device()),
        "reference": right.to_dict(),
        "wrong": {each: found.to_dict() for each, found in wrong.items()},
        "majority_guess": round(majority, 4),
        "right_solution_rejected": RIGHT_REJECTED,
        "wrong_solution_accepted": {each: round(rate, 6) for each, rate in accepted.items()},
    }


def set_anew(name: str, known: Mapping[str, Any]) -> dict[str, Any]:
    """The threshold from all that was measured, the seeds that it was tried on included.

    Args:
        name: the threshold's.
        known: what :func:`threshold_of` gave; under ``fresh`` what it was tried on, if it was.

    Raises:
        WorkshopError: there is no place that tells right from wrong.
    """
    fresh = known.get("fresh", {"reference": None, "wrong": {}})

    def all_of(first: Mapping[str, Any], later: Mapping[str, Any] | None) -> Summary:
        found = Summary.read(first)
        return found if later is None else found.joined(Summary.read(later))

    right = all_of(known["reference"], fresh["reference"])
    wrong = {each: all_of(told, fresh["wrong"].get(each)) for each, told in known["wrong"].items()}
    majority, below = known["majority_guess"], known.get("below", False)
    return threshold_of(name, right, wrong, below=below, majority=majority)
