"""A digest tells apart all that computations tell apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch

from workshop.recall.question import digest_of

Tensors = list[torch.Tensor]
# Numbers enough to be hashed alone, and few enough to be hashed together.
LARGE, SMALL = 5_000, 7


def tensors() -> Tensors:
    chance = torch.Generator().manual_seed(0)
    return [
        torch.rand(LARGE, generator=chance),
        torch.rand(SMALL, generator=chance),
        torch.rand(2, 3, 50, 50, generator=chance),
        torch.arange(SMALL),
        torch.rand(SMALL, generator=chance),
        torch.tensor(3),
    ]


def test_equal_content_has_an_equal_digest() -> None:
    assert digest_of(tensors(), "text") == digest_of(tensors(), "text")


def other_number(index: int) -> Callable[[Tensors], Sequence[torch.Tensor]]:
    def changed(found: Tensors) -> Tensors:
        found[index].view(-1)[-1] += 1
        return found

    return changed


def swapped(one: int, other: int) -> Callable[[Tensors], Sequence[torch.Tensor]]:
    def changed(found: Tensors) -> Tensors:
        found[one], found[other] = found[other], found[one]
        return found

    return changed


@pytest.mark.parametrize(
    "change",
    [
        *map(other_number, range(6)),
        swapped(1, 4),
        swapped(0, 1),
        swapped(3, 4),
        lambda found: found[:-1],
        lambda found: [*found, torch.empty(0)],
        lambda found: [found[0][:-1], torch.cat([found[0][-1:], found[1]]), *found[2:]],
        lambda found: [*found[:3], found[3].view(1, SMALL), *found[4:]],
        lambda found: [*found[:3], found[3].to(torch.int32), *found[4:]],
        lambda found: [*found[:1], found[1].view(torch.int32), *found[2:]],
        lambda found: [*found[:2], found[2].to(memory_format=torch.channels_last), *found[3:]],
        lambda found: [*found[:2], found[2].transpose(2, 3), *found[3:]],
    ],
)
def test_whatever_differs_has_another_digest(
    change: Callable[[Tensors], Sequence[torch.Tensor]],
) -> None:
    assert digest_of(change(tensors())) != digest_of(tensors())


def test_the_text_is_not_taken_for_numbers() -> None:
    assert digest_of([], "ab") != digest_of([], "a")
    byte = torch.tensor([ord("b")], dtype=torch.uint8)
    assert digest_of([byte], "a") != digest_of([], "ab")


def test_nothing_is_changed_and_frozen_or_not_is_all_the_same() -> None:
    found = tensors()
    found[0].requires_grad_()
    assert digest_of(found) == digest_of(tensors())
    assert all(map(torch.equal, found, tensors()))
