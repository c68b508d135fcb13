from __future__ import annotations

import numpy as np
import pytest

from workshop.assets import AssetCorrupted, load_target_data, short_texts


def test_training_texts_come_with_labels_in_a_fixed_order() -> None:
    data = load_target_data("short_texts")
    again = load_target_data("short_texts")
    assert data.class_names == ("negative", "neutral", "positive")
    assert data.labels.bincount().tolist() == [3654, 2682, 931]
    assert len(data) == len(data.texts) == len(data.ids) == 7267
    assert data.texts == again.texts


def test_training_and_validation_share_no_text() -> None:
    train = load_target_data("short_texts")
    validation = load_target_data("short_texts", "validation")
    assert len(validation) == 1817
    assert not set(train.texts) & set(validation.texts)
    assert not set(train.ids) & set(validation.ids)


def test_selections_are_nested_and_balanced() -> None:
    small = load_target_data("short_texts", per_class=5)
    large = load_target_data("short_texts", per_class=50)
    assert set(small.texts) < set(large.texts)
    assert small.labels.bincount().tolist() == [5, 5, 5]
    balanced = load_target_data("short_texts", "validation", balanced=True)
    assert balanced.labels.bincount().tolist() == [233, 233, 233]


def test_texts_come_back_as_they_were_packed() -> None:
    texts = ["", "one", "zwei Wörter", "🙂"]
    stored = short_texts.packed(texts)
    assert short_texts.unpacked(stored, [3, 0, 2, 1]) == ["🙂", "", "zwei Wörter", "one"]


def test_refuses_what_is_not_there() -> None:
    with pytest.raises(ValueError, match="`split`"):
        load_target_data("short_texts", "held_out")
    with pytest.raises(ValueError, match="at most 931, the number of positive"):
        load_target_data("short_texts", per_class=1000)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": np.zeros(1, dtype=np.uint8)}, "'label'"),
        ({"ends": np.zeros(2, dtype=np.float64)}, "'ends'"),
        ({"ends": np.array([1, 9])}, "do not fill"),
        ({"ends": np.array([3, 2])}, "do not fill"),
    ],
)
def test_refuses_arrays_that_do_not_belong_together(
    change: dict[str, np.ndarray], message: str
) -> None:
    arrays = {
        **short_texts.packed(["a", "b"]),
        "split": np.zeros(2, dtype=np.uint8),
        "label": np.zeros(2, dtype=np.uint8),
    }
    with pytest.raises(AssetCorrupted, match=message):
        short_texts._checked({**arrays, **change})
