"""The solar cells: which label each task gives them, and the students' file of them.

The engine uses these same functions for held-out cells, so that they differ from the students'
in nothing but which cells they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from workshop.assets._errors import AssetCorrupted, unexpected
from workshop.assets._student_files import Arrays, read_arrays, student_folder
from workshop.assets.images import (
    ImageData,
    Labels,
    balanced_count,
    check_size,
    choose_rows,
    content_id,
    resized,
)

NAME = "solar_cells"
STORED_SIZE = 128
DOMAINS = ("mono", "poly")
STUDENT_SPLITS = ("train", "validation")
# The experts' defect probability comes in thirds: 0, 1/3, 2/3 and 1.
CERTAINLY_INTACT, CERTAINLY_DEFECTIVE = 0, 3
CLASS_NAMES = {
    "defect": ("intact", "defective"),
    "type": DOMAINS,
    "type_and_defect": ("mono intact", "mono defective", "poly intact", "poly defective"),
    "probability": ("0", "1/3", "2/3", "1"),
}

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Cells:
    """What is known of some cells, without their images.

    Attributes:
        domains: uint8 ``[N]``, indexes into ``DOMAINS``.
        thirds: uint8 ``[N]``, three times the defect probability.
    """

    domains: Bytes
    thirds: Bytes

    def labels(self, task: str, domain: str) -> Labels:
        """The label of each cell, -1 where the cell does not belong to the task or domain.

        ``defect`` and ``type_and_defect`` leave out the cells that the experts were unsure of;
        ``type`` and ``probability`` keep them.

        Raises:
            ValueError: no such task or domain.
        """
        if task not in CLASS_NAMES:
            raise unexpected("task", f"one of {', '.join(CLASS_NAMES)}", task)
        if domain not in (*DOMAINS, "both"):
            raise unexpected("domain", f"one of {', '.join(DOMAINS)}, both", domain)
        defect = (self.thirds == CERTAINLY_DEFECTIVE).astype(np.int64)
        sure = (self.thirds == CERTAINLY_INTACT) | (self.thirds == CERTAINLY_DEFECTIVE)
        kind = self.domains.astype(np.int64)
        labels, belongs = {
            "defect": (defect, sure),
            "type": (kind, np.ones_like(sure)),
            "type_and_defect": (2 * kind + defect, sure),
            "probability": (self.thirds.astype(np.int64), np.ones_like(sure)),
        }[task]
        if domain != "both":
            belongs = belongs & (kind == DOMAINS.index(domain))
        return np.where(belongs, labels, -1)


def as_image_data(
    images: Bytes, domains: Bytes, labels: Labels, *, task: str, size: int
) -> ImageData:
    """Join chosen cells to image data of the asked size.

    Args:
        images: uint8 ``[N, 128, 128]``, as stored.
        domains: uint8 ``[N]``.
        labels: int64 ``[N]``.
        task: a key of ``CLASS_NAMES``.
        size: edge length of the result in pixels.
    """
    return ImageData(
        images=resized(torch.from_numpy(images)[:, None], size),
        labels=torch.from_numpy(labels),
        ids=[content_id(DOMAINS[each], image) for each, image in zip(domains, images, strict=True)],
        class_names=CLASS_NAMES[task],
    )


def load_solar_cells(
    split: str, *, task: str, domain: str, size: int, per_class: int | None, balanced: bool = False
) -> ImageData:
    """Read a selection from the students' file; see ``load_target_data``."""
    if split not in STUDENT_SPLITS:
        raise unexpected("split", f"one of {', '.join(STUDENT_SPLITS)}", split)
    check_size(size)
    stored = _checked(read_arrays(NAME))
    rows = np.flatnonzero(stored["split"] == STUDENT_SPLITS.index(split))
    cells = Cells(domains=stored["domain"][rows], thirds=stored["thirds"][rows])
    labels = cells.labels(task, domain)
    where = f"the {split} split of {NAME} (domain {domain})"
    if per_class is None and balanced:
        per_class = balanced_count(labels, CLASS_NAMES[task], where=where)
    chosen = choose_rows(labels, CLASS_NAMES[task], per_class, where=where)
    return as_image_data(
        stored["images"][rows[chosen]],
        cells.domains[chosen],
        labels[chosen],
        task=task,
        size=size,
    )


def _checked(arrays: Arrays) -> dict[str, npt.NDArray[Any]]:
    """Make sure that the arrays belong together, before anything indexes into them."""
    count = len(arrays["images"]) if "images" in arrays else 0
    expected = {
        "images": (count, STORED_SIZE, STORED_SIZE),
        "split": (count,),
        "domain": (count,),
        "thirds": (count,),
    }
    for key, shape in expected.items():
        if key not in arrays or arrays[key].shape != shape or arrays[key].dtype != np.uint8:
            raise AssetCorrupted(
                f"the array {key!r} is not uint8 {list(shape)}",
                where=student_folder() / f"{NAME}.npz",
                remedy="The file is from another version: install the student package again.",
            )
    return dict(arrays)
