"""Held-out data: what learners' models are measured on and learners have no labels for.

Taken from the source packages each time. There is no file of held-out data that could be copied
to the wrong place.
"""

from __future__ import annotations

import functools

import numpy as np

from workshop.assets import ImageData
from workshop.assets import solar_cells as cells
from workshop.assets.images import check_size, choose_rows
from workshop.grading.source_cells import source_cells
from workshop.grading.splits import HELD_OUT_PARTS


@functools.lru_cache(maxsize=16)
def load_held_out(
    name: str = "solar_cells",
    part: str = "held_out",
    *,
    task: str = "defect",
    domain: str = "mono",
    size: int = 96,
    per_class: int | None = None,
    balanced: bool = True,
) -> ImageData:
    """Images with labels that no learner has.

    Preprocessing is that of ``assets.load_target_data``, call for call.

    Args:
        name: the data set; only ``solar_cells`` has images.
        part: ``held_out``, or ``reserve`` for what a close result is measured on again.
        task: as in ``load_target_data``.
        domain: as in ``load_target_data``.
        size: edge length in pixels.
        per_class: how many of each class; the default is decided by ``balanced``.
        balanced: as many of each class as the rarest one has. Otherwise all, in the proportions
            that the source has. Ignored when ``per_class`` is given.

    Raises:
        ValueError: an argument is outside its allowed values.
        WorkshopError: the source data are missing or changed.
    """
    if name != cells.NAME:
        raise ValueError(f"Expected argument `name` to be {cells.NAME!r}, but got {name!r}.")
    if part not in HELD_OUT_PARTS:
        raise ValueError(
            f"Expected argument `part` to be one of {', '.join(HELD_OUT_PARTS)}, but got {part!r}."
        )
    check_size(size)
    source = source_cells()
    rows = source.rows(part)
    known = source.subset(rows)
    labels = known.labels(task, domain)
    if per_class is None and balanced:
        per_class = int(np.bincount(labels[labels >= 0]).min())
    where = f"the {part} part of {name} (domain {domain})"
    chosen = choose_rows(labels, cells.CLASS_NAMES[task], per_class, where=where)
    return cells.as_image_data(
        source.images(rows[row] for row in chosen),
        known.domains[chosen],
        labels[chosen],
        task=task,
        size=size,
    )
