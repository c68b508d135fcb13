"""Tokens, masks and batches of texts, against brute force."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import checks
from checks.texts import padding_of
from checks.verdict import Status

IDS = torch.tensor([[101, 7, 8, 102], [101, 9, 102, 0]])
MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])


def test_expected_tokens_and_masks_pass() -> None:
    assert checks.check_tokens(IDS.clone(), IDS).status is Status.PASSED
    assert checks.check_mask(MASK.int(), MASK).status is Status.PASSED
    assert checks.check_mask(MASK.bool(), MASK).status is Status.PASSED


@pytest.mark.parametrize(
    "found",
    [
        None,
        IDS.tolist(),
        IDS.float(),
        IDS[:1],
        IDS[0],
        IDS[:, :3],
        torch.nn.functional.pad(IDS, (0, 2)),
        IDS.flip(0),
        IDS + 1,
    ],
)
def test_other_tokens_fail(found: Any) -> None:
    verdict = checks.check_tokens(found, IDS)
    assert verdict.status is Status.FAILED


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (torch.ones_like(MASK), "look at padding"),
        (1 - MASK, "look at padding"),
        (torch.zeros_like(MASK), "hides tokens"),
        (MASK[:, :3], "length"),
        (MASK.tolist(), "tensor"),
        (None, "tensor"),
    ],
)
def test_other_masks_fail(found: Any, said: str) -> None:
    verdict = checks.check_mask(found, MASK)
    assert verdict.status is Status.FAILED
    assert said in str(verdict)


# -------------------------------------------------------------------------------------- batches


def by_length(lengths: list[int], size: int) -> list[list[int]]:
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    return [order[start : start + size] for start in range(0, len(order), size)]


@given(st.lists(st.integers(1, 50), min_size=1, max_size=40), st.integers(1, 9), st.randoms())
def test_sorted_batches_pass_in_any_order(
    lengths: list[int], size: int, generator: random.Random
) -> None:
    for batches in (by_length(lengths, size), by_length(lengths, size)[::-1]):
        generator.shuffle(batches)
        assert checks.check_batches(batches, lengths, size).status is Status.PASSED
        assert checks.check_padding(batches, lengths, size).status is Status.PASSED


@given(st.lists(st.lists(st.integers(0, 9), max_size=5), min_size=1, max_size=6))
def test_padding_is_what_a_rectangle_leaves(batches: list[list[int]]) -> None:
    lengths = [3, 9, 4, 4, 1, 7, 2, 8, 5, 6]
    filled = 0
    for batch in batches:
        for index in batch:
            filled += max(lengths[each] for each in batch) - lengths[index]
    assert padding_of(batches, lengths) == filled


LENGTHS = [4, 30, 5, 31, 6, 29, 7, 28, 8]


@pytest.mark.parametrize(
    "batches",
    [
        None,
        [],
        [1, 2],
        [[0.0, 1.0]],
        [[True]],
        [LENGTHS],
        [list(range(8))],
        [list(range(9)), [0]],
        [list(range(9))],
        [[0, 1, 2], [3, 4], [5, 6], [7, 8]],
        [[each] for each in range(9)],
    ],
)
def test_batches_that_are_none_or_not_of_every_text_once_fail(batches: Any) -> None:
    assert checks.check_batches(batches, LENGTHS, 4).status is Status.FAILED


def test_batches_in_the_order_of_the_texts_waste_tokens() -> None:
    batches = [[0, 1, 2, 3], [4, 5, 6, 7], [8]]
    assert checks.check_batches(batches, LENGTHS, 4).status is Status.PASSED
    assert checks.check_padding(batches, LENGTHS, 4).status is Status.FAILED
    assert checks.check_padding([[99]], LENGTHS, 4).status is Status.FAILED


def test_order_must_be_random() -> None:
    ascending = by_length(list(range(60)), 8)
    mixed, other = ascending[3:] + ascending[:3], ascending[5:] + ascending[:5]
    lengths = list(range(60))
    assert checks.check_shuffled(mixed, other, lengths).status is Status.PASSED
    assert checks.check_shuffled(mixed, mixed, lengths).status is Status.FAILED
    assert checks.check_shuffled(ascending, other, lengths).status is Status.FAILED
    assert checks.check_shuffled(ascending[::-1], other, lengths).status is Status.FAILED
    assert checks.check_shuffled(mixed, None, lengths).status is Status.FAILED


def test_batches_of_tensors_pass() -> None:
    batches = [torch.tensor(each) for each in by_length(LENGTHS, 4)]
    assert checks.check_batches(batches, LENGTHS, 4).status is Status.PASSED
