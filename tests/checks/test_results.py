"""Vectors and tables of numbers, right and wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from checks.results import check_results
from checks.verdict import Status

TABLE = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


@pytest.mark.parametrize(
    "given",
    [TABLE, TABLE.int(), TABLE.half(), TABLE.tolist(), TABLE + 5e-5, TABLE.requires_grad_(False)],
)
def test_right_table_passes_in_whatever_it_comes(given: Any) -> None:
    assert check_results("the table", given, TABLE).status is Status.PASSED
    assert check_results("the table", given, TABLE.tolist()).status is Status.PASSED


def test_truth_values_and_single_numbers_are_numbers() -> None:
    assert check_results("rows", torch.tensor([True, False]), [1, 0]).status is Status.PASSED
    assert check_results("one", 3, torch.tensor(3.0)).status is Status.PASSED


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (TABLE.T, "swapped"),
        (TABLE[:1], "shape"),
        (TABLE.mean(), "shape"),
        (TABLE.flip(0), "places"),
        (TABLE + 1, "6 of 6"),
        (TABLE * torch.tensor([1, 1, 2]), "2 of 6"),
        (TABLE / 0, "finite"),
        (None, "no numbers"),
        ("numbers", "no numbers"),
        ([[1, 2], [3]], "no numbers"),
        (np.zeros((2, 3)), "no numbers"),
        ({}, "no numbers"),
        (TABLE.to(torch.complex64), "no numbers"),
    ],
)
def test_wrong_table_is_told(given: Any, word: str) -> None:
    verdict = check_results("the table", given, TABLE)
    assert (verdict.check, verdict.status) == ("results.equal", Status.FAILED)
    assert word in verdict.rationale


def test_tolerance_decides() -> None:
    assert check_results("it", [1.01], [1.0], tolerance=0.1).status is Status.PASSED
    assert check_results("it", [1.01], [1.0]).status is Status.FAILED
