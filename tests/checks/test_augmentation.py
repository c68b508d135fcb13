"""Augmentation and batches: right ones, and every way in which they go wrong."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from scipy import stats

from checks.augmentation import (
    check_augmented,
    check_random_flips,
    check_repeatable,
    flips_of,
    observe_augmentation,
    probe_images,
)
from checks.verdict import Status, Verdict

transforms = pytest.importorskip("torchvision.transforms.v2.functional")


def passes(verdict: Verdict) -> bool:
    assert verdict.status in (Status.PASSED, Status.FAILED), verdict
    return verdict.status is Status.PASSED


def verdicts(augment: Any, images: torch.Tensor) -> list[bool]:
    """Whether the function flips, flips at random, and is repeatable."""
    seen = observe_augmentation(augment, images)
    checks = (check_augmented, check_random_flips, check_repeatable)
    return [passes(check(seen, images)) for check in checks]


def coins(count: int, generator: torch.Generator, chance: float = 0.5) -> torch.Tensor:
    return torch.rand(count, generator=generator) < chance


def augment(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Independent of the checks: torchvision's flips, image by image."""
    across, down = coins(len(images), generator), coins(len(images), generator)
    result = []
    for image, first, second in zip(images, across, down, strict=True):
        turned = transforms.horizontal_flip(image) if first else image
        result.append(transforms.vertical_flip(turned) if second else turned)
    return torch.stack(result)


@pytest.mark.parametrize("whole", [False, True])
def test_right_augmentation_passes(whole: bool) -> None:
    assert verdicts(augment, probe_images(whole=whole)) == [True, True, True]


def test_flips_are_those_of_torchvision() -> None:
    images = probe_images(4)
    turned = torch.stack(
        [
            images[0],
            transforms.horizontal_flip(images[1]),
            transforms.vertical_flip(images[2]),
            transforms.vertical_flip(transforms.horizontal_flip(images[3])),
        ]
    )
    assert flips_of(turned, images) == [0, 1, 2, 3]
    assert flips_of(images.roll(1, dims=-1), images) == [None] * 4


@pytest.mark.parametrize("seed", range(20))
def test_fair_coins_pass_with_every_seed(seed: int) -> None:
    images = probe_images()
    seen = observe_augmentation(augment, images, seed=seed)
    assert passes(check_random_flips(seen, images))


def test_limits_of_chance_are_as_wide_as_the_docstring_says() -> None:
    # The chance that one of the four counts of 200 fair draws lies outside 20 to 80.
    outside = stats.binom.cdf(19, 200, 0.25) + stats.binom.sf(80, 200, 0.25)
    assert 4 * outside < 1e-5


@pytest.mark.parametrize("chance", [0.0, 0.1, 0.9])
def test_unfair_coins_fail(chance: float) -> None:
    def unfair(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        for axis in (-1, -2):
            chosen = coins(len(images), generator, chance)
            images = torch.where(chosen[:, None, None, None], images.flip(axis), images)
        return images

    found = verdicts(unfair, probe_images())
    assert found[1] is False
    assert found[0] is (chance > 0)


def test_one_coin_for_both_directions_or_for_the_whole_batch_fails() -> None:
    def together(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        chosen = coins(len(images), generator)
        return torch.where(chosen[:, None, None, None], images.flip((-2, -1)), images)

    def whole(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        for axis in (-1, -2):
            if torch.randint(0, 2, (), generator=generator):
                images = images.flip(axis)
        return images

    assert verdicts(together, probe_images()) == [True, False, True]
    for seed in range(8):
        seen = observe_augmentation(whole, probe_images(), seed=seed)
        assert not passes(check_random_flips(seen, probe_images()))
        assert passes(check_repeatable(seen, probe_images()))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda images, _: images.flip(0),
        lambda images, _: images.flip(1),
        lambda images, _: images.roll(1, dims=0),
        lambda images, _: images.transpose(-2, -1),
        lambda images, _: images + 0.01,
        lambda images, _: images.double(),
        lambda images, _: images[:-1],
        lambda images, _: images[0],
        lambda images, _: None,
        lambda images, _: images.numpy(),
        lambda images, _: images * float("nan"),
        lambda images, _: 1 / 0,
    ],
)
def test_anything_but_flips_fails_in_every_way(wrong: Any) -> None:
    assert verdicts(wrong, probe_images()) == [False, False, False]


def test_another_images_place_is_told_from_other_pixels() -> None:
    images = probe_images()
    moved = check_augmented(observe_augmentation(lambda x, _: x.flip(0), images), images)
    noisy = check_augmented(observe_augmentation(lambda x, _: x + 1, images), images)
    assert "label" in moved.rationale
    assert "label" not in noisy.rationale


def test_images_changed_in_place_fail() -> None:
    def in_place(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        images.copy_(augment(images, generator))
        return images

    assert verdicts(in_place, probe_images()) == [True, True, False]


def test_another_source_of_chance_fails() -> None:
    def free(images: torch.Tensor, _: torch.Generator) -> torch.Tensor:
        return augment(images, torch.default_generator)

    def fixed(images: torch.Tensor, _: torch.Generator) -> torch.Tensor:
        return augment(images, torch.Generator().manual_seed(0))

    assert verdicts(free, probe_images()) == [True, True, False]
    assert verdicts(fixed, probe_images()) == [True, True, False]


def test_too_few_images_are_our_mistake() -> None:
    images = probe_images(20)
    seen = observe_augmentation(augment, images)
    assert check_random_flips(seen, images).status is Status.ERROR
