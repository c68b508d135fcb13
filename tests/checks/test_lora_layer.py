"""A hand-written LoRA layer that computes what peft's does passes; every usual mistake fails."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn

import checks
from checks.lora_layer import LoraLayerFacts, observe_lora_layer
from checks.verdict import Status, Verdict

SIZES: dict[str, Any] = {"inputs": 5, "outputs": 4, "rank": 2}


class Layer(nn.Module):
    """The right one; what subclasses change is a mistake."""

    def __init__(self, base: nn.Linear, r: int, alpha: float) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        self.r, self.alpha = r, alpha
        self.A = nn.Parameter(torch.randn(r, base.in_features))
        self.B = nn.Parameter(torch.zeros(base.out_features, r))

    @property
    def scale(self) -> float:
        return self.alpha / self.r

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = self.base(x) + self.scale * (x @ self.A.T @ self.B.T)
        return answer


class OfPeft(nn.Module):
    """peft's layer, with A and B where the exercise wants them."""

    def __init__(self, base: nn.Linear, r: int, alpha: float) -> None:
        super().__init__()
        settings = LoraConfig(r=r, lora_alpha=int(alpha), target_modules=["query"])
        self.model: Any = get_peft_model(nn.Sequential(OrderedDict(query=base)), settings)
        inner: Any = self.model.base_model.model
        layer = inner.query
        self.A, self.B = layer.lora_A["default"].weight, layer.lora_B["default"].weight

    def forward(self, x: torch.Tensor) -> Any:
        return self.model(x)


def judged(make: Any, seed: int = 0) -> tuple[Verdict, Verdict, Verdict]:
    seen = observe_lora_layer(make, **SIZES, alpha=6, seed=seed)
    return (
        checks.check_lora_start(seen, **SIZES, seed=seed),
        checks.check_lora_frozen(seen),
        checks.check_lora_update(seen, **SIZES, alpha=6, seed=seed),
    )


@pytest.mark.parametrize("make", [Layer, OfPeft])
@pytest.mark.parametrize("seed", [0, 5])
def test_right_layers_pass(make: Any, seed: int) -> None:
    assert [each.status for each in judged(make, seed)] == [Status.PASSED] * 3


class Unscaled(Layer):
    scale = 1.0


class ByAlphaOnly(Layer):
    @property
    def scale(self) -> float:
        return self.alpha


class Upside(Layer):
    @property
    def scale(self) -> float:
        return self.r / self.alpha


class WithoutBase(Layer):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.scale * (x @ self.A.T @ self.B.T)


class WithoutUpdate(Layer):
    def forward(self, x: torch.Tensor) -> Any:
        return self.base(x)


class WithoutBias(Layer):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.base.weight.T + self.scale * (x @ self.A.T @ self.B.T)


class RandomB(Layer):
    def __init__(self, base: nn.Linear, r: int, alpha: float) -> None:
        super().__init__(base, r, alpha)
        nn.init.normal_(self.B)


class ZeroA(Layer):
    def __init__(self, base: nn.Linear, r: int, alpha: float) -> None:
        super().__init__(base, r, alpha)
        nn.init.zeros_(self.A)


class Transposed(Layer):
    def __init__(self, base: nn.Linear, r: int, alpha: float) -> None:
        super().__init__(base, r, alpha)
        self.A = nn.Parameter(torch.randn(base.in_features, r))
        self.B = nn.Parameter(torch.zeros(r, base.out_features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = self.base(x) + self.scale * (x @ self.A @ self.B)
        return answer


class NotFrozen(Layer):
    def __init__(self, base: nn.Linear, r: int, alpha: float) -> None:
        super().__init__(base, r, alpha)
        base.requires_grad_(True)


class BiasTrains(Layer):
    def __init__(self, base: nn.Linear, r: int, alpha: float) -> None:
        super().__init__(base, r, alpha)
        base.bias.requires_grad_(True)


@pytest.mark.parametrize(
    ("make", "failing", "said"),
    [
        (Unscaled, {2}, "not scaled"),
        (ByAlphaOnly, {2}, "without the division"),
        (Upside, {2}, "r / alpha"),
        (WithoutBase, {0, 2}, "own answer"),
        (WithoutUpdate, {2}, "update is missing"),
        (WithoutBias, {0, 2}, "bias"),
        (RandomB, {0}, ""),
        (ZeroA, {0}, ""),
        (Transposed, {0, 2}, "shape"),
        (NotFrozen, {1}, ""),
        (BiasTrains, {1}, ""),
    ],
)
def test_mistakes_fail_where_they_are(make: Any, failing: set[int], said: str) -> None:
    verdicts = judged(make)
    assert {index for index, each in enumerate(verdicts) if each.status is Status.FAILED} == failing
    assert any(said in str(each) for each in verdicts)


@pytest.mark.parametrize(
    "make",
    [
        lambda *_: None,
        lambda base, *_: base,
        lambda *_: 1 / 0,
        lambda base, r, alpha: type("Silent", (Layer,), {"forward": lambda *_: None})(
            base, r, alpha
        ),
        None,
    ],
)
def test_what_is_no_such_layer_fails_without_raising(make: Any) -> None:
    assert all(each.status is Status.FAILED for each in judged(make))


def test_not_a_number_fails() -> None:
    class Broken(Layer):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x) * float("nan")

    start, _, update = judged(Broken)
    assert start.status is update.status is Status.FAILED


def test_global_random_numbers_stay() -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    judged(Layer)
    assert torch.equal(torch.rand(1), expected)


def test_facts_of_another_kind_fail() -> None:
    assert checks.check_lora_frozen(LoraLayerFacts).status is Status.FAILED  # type: ignore[arg-type]
