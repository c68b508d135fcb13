"""Features and single values, right and wrong in every way that a check names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from checks.data import check_features, check_normalised, check_value
from checks.verdict import Status, Verdict


@pytest.fixture
def expected() -> torch.Tensor:
    """``[6, 10]``, six rows that are nothing like one another."""
    return torch.randn(6, 10, generator=torch.Generator().manual_seed(0))


def assert_failed(verdict: Verdict, *words: str) -> None:
    assert (verdict.status, verdict.score) == (Status.FAILED, 0.0), verdict
    for word in words:
        assert word in f"{verdict.rationale} {verdict.actual}"


# ---------------------------------------------------------------------------------- features


def test_right_features_pass(expected: torch.Tensor) -> None:
    verdict = check_features(expected.clone(), expected)
    assert (verdict.check, verdict.status) == ("data.features", Status.PASSED)
    assert check_features(expected, rows=6, columns=10).status is Status.PASSED


@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.bfloat16])
def test_other_precision_passes(expected: torch.Tensor, kind: torch.dtype) -> None:
    assert check_features(expected.to(kind), expected).status is Status.PASSED


def test_rounding_of_another_device_passes(expected: torch.Tensor) -> None:
    assert check_features(expected * 1.005, expected).status is Status.PASSED


def test_row_of_zeros_is_compared_as_well(expected: torch.Tensor) -> None:
    expected[2] = 0
    assert check_features(expected.clone(), expected).status is Status.PASSED
    assert_failed(check_features(expected + 0.01, expected))


@pytest.mark.parametrize("order", [[1, 0, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0]])
def test_right_rows_in_another_order_are_told_apart(
    expected: torch.Tensor, order: list[int]
) -> None:
    assert_failed(check_features(expected[order], expected), "order")


def test_wrong_rows_are_counted(expected: torch.Tensor) -> None:
    features = expected.clone()
    features[1:3] += 1
    assert_failed(check_features(features, expected), "2 of 6")
    assert_failed(check_features(torch.zeros(6, 10), expected), "6 of 6")


@pytest.mark.parametrize("shape", [(5, 10), (6, 9), (60,), (6, 10, 1), ()])
def test_wrong_shape_is_told(expected: torch.Tensor, shape: tuple[int, ...]) -> None:
    assert_failed(check_features(torch.zeros(shape), expected), "shape")
    assert_failed(check_features(torch.zeros(shape), rows=6, columns=10), "shape")


@pytest.mark.parametrize("kind", [torch.int64, torch.bool, torch.complex64])
def test_numbers_that_are_not_floating_point_fail(
    expected: torch.Tensor, kind: torch.dtype
) -> None:
    assert_failed(check_features(torch.ones(6, 10, dtype=kind), expected), "non-float")


@pytest.mark.parametrize("thing", [None, [torch.zeros(10)] * 6, np.zeros((6, 10))])
def test_something_else_than_a_tensor_is_named(expected: torch.Tensor, thing: object) -> None:
    assert_failed(check_features(thing, expected), type(thing).__name__)


def test_graph_is_told(expected: torch.Tensor) -> None:
    with_graph = nn.Parameter(expected) * 1
    assert_failed(check_features(with_graph, expected), "graph")
    assert check_features(with_graph.detach(), expected).status is Status.PASSED


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_fail(expected: torch.Tensor, value: float) -> None:
    features = expected.clone()
    features[3, 3] = value
    assert_failed(check_features(features, expected), "finite")
    assert_failed(check_features(features, rows=6, columns=10), "finite")


@pytest.mark.parametrize("sizes", [{}, {"rows": 6}, {"columns": 10}])
def test_check_without_sizes_is_our_mistake(expected: torch.Tensor, sizes: dict[str, Any]) -> None:
    assert check_features(expected, **sizes).status is Status.ERROR


# ------------------------------------------------------------------------------- single values


@pytest.mark.parametrize(
    "value", [0.6, np.float32(0.6), torch.tensor(0.6), torch.tensor([[0.6]]), np.array(0.6)]
)
def test_right_value_passes_in_whatever_it_comes(value: object) -> None:
    verdict = check_value("recall", value, 0.6)
    assert (verdict.check, verdict.status) == ("value.equal", Status.PASSED)


def test_value_with_a_graph_is_still_a_value() -> None:
    value = nn.Parameter(torch.tensor(0.3)) * 2
    assert check_value("loss", value, 0.6).status is Status.PASSED


@pytest.mark.parametrize("value", [0.61, -0.6, 0, float("inf"), torch.tensor(0.5)])
def test_wrong_value_is_named(value: object) -> None:
    assert_failed(check_value("recall", value, 0.6), "recall")


@pytest.mark.parametrize(
    "value", [None, "0.6", float("nan"), [0.6], torch.tensor([0.6, 0.6]), torch.tensor([]), 1j, {}]
)
def test_something_else_than_a_number_is_named(value: Any) -> None:
    assert_failed(check_value("recall", value, 0.6), "recall", type(value).__name__)


def test_tolerance_decides() -> None:
    assert check_value("count", 7.9, 8, tolerance=0.2).status is Status.PASSED
    assert check_value("count", 7.9, 8).status is Status.FAILED


# -------------------------------------------------------------------------------- normalised inputs

HALF = (0.5, 0.5, 0.5)
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@pytest.fixture
def grey() -> torch.Tensor:
    """uint8 ``[3, 1, 6, 5]``."""
    generator = torch.Generator().manual_seed(2)
    return torch.randint(0, 256, (3, 1, 6, 5), generator=generator, dtype=torch.uint8)


def as_torchvision_does(
    grey: torch.Tensor, mean: tuple[float, ...], std: tuple[float, ...]
) -> torch.Tensor:
    transforms = pytest.importorskip("torchvision.transforms.v2.functional")
    wide = transforms.to_dtype(grey.repeat(1, 3, 1, 1), torch.float32, scale=True)
    result: torch.Tensor = transforms.normalize(wide, list(mean), list(std))
    return result


@pytest.mark.parametrize(("mean", "std"), [(HALF, HALF), IMAGENET])
def test_torchvisions_normalisation_passes(
    grey: torch.Tensor, mean: tuple[float, ...], std: tuple[float, ...]
) -> None:
    inputs = as_torchvision_does(grey, mean, std)
    verdict = check_normalised(inputs, grey, mean, std)
    assert (verdict.check, verdict.status) == ("data.normalised", Status.PASSED)
    assert_failed(check_normalised(inputs, grey.flip(0), mean, std))
    assert_failed(check_normalised(inputs, grey, std, mean)) if mean != std else None


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        (lambda wide: wide, "mean and the deviation"),
        (lambda wide: wide * 255, "not normalised"),
        (lambda wide: (wide * 255 - 0.5) / 0.5, "not scaled"),
        (lambda wide: (wide - 0.5) * 0.5, "multiplied"),
        (lambda wide: wide - 0.5, "deviation is not used"),
        (lambda wide: (wide - wide.mean()) / wide.std(), "not normalised"),
        (lambda wide: wide[:, :1], "shape"),
        (lambda wide: wide[0], "shape"),
        (lambda wide: ((wide - 0.5) / 0.5).double(), "type"),
        (lambda wide: wide * float("nan"), "not normalised"),
        (lambda wide: None, "shape"),
        (lambda wide: wide.numpy(), "shape"),
    ],
)
def test_other_inputs_fail_and_common_mistakes_are_named(
    grey: torch.Tensor, wrong: Any, word: str
) -> None:
    wide = (grey.float() / 255).repeat(1, 3, 1, 1)
    assert_failed(check_normalised(wrong(wide), grey, HALF, HALF), word)
