"""The real code, huggingface_hub's included, against a server on this machine with a tiny model."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import BertConfig, BertModel, ViTConfig, ViTModel

from tests.workshop.assets.stand_in import COMMIT, HubRepository, StandIn
from workshop.assets import (
    AssetCorrupted,
    AssetUnavailable,
    load_source_model,
    load_tokenizer,
)

SIZES: dict[str, Any] = {
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 8,
}
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "solar", "cell"]


@pytest.fixture
def texts(tmp_path: Path, stand_in: StandIn, hub_home: Path) -> HubRepository:
    assert not hub_home.exists()
    folder = tmp_path / "published"
    BertModel(BertConfig(vocab_size=len(WORDS), **SIZES)).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}')
    (folder / "pytorch_model.bin").write_bytes(b"a pickle that must not be fetched")
    return HubRepository(stand_in, folder, "owner/texts")


def _snapshot(hub_home: Path) -> Path:
    return hub_home / "models--owner--texts" / "snapshots" / COMMIT


def test_a_model_is_downloaded_once(texts: HubRepository, hub_home: Path) -> None:
    model = load_source_model("hf/owner/texts")
    downloads = texts.downloads()
    again = load_source_model("hf/owner/texts")
    assert texts.downloads() == downloads
    assert not any("pytorch_model.bin" in each for each in downloads)
    assert (_snapshot(hub_home) / "model.safetensors").is_file()
    published = BertModel.from_pretrained(texts.folder, use_safetensors=True).state_dict()
    for name, tensor in published.items():
        assert torch.equal(model.state_dict()[name], tensor), name
        assert torch.equal(again.state_dict()[name], tensor), name


@pytest.mark.usefixtures("texts")
def test_it_gets_a_head_and_a_tokenizer() -> None:
    model = load_source_model("hf/owner/texts", num_classes=3, seed=1)
    assert model.get_parameter("classifier.weight").shape == (3, 8)
    tokens = load_tokenizer("hf/owner/texts")(["solar cell"], return_tensors="pt")
    assert tokens["input_ids"].tolist() == [[2, 5, 6, 3]]


@pytest.mark.usefixtures("hub_home")
def test_an_image_model_gets_a_head_for_images(tmp_path: Path, stand_in: StandIn) -> None:
    folder = tmp_path / "published"
    ViTModel(ViTConfig(image_size=16, patch_size=8, **SIZES)).save_pretrained(folder)
    HubRepository(stand_in, folder, "owner/images")
    model = load_source_model("hf/owner/images", num_classes=2, seed=1).eval()
    assert model(torch.zeros(1, 3, 16, 16)).logits.shape == (1, 2)


def test_a_pinned_commit_needs_no_server_once_it_is_cached(texts: HubRepository) -> None:
    load_source_model("hf/owner/texts", revision=COMMIT)
    texts.server.answers.clear()
    texts.server.asked.clear()
    load_source_model("hf/owner/texts", revision=COMMIT)
    assert texts.server.asked == []


@pytest.mark.usefixtures("texts")
def test_without_network_what_is_cached_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    load_source_model("hf/owner/texts")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    load_source_model("hf/owner/texts")


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_damaged_file_is_downloaded_again(
    texts: HubRepository, hub_home: Path, name: str
) -> None:
    load_source_model("hf/owner/texts")
    path = _snapshot(hub_home) / name
    path.resolve().write_bytes(path.read_bytes()[:-1])
    before = len(texts.downloads())
    load_source_model("hf/owner/texts")
    assert path.read_bytes() == (texts.folder / name).read_bytes()
    assert len(texts.downloads()) == before + 1


def test_without_network_a_damaged_file_is_named(texts: HubRepository, hub_home: Path) -> None:
    load_source_model("hf/owner/texts")
    path = _snapshot(hub_home) / "model.safetensors"
    path.resolve().write_bytes(b"")
    # A server that answers nothing: huggingface_hub tries a closed port again for 20 seconds.
    texts.server.answers.clear()
    with pytest.raises(AssetCorrupted, match=r"model\.safetensors") as caught:
        load_source_model("hf/owner/texts")
    assert "minilm" in str(caught.value)


def test_a_server_that_gives_other_files_than_it_lists_is_not_believed(
    texts: HubRepository,
) -> None:
    content = (texts.folder / "model.safetensors").read_bytes()
    other = content[:-1] + bytes([content[-1] ^ 1])
    texts.give("model.safetensors", other, hashlib.sha256(content).hexdigest())
    with pytest.raises(AssetCorrupted, match="other files than it lists"):
        load_source_model("hf/owner/texts")


@pytest.mark.usefixtures("hub_home")
def test_without_network_and_cache_both_remedies_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(AssetUnavailable, match="cannot be downloaded") as caught:
        load_source_model("hf/owner/texts")
    assert "HF_HOME" in str(caught.value)
    assert "minilm" in str(caught.value)


@pytest.mark.usefixtures("hub_home")
def test_a_repository_that_is_not_there_is_said_to_be_so() -> None:
    with pytest.raises(AssetUnavailable):
        load_source_model("hf/owner/nothing")


def test_weights_that_are_only_a_pickle_are_not_loaded(
    tmp_path: Path, stand_in: StandIn, hub_home: Path
) -> None:
    folder = tmp_path / "published"
    folder.mkdir()
    BertConfig(**SIZES).save_pretrained(folder)
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    HubRepository(stand_in, folder, "owner/pickle")
    with pytest.raises(AssetUnavailable, match="safetensors"):
        load_source_model("hf/owner/pickle")
    assert not list(hub_home.rglob("*.bin"))


@pytest.mark.parametrize("name", ["hf/", "hf/a/b/c", "hf/../x", "hf/a b"])
def test_refuses_what_is_no_repository(name: str) -> None:
    with pytest.raises(ValueError, match="owner/model"):
        load_source_model(name)
