"""A tensor is compared row by row, relative to each row's own size."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import checks
from checks.verdict import Status

EXPECTED = torch.tensor([[1.0, 2.0], [1000.0, -3000.0], [0.0, 0.0]])


def test_equal_and_nearly_equal_tensors_pass() -> None:
    for found in (EXPECTED, EXPECTED.double(), EXPECTED * (1 + 5e-5)):
        assert checks.check_tensor("it", found, EXPECTED).status is Status.PASSED


@pytest.mark.parametrize(
    "found",
    [
        None,
        EXPECTED.tolist(),
        EXPECTED[:2],
        EXPECTED.T,
        EXPECTED + 0.01,
        EXPECTED * float("nan"),
        EXPECTED.clone().requires_grad_(),
    ],
)
def test_other_tensors_fail(found: Any) -> None:
    assert checks.check_tensor("it", found, EXPECTED).status is Status.FAILED


def test_first_wrong_row_is_named() -> None:
    found = EXPECTED.clone()
    found[1, 0] += 10
    verdict = checks.check_tensor("it", found, EXPECTED, hint="look again")
    assert "row 1" in verdict.rationale
    assert verdict.hint == "look again"
    assert checks.check_tensor("it", found, EXPECTED, tolerance=0.01).status is Status.PASSED
