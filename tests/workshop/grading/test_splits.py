from __future__ import annotations

import hashlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workshop.grading.splits import PARTS, SEED, part_of_each, rank

SHARES = {"a": (0.4, 0.1, 0.25, 0.25), "b": (0.25, 0.25, 0.25, 0.25)}


def test_the_place_is_a_hash_of_seed_and_content() -> None:
    assert rank(b"content") == hashlib.sha256(SEED + b"content").digest()


def test_parts_have_the_asked_shares_in_each_stratum() -> None:
    ranks = [rank(bytes([number])) for number in range(200)]
    strata = ["a"] * 100 + ["b"] * 100
    parts = part_of_each(ranks, strata, SHARES)
    counts = Counter(zip(strata, parts, strict=True))
    assert [counts["a", part] for part in PARTS] == [40, 10, 25, 25]
    assert [counts["b", part] for part in PARTS] == [25, 25, 25, 25]


@given(st.lists(st.tuples(st.binary(max_size=1), st.sampled_from("ab")), max_size=60), st.randoms())
def test_only_content_decides(examples: list[tuple[bytes, str]], random: object) -> None:
    def parts_by_example(order: list[int]) -> dict[int, str]:
        chosen = [examples[row] for row in order]
        parts = part_of_each([rank(each) for each, _ in chosen], [s for _, s in chosen], SHARES)
        return dict(zip(order, parts, strict=True))

    rows = list(range(len(examples)))
    parts = parts_by_example(rows)
    shuffled = rows.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert parts_by_example(shuffled) == parts
    assert len({(examples[row], parts[row]) for row in rows}) == len(set(examples))


@pytest.mark.parametrize("shares", [(1.0,), (0.5, 0.5, 0.5, 0.5), (0.3, 0.3, 0.3)])
def test_refuses_shares_that_are_no_whole(shares: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="4 shares that add up to 1"):
        part_of_each([b"x"], ["a"], {"a": shares})
