"""The real code against a server on this machine, with random weights of the right shape."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torchvision import models

from tests.workshop.assets.stand_in import StandIn
from workshop.assets import (
    AssetCorrupted,
    AssetUnavailable,
    load_source_model,
    torchvision_models,
)

RESNET = "torchvision/resnet18"
CLASSES = 11


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def published(stand_in: StandIn, home: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Weights of a small classifier, published the way torchvision does."""
    model = models.resnet18(num_classes=CLASSES)
    buffer = io.BytesIO()
    torch.save(model.state_dict(), buffer)
    content = buffer.getvalue()
    file_name = f"resnet18-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    weights = SimpleNamespace(
        url=f"https://nowhere.invalid/models/{file_name}",
        name="STAND_IN",
        meta={"categories": [str(number) for number in range(CLASSES)]},
    )
    monkeypatch.setattr(torchvision_models, "default_weights", lambda _: weights)
    monkeypatch.setenv("WORKSHOP_TORCHVISION_MIRROR", f"{stand_in.address}/mirror/")
    stand_in.give(f"/mirror/{file_name}", content)
    path = home / "hub" / "checkpoints" / file_name
    return SimpleNamespace(model=model, content=content, path=path, url=f"/mirror/{file_name}")


def test_weights_are_downloaded_once(stand_in: StandIn, published: SimpleNamespace) -> None:
    first, second = load_source_model(RESNET), load_source_model(RESNET)
    assert stand_in.asked == [f"GET {published.url}"]
    assert published.path.read_bytes() == published.content
    for model in (first, second):
        for name, tensor in published.model.state_dict().items():
            assert torch.equal(model.state_dict()[name], tensor), name


def test_a_new_head_replaces_the_layer_with_the_classes(published: SimpleNamespace) -> None:
    model = load_source_model(RESNET, num_classes=2, seed=1)
    assert model.get_parameter("fc.weight").shape == (2, 512)
    assert torch.equal(
        model.get_parameter("conv1.weight"), published.model.get_parameter("conv1.weight")
    )


@pytest.mark.parametrize("keep", [0, 1000])
def test_a_half_written_file_is_downloaded_again(
    stand_in: StandIn, published: SimpleNamespace, keep: int
) -> None:
    published.path.parent.mkdir(parents=True)
    published.path.write_bytes(published.content[:keep])
    load_source_model(RESNET)
    assert len(stand_in.asked) == 1
    assert published.path.read_bytes() == published.content


def test_without_network_a_damaged_file_is_named(
    stand_in: StandIn, published: SimpleNamespace
) -> None:
    published.path.parent.mkdir(parents=True)
    published.path.write_bytes(published.content[:1000])
    stand_in.answers.clear()
    with pytest.raises(AssetCorrupted, match="damaged") as caught:
        load_source_model(RESNET)
    assert str(published.path) in str(caught.value)


@pytest.mark.usefixtures("published")
def test_without_network_what_is_cached_is_enough(stand_in: StandIn) -> None:
    load_source_model(RESNET)
    stand_in.answers.clear()
    load_source_model(RESNET)


@pytest.mark.usefixtures("home")
def test_without_network_and_cache_both_remedies_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Nothing listens on the port that ends every search for one.
    monkeypatch.setenv("WORKSHOP_TORCHVISION_MIRROR", "http://127.0.0.1:1")
    with pytest.raises(AssetUnavailable, match="cannot be downloaded") as caught:
        load_source_model(RESNET)
    assert "TORCH_HOME" in str(caught.value)
    assert "efficientnet_lite0" in str(caught.value)


def test_a_server_with_another_file_is_not_believed(
    stand_in: StandIn, published: SimpleNamespace
) -> None:
    stand_in.give(published.url, b"a page that asks for a password")
    with pytest.raises(AssetCorrupted, match="gave another file"):
        load_source_model(RESNET)
    assert not published.path.exists()
    assert list(published.path.parent.iterdir()) == []


def test_a_mirror_is_an_address(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKSHOP_TORCHVISION_MIRROR", home.as_uri())
    with pytest.raises(AssetUnavailable, match="http or https"):
        load_source_model(RESNET)


def test_from_scratch_asks_no_server(stand_in: StandIn, published: SimpleNamespace) -> None:
    first = load_source_model(RESNET, pretrained=False, num_classes=4, seed=1)
    again = load_source_model(RESNET, pretrained=False, num_classes=4, seed=1)
    assert torch.equal(first.get_parameter("conv1.weight"), again.get_parameter("conv1.weight"))
    assert stand_in.asked == []
    assert not published.path.exists()


@pytest.mark.parametrize("name", torchvision_models.EXAMPLES)
def test_torchvision_publishes_a_checksum_for_each_example(name: str) -> None:
    weights = torchvision_models.default_weights(name)
    assert torchvision_models._HASH_IN_NAME.search(weights.url)
    assert len(weights.meta["categories"]) == 1000


def test_says_so_when_the_head_cannot_be_told() -> None:
    model = models.squeezenet1_1(num_classes=5)
    with pytest.raises(ValueError, match="0 layers with 5 outputs"):
        torchvision_models._replace_head(model, 5, 2)
