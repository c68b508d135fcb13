from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from workshop.assets import AssetCorrupted, load_target_data
from workshop.assets import solar_cells as module
from workshop.assets._student_files import Arrays
from workshop.assets.solar_cells import Cells

CELLS = Cells(
    domains=np.array([0, 0, 0, 0, 1, 1, 1, 1], dtype=np.uint8),
    thirds=np.array([0, 1, 2, 3, 0, 1, 2, 3], dtype=np.uint8),
)


@pytest.mark.parametrize(
    ("task", "domain", "labels"),
    [
        ("defect", "mono", [0, -1, -1, 1, -1, -1, -1, -1]),
        ("defect", "poly", [-1, -1, -1, -1, 0, -1, -1, 1]),
        ("defect", "both", [0, -1, -1, 1, 0, -1, -1, 1]),
        ("type", "both", [0, 0, 0, 0, 1, 1, 1, 1]),
        ("type_and_defect", "both", [0, -1, -1, 1, 2, -1, -1, 3]),
        ("probability", "mono", [0, 1, 2, 3, -1, -1, -1, -1]),
    ],
)
def test_each_task_has_its_labels(task: str, domain: str, labels: list[int]) -> None:
    assert CELLS.labels(task, domain).tolist() == labels


def test_the_default_is_defects_of_mono_cells() -> None:
    data = load_target_data()
    assert data.class_names == ("intact", "defective")
    assert data.images.shape == (288, 1, 96, 96)
    assert data.images.dtype == torch.uint8
    assert data.labels.dtype == torch.int64
    assert data.labels.bincount().tolist() == [188, 100]
    assert len(set(data.ids)) == 288


def test_selections_are_the_same_each_time_and_nested() -> None:
    small = load_target_data(per_class=10, size=64)
    again = load_target_data(per_class=10, size=64)
    large = load_target_data(per_class=20, size=64)
    assert torch.equal(small.images, again.images)
    assert small.ids == again.ids
    assert set(small.ids) < set(large.ids)
    assert small.labels.bincount().tolist() == [10, 10]
    assert load_target_data(balanced=True, size=16).labels.bincount().tolist() == [100, 100]


def test_training_and_validation_share_no_cell() -> None:
    parts = [
        load_target_data(split=s, task="type", domain="both", size=16)
        for s in module.STUDENT_SPLITS
    ]
    assert [len(part) for part in parts] == [925, 365]
    assert not set(parts[0].ids) & set(parts[1].ids)


@pytest.mark.parametrize("argument", ["split", "task", "domain"])
def test_refuses_what_is_not_there(argument: str) -> None:
    wrong: dict[str, Any] = {argument: "held_out"}
    with pytest.raises(ValueError, match=f"`{argument}`"):
        load_target_data(**wrong)


def test_refuses_to_balance_with_a_class_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="has no poly"):
        load_target_data(task="type", balanced=True, size=16)


def test_refuses_arrays_that_do_not_belong_together() -> None:
    arrays: Arrays = {"images": np.zeros((2, 128, 128), dtype=np.uint8)}
    with pytest.raises(AssetCorrupted, match="'split' is not uint8"):
        module._checked(arrays)
