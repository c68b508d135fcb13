"""Oxford 102 Flowers: torchvision's data set of photographs, downloaded at first use.

The archives are fetched and verified here and then read by torchvision's own class. Photographs
come in many sizes and take long to decode, so that the squares made of them are kept beside the
archives.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm.auto import tqdm

from workshop.assets._errors import AssetCorrupted, unexpected
from workshop.assets._integrity import write_atomically
from workshop.assets._names import TORCHVISION_PREFIX
from workshop.assets._online import cached_download, torch_home
from workshop.assets.images import (
    Bytes,
    ImageData,
    Labels,
    balanced_count,
    centre_square,
    check_size,
    choose_rows,
    content_id,
)
from workshop.assets.solar_cells import NAME as EMBEDDED

NAME = f"{TORCHVISION_PREFIX}Flowers102"
DEFAULT_SIZE = 224
# Our names of the published splits, and torchvision's.
SPLITS = {"train": "train", "validation": "val", "test": "test"}
# A part of each kept file's name: changes with what is made of a photograph.
_PREPROCESSING = "1"
_ID_PREFIX = "flowers102"
_ID_BYTES = 6
_CHUNK = 1 << 20


def load(split: str, *, size: int, per_class: int | None, balanced: bool) -> ImageData:
    """Give a selection of one of the published splits; see ``load_target_data``.

    Raises:
        ValueError: an argument is outside its allowed values.
        AssetUnavailable: nothing is cached and nothing can be downloaded.
        AssetCorrupted: a cached or downloaded file is not the published one.
    """
    if split not in SPLITS:
        raise unexpected("split", f"one of {', '.join(SPLITS)}", split)
    check_size(size)
    flowers = _published(SPLITS[split])
    photographs, labels = _listed(flowers)
    where = f"the {split} split of {NAME}"
    if per_class is None and balanced:
        per_class = balanced_count(labels, flowers.classes, where=where)
    rows = choose_rows(labels, flowers.classes, per_class, where=where)
    squares = _squares(flowers, [photographs[row] for row in rows], size)
    return ImageData(
        images=torch.from_numpy(squares.pixels),
        labels=torch.from_numpy(labels[rows]),
        ids=squares.ids,
        class_names=tuple(flowers.classes),
    )


class _Squares:
    """Squares of photographs as one block of bytes, so that it is read and written in one go.

    A SHA-256 of all that follows; a digest of each photograph's file; the pixels.

    Attributes:
        block: uint8, all of it.
        digests: uint8 ``[N, 6]``, a part of ``block``.
        pixels: uint8 ``[N, 3, S, S]``, a part of ``block``.
    """

    _CHECKSUM = hashlib.sha256().digest_size

    def __init__(self, block: Bytes, count: int, size: int) -> None:
        start = self._CHECKSUM + count * _ID_BYTES
        self.block = block
        self.digests = block[self._CHECKSUM : start].reshape(count, _ID_BYTES)
        self.pixels = block[start:].reshape(count, 3, size, size)

    @classmethod
    def length(cls, count: int, size: int) -> int:
        """How many bytes the squares of so many photographs take."""
        return cls._CHECKSUM + count * (_ID_BYTES + 3 * size * size)

    @property
    def ids(self) -> list[str]:
        """A name of each photograph that does not depend on the size of its square."""
        return [f"{_ID_PREFIX}-{digest.tobytes().hex()}" for digest in self.digests]

    def checksum(self) -> bytes:
        """The SHA-256 of the content as it is now."""
        return hashlib.sha256(self.block[self._CHECKSUM :].data).digest()

    def seal(self) -> None:
        """Put the checksum in its place."""
        self.block[: self._CHECKSUM] = np.frombuffer(self.checksum(), dtype=np.uint8)

    def is_whole(self) -> bool:
        """Whether the checksum is that of the content."""
        return self.block[: self._CHECKSUM].tobytes() == self.checksum()

    def chunks(self) -> Iterator[bytes]:
        """The block piece by piece, since it may be a gigabyte."""
        for start in range(0, len(self.block), _CHUNK):
            yield self.block[start : start + _CHUNK].tobytes()


def _published(split: str) -> Any:
    """Torchvision's data set of a split, whose items are here a photograph's path and label."""
    from torchvision import datasets  # noqa: PLC0415 - slow to import

    kind = datasets.Flowers102
    root = torch_home() / "datasets"
    folder = root / "flowers-102"
    for file_name, md5 in kind._file_dict.values():
        cached_download(
            kind._download_url_prefix + file_name,
            folder / file_name,
            expected=md5,
            name=NAME,
            default=EMBEDDED,
            algorithm="md5",
        )
    try:
        # The archives are there, so 'download' means no more than unpacking them.
        return kind(root, split=split, download=True, loader=lambda path: path)
    except (RuntimeError, OSError, EOFError, ValueError) as error:
        raise _unreadable(folder, error) from error


def _listed(flowers: Any) -> tuple[list[Path], Labels]:
    """The path of each photograph and its label, int64 ``[N]``."""
    items = [flowers[row] for row in range(len(flowers))]
    return [path for path, _ in items], np.array([label for _, label in items], dtype=np.int64)


def _squares(flowers: Any, photographs: Sequence[Path], size: int) -> _Squares:
    """Squares of the photographs, from the disk if they were made before."""
    published = [md5 for _, md5 in flowers._file_dict.values()]
    folder = torch_home() / "datasets" / "flowers-102"
    names = [path.name for path in photographs]
    content = json.dumps([_PREPROCESSING, size, published, names])
    digest = hashlib.sha256(content.encode()).hexdigest()[:16]
    path = folder / "squares" / f"{len(names)}-images-{size}-pixels-{digest}.bin"
    kept = _kept(path, len(names), size)
    if kept is not None:
        return kept
    try:
        _make_whole(folder / flowers._file_dict["image"][0], photographs)
        made = _decoded(photographs, size)
    except OSError as error:  # Pillow's errors of damaged images are among these
        raise _unreadable(folder, error) from error
    with contextlib.suppress(OSError):  # of a folder that can only be read, or a full disk
        write_atomically(path, made.chunks())
    return made


def _kept(path: Path, count: int, size: int) -> _Squares | None:
    """The squares in a file; None if there is none, or it is damaged."""
    try:
        if path.stat().st_size != _Squares.length(count, size):
            return None
        squares = _Squares(np.fromfile(path, dtype=np.uint8), count, size)
    except (OSError, ValueError):
        return None
    return squares if squares.is_whole() else None


def _make_whole(archive: Path, photographs: Sequence[Path]) -> None:
    """Unpack again what is not as in the archive, whose checksum was verified.

    torchvision looks only whether the folder exists, which also an interrupted unpacking leaves.
    """
    wanted = {path.name: path for path in photographs}
    with tarfile.open(archive, "r|gz") as members:
        for member in members:
            path = wanted.get(Path(member.name).name)
            file = members.extractfile(member) if path is not None else None
            if path is None or file is None:
                continue
            content = file.read()
            if not path.is_file() or path.read_bytes() != content:
                write_atomically(path, [content])


def _decoded(photographs: Sequence[Path], size: int) -> _Squares:
    from torchvision.datasets.folder import pil_loader  # noqa: PLC0415 - slow to import

    count = len(photographs)
    block = np.empty(_Squares.length(count, size), dtype=np.uint8)
    squares = _Squares(block, count, size)
    for row, path in enumerate(tqdm(photographs, desc="decoding", unit="image")):
        name = content_id(_ID_PREFIX, np.fromfile(path, dtype=np.uint8))
        digest = bytes.fromhex(name.rpartition("-")[2])
        squares.digests[row] = np.frombuffer(digest, dtype=np.uint8)
        image = torch.from_numpy(np.array(pil_loader(path))).permute(2, 0, 1)
        squares.pixels[row] = centre_square(image[None], size)[0].numpy()
    squares.seal()
    return squares


def _unreadable(folder: Path, error: Exception) -> AssetCorrupted:
    return AssetCorrupted(
        f"torchvision cannot read {NAME} ({error})",
        where=folder,
        remedy=f"Remove that folder and try again where there is a network. Or use {EMBEDDED!r}.",
    )
