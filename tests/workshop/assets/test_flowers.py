"""The real code, torchvision's included, against a server on this machine and a few photographs."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat
from torchvision import datasets, transforms

from tests.workshop.assets.stand_in import StandIn
from workshop.assets import AssetCorrupted, AssetUnavailable, flowers, load_target_data

NAME = "torchvision/Flowers102"
CLASSES = 3
# Which photographs, numbered from 1, are in which published split.
NUMBERS = {"trnid": [7, 2, 5, 10, 1, 12], "valid": [3, 11, 4], "tstid": [6, 8, 9]}
PHOTOGRAPHS = 12


def _label(number: int) -> int:
    return number % CLASSES


def _jpeg(number: int) -> bytes:
    random = np.random.default_rng(number)
    rough = Image.fromarray(random.integers(0, 256, (5, 5, 3), dtype=np.uint8))
    buffer = io.BytesIO()
    rough.resize((60 + 7 * number, 130 - 5 * number)).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def _matrix(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    savemat(buffer, arrays)
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path: Path, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Publish the three files in the format of the original; returns where they will lie."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WORKSHOP_TORCHVISION_MIRROR", stand_in.address)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for number in range(1, PHOTOGRAPHS + 1):
            info = tarfile.TarInfo(f"jpg/image_{number:05d}.jpg")
            info.size = len(_jpeg(number))
            archive.addfile(info, io.BytesIO(_jpeg(number)))
    labels = np.array([[_label(number) + 1 for number in range(1, PHOTOGRAPHS + 1)]])
    contents = {
        "image": ("102flowers.tgz", buffer.getvalue()),
        "label": ("imagelabels.mat", _matrix(labels=labels)),
        "setid": ("setid.mat", _matrix(**{key: np.array([v]) for key, v in NUMBERS.items()})),
    }
    described = {}
    for key, (name, content) in contents.items():
        described[key] = (name, hashlib.md5(content, usedforsecurity=False).hexdigest())
        stand_in.give(f"/{name}", content)
    monkeypatch.setattr(datasets.Flowers102, "_file_dict", described)
    monkeypatch.setattr(datasets.Flowers102, "classes", ["rose", "iris", "lily"])
    return tmp_path / "home" / "datasets" / "flowers-102"


def _kept(folder: Path) -> list[Path]:
    return sorted((folder / "squares").iterdir())


def test_the_published_splits_are_given_as_they_are(stand_in: StandIn, folder: Path) -> None:
    parts = {split: load_target_data(NAME, split, size=32) for split in flowers.SPLITS}
    assert len(stand_in.asked) == 3
    for numbers, part in zip(NUMBERS.values(), parts.values(), strict=True):
        assert part.labels.tolist() == [_label(number) for number in numbers]
        assert part.images.shape == (len(numbers), 3, 32, 32)
        assert part.images.dtype == torch.uint8
        assert part.class_names == ("rose", "iris", "lily")
    assert len({name for part in parts.values() for name in part.ids}) == PHOTOGRAPHS


@pytest.mark.usefixtures("folder")
def test_squares_are_those_of_torchvision_s_preset_but_for_rounding() -> None:
    data = load_target_data(NAME, "validation", size=48)
    reference = transforms.Compose([transforms.Resize(48), transforms.CenterCrop(48)])
    for number, image in zip(NUMBERS["valid"], data.images, strict=True):
        photograph = Image.open(io.BytesIO(_jpeg(number))).convert("RGB")
        theirs = np.asarray(reference(photograph)).astype(int)
        assert np.abs(image.permute(1, 2, 0).numpy().astype(int) - theirs).max() <= 1


@pytest.mark.usefixtures("folder")
def test_the_usual_size_is_that_of_the_source_models() -> None:
    assert load_target_data(NAME, "train", per_class=1).inputs("resnet18").shape[1:] == (
        3,
        224,
        224,
    )


def test_a_selection_is_made_before_anything_is_decoded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    decode = flowers._decoded

    def watched(photographs: list[Path], size: int) -> flowers._Squares:
        opened.extend(path.name for path in photographs)
        return decode(photographs, size)

    monkeypatch.setattr(flowers, "_decoded", watched)
    small = load_target_data(NAME, "train", size=32, per_class=1)
    first = [7, 2, 12]  # of each class the first, in the order of the split
    assert opened == [f"image_{number:05d}.jpg" for number in first]
    assert small.labels.tolist() == [_label(number) for number in first]
    whole = load_target_data(NAME, "train", size=32)
    rows = [whole.ids.index(name) for name in small.ids]
    assert torch.equal(small.images, whole.images[rows])


@pytest.mark.usefixtures("folder")
def test_balance_follows_the_rarest_class() -> None:
    assert load_target_data(NAME, "train", size=32).labels.bincount().tolist() == [1, 3, 2]
    balanced = load_target_data(NAME, "train", size=32, balanced=True)
    assert balanced.labels.bincount().tolist() == [1, 1, 1]


def test_names_do_not_depend_on_the_size(folder: Path) -> None:
    small, large = (load_target_data(NAME, "train", size=size) for size in (32, 64))
    assert small.ids == large.ids
    assert len(_kept(folder)) == 2


def test_photographs_are_decoded_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = load_target_data(NAME, "train", size=32)
    monkeypatch.setattr(flowers, "_decoded", lambda *_: pytest.fail("decoded again"))
    again = load_target_data(NAME, "train", size=32)
    assert torch.equal(again.images, expected.images)
    assert again.ids == expected.ids
    again.images[0] = 0  # the learner's own, and no warning of memory that cannot be written
    assert torch.equal(load_target_data(NAME, "train", size=32).images, expected.images)


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty"])
def test_a_damaged_file_of_squares_is_made_again(folder: Path, damage: str) -> None:
    expected = load_target_data(NAME, "train", size=32)
    (path,) = _kept(folder)
    whole = path.read_bytes()
    flipped = whole[:-1] + bytes([whole[-1] ^ 1])
    path.write_bytes({"flipped": flipped, "cut": whole[:-1], "empty": b""}[damage])
    again = load_target_data(NAME, "train", size=32)
    assert torch.equal(again.images, expected.images)
    assert path.read_bytes() == whole


def test_what_was_unpacked_by_halves_is_unpacked_again(stand_in: StandIn, folder: Path) -> None:
    expected = load_target_data(NAME, "train", size=32)
    for path in _kept(folder):
        path.unlink()
    missing, half, other = (folder / "jpg" / f"image_{number:05d}.jpg" for number in (7, 2, 5))
    missing.unlink()
    half.write_bytes(half.read_bytes()[:100])
    other.write_bytes(_jpeg(6))
    again = load_target_data(NAME, "train", size=32)
    assert torch.equal(again.images, expected.images)
    assert len(stand_in.asked) == 3


def test_a_folder_that_cannot_be_written_is_no_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = load_target_data(NAME, "train", size=32)
    for path in _kept(folder):
        path.unlink()

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(flowers, "write_atomically", refuse)
    assert torch.equal(load_target_data(NAME, "train", size=32).images, expected.images)
    assert _kept(folder) == []


@pytest.mark.parametrize("name", ["102flowers.tgz", "imagelabels.mat", "setid.mat"])
def test_a_half_written_file_is_downloaded_again(
    stand_in: StandIn, folder: Path, name: str
) -> None:
    load_target_data(NAME, "train", size=32)
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[:-1])
    load_target_data(NAME, "train", size=32)
    assert (folder / name).read_bytes() == whole
    assert stand_in.asked[3:] == [f"GET /{name}"]


@pytest.mark.usefixtures("folder")
def test_a_server_with_another_file_is_not_believed(stand_in: StandIn) -> None:
    stand_in.give("/setid.mat", b"another")
    with pytest.raises(AssetCorrupted, match=r"setid\.mat gave another file"):
        load_target_data(NAME)


@pytest.mark.usefixtures("folder")
def test_without_network_and_cache_both_remedies_are_named(stand_in: StandIn) -> None:
    stand_in.answers.clear()
    with pytest.raises(AssetUnavailable, match=r"TORCH_HOME.*solar_cells"):
        load_target_data(NAME)


@pytest.mark.usefixtures("folder")
def test_without_network_what_is_cached_is_enough(stand_in: StandIn) -> None:
    load_target_data(NAME, "test", size=32)
    stand_in.answers.clear()
    assert len(load_target_data(NAME, "train", size=32)) == len(NUMBERS["trnid"])


@pytest.mark.usefixtures("folder")
def test_refuses_what_is_not_there() -> None:
    with pytest.raises(ValueError, match="train, validation, test"):
        load_target_data(NAME, "held_out")
    with pytest.raises(ValueError, match="at most 1, the number of rose"):
        load_target_data(NAME, "train", per_class=2)
    with pytest.raises(ValueError, match="`size`"):
        load_target_data(NAME, "train", size=5)


def test_torchvision_publishes_checksums_and_class_names() -> None:
    kind = datasets.Flowers102
    assert set(kind._file_dict) == {"image", "label", "setid"}
    assert all(len(md5) == 32 for _, md5 in kind._file_dict.values())
    assert kind._download_url_prefix.startswith("http")
    assert len(kind.classes) == 102
