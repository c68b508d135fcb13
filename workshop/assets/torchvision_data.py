"""torchvision's data sets of small images, downloaded at first use.

The archives are fetched and verified here and then read by torchvision's own classes. They lie in
``TORCH_HOME/datasets``.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from workshop.assets._errors import AssetCorrupted, unexpected
from workshop.assets._names import TORCHVISION_PREFIX
from workshop.assets._online import cached_download, torch_home
from workshop.assets._splits import validates
from workshop.assets.images import (
    Bytes,
    ImageData,
    Labels,
    balanced_count,
    check_size,
    choose_rows,
    content_id,
    resized,
)

SPLITS = ("train", "validation", "test")
EMBEDDED = "solar_cells"


@dataclass(frozen=True)
class _Known:
    title: str
    size: str
    licence: str
    citation: str


DATASETS = {
    "torchvision/CIFAR10": _Known(
        "CIFAR-10",
        "60,000 colour images of 32 x 32 pixels, 10 classes, 170 MB",
        "none stated by its makers, who ask to be cited",
        "Krizhevsky: Learning Multiple Layers of Features from Tiny Images. 2009",
    ),
    "torchvision/CIFAR100": _Known(
        "CIFAR-100",
        "60,000 colour images of 32 x 32 pixels, 100 classes, 169 MB",
        "none stated by its makers, who ask to be cited",
        "Krizhevsky: Learning Multiple Layers of Features from Tiny Images. 2009",
    ),
    "torchvision/FashionMNIST": _Known(
        "Fashion-MNIST",
        "70,000 grey images of 28 x 28 pixels, 10 classes, 31 MB",
        "MIT",
        "Xiao, Rasul and Vollgraf: Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine "
        "Learning Algorithms. 2017",
    ),
    "torchvision/KMNIST": _Known(
        "Kuzushiji-MNIST",
        "70,000 grey images of 28 x 28 pixels, 10 classes, 21 MB",
        "CC BY-SA 4.0",
        "Clanuwat et al.: Deep Learning for Classical Japanese Literature. 2018",
    ),
}


def is_known(name: str) -> bool:
    """Whether this is one of ``DATASETS``."""
    return name in DATASETS


def load(name: str, split: str, *, size: int, per_class: int | None, balanced: bool) -> ImageData:
    """Give a selection of a data set; see ``load_target_data``.

    Raises:
        ValueError: an argument is outside its allowed values.
        AssetUnavailable: nothing is cached and nothing can be downloaded.
        AssetCorrupted: a cached or downloaded archive is not the published one.
    """
    if split not in SPLITS:
        raise unexpected("split", f"one of {', '.join(SPLITS)}", split)
    check_size(size)
    # Images that cannot be told apart by their names lie in one order for everyone.
    images, labels, class_names = _read(name, train=split != "test")
    ids = [content_id(name.partition("/")[2].lower(), image) for image in images]
    rows = _rows_of(split, ids)
    where = f"the {split} split of {name}"
    if per_class is None and balanced:
        per_class = balanced_count(labels[rows], class_names, where=where)
    chosen = rows[choose_rows(labels[rows], class_names, per_class, where=where)]
    return ImageData(
        images=resized(_channels_first(images[chosen]), size),
        labels=torch.from_numpy(labels[chosen]),
        ids=[ids[row] for row in chosen],
        class_names=tuple(class_names),
    )


def _rows_of(split: str, ids: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    if split == "test":
        return np.arange(len(ids))
    return np.flatnonzero(validates(ids) == (split == "validation"))


def _read(name: str, *, train: bool) -> tuple[Bytes, Labels, list[str]]:
    """Images ``[N, H, W]`` or ``[N, H, W, 3]`` as published, their labels, and the classes."""
    from torchvision import datasets  # noqa: PLC0415 - slow to import

    dataset_class = getattr(datasets, name.removeprefix(TORCHVISION_PREFIX))
    root = torch_home() / "datasets"
    _fetch(dataset_class, root, name)
    try:
        # The archives are there, so 'download' means no more than unpacking them.
        dataset = dataset_class(root, train=train, download=True)
    except (RuntimeError, OSError, EOFError, ValueError) as error:
        raise AssetCorrupted(
            f"torchvision cannot read {name} ({error})",
            where=root,
            remedy=f"Remove its files in that folder and try again. Or use {EMBEDDED!r}.",
        ) from error
    images = np.asarray(dataset.data, dtype=np.uint8)
    return images, np.asarray(dataset.targets, dtype=np.int64), list(dataset.classes)


def _fetch(dataset_class: Any, root: Path, name: str) -> None:
    """Make sure that the archives are there and whole, and nothing unpacked from them is damaged.

    torchvision checks the unpacked files of CIFAR each time, but those of MNIST's relatives never.
    """
    if hasattr(dataset_class, "tgz_md5"):
        archive = root / dataset_class.filename
        _archive(dataset_class.url, archive, dataset_class.tgz_md5, name)
        return
    folder = root / dataset_class.__name__ / "raw"
    for file_name, md5 in dataset_class.resources:
        archive = folder / file_name
        _archive(dataset_class.mirrors[0] + file_name, archive, md5, name)
        unpacked = archive.with_suffix("")
        if unpacked.exists() and unpacked.read_bytes() != gzip.decompress(archive.read_bytes()):
            unpacked.unlink()


def _archive(url: str, path: Path, md5: str, name: str) -> None:
    cached_download(url, path, expected=md5, name=name, default=EMBEDDED, algorithm="md5")


def _channels_first(images: Bytes) -> torch.Tensor:
    tensor = torch.from_numpy(images)
    return tensor[:, None] if images.ndim == 3 else tensor.permute(0, 3, 1, 2)  # noqa: PLR2004
