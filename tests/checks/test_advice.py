"""The exceptions that beginners meet, raised for real, and what the advice must speak of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from checks.advice import advice_for

GENERAL = advice_for(Exception("something else"))


def not_implemented() -> None:
    raise NotImplementedError


def unknown_name() -> None:
    exec("model_", {})  # noqa: S102 - a name that is nowhere


def unbound_local() -> None:
    exec("def f():\n    total += 1\nf()", {})  # noqa: S102 - type checkers refuse it, rightly


def attribute_of_none() -> None:
    nothing: Any = None
    nothing.parameters()


def none_called() -> None:
    nothing: Any = None
    nothing(1)


def none_unpacked() -> None:
    nothing: Any = None
    _, _ = nothing


def overlapping_groups() -> None:
    layer = nn.Linear(2, 2)
    groups: Any = [{"params": [*layer.parameters()]}, {"params": [layer.weight]}]
    torch.optim.SGD(groups, lr=0.1)


def no_parameters() -> None:
    torch.optim.SGD([], lr=0.1)


def batch_of_one() -> None:
    nn.BatchNorm1d(3)(torch.zeros(1, 3))


def everything_frozen() -> None:
    nn.Linear(2, 2).requires_grad_(False)(torch.zeros(1, 2)).sum().backward()


def inference_tensor() -> None:
    with torch.inference_mode():
        features = torch.ones(2, 2)
    nn.Linear(2, 2)(features).sum().backward()


def wrong_sizes() -> None:
    nn.Linear(3, 2)(torch.zeros(1, 4))


def sizes_of_a_sum() -> None:
    torch.zeros(3) + torch.zeros(2)


def wrong_view() -> None:
    torch.zeros(3).view(2, 2)


def wrong_type() -> None:
    nn.Linear(2, 2)(torch.zeros(1, 2, dtype=torch.float64))


def images_as_bytes() -> None:
    nn.Conv2d(3, 4, 3)(torch.zeros(1, 3, 8, 8, dtype=torch.uint8))


def labels_as_floats() -> None:
    nn.functional.cross_entropy(torch.zeros(1, 2), torch.zeros(1))


def backward_twice() -> None:
    loss = nn.Linear(2, 2)(torch.zeros(1, 2)).square().sum()
    loss.backward()
    loss.backward()


def too_few_outputs() -> None:
    nn.functional.cross_entropy(torch.zeros(1, 2), torch.tensor([2]))


def out_of_memory() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")


def exits() -> None:
    raise SystemExit


def endless() -> None:
    endless()


@pytest.mark.parametrize(
    ("mistake", "word"),
    [
        (not_implemented, "raise NotImplementedError"),
        (unknown_name, "Restart"),
        (unbound_local, "before it is given a value"),
        (attribute_of_none, "return"),
        (none_called, "return"),
        (none_unpacked, "return"),
        (overlapping_groups, "exactly one"),
        (no_parameters, "list"),
        (batch_of_one, "model.eval()"),
        (everything_frozen, "frozen"),
        (inference_tensor, "no_grad"),
        (wrong_sizes, "in_features"),
        (sizes_of_a_sum, "shapes"),
        (wrong_view, "shapes"),
        (wrong_type, "float32"),
        (images_as_bytes, "float32"),
        (labels_as_floats, "int64"),
        (backward_twice, "anew"),
        (too_few_outputs, "out_features"),
        (out_of_memory, "smaller batches"),
        (exits, "exit()"),
        (endless, "without end"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_known_mistake_gets_its_own_advice(mistake: Callable[[], None], word: str) -> None:
    with pytest.raises(BaseException) as caught:
        mistake()
    advice = advice_for(caught.value)
    assert word in advice
    assert advice != GENERAL


@pytest.mark.parametrize(
    "message",
    [
        "Expected all tensors to be on the same device, but found at least two devices",
        "Input type (torch.cuda.FloatTensor) and bias type (torch.FloatTensor) should be the same",
    ],
)
def test_tensors_on_two_devices_get_advice(message: str) -> None:
    assert ".to(device)" in advice_for(RuntimeError(message))


@pytest.mark.parametrize(
    "error",
    [
        AssertionError("Torch not compiled with CUDA enabled"),
        RuntimeError("Found no NVIDIA driver on your system. Please check that you have one"),
        RuntimeError("No CUDA GPUs are available"),
    ],
)
def test_who_names_a_gpu_that_is_not_there_gets_advice(error: Exception) -> None:
    assert "pick_device" in advice_for(error)


@pytest.mark.parametrize("error", [KeyError("a"), RuntimeError("unheard of"), ValueError("")])
def test_unknown_mistake_gets_general_advice(error: Exception) -> None:
    assert advice_for(error) == GENERAL


def test_not_implemented_by_a_library_is_not_the_exercises_own() -> None:
    assert "This exercise" not in advice_for(NotImplementedError("no such kernel"))
