"""The new head, and where the weights below it come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from checks.freezing import snapshot
from checks.head import (
    check_from_pretrained,
    check_from_scratch,
    check_head,
    observe_origin,
)
from checks.verdict import Status, Verdict

Maker = Callable[[], nn.Module]


def assert_failed(verdict: Verdict, *words: str) -> None:
    assert (verdict.status, verdict.score) == (Status.FAILED, 0.0), verdict
    for word in words:
        assert word in verdict.rationale


def wider(make: Maker) -> nn.Module:
    """A model whose weight matrices are large enough for correlations to mean something."""
    model = make()
    model.stem = nn.Conv2d(3, 16, 3, padding=1)
    model.blocks = nn.Sequential(
        *(nn.Conv2d(16, 16, 3, padding=1) for _ in range(11)), nn.BatchNorm2d(16)
    )
    model.classifier = nn.Linear(16, 2)
    return model


# ----------------------------------------------------------------------------------- the new head


def test_linear_head_with_the_right_outputs_passes(small_net: Maker) -> None:
    model = small_net()
    model.classifier = nn.Linear(8, 5)
    verdict = check_head(model, "classifier", outputs=5)
    assert (verdict.check, verdict.status) == ("head.replaced", Status.PASSED)


def test_looking_at_the_head_leaves_the_model_as_it_was(small_net: Maker) -> None:
    model = small_net().train()
    model.get_submodule("blocks.1").eval()
    before = snapshot(model)
    modes = [module.training for module in model.modules()]
    check_head(model, "classifier", outputs=2)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in snapshot(model).items())


def test_old_number_of_outputs_is_told(small_net: Maker) -> None:
    verdict = check_head(small_net(), "classifier", outputs=10)
    assert_failed(verdict, "classifier", "2 classes", "10")


def test_head_under_another_name_is_missing(small_net: Maker) -> None:
    model = small_net()
    model.fc = nn.Linear(8, 5)
    assert_failed(check_head(model, "classifier", outputs=5), "classifier")
    del model.classifier
    assert_failed(check_head(model, "classifier", outputs=5), "classifier")


@pytest.mark.parametrize("layer", [nn.Identity(), nn.Sequential(nn.Linear(8, 2))])
def test_head_that_is_no_linear_layer_is_told(small_net: Maker, layer: nn.Module) -> None:
    model = small_net()
    model.classifier = layer
    verdict = check_head(model, "classifier", outputs=2)
    assert_failed(verdict, "classifier")
    assert verdict.actual == type(layer).__name__


def test_head_that_does_not_fit_the_backbone_is_told(small_net: Maker) -> None:
    model = small_net()
    model.classifier = nn.Linear(7, 2)
    verdict = check_head(model, "classifier", outputs=2)
    assert_failed(verdict, "RuntimeError")
    assert "in_features" in str(verdict.hint)


def test_head_that_is_not_the_last_layer_is_told(small_net: Maker) -> None:
    model = nn.Sequential()
    model.net = small_net()
    model.more = nn.Linear(2, 3)
    verdict = check_head(model, "net.classifier", outputs=2)
    assert_failed(verdict, "shape")
    assert verdict.actual == "(1, 3)"


def test_model_that_answers_with_no_tensor_is_told(small_net: Maker) -> None:
    class Lost(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = small_net()

        def forward(self, images: torch.Tensor) -> None:
            self.net(images)

    assert_failed(check_head(Lost(), "net.classifier", outputs=2), "shape")


def test_model_that_is_missing_is_told(small_net: Maker) -> None:
    nothing: Any = None
    assert_failed(check_head(nothing, "classifier", outputs=2))
    assert_failed(check_from_scratch(nothing, snapshot(small_net()), "classifier"))
    assert_failed(check_from_pretrained(nothing, snapshot(small_net()), "classifier"))


# ------------------------------------------------------------------------------ from scratch


def test_correlation_is_numpys(small_net: Maker) -> None:
    model, other = small_net(), type(small_net())()
    pristine = snapshot(other)
    facts = observe_origin(model, pristine, ("classifier",))
    names = [name for name, _ in facts.correlations]
    assert names == ["stem.0.weight", "blocks.0.0.weight", "blocks.1.0.weight"]
    for name, correlation in facts.correlations:
        own = model.get_parameter(name).detach().numpy().ravel()
        expected = np.corrcoef(own, pristine[name].numpy().ravel())[0, 1]
        assert correlation == pytest.approx(expected, abs=1e-6)


def test_constant_weights_correlate_with_nothing(small_net: Maker) -> None:
    model = small_net()
    pristine = snapshot(model)
    nn.init.zeros_(model.get_parameter("stem.0.weight"))
    facts = observe_origin(model, pristine, ())
    assert dict(facts.correlations)["stem.0.weight"] == 0


def test_random_backbone_is_from_scratch(small_net: Maker) -> None:
    pristine = snapshot(wider(small_net))
    verdict = check_from_scratch(wider(small_net), pristine, "classifier")
    assert (verdict.check, verdict.status) == ("head.from_scratch", Status.PASSED)


def test_pretrained_backbone_is_not_from_scratch(small_net: Maker) -> None:
    model = wider(small_net)
    assert_failed(check_from_scratch(model, snapshot(model), "classifier"), "all 12", "stem.weight")


def test_pretrained_backbone_that_was_trained_on_is_not_from_scratch(small_net: Maker) -> None:
    model = wider(small_net)
    pristine = snapshot(model)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight), alpha=float(weight.std(correction=0)))
    assert_failed(check_from_scratch(model, pristine, "classifier"), "stem.weight")


def test_half_of_a_pretrained_backbone_is_too_much(small_net: Maker) -> None:
    model, source = wider(small_net), wider(small_net)
    model.get_submodule("blocks").load_state_dict(source.get_submodule("blocks").state_dict())
    assert_failed(check_from_scratch(model, snapshot(source), "classifier"), "11 of 12", "blocks.0")


def test_pretrained_head_does_not_count(small_net: Maker) -> None:
    model, source = wider(small_net), wider(small_net)
    model.classifier = source.classifier
    assert check_from_scratch(model, snapshot(source), "classifier").status is Status.PASSED


def test_one_layer_alike_by_chance_is_no_proof(small_net: Maker) -> None:
    model, source = wider(small_net), wider(small_net)
    model.stem = source.stem
    assert check_from_scratch(model, snapshot(source), "classifier").status is Status.PASSED


def test_other_architecture_has_nothing_in_common(small_net: Maker) -> None:
    model = nn.Sequential(nn.Linear(8, 2))
    pristine = snapshot(small_net())
    assert_failed(check_from_scratch(model, pristine, "classifier"), "in common")
    assert_failed(check_from_pretrained(model, pristine, "classifier"), "in common")


# --------------------------------------------------------------------------- from pretrained


def test_pretrained_backbone_is_from_pretrained_with_any_head(small_net: Maker) -> None:
    model = wider(small_net)
    pristine = snapshot(model)
    model.classifier = nn.Linear(8, 5)
    verdict = check_from_pretrained(model, pristine, "classifier")
    assert (verdict.check, verdict.status) == ("head.from_pretrained", Status.PASSED)


def test_pretrained_backbone_that_was_trained_on_is_from_pretrained(small_net: Maker) -> None:
    model = wider(small_net)
    pristine = snapshot(model)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight), alpha=float(weight.std(correction=0)))
    assert check_from_pretrained(model, pristine, "classifier").status is Status.PASSED


def test_random_backbone_is_not_from_pretrained(small_net: Maker) -> None:
    verdict = check_from_pretrained(wider(small_net), snapshot(wider(small_net)), "classifier")
    assert_failed(verdict, "all 12", "stem.weight")


def test_half_of_a_pretrained_backbone_is_too_little(small_net: Maker) -> None:
    model, source = wider(small_net), wider(small_net)
    for index in range(6):
        layer = model.get_submodule(f"blocks.{index}")
        layer.load_state_dict(source.get_submodule(f"blocks.{index}").state_dict())
    assert_failed(
        check_from_pretrained(model, snapshot(source), "classifier"), "6 of 12", "stem.weight"
    )


@pytest.mark.parametrize("value", [0.0, float("nan")])
def test_weights_that_training_destroyed_are_not_from_pretrained(
    small_net: Maker, value: float
) -> None:
    model = wider(small_net)
    pristine = snapshot(model)
    with torch.no_grad():
        for weight in model.parameters():
            weight.fill_(value)
    assert_failed(check_from_pretrained(model, pristine, "classifier"))
