"""Which example belongs to which part: decided by content and one fixed seed.

Within each stratum (a domain with one defect probability, say) the examples are put in order by a
hash of the seed and their content, and the order is cut. So the parts have the same proportions,
do not depend on file names, order, platform or random number generators, and equal content can
never fall into two parts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

# Changing the seed changes every part, and with them every calibrated threshold.
SEED = b"transfer-learning-workshop split 1"
PARTS = ("train", "validation", "held_out", "reserve")
HELD_OUT_PARTS = ("held_out", "reserve")


def rank(content: bytes) -> bytes:
    """The place of a content in the fixed random order; ``content`` may itself be a digest."""
    return hashlib.sha256(SEED + content).digest()


def part_of_each(
    ranks: Sequence[bytes], strata: Sequence[str], shares: Mapping[str, Sequence[float]]
) -> list[str]:
    """The part of each example.

    Args:
        ranks: one for each example, from ``rank``; equal content has equal rank.
        strata: the stratum of each example.
        shares: for each stratum the share of the four ``PARTS``, in that order; they add up to 1.

    Returns:
        One of ``PARTS`` for each example.
    """
    parts = [""] * len(ranks)
    for stratum in set(strata):
        unique = sorted({ranks[row] for row, each in enumerate(strata) if each == stratum})
        place = {key: position for position, key in enumerate(unique)}
        ends = _ends(shares[stratum], len(unique))
        for row, each in enumerate(strata):
            if each == stratum:
                parts[row] = PARTS[sum(place[ranks[row]] >= end for end in ends)]
    return parts


def _ends(shares: Sequence[float], count: int) -> list[int]:
    """Where the first three parts end."""
    if len(shares) != len(PARTS) or abs(sum(shares) - 1) > 1e-9:  # noqa: PLR2004 - rounding only
        raise ValueError(f"Expected {len(PARTS)} shares that add up to 1, but got {list(shares)}.")
    return [round(sum(shares[: index + 1]) * count) for index in range(len(PARTS) - 1)]
