from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from workshop.grading import student_data
from workshop.grading.held_out import load_held_out
from workshop.grading.student_data import main, prepare_student_data


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("student-data")
    prepare_student_data(made)
    return made


def _arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def test_the_manifest_has_every_checksum(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    assert set(manifest["files"]) == {"solar_cells.npz", "short_texts.npz"}
    assert {path.name for path in folder.iterdir()} == {*manifest["files"], "manifest.json"}
    for name, entry in manifest["files"].items():
        content = (folder / name).read_bytes()
        assert entry == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def test_no_held_out_image_is_in_it(folder: Path) -> None:
    arrays = _arrays(folder / "solar_cells.npz")
    assert set(arrays) == {"images", "split", "domain", "thirds"}
    assert {len(each) for each in arrays.values()} == {925 + 365}
    students = {image.tobytes() for image in arrays["images"]}
    for part in ("held_out", "reserve"):
        data = load_held_out(part=part, task="type", domain="both", size=128, balanced=False)
        assert not students & {image.numpy().tobytes() for image in data.images}


def test_no_held_out_text_is_in_it(folder: Path) -> None:
    arrays = _arrays(folder / "short_texts.npz")
    assert set(arrays) == {"bytes", "ends", "split", "label"}
    assert len(arrays["ends"]) == 7267 + 1817
    content, start = arrays["bytes"].tobytes().decode(), 0
    students = set()
    for end in arrays["ends"]:
        students.add(content[start:end])
        start = end
    for part in ("held_out", "reserve"):
        assert not students & set(load_held_out("short_texts", part, balanced=False).texts)


@pytest.mark.slow
def test_the_same_sources_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    for path in prepare_student_data(tmp_path):
        assert path.read_bytes() == (folder / path.name).read_bytes()


def test_a_folder_that_cannot_be_written_to_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(student_data, "_solar_cells", lambda: b"")
    monkeypatch.setattr(student_data, "_short_texts", lambda: b"")
    (tmp_path / "file").write_text("in the way")
    assert main([str(tmp_path / "file")]) == 1
    told = capsys.readouterr().err
    assert str(tmp_path / "file") in told
    assert "WORKSHOP_DATA" in told


def test_the_command_line_names_what_it_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(student_data, "_solar_cells", lambda: b"cells")
    monkeypatch.setattr(student_data, "_short_texts", lambda: b"texts")
    assert main([str(tmp_path)]) == 0
    assert (tmp_path / "solar_cells.npz").read_bytes() == b"cells"
    assert capsys.readouterr().out.count(str(tmp_path)) == 3
