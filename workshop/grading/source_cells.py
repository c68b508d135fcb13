"""The solar cells as their publishers packaged them: labels, parts and decoded images.

Reads the files of ``elpv-dataset``. Only the instructor's side has that package.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from workshop.assets.solar_cells import DOMAINS, STORED_SIZE, Bytes, Cells
from workshop.errors import WorkshopError
from workshop.grading.splits import part_of_each, rank

PACKAGE = "elpv_dataset"
_REMEDY = (
    "Install the instructor's packages again: make setup, or pip install elpv-dataset==1.0.0.post1"
)
# Over the checksums of all images and the labels: one changed byte anywhere is noticed.
CHECKSUM = "a6f8f427344b6bb624777326c70fa26f176c45e0d9184390d23d6f9cec680579"
# Shares of train, validation, held-out and reserve. The rarest class that tasks use is 'mono,
# certainly defective' (313 cells): 100 to train on, 50 to validate, over 80 for each of the others.
SHARES = {"mono": (0.32, 0.16, 0.26, 0.26), "poly": (0.375, 0.125, 0.25, 0.25)}


@dataclass(frozen=True, eq=False)
class SourceCells:
    """All cells, in their fixed random order, without the decoded images.

    Attributes:
        paths: where each cell's image is.
        cells: domain and probability of each.
        parts: the part that each belongs to, one of ``splits.PARTS``.
    """

    paths: list[Path]
    cells: Cells
    parts: list[str]

    def rows(self, part: str) -> list[int]:
        """The rows of one part, in the fixed random order."""
        return [row for row, each in enumerate(self.parts) if each == part]

    def subset(self, rows: Iterable[int]) -> Cells:
        """Domain and probability of some rows."""
        chosen = list(rows)
        return Cells(domains=self.cells.domains[chosen], thirds=self.cells.thirds[chosen])

    def images(self, rows: Iterable[int]) -> Bytes:
        """Decode some rows and average areas down to the stored size, uint8 ``[N, 128, 128]``."""
        with ThreadPoolExecutor(max_workers=2) as pool:
            return np.stack(list(pool.map(_shrunk, [self.paths[row] for row in rows])))


@functools.cache
def source_cells() -> SourceCells:
    """Read labels and content of every cell and decide its part.

    Raises:
        WorkshopError: the package is missing, or is not the one that the parts were made for.
    """
    folder = _folder()
    listed = _listed(folder / "labels.csv")
    digests = [_digest(path) for path, _, _ in listed]
    _verify(digests, folder)
    order = sorted(range(len(listed)), key=lambda row: rank(digests[row]))
    kinds = [DOMAINS[listed[row][1]] for row in order]
    strata = [f"{DOMAINS[listed[row][1]]} {listed[row][2]}" for row in order]
    shares = {stratum: SHARES[kind] for stratum, kind in zip(strata, kinds, strict=True)}
    return SourceCells(
        paths=[listed[row][0] for row in order],
        cells=Cells(
            domains=np.array([listed[row][1] for row in order], dtype=np.uint8),
            thirds=np.array([listed[row][2] for row in order], dtype=np.uint8),
        ),
        parts=part_of_each([rank(digests[row]) for row in order], strata, shares),
    )


def _folder() -> Path:
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise WorkshopError("the source data are not installed", where=PACKAGE, remedy=_REMEDY)
    return Path(found.submodule_search_locations[0]) / "data"


def _listed(path: Path) -> list[tuple[Path, int, int]]:
    """Path, domain and probability in thirds of every cell."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except OSError as error:
        raise WorkshopError(
            f"cannot be read ({error.strerror})", where=path, remedy=_REMEDY
        ) from error
    listed = []
    for line in filter(None, lines):
        name, probability, kind = line.split()
        listed.append((path.parent / name, DOMAINS.index(kind), round(3 * float(probability))))
    return listed


def _digest(path: Path) -> bytes:
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError as error:
        raise WorkshopError(
            f"cannot be read ({error.strerror})", where=path, remedy=_REMEDY
        ) from error


def _verify(digests: list[bytes], folder: Path) -> None:
    joined = hashlib.sha256(_digest(folder / "labels.csv") + b"".join(digests)).hexdigest()
    if joined != CHECKSUM:
        raise WorkshopError(
            f"the source data are not those that the splits were made for (checksum {joined})",
            where=folder,
            remedy=_REMEDY,
        )


def _shrunk(path: Path) -> Bytes:
    with Image.open(path) as image:
        small = image.convert("L").resize((STORED_SIZE, STORED_SIZE), Image.Resampling.BOX)
        return np.asarray(small, dtype=np.uint8)
