from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from workshop.assets import AssetCorrupted, AssetError, AssetUnavailable, load_target_data
from workshop.assets._student_files import read_arrays, student_folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy = tmp_path / "data"
    shutil.copytree(student_folder(), copy)
    monkeypatch.setenv("WORKSHOP_DATA", str(copy))
    return copy


def _told(error: type[AssetError]) -> str:
    with pytest.raises(error) as caught:
        load_target_data("short_texts")
    text = str(caught.value)
    assert "WORKSHOP_DATA" in text
    assert "student package" in text
    return text


def test_the_environment_variable_decides(folder: Path) -> None:
    assert student_folder() == folder
    assert len(load_target_data("short_texts")) > 0


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "short_texts.npz").unlink()
    assert str(folder / "short_texts.npz") in _told(AssetUnavailable)


def test_a_missing_list_is_named(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    assert str(folder / "manifest.json") in _told(AssetUnavailable)


@pytest.mark.parametrize("keep", [0, 1000, -1])
def test_a_cut_file_is_never_used(folder: Path, keep: int) -> None:
    path = folder / "short_texts.npz"
    path.write_bytes(path.read_bytes()[:keep])
    assert "checksum is wrong" in _told(AssetCorrupted)


def test_one_changed_bit_is_noticed(folder: Path) -> None:
    path = folder / "short_texts.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    _told(AssetCorrupted)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1, "files": {}}'])
def test_a_list_that_is_none_is_named(folder: Path, text: str) -> None:
    (folder / "manifest.json").write_text(text)
    assert "says nothing of short_texts.npz" in _told(AssetCorrupted)


def test_another_format_is_named(folder: Path) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "format": 99}))
    assert "format 99" in _told(AssetCorrupted)


def test_parts_of_a_file_that_stays_the_same_are_decoded_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = read_arrays("short_texts")
    with monkeypatch.context() as patch:
        patch.setattr("numpy.load", lambda *_, **__: pytest.fail("it was decoded"))
        again = read_arrays("short_texts")
    assert again.keys() == first.keys()
    with pytest.raises(ValueError, match="read-only"):
        again["split"][0] = 1
    again.clear()
    assert read_arrays("short_texts").keys() == first.keys()
    # Another content is read, whatever was there before.
    shutil.copy(folder / "solar_cells.npz", folder / "short_texts.npz")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["short_texts.npz"] = manifest["files"]["solar_cells.npz"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert "images" in read_arrays("short_texts")


def test_what_is_chosen_is_the_learners_own() -> None:
    data = load_target_data("solar_cells", "train", per_class=2, size=96)
    data.images.fill_(0)
    data.labels.fill_(7)
    again = load_target_data("solar_cells", "train", per_class=2, size=96)
    assert again.images.any()
    assert not (again.labels == 7).any()
