"""Held-out data: what learners' models are measured on and learners have no labels for.

Taken from the source packages each time. There is no file of held-out data that could be copied
to the wrong place.
"""

from __future__ import annotations

import functools
import itertools
from typing import Any, Literal, overload

import torch

from workshop.assets import ImageData, TextData, load_target_data, short_texts
from workshop.assets import solar_cells as cells
from workshop.assets.images import balanced_count, check_size, choose_rows
from workshop.grading.source_cells import source_cells
from workshop.grading.source_texts import source_texts
from workshop.grading.splits import HELD_OUT_PARTS, rank


# A literal is a str too; as in ``assets.load_target_data``, callers of texts write the name out.
@overload
def load_held_out(  # type: ignore[overload-overlap]
    name: Literal["short_texts"],
    part: str = "held_out",
    *,
    per_class: int | None = None,
    balanced: bool = True,
) -> TextData: ...


@overload
def load_held_out(
    name: str = "solar_cells",
    part: str = "held_out",
    *,
    task: str = "defect",
    domain: str = "mono",
    size: int = 96,
    per_class: int | None = None,
    balanced: bool = True,
) -> ImageData: ...


def load_held_out(
    name: str = "solar_cells",
    part: str = "held_out",
    *,
    task: str = "defect",
    domain: str = "mono",
    size: int = 96,
    per_class: int | None = None,
    balanced: bool = True,
) -> ImageData | TextData:
    """Examples with labels that no learner has.

    Preprocessing is that of ``assets.load_target_data``, call for call.

    Args:
        name: the data set, ``solar_cells`` or ``short_texts``.
        part: ``held_out``, or ``reserve`` for what a close result is measured on again.
        task: of ``solar_cells`` only, as in ``load_target_data``.
        domain: of ``solar_cells`` only, as in ``load_target_data``.
        size: edge length of images in pixels.
        per_class: how many of each class; the default is decided by ``balanced``.
        balanced: as many of each class as the rarest one has. Otherwise all, in the proportions
            that the source has. Ignored when ``per_class`` is given.

    Raises:
        ValueError: an argument is outside its allowed values.
        WorkshopError: the source data are missing or changed.
    """
    if part not in HELD_OUT_PARTS:
        raise ValueError(
            f"Expected argument `part` to be one of {', '.join(HELD_OUT_PARTS)}, but got {part!r}."
        )
    if name == cells.NAME:
        return _cells(part, task, domain, size=size, per_class=per_class, balanced=balanced)
    if name == short_texts.NAME:
        return _texts(part, per_class=per_class, balanced=balanced)
    raise ValueError(
        f"Expected argument `name` to be {cells.NAME!r} or {short_texts.NAME!r}, but got {name!r}."
    )


def load_public_test(
    name: str, part: str = "held_out", *, per_class: int, size: int | None = None
) -> ImageData | TextData:
    """Examples of a public data set's test split, whose labels are no secret.

    Which example belongs to which part is decided by content, as everywhere in the workshop.

    Args:
        name: the data set, as for ``assets.load_target_data``.
        part: ``held_out``, or ``reserve`` for what a close result is measured on again. No content
            is in both.
        per_class: how many of each class, in each part; the split needs twice as many.
        size: edge length of images in pixels; None for texts.

    Raises:
        ValueError: an argument is outside its allowed values, or the split is too small.
        AssetError: the data are not on this machine and cannot be fetched, or are damaged.
    """
    if part not in HELD_OUT_PARTS:
        raise ValueError(
            f"Expected argument `part` to be one of {', '.join(HELD_OUT_PARTS)}, but got {part!r}."
        )
    sizes: dict[str, Any] = {} if size is None else {"size": size}
    data: ImageData | TextData = load_target_data(name, "test", per_class=2 * per_class, **sizes)
    chosen = _halves(data)[HELD_OUT_PARTS.index(part)]
    rows = torch.tensor(chosen)
    common = ([data.ids[row] for row in chosen], data.class_names)
    if isinstance(data, ImageData):
        return ImageData(data.images[rows], data.labels[rows], *common)
    return TextData([data.texts[row] for row in chosen], data.labels[rows], *common)


def _halves(data: ImageData | TextData) -> tuple[list[int], list[int]]:
    """The rows of both parts: of each class one half. What is in the first is not in the second."""
    first: list[int] = []
    second: list[int] = []
    for label in range(len(data.class_names)):
        rows = torch.where(data.labels == label)[0].tolist()
        rows.sort(key=lambda row: rank(data.ids[row].encode()))
        first += rows[: len(rows) // 2]
        second += rows[len(rows) // 2 :]
    known = {data.ids[row] for row in first}
    return sorted(first), sorted(row for row in second if data.ids[row] not in known)


def held_out_labels() -> dict[str, list[int]]:
    """Every sequence of held-out labels in its own order, by name, for the leak scan.

    Raises:
        WorkshopError: the source data are missing or changed.
    """
    images, texts = source_cells(), source_texts()
    found = {}
    for part in HELD_OUT_PARTS:
        known = images.subset(images.rows(part))
        for task, domain in itertools.product(cells.CLASS_NAMES, (*cells.DOMAINS, "both")):
            labels = known.labels(task, domain)
            found[f"{domain} {task}, {part}"] = labels[labels >= 0].tolist()
        found[f"{short_texts.NAME}, {part}"] = texts.labels[texts.rows(part)].tolist()
    # Within one domain all labels of the task 'type' are the same, which is no secret.
    return {name: labels for name, labels in found.items() if len(set(labels)) > 1}


@functools.lru_cache(maxsize=16)
def _cells(
    part: str, task: str, domain: str, *, size: int, per_class: int | None, balanced: bool
) -> ImageData:
    check_size(size)
    source = source_cells()
    rows = source.rows(part)
    known = source.subset(rows)
    labels = known.labels(task, domain)
    where = f"the {part} part of {cells.NAME} (domain {domain})"
    if per_class is None and balanced:
        per_class = balanced_count(labels, cells.CLASS_NAMES[task], where=where)
    chosen = choose_rows(labels, cells.CLASS_NAMES[task], per_class, where=where)
    return cells.as_image_data(
        source.images(rows[row] for row in chosen),
        known.domains[chosen],
        labels[chosen],
        task=task,
        size=size,
    )


@functools.lru_cache(maxsize=16)
def _texts(part: str, *, per_class: int | None, balanced: bool) -> TextData:
    source = source_texts()
    rows = source.rows(part)
    labels = source.labels[rows]
    where = f"the {part} part of {short_texts.NAME}"
    if per_class is None and balanced:
        per_class = balanced_count(labels, short_texts.CLASS_NAMES, where=where)
    chosen = choose_rows(labels, short_texts.CLASS_NAMES, per_class, where=where)
    return short_texts.as_text_data(source.chosen(rows[row] for row in chosen), labels[chosen])
