"""Target data by name."""

from __future__ import annotations

from workshop.assets import solar_cells
from workshop.assets._errors import unexpected
from workshop.assets.images import ImageData


def load_target_data(
    name: str = solar_cells.NAME,
    split: str = "train",
    *,
    task: str = "defect",
    domain: str = "mono",
    size: int = 96,
    per_class: int | None = None,
) -> ImageData:
    """Give one split of a data set.

    Args:
        name: ``solar_cells``.
        split: ``train`` or ``validation``.
        task: ``defect``, ``type``, ``type_and_defect`` or ``probability``.
        domain: ``mono``, ``poly`` or ``both``.
        size: edge length of the images in pixels.
        per_class: how many of each class; a larger selection contains the smaller ones. All, in the
            proportions of the source, if None.
    """
    if name != solar_cells.NAME:
        raise unexpected("name", solar_cells.NAME, name)
    return solar_cells.load_solar_cells(
        split, task=task, domain=domain, size=size, per_class=per_class
    )
