"""The real code, torchvision's included, against a server on this machine and tiny archives."""

from __future__ import annotations

import gzip
import hashlib
import io
import pickle
import struct
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torchvision import datasets

from tests.workshop.assets.stand_in import StandIn
from workshop.assets import AssetCorrupted, AssetUnavailable, load_target_data

CIFAR, FASHION = "torchvision/CIFAR10", "torchvision/FashionMNIST"
COUNT = 60


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@pytest.fixture
def home(tmp_path: Path, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WORKSHOP_TORCHVISION_MIRROR", stand_in.address)
    return tmp_path / "home" / "datasets"


@pytest.fixture
def cifar(stand_in: StandIn, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An archive in the format of CIFAR-10; returns where it will lie."""
    random = np.random.default_rng(0)
    members: dict[str, Any] = {
        name: {
            "data": random.integers(0, 256, (COUNT, 3072), dtype=np.uint8),
            "labels": [number % 2 for number in range(COUNT)],
        }
        for name in ("data_batch_1", "test_batch")
    }
    members["batches.meta"] = {"label_names": ["cat", "dog"]}
    packed = {name: pickle.dumps(member) for name, member in members.items()}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in packed.items():
            info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    kind = datasets.CIFAR10
    monkeypatch.setattr(kind, "tgz_md5", _md5(buffer.getvalue()))
    monkeypatch.setattr(kind, "train_list", [["data_batch_1", _md5(packed["data_batch_1"])]])
    monkeypatch.setattr(kind, "test_list", [["test_batch", _md5(packed["test_batch"])]])
    monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": _md5(packed["batches.meta"])})
    stand_in.give(f"/{kind.filename}", buffer.getvalue())
    return home / str(kind.filename)


@pytest.fixture
def fashion(stand_in: StandIn, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Archives in the format of Fashion-MNIST; returns the folder where they will lie."""
    random = np.random.default_rng(0)
    resources = []
    for part in ("train", "t10k"):
        pixels = random.integers(0, 256, (COUNT, 28, 28), dtype=np.uint8).tobytes()
        images = struct.pack(">4i", 0x803, COUNT, 28, 28) + pixels
        labels = struct.pack(">2i", 0x801, COUNT) + bytes(n % 10 for n in range(COUNT))
        for kind, content in (("images-idx3", images), ("labels-idx1", labels)):
            packed = gzip.compress(content, mtime=0)
            resources.append((f"{part}-{kind}-ubyte.gz", _md5(packed)))
            stand_in.give(f"/{resources[-1][0]}", packed)
    monkeypatch.setattr(datasets.FashionMNIST, "resources", resources)
    return home / "FashionMNIST" / "raw"


@pytest.mark.usefixtures("cifar")
def test_colour_images_are_split_by_content(stand_in: StandIn) -> None:
    parts = [load_target_data(CIFAR, split, size=32) for split in ("train", "validation", "test")]
    assert len(stand_in.asked) == 1
    assert len(parts[0]) + len(parts[1]) == COUNT == len(parts[2])
    assert 0 < len(parts[1]) < COUNT / 3
    assert not set(parts[0].ids) & set(parts[1].ids)
    for part in parts:
        assert part.images.shape == (len(part), 3, 32, 32)
        assert part.images.dtype == torch.uint8
        assert part.class_names == ("cat", "dog")


def test_images_and_labels_are_those_that_torchvision_gives(cifar: Path) -> None:
    data = load_target_data(CIFAR, "test", size=32)
    reference = datasets.CIFAR10(cifar.parent, train=False)
    assert data.labels.tolist() == reference.targets
    assert np.array_equal(data.images.permute(0, 2, 3, 1).numpy(), reference.data)
    assert data.inputs("torchvision/resnet18").shape == (COUNT, 3, 32, 32)


@pytest.mark.usefixtures("fashion")
def test_grey_images_have_one_channel() -> None:
    data = load_target_data(FASHION, "test", size=28, per_class=2)
    assert data.images.shape == (20, 1, 28, 28)
    assert data.labels.bincount().tolist() == [2] * 10


def test_a_half_written_archive_is_downloaded_again(stand_in: StandIn, cifar: Path) -> None:
    cifar.parent.mkdir(parents=True)
    cifar.write_bytes(b"half")
    load_target_data(CIFAR, "test", size=32)
    assert len(stand_in.asked) == 1


def test_a_damaged_unpacked_file_is_unpacked_again(
    stand_in: StandIn, cifar: Path, fashion: Path
) -> None:
    expected = [load_target_data(name, "test", size=32) for name in (CIFAR, FASHION)]
    asked = len(stand_in.asked)
    for path in (
        cifar.parent / "cifar-10-batches-py" / "test_batch",
        fashion / "t10k-images-idx3-ubyte",
    ):
        content = bytearray(path.read_bytes())
        content[100] ^= 255
        path.write_bytes(content)
    again = [load_target_data(name, "test", size=32) for name in (CIFAR, FASHION)]
    assert len(stand_in.asked) == asked
    assert all(torch.equal(a.images, b.images) for a, b in zip(again, expected, strict=True))


@pytest.mark.usefixtures("home")
def test_without_network_and_cache_both_remedies_are_named() -> None:
    with pytest.raises(AssetUnavailable, match=r"TORCH_HOME.*solar_cells"):
        load_target_data(CIFAR)


def test_a_server_with_another_file_is_not_believed(stand_in: StandIn, cifar: Path) -> None:
    stand_in.give(f"/{cifar.name}", b"another")
    with pytest.raises(AssetCorrupted, match="gave another file"):
        load_target_data(CIFAR)


def test_refuses_an_unknown_split() -> None:
    with pytest.raises(ValueError, match="train, validation, test"):
        load_target_data(CIFAR, "held_out")
