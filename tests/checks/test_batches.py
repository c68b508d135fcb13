"""Batches: right ones, and every way in which they go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from checks.batches import check_changed, check_labels, check_order, observe_batches
from checks.verdict import Status, Verdict


def passes(verdict: Verdict) -> bool:
    assert verdict.status in (Status.PASSED, Status.FAILED), verdict
    return verdict.status is Status.PASSED


LABELS = torch.arange(23) * 5 % 7


def batches(*given: Any) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Independent of the notebook's: PyTorch's own loader."""
    images, labels, size, training, change, generator = given
    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(images, labels),
        batch_size=size,
        shuffle=training,
        generator=generator,
    )
    for some, truth in loader:
        yield (change(some, generator) if training else some), truth


def judged(make: Any, labels: torch.Tensor = LABELS) -> dict[str, bool]:
    training = observe_batches(make, labels, size=5, training=True)
    validation = observe_batches(make, labels, size=5, training=False)
    return {
        "labels": passes(check_labels(training, labels)),
        "validation labels": passes(check_labels(validation, labels)),
        "augmented": passes(check_changed(training, training=True)),
        "left alone": passes(check_changed(validation, training=False)),
        "order": passes(check_order(training, validation)),
    }


def failing(make: Any) -> set[str]:
    return {name for name, right in judged(make).items() if not right}


def test_right_batches_pass_as_generator_and_as_list() -> None:
    assert failing(batches) == set()
    assert failing(lambda *given: list(batches(*given))) == set()


def test_augmentation_of_the_wrong_split_is_told() -> None:
    def always(*given: Any) -> Any:
        images, labels, size, _, change, generator = given
        return [
            (change(images[rows], generator), labels[rows])
            for rows in torch.split(torch.randperm(len(images), generator=generator), size)
        ]

    assert failing(always) == {"left alone", "order"}

    def never(*given: Any) -> Any:
        *first, _, generator = given
        return batches(*first, lambda some, _: some, generator)

    assert failing(never) == {"augmented"}

    def twice(*given: Any) -> Any:
        *first, change, generator = given
        return batches(*first, lambda some, g: change(change(some, g), g), generator)

    assert failing(twice) == {"augmented"}


def test_labels_of_other_images_are_told() -> None:
    def torn(images: Any, labels: Any, *rest: Any) -> Any:
        made = list(batches(images, labels, *rest))
        own = torch.split(labels, 5)
        return [(some, truth) for (some, _), truth in zip(made, own, strict=True)]

    assert failing(torn) == {"labels"}


def test_missing_doubled_and_other_batches_are_told() -> None:
    def cut(*given: Any) -> Any:
        return list(batches(*given))[:-1]

    def doubled(*given: Any) -> Any:
        made = list(batches(*given))
        return [*made, made[0]]

    def larger(images: Any, labels: Any, size: int, *rest: Any) -> Any:
        return batches(images, labels, size + 1, *rest)

    both = {"labels", "validation labels"}
    assert failing(cut) == both
    assert failing(doubled) - {"order"} == both
    assert failing(larger) == both


def test_endless_batches_end() -> None:
    def endless(*given: Any) -> Any:
        while True:
            yield from batches(*given)

    assert "labels" in failing(endless)


@pytest.mark.parametrize(
    "made",
    [
        None,
        [],
        7,
        [torch.zeros(5, 1, 2, 2)],
        [(torch.zeros(5, 1, 2, 2), torch.zeros(4))],
        [(torch.zeros(5), torch.zeros(5))],
        [(torch.zeros(5, 1, 2, 2), [0] * 5)],
        "batches",
    ],
)
def test_something_else_than_pairs_fails(made: object) -> None:
    assert not any(judged(lambda *_: made).values())


def test_exceptions_are_the_learners() -> None:
    def stops(*_: Any) -> Any:
        yield torch.zeros(1, 1, 2, 2), torch.zeros(1)
        raise KeyError

    def calls_wrongly(*given: Any) -> Any:
        _, labels, _, _, change, generator = given
        yield change(labels.tolist(), generator), labels

    for wrong in (stops, calls_wrongly):
        assert not any(judged(wrong).values())


def test_numbers_that_are_no_rows_fail() -> None:
    def noisy(*given: Any) -> Any:
        for images, labels in batches(*given):
            yield images - 3, labels

    assert {"labels", "validation labels"} <= failing(noisy)
