from __future__ import annotations

from workshop.assets._splits import validates


def test_a_tenth_validates_and_equal_content_stays_on_one_side() -> None:
    ids = [f"text-{7919 * number:012x}" for number in range(10_000)]
    chosen = validates(ids)
    assert chosen.sum() == 1_000
    assert validates(ids[::-1]).tolist() == chosen[::-1].tolist()


def test_nothing_is_no_error() -> None:
    assert validates([]).tolist() == []
