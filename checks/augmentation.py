"""Does augmentation change what it should, at random, and leave the originals alone?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch

from checks.guard import LearnerError, calling, checked
from checks.models import require_facts
from checks.verdict import Verdict, passed

# augment(images, generator) -> images
Augment = Callable[[torch.Tensor, torch.Generator], object]

# Which axes are turned around, by the number of the flip: none, horizontal, vertical, both.
_FLIPS: tuple[tuple[int, ...], ...] = ((), (-1,), (-2,), (-2, -1))
# Of 200 images a fair coin gives each of the four flips to 50, standard deviation 6: a share
# outside these limits is 4.9 standard deviations away.
_LEAST, _MOST = 0.1, 0.4
_NEEDED = 100
_OTHER_SEEDS = 8


@dataclass(frozen=True)
class AugmentationFacts:
    """What was seen of a learner's function that augments a batch of images.

    Attributes:
        first: what it returned; None if that is no tensor.
        repeated: whether the same seed gave the same again.
        varied: whether at least one of eight other seeds gave something else.
        untouched: whether the images that it was given stayed as they were.
        returned: the type of what was returned.
        failure: the learner's exception, if there was one.
    """

    __pydantic_config__: ClassVar[dict[str, bool]] = {"arbitrary_types_allowed": True}

    first: torch.Tensor | None = None
    repeated: bool = False
    varied: bool = False
    untouched: bool = False
    returned: str = "NoneType"
    failure: LearnerError | None = None


def probe_images(count: int = 200, *, whole: bool = False, seed: int = 0) -> torch.Tensor:
    """Noise ``[count, 3, 6, 8]``, no two images alike and none its own mirror image.

    Args:
        count: how many.
        whole: uint8 instead of float32.
        seed: which ones.
    """
    generator = torch.Generator().manual_seed(seed)
    if whole:
        return torch.randint(0, 256, (count, 3, 6, 8), generator=generator, dtype=torch.uint8)
    return torch.randn(count, 3, 6, 8, generator=generator)


def observe_augmentation(
    augment: Augment, images: torch.Tensor, seed: int = 0
) -> AugmentationFacts:
    """Let ``augment(images, generator)`` augment the images, twice with the same seed.

    It does not raise for the learner's mistakes: they are in the facts, for the judges.

    Args:
        augment: the learner's function.
        images: ``[N, C, H, W]``, each different from its own mirror images.
        seed: of the generator.
    """
    given = [images.clone() for _ in range(2 + _OTHER_SEEDS)]
    # One batch may come out the same with another seed by chance, all of them may not.
    numbers = (seed, seed, *range(seed + 1, seed + 1 + _OTHER_SEEDS))
    try:
        found = [
            _drawn(augment, *each) for each in zip(given, numbers, range(len(given)), strict=True)
        ]
    except LearnerError as error:
        return AugmentationFacts(failure=error)
    first, again, *others = found
    if not isinstance(first, torch.Tensor):
        return AugmentationFacts(returned=type(first).__name__)
    return AugmentationFacts(
        first,
        repeated=_same(first, again),
        varied=not all(_same(first, other) for other in others),
        untouched=all(torch.equal(each, images) for each in given),
        returned=type(first).__name__,
    )


def _drawn(augment: Augment, images: torch.Tensor, seed: int, call: int) -> object:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(call)  # the generator alone should decide
        found = calling(augment, images, torch.Generator().manual_seed(seed))
    # A result may be the very tensor that was given: what happens to that must not reach it.
    return found.detach().clone() if isinstance(found, torch.Tensor) else found


def _same(first: torch.Tensor, other: object) -> bool:
    return isinstance(other, torch.Tensor) and torch.equal(first, other)


def flips_of(found: torch.Tensor, images: torch.Tensor) -> list[int | None]:
    """Which flip of its own image each row is: 0 none, 1 horizontal, 2 vertical, 3 both.

    Args:
        found: ``[N, C, H, W]``.
        images: ``[N, C, H, W]``.

    Returns:
        None for a row that is no flip of the image in that row.
    """
    flipped = [images.flip(axes) for axes in _FLIPS]
    return [
        next((kind for kind, each in enumerate(flipped) if torch.equal(row, each[index])), None)
        for index, row in enumerate(found)
    ]


def _require_flips(facts: AugmentationFacts, images: torch.Tensor) -> list[int]:
    require_facts(facts, AugmentationFacts)
    found = facts.first
    if found is None:
        raise LearnerError(
            "Your function does not return a batch of images.",
            expected="a tensor",
            actual=facts.returned,
            hint="Does it end with `return`?",
        )
    if found.shape != images.shape or found.dtype != images.dtype:
        raise LearnerError(
            "The augmented images have another shape or type.",
            expected=f"{images.dtype} {list(images.shape)}",
            actual=f"{found.dtype} {list(found.shape)}",
            hint="A flip changes where pixels stand, nothing else.",
        )
    flips = flips_of(found, images)
    if None in flips:
        raise LearnerError(_not_a_flip(found, images, flips.index(None)), hint=_HINT)
    return [each for each in flips if each is not None]


_HINT = (
    "Turn an image around along its last axis (horizontal) or the one before (vertical); rows of"
    " the batch stay where they are."
)


def _not_a_flip(found: torch.Tensor, images: torch.Tensor, row: int) -> str:
    flipped = [image.flip(axes) for image in images for axes in _FLIPS]
    if any(torch.equal(found[row], each) for each in flipped):
        return f"Row {row} holds another image of the batch: the labels do not fit any more."
    return f"Row {row} is no flip of its image: its pixels are others, or turned another way."


@checked("data.augmented")
def check_augmented(facts: AugmentationFacts, images: torch.Tensor) -> Verdict:
    """Every row is a flip of its own image, of the same shape and type, and some are flipped.

    Args:
        facts: what :func:`observe_augmentation` saw.
        images: the same as there.
    """
    flips = _require_flips(facts, images)
    if not any(flips):
        raise LearnerError("No image is flipped.", hint="Does the result of .flip() get lost?")
    return passed("data.augmented", "Every image is a flip of itself: its label still fits.")


@checked("data.random")
def check_random_flips(facts: AugmentationFacts, images: torch.Tensor) -> Verdict:
    """Each image is flipped by its own chance, both ways independently, half of the time.

    Args:
        facts: what :func:`observe_augmentation` saw.
        images: the same as there, at least 100.
    """
    if len(images) < _NEEDED:
        raise ValueError(f"Expected at least {_NEEDED} images, but got {len(images)}")
    flips = _require_flips(facts, images)
    counts = [flips.count(kind) for kind in range(len(_FLIPS))]
    shares = [count / len(flips) for count in counts]
    if min(shares) < _LEAST or max(shares) > _MOST:
        names = ("as it was", "horizontally", "vertically", "both ways")
        seen = [f"{name} {each:.0%}" for name, each in zip(names, shares, strict=True)]
        raise LearnerError(
            "The flips are not those of two fair coins for each image.",
            expected="about a quarter of the images each",
            actual=", ".join(seen),
            hint="Draw one number for each image and each direction:"
            " torch.rand(len(images), generator=generator) < 0.5.",
        )
    return passed("data.random", "Each image has its own chance, half and half, both ways.")


@checked("data.repeatable")
def check_repeatable(facts: AugmentationFacts, images: torch.Tensor) -> Verdict:
    """The generator alone decides, and the given images stay as they were.

    Args:
        facts: what :func:`observe_augmentation` saw.
        images: the same as there.
    """
    _require_flips(facts, images)
    if not facts.untouched:
        raise LearnerError(
            "The images that your function was given are changed: the originals are gone.",
            hint="Work on a copy (images.clone()), or build a new tensor (torch.where).",
        )
    if not facts.repeated:
        raise LearnerError(
            "The same seed gives other flips the second time.",
            hint="Hand the generator on: torch.rand(..., generator=generator).",
        )
    if not facts.varied:
        raise LearnerError(
            "Another seed gives the same flips.",
            hint="Draw from the generator that your function is given, without seeding it anew.",
        )
    return passed("data.repeatable", "The generator decides, and the originals are kept.")
