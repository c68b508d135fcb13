"""Labelled images, and the one way they are resized and normalised."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from workshop.assets._errors import is_whole_number, unexpected
from workshop.assets._names import EFFICIENTNET_LITE0, TIMM_ONLINE, TORCHVISION_PREFIX

Labels = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

SMALLEST, LARGEST = 16, 512
_HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@dataclass(frozen=True, eq=False)
class ImageData:
    """Images with labels, always in the same order.

    Attributes:
        images: uint8 ``[N, C, S, S]``; one channel for grey images, three for colour.
        labels: int64 ``[N]``, indexes into ``class_names``.
        ids: one name for each image, made of its content: equal images have equal ids.
        class_names: what each label means.
        source_model: whose normalisation ``inputs`` applies if it is not told another one.
    """

    images: torch.Tensor
    labels: torch.Tensor
    ids: list[str]
    class_names: tuple[str, ...]
    source_model: str = EFFICIENTNET_LITE0

    def __len__(self) -> int:
        return len(self.labels)

    def for_model(self, source_model: str) -> ImageData:
        """The same images, whose ``inputs`` are those of another source model.

        Args:
            source_model: the name of a source model whose normalisation is known.

        Raises:
            ValueError: the normalisation of that model is not known here.
        """
        normalisation(source_model)
        return replace(self, source_model=source_model)

    def inputs(
        self,
        source_model: str | None = None,
        *,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
    ) -> torch.Tensor:
        """The images as a source model wants them: float32 ``[N, 3, S, S]``.

        Args:
            source_model: the name of a source model whose normalisation is known; the embedded one,
                or that of ``for_model``, if None.
            mean: instead of that, the mean of each channel, on a scale from 0 to 1.
            std: and the standard deviation of each channel; give both or neither.

        Raises:
            ValueError: the normalisation of that model is not known here.
        """
        if mean is None and std is None:
            mean, std = normalisation(source_model or self.source_model)
        if mean is None or std is None:
            raise ValueError("Expected both of `mean` and `std`, or neither.")
        scaled = self.images.to(torch.float32) / 255
        three = scaled.expand(-1, 3, -1, -1)
        return (three - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]


def normalisation(source_model: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel that a source model was trained with."""
    if source_model == EFFICIENTNET_LITE0:
        return _HALF
    if source_model in TIMM_ONLINE or source_model.startswith(TORCHVISION_PREFIX):
        return _IMAGENET
    known = ", ".join(map(repr, (EFFICIENTNET_LITE0, *TIMM_ONLINE)))
    raise unexpected(
        "source_model",
        f"{known} or '{TORCHVISION_PREFIX}...' (for another model give `mean` and `std`)",
        source_model,
    )


def check_size(size: int) -> None:
    """Raise ValueError unless ``size`` is an edge length that images can be resized to."""
    if not is_whole_number(size) or not SMALLEST <= size <= LARGEST:
        raise unexpected("size", f"a whole number from {SMALLEST} to {LARGEST}", size)


def resized(images: torch.Tensor, size: int) -> torch.Tensor:
    """Resize uint8 images ``[N, C, H, W]`` to ``[N, C, size, size]``.

    Bilinear with antialiasing, in floating point: PyTorch's faster way for whole numbers gives
    other grey values on processors with other vector instructions.
    """
    check_size(size)
    if images.shape[-2:] == (size, size):
        return images
    return _blended(images, size, size)


def centre_square(images: torch.Tensor, size: int) -> torch.Tensor:
    """Make squares of uint8 images ``[N, C, H, W]``: ``[N, C, size, size]``.

    The shorter edge is resized to ``size`` as by ``resized``, the longer one in proportion, and its
    middle is kept: what ``Resize(size)`` and ``CenterCrop(size)`` of torchvision give.
    """
    check_size(size)
    height, width = images.shape[-2:]
    shorter = min(height, width)
    # Rounded as torchvision does.
    tall, wide = int(size * height / shorter), int(size * width / shorter)
    top, left = round((tall - size) / 2), round((wide - size) / 2)
    return _blended(images, tall, wide)[..., top : top + size, left : left + size]


def _blended(images: torch.Tensor, height: int, width: int) -> torch.Tensor:
    blended = functional.interpolate(
        images.to(torch.float32), size=(height, width), mode="bilinear", antialias=True
    )
    return blended.round().clamp(0, 255).to(torch.uint8)


def choose_rows(
    labels: Labels, class_names: Sequence[str], per_class: int | None, *, where: str
) -> npt.NDArray[np.intp]:
    """The rows of a selection, in the order that they have.

    Args:
        labels: ``[N]``; -1 for rows that do not belong to the task.
        class_names: what each label means.
        per_class: how many of each class, taken from the front; all of them if None.
        where: what is selected from, for the message.

    Raises:
        ValueError: a class has fewer rows than asked for.
    """
    if per_class is None:
        return np.flatnonzero(labels >= 0)
    if not is_whole_number(per_class) or per_class < 1:
        raise unexpected("per_class", "a positive whole number, or None for all", per_class)
    chosen = []
    for label, class_name in enumerate(class_names):
        rows = np.flatnonzero(labels == label)
        if len(rows) < per_class:
            raise unexpected(
                "per_class",
                f"at most {len(rows)}, the number of {class_name} in {where}",
                per_class,
            )
        chosen.append(rows[:per_class])
    return np.sort(np.concatenate(chosen))


def balanced_count(labels: Labels, class_names: Sequence[str], *, where: str) -> int:
    """How many the rarest class has.

    Args:
        labels: ``[N]``; -1 for rows that do not belong to the task.
        class_names: what each label means.
        where: what is selected from, for the message.

    Raises:
        ValueError: a class has none.
    """
    counts = np.bincount(labels[labels >= 0], minlength=len(class_names))
    if not counts.all():
        missing = class_names[int(counts.argmin())]
        raise ValueError(f"{where} has no {missing}, so its classes cannot be balanced.")
    return int(counts.min())


def content_id(prefix: str, image: npt.NDArray[np.uint8]) -> str:
    """A name made of an image's content: 12 hexadecimal digits after the prefix."""
    return f"{prefix}-{hashlib.sha256(image.tobytes()).hexdigest()[:12]}"
