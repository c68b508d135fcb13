"""A digest tells apart all that computations tell apart, asked for the first time or again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import nn

from workshop.recall.parts import Parts
from workshop.recall.question import digest_of, question_about

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


def small_model() -> nn.Sequential:
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU6(), nn.Dropout(0.5), nn.Sequential()]
    return nn.Sequential(*layers, nn.AvgPool2d(2))


def asked(model: nn.Module) -> bytes | None:
    return question_about(Parts.of(model), "forward", torch.ones(1, 3, 8, 8))


def test_the_same_model_is_the_same_question_again_and_in_another_copy() -> None:
    model = small_model()
    first = asked(model)
    assert first is not None
    assert asked(model) == first
    assert asked(small_model()) == first


@pytest.mark.parametrize(
    "change",
    [
        lambda model: model.eval(),
        lambda model: setattr(model[1], "momentum", 0.2),
        lambda model: setattr(model[1], "eps", 1e-4),
        lambda model: setattr(model[0], "stride", (2, 2)),
        lambda model: setattr(model[3], "p", 0.25),
        lambda model: setattr(model[2], "__class__", nn.ReLU),
        lambda model: setattr(model[2], "inplace", 0),
        lambda model: setattr(model[5], "kernel_size", [4]),
        lambda model: setattr(model[0], "bias", None),
        lambda model: model[4].append(nn.Identity()),
        lambda model: model[0].requires_grad_(False),
        lambda model: model[1].running_mean.add_(1),
        lambda model: setattr(model[0], "another", 1),
    ],
)
def test_a_model_that_was_changed_is_another_question(
    change: Callable[[nn.Sequential], object],
) -> None:
    model = small_model()
    before = asked(model)
    change(model)
    assert asked(model) != before
    changed_at_once = small_model()
    change(changed_at_once)
    assert asked(changed_at_once) == asked(model)


def test_what_is_in_a_list_is_read_each_time() -> None:
    model = small_model()
    sizes = [2]
    setattr(model[5], "kernel_size", sizes)  # noqa: B010 - no type of PyTorch's
    before = asked(model)
    sizes[0] = 4
    assert asked(model) != before


def test_parts_are_pytorchs_in_its_order() -> None:
    shared = nn.Linear(2, 2)
    model = nn.Sequential(nn.Sequential(shared, nn.BatchNorm1d(2)), shared, nn.ReLU())
    model.register_module("nothing", None)
    model.append(model[0])
    parts = Parts.of(model)
    assert [*parts.modules.items()] == [*model.named_modules()]
    assert [*parts.parameters] == [name for name, _ in model.named_parameters()]
    assert [*parts.buffers] == [name for name, _ in model.named_buffers()]
