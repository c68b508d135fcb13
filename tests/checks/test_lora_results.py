"""Merged, stored and loaded adapters answer as peft's own do; everything else is told apart."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from torch import nn

import checks
from checks.lora_results import answers, observe_saved
from checks.verdict import Status, Verdict
from tests.checks.lora_models import batch, config, tiny, with_lora

# ------------------------------------------------------------------------------------- merged


def merged(model: nn.Module) -> Verdict:
    return checks.check_merged(model, with_lora(), batch())


def by_hand(*, scale: float = 4.0, head: bool = True) -> nn.Module:
    """W + scale B A in each layer: what merging means, without peft."""
    source, model = with_lora(), tiny()
    inner = source.base_model.model
    with torch.no_grad():
        for number, block in enumerate(model.layers):
            for name in ("query", "value"):
                layer = getattr(inner.layers[number], name)
                update = layer.lora_B["default"].weight @ layer.lora_A["default"].weight
                getattr(block, name).weight += scale * update
        if head:
            trained = inner.classifier.modules_to_save["default"]
            model.classifier.load_state_dict(trained.state_dict())
    return model


def test_merged_by_peft_or_by_hand_passes() -> None:
    assert merged(with_lora().merge_and_unload()).status is Status.PASSED
    assert merged(by_hand()).status is Status.PASSED


@pytest.mark.parametrize(
    "make",
    [
        with_lora,
        lambda: with_lora().get_base_model(),
        lambda: with_lora().unload(),
        tiny,
        lambda: by_hand(scale=12.0),
        lambda: by_hand(scale=1.0),
        lambda: by_hand(head=False),
        lambda: None,
        lambda: nn.Linear(2, 3),
        lambda: (model := with_lora(), model.merge_adapter(), model)[-1],
    ],
)
def test_anything_else_fails(make: Any) -> None:
    assert merged(make()).status is Status.FAILED


def test_broken_weights_fail() -> None:
    model: Any = with_lora().merge_and_unload()
    with torch.no_grad():
        model.layers[0].query.weight[:] = float("nan")
    assert merged(model).status is Status.FAILED


def test_the_difference_is_that_of_the_logits() -> None:
    model, reference = with_lora().merge_and_unload(), with_lora()
    assert torch.allclose(answers(model, batch()), answers(reference, batch()), atol=1e-4)
    assert reference.training == with_lora().training


# ------------------------------------------------------------------------------- stored, loaded


def saved(save: Any) -> Verdict:
    model = with_lora()
    return checks.check_saved_adapter(observe_saved(save, model), with_lora())


def test_what_peft_stores_passes(tmp_path: Path) -> None:
    assert saved(lambda model, folder: model.save_pretrained(folder)).status is Status.PASSED
    model = with_lora()
    model.save_pretrained(tmp_path)
    stored = load_file(tmp_path / "adapter_model.safetensors")
    save: Any = model.save_pretrained
    seen = observe_saved(lambda _, folder: save(folder), model)
    assert dict(seen.tensors) == {name: each.numel() for name, each in stored.items()}
    assert sum(size for _, size in seen.tensors) == model.get_nb_trainable_parameters()[0]


def everything(model: Any, folder: str) -> None:
    torch.save(model.state_dict(), f"{folder}/model.pt")


def everything_too(model: Any, folder: str) -> None:
    model.save_pretrained(folder)
    torch.save([torch.zeros(100_000)], f"{folder}/model.pt")


def without_the_head(model: Any, folder: str) -> None:
    model.peft_config["default"].modules_to_save = None
    model.save_pretrained(
        folder, state_dict={k: v for k, v in model.state_dict().items() if "lora" in k}
    )


def not_weights(_: Any, folder: str) -> None:
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        Path(folder, name).write_text("nothing", encoding="utf-8")


def in_a_folder_below(model: Any, folder: str) -> None:
    model.save_pretrained(f"{folder}/adapter")


@pytest.mark.parametrize(
    "save",
    [
        everything,
        everything_too,
        without_the_head,
        not_weights,
        in_a_folder_below,
        lambda *_: None,
        lambda *_: 1 / 0,
        lambda model, folder: model.peft_config["default"].save_pretrained(folder),
        None,
    ],
)
def test_anything_else_in_the_folder_fails(save: Any) -> None:
    assert saved(save).status is Status.FAILED


def test_loaded_answers_are_compared(tmp_path: Path) -> None:
    with_lora().save_pretrained(tmp_path)

    def same(model: object) -> Status:
        return checks.check_same_answers(model, with_lora(), batch()).status  # type: ignore[arg-type]

    assert same(PeftModel.from_pretrained(tiny(), tmp_path)) is Status.PASSED
    only_configured = get_peft_model(tiny(), PeftConfig.from_pretrained(str(tmp_path)))
    assert same(only_configured) is Status.FAILED
    assert same(tiny()) is Status.FAILED
    assert same(get_peft_model(copy.deepcopy(tiny()), config())) is Status.FAILED
    assert same(None) is Status.FAILED
