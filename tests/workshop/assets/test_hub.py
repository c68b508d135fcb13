"""The real code, huggingface_hub's included, against a server on this machine with a tiny model."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import BertConfig, BertModel, ViTConfig, ViTModel

from tests.workshop.assets.stand_in import StandIn
from workshop.assets import (
    AssetCorrupted,
    AssetUnavailable,
    hub,
    load_source_model,
    load_tokenizer,
)

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SIZES: dict[str, Any] = {
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 8,
}
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "solar", "cell"]


class Hub:
    """What a repository on the stand-in server holds."""

    def __init__(self, server: StandIn, folder: Path, name: str) -> None:
        self.server, self.name, self.folder = server, name, folder
        tree = []
        for path in sorted(folder.iterdir()):
            content = path.read_bytes()
            git = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False)
            entry = {
                "type": "file",
                "path": path.name,
                "size": len(content),
                "oid": git.hexdigest(),
            }
            etag = git.hexdigest()
            if path.suffix == ".safetensors":
                etag = hashlib.sha256(content).hexdigest()
                entry["lfs"] = {"oid": etag, "size": len(content), "pointerSize": 134}
            tree.append(entry)
            self.give(path.name, content, etag)
        info = {"id": name, "modelId": name, "sha": COMMIT, "siblings": [], "tags": []}
        for revision in ("main", COMMIT):
            server.give(f"/api/models/{name}/revision/{revision}", json.dumps(info).encode())
        server.give(f"/api/models/{name}/tree/{COMMIT}", json.dumps(tree).encode())

    def give(self, file_name: str, content: bytes, etag: str) -> None:
        self.server.give(
            f"/{self.name}/resolve/{COMMIT}/{file_name}",
            content,
            ETag=f'"{etag}"',
            X_Repo_Commit=COMMIT,
        )

    def downloads(self) -> list[str]:
        return [
            each for each in self.server.asked if each.startswith("GET") and "/resolve/" in each
        ]


@pytest.fixture
def home(tmp_path: Path, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_ENDPOINT", stand_in.address)
    return tmp_path / "home" / "hub"


@pytest.fixture
def texts(tmp_path: Path, stand_in: StandIn, home: Path) -> Hub:
    assert not home.exists()
    folder = tmp_path / "published"
    BertModel(BertConfig(vocab_size=len(WORDS), **SIZES)).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}')
    (folder / "pytorch_model.bin").write_bytes(b"a pickle that must not be fetched")
    return Hub(stand_in, folder, "owner/texts")


def _snapshot(home: Path) -> Path:
    return home / "models--owner--texts" / "snapshots" / COMMIT


def test_a_model_is_downloaded_once(texts: Hub, home: Path) -> None:
    model = load_source_model("hf/owner/texts")
    downloads = texts.downloads()
    again = load_source_model("hf/owner/texts")
    assert texts.downloads() == downloads
    assert not any("pytorch_model.bin" in each for each in downloads)
    assert (_snapshot(home) / "model.safetensors").is_file()
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


@pytest.mark.usefixtures("home")
def test_an_image_model_gets_a_head_for_images(tmp_path: Path, stand_in: StandIn) -> None:
    folder = tmp_path / "published"
    ViTModel(ViTConfig(image_size=16, patch_size=8, **SIZES)).save_pretrained(folder)
    Hub(stand_in, folder, "owner/images")
    model = load_source_model("hf/owner/images", num_classes=2, seed=1).eval()
    assert model(torch.zeros(1, 3, 16, 16)).logits.shape == (1, 2)


def test_a_pinned_commit_needs_no_server_once_it_is_cached(texts: Hub) -> None:
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
def test_a_damaged_file_is_downloaded_again(texts: Hub, home: Path, name: str) -> None:
    load_source_model("hf/owner/texts")
    path = _snapshot(home) / name
    path.resolve().write_bytes(path.read_bytes()[:-1])
    before = len(texts.downloads())
    load_source_model("hf/owner/texts")
    assert path.read_bytes() == (texts.folder / name).read_bytes()
    assert len(texts.downloads()) == before + 1


def test_without_network_a_damaged_file_is_named(texts: Hub, home: Path) -> None:
    load_source_model("hf/owner/texts")
    path = _snapshot(home) / "model.safetensors"
    path.resolve().write_bytes(b"")
    # A server that answers nothing: huggingface_hub tries a closed port again for 20 seconds.
    texts.server.answers.clear()
    with pytest.raises(AssetCorrupted, match=r"model\.safetensors") as caught:
        load_source_model("hf/owner/texts")
    assert "minilm" in str(caught.value)


def test_a_server_that_gives_other_files_than_it_lists_is_not_believed(texts: Hub) -> None:
    content = (texts.folder / "model.safetensors").read_bytes()
    other = content[:-1] + bytes([content[-1] ^ 1])
    texts.give("model.safetensors", other, hashlib.sha256(content).hexdigest())
    with pytest.raises(AssetCorrupted, match="other files than it lists"):
        load_source_model("hf/owner/texts")


@pytest.mark.usefixtures("home")
def test_without_network_and_cache_both_remedies_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(AssetUnavailable, match="cannot be downloaded") as caught:
        load_source_model("hf/owner/texts")
    assert "HF_HOME" in str(caught.value)
    assert "minilm" in str(caught.value)


@pytest.mark.usefixtures("home")
def test_a_repository_that_is_not_there_is_said_to_be_so() -> None:
    with pytest.raises(AssetUnavailable):
        load_source_model("hf/owner/nothing")


def test_weights_that_are_only_a_pickle_are_not_loaded(
    tmp_path: Path, stand_in: StandIn, home: Path
) -> None:
    folder = tmp_path / "published"
    folder.mkdir()
    BertConfig(**SIZES).save_pretrained(folder)
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    Hub(stand_in, folder, "owner/pickle")
    with pytest.raises(AssetUnavailable, match="safetensors"):
        load_source_model("hf/owner/pickle")
    assert not list(home.rglob("*.bin"))


@pytest.mark.parametrize("name", ["hf/", "hf/a/b/c", "hf/../x", "hf/a b"])
def test_refuses_what_is_no_repository(name: str) -> None:
    with pytest.raises(ValueError, match="owner/model"):
        load_source_model(name)


def test_the_folder_may_be_set_late(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "one"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    assert hub.cache_folder() == tmp_path / "one" / "hub"
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "two"))
    assert hub.cache_folder() == tmp_path / "two"
