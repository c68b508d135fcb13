"""Target data by name."""

from __future__ import annotations

from typing import Literal, overload

from workshop.assets import flowers, short_texts, solar_cells, torchvision_data, tweet_sentiment
from workshop.assets._errors import unexpected
from workshop.assets.images import ImageData
from workshop.assets.texts import TextData

DEFAULT_SIZE = 96


# A literal is a str too, so mypy warns of a type that a plain str could hide; callers of texts
# write the name out.
@overload
def load_target_data(  # type: ignore[overload-overlap]
    name: Literal["short_texts", "tweet_sentiment"],
    split: str = "train",
    *,
    per_class: int | None = None,
    balanced: bool = False,
) -> TextData: ...


@overload
def load_target_data(
    name: str = solar_cells.NAME,
    split: str = "train",
    *,
    task: str | None = None,
    domain: str | None = None,
    size: int | None = None,
    per_class: int | None = None,
    balanced: bool = False,
) -> ImageData: ...


def load_target_data(
    name: str = solar_cells.NAME,
    split: str = "train",
    *,
    task: str | None = None,
    domain: str | None = None,
    size: int | None = None,
    per_class: int | None = None,
    balanced: bool = False,
) -> ImageData | TextData:
    """Give one split of a data set.

    Args:
        name: ``solar_cells``, ``short_texts``, or ``torchvision/Flowers102``, ``tweet_sentiment``
            and others, which are downloaded at first use; ``list_assets`` names them all.
        split: ``train`` or ``validation``; those that are downloaded also have ``test``.
        task: of ``solar_cells`` only: ``defect`` (the default), ``type``, ``type_and_defect`` or
            ``probability``.
        domain: of ``solar_cells`` only: ``mono`` (the default), ``poly`` or ``both``.
        size: edge length of the images in pixels; if None 224 for ``torchvision/Flowers102``,
            whose photographs are resized by their shorter edge and cut to the square in the middle,
            and 96 for others. Texts have none.
        per_class: how many of each class; a larger selection contains the smaller ones. All, in the
            proportions of the source, if None.
        balanced: as many of each class as the rarest one has. Ignored when ``per_class`` is given.

    Raises:
        ValueError: an argument is outside its allowed values, or does not apply to that data set.
        AssetUnavailable: the data are not on this machine and cannot be fetched.
        AssetCorrupted: a file does not have the content that it was published with.
    """
    if name != solar_cells.NAME:
        _refuse(name, task=task, domain=domain)
    if name == short_texts.NAME:
        _refuse(name, size=size)
        return short_texts.load_short_texts(split, per_class=per_class, balanced=balanced)
    if name == flowers.NAME:
        size = flowers.DEFAULT_SIZE if size is None else size
        return flowers.load(split, size=size, per_class=per_class, balanced=balanced)
    if name == tweet_sentiment.NAME:
        _refuse(name, size=size)
        return tweet_sentiment.load(split, per_class=per_class, balanced=balanced)
    size = DEFAULT_SIZE if size is None else size
    if name == solar_cells.NAME:
        return solar_cells.load_solar_cells(
            split,
            task="defect" if task is None else task,
            domain="mono" if domain is None else domain,
            size=size,
            per_class=per_class,
            balanced=balanced,
        )
    if torchvision_data.is_known(name):
        return torchvision_data.load(name, split, size=size, per_class=per_class, balanced=balanced)
    known = ", ".join(
        [
            solar_cells.NAME,
            short_texts.NAME,
            flowers.NAME,
            tweet_sentiment.NAME,
            *torchvision_data.DATASETS,
        ]
    )
    raise unexpected("name", f"one of {known}", name)


def _refuse(name: str, **arguments: object) -> None:
    for argument, value in arguments.items():
        if value is not None:
            raise unexpected(argument, f"left out, since {name} has no such choice", value)
