from __future__ import annotations

import importlib.util
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from workshop.errors import WorkshopError
from workshop.grading import source_cells as module
from workshop.grading.source_cells import source_cells
from workshop.grading.splits import PARTS


def test_counts_are_the_published_ones() -> None:
    source = source_cells()
    assert len(source.paths) == 2624
    assert Counter(source.cells.thirds.tolist()) == {0: 1508, 1: 295, 2: 106, 3: 715}
    assert Counter(source.cells.domains.tolist()) == {0: 1074, 1: 1550}


def test_parts_are_those_of_the_data_card() -> None:
    source = source_cells()
    counts = Counter(source.parts)
    assert [counts[part] for part in PARTS] == [925, 365, 669, 665]
    card = Path(__file__).parents[3] / "docs" / "data" / "solar_cells.md"
    assert "| all | 925 | 365 | 669 | 665 |" in card.read_text(encoding="utf-8")


def test_no_image_is_in_two_parts() -> None:
    source = source_cells()
    part_of: dict[bytes, set[str]] = {}
    for path, part in zip(source.paths, source.parts, strict=True):
        part_of.setdefault(path.read_bytes(), set()).add(part)
    assert all(len(parts) == 1 for parts in part_of.values())


def test_images_are_means_of_areas() -> None:
    source = source_cells()
    small = source.images([5])[0]
    with Image.open(source.paths[5]) as image:
        whole = np.asarray(image.convert("L"), dtype=float)
    # Whole numbers of pixels: 128/300 = 32/75, so 32 small pixels cover 75 large ones.
    assert small[:32, :32].mean() == pytest.approx(whole[:75, :75].mean(), abs=0.5)
    assert small.shape == (128, 128)
    assert small.dtype == np.uint8


@pytest.fixture
def empty_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    found = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: found)
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def test_a_missing_package_is_said_to_be_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(WorkshopError, match="pip install elpv-dataset"):
        source_cells.__wrapped__()


def test_changed_source_data_are_refused(empty_package: Path) -> None:
    with pytest.raises(WorkshopError, match="cannot be read"):
        module.source_cells.__wrapped__()
    (empty_package / "labels.csv").write_text("image.png 1.0 mono\n")
    with pytest.raises(WorkshopError, match="cannot be read"):
        module.source_cells.__wrapped__()
    Image.new("L", (300, 300)).save(empty_package / "image.png")
    with pytest.raises(WorkshopError, match="not those that the splits were made for"):
        module.source_cells.__wrapped__()
