from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch

from workshop.assets import load_target_data
from workshop.grading.held_out import held_out_labels, load_held_out
from workshop.grading.hidden import held_out_texts


def test_defaults_are_those_of_the_exercise() -> None:
    held_out, reserve = load_held_out(), load_held_out(part="reserve")
    assert held_out.images.shape == (164, 1, 96, 96)
    assert held_out.labels.bincount().tolist() == [82, 82]
    assert reserve.labels.bincount().tolist() == [81, 81]
    assert held_out.class_names == load_target_data().class_names


def test_raw_proportions_are_a_choice() -> None:
    assert load_held_out(balanced=False, size=16).labels.bincount().tolist() == [153, 82]
    assert load_held_out(per_class=10, size=16).labels.bincount().tolist() == [10, 10]


def test_the_four_parts_share_no_image() -> None:
    parts = [
        *(
            load_target_data(split=s, task="type", domain="both", size=128)
            for s in ("train", "validation")
        ),
        *(
            load_held_out(part=p, task="type", domain="both", size=128, balanced=False)
            for p in ("held_out", "reserve")
        ),
    ]
    assert sum(len(part) for part in parts) == 2624
    content = [{image.numpy().tobytes() for image in part.images} for part in parts]
    for first, second in itertools.combinations(content, 2):
        assert not first & second


def test_the_four_parts_share_no_text() -> None:
    parts = [
        *(load_target_data("short_texts", split) for split in ("train", "validation")),
        *(load_held_out("short_texts", part, balanced=False) for part in ("held_out", "reserve")),
    ]
    assert sum(len(part) for part in parts) == 18_168
    for first, second in itertools.combinations(parts, 2):
        assert not set(first.texts) & set(second.texts)


def test_texts_are_balanced_unless_asked_otherwise() -> None:
    assert load_held_out("short_texts").labels.bincount().tolist() == [582] * 3
    raw = load_held_out("short_texts", balanced=False)
    assert raw.labels.bincount().tolist() == [2284, 1676, 582]


def test_hidden_parts_get_few_texts_of_each_class() -> None:
    assert held_out_texts().labels.bincount().tolist() == [150] * 3
    assert not set(held_out_texts().texts) & set(held_out_texts("reserve").texts)


def test_pixels_are_made_the_same_way_on_both_sides() -> None:
    student, engine = (
        load_target_data(size=128, per_class=40),
        load_held_out(size=128, per_class=40),
    )
    assert student.images.dtype == engine.images.dtype == torch.uint8
    means = [each.images.float().mean().item() for each in (student, engine)]
    assert means[0] == pytest.approx(means[1], rel=0.1)


@pytest.mark.parametrize(
    "arguments", [{"name": "cells"}, {"part": "train"}, {"size": 3}, {"task": "x"}, {"domain": "x"}]
)
def test_refuses_what_is_not_there(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"`{next(iter(arguments))}`"):
        load_held_out(**arguments)


def test_the_labels_to_look_for_are_those_of_the_held_out_data() -> None:
    found = held_out_labels()
    assert found["mono defect, held_out"] == load_held_out(balanced=False).labels.tolist()
    assert any(name.startswith("short_texts") for name in found)
    assert all(len(set(labels)) > 1 for labels in found.values())
