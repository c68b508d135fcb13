from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from workshop import assets, learn


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKSHOP_CACHE", str(tmp_path))


def test_features_of_images_are_those_before_the_head() -> None:
    model: Any = assets.load_source_model("efficientnet_lite0")
    inputs = torch.randn(5, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    model.blocks[0].eval()
    modes = [module.training for module in model.modules()]
    state = {name: value.clone() for name, value in model.state_dict().items()}
    found = learn.image_features(model, inputs, batch_size=2)
    again = learn.image_features(model, inputs, batch_size=2)
    assert found.shape == (5, 1280)
    assert not found.requires_grad
    assert torch.equal(found, again)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    model.eval()
    with torch.no_grad():
        logits = model.classifier(found)
        assert torch.allclose(logits, model(inputs), atol=1e-4)


def test_features_of_texts_are_means_over_their_tokens_and_in_their_order() -> None:
    model: Any = assets.load_source_model("minilm")
    tokenizer = assets.load_tokenizer("minilm")
    texts = ["a much longer text about the weather of today", "short", "two words", "short"]
    found = learn.text_features(model, tokenizer, texts, batch_size=2)
    model.eval()
    for row, text in enumerate(texts):
        with torch.no_grad():  # alone, nothing is padded
            alone = model(**tokenizer([text], return_tensors="pt")).last_hidden_state.mean(dim=1)
        assert torch.allclose(found[row], alone[0], atol=1e-4)
    assert torch.equal(found, learn.text_features(model, tokenizer, texts, batch_size=2))
    cut = learn.text_features(model, tokenizer, texts, max_length=4)
    assert not torch.allclose(cut[0], found[0])
    assert torch.allclose(cut[1], found[1], atol=1e-4)
