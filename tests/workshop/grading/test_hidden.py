"""What hidden parts can speak of."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from workshop.assets import ImageData, TextData
from workshop.errors import WorkshopError
from workshop.grading import held_out, hidden
from workshop.grading.hidden import names, public_test, reference_features
from workshop.grading.hidden_part import SECRET_NAMES

THRESHOLDS = {"test_train": 0.81, "test_rehearse/old": 0.58, "test_rehearse/new": 0.68}


def test_it_is_what_hidden_parts_are_taken_apart_by() -> None:
    assert set(names("test_train", {})) == set(SECRET_NAMES)


def test_a_cell_has_its_own_threshold_or_several_by_name() -> None:
    assert names("test_train", THRESHOLDS)["threshold"]() == 0.81
    several = names("test_rehearse", THRESHOLDS)["threshold"]
    assert (several("old"), several("new")) == (0.58, 0.68)


@pytest.mark.parametrize("name", [(), ("oldest",)])
def test_a_threshold_that_was_not_calibrated_is_named(name: tuple[str, ...]) -> None:
    with pytest.raises(WorkshopError, match="test_rehearse"):
        names("test_rehearse", THRESHOLDS)["threshold"](*name)


CLASSES, EACH = 3, 8


def published(name: str, split: str, *, per_class: int, size: int = 0) -> ImageData | TextData:
    """A data set whose first two examples of each class have the same content."""
    assert split == "test"
    count = CLASSES * per_class
    labels = torch.arange(count) % CLASSES
    ids = [f"{name}-{max(row, row % CLASSES + CLASSES)}" for row in range(count)]
    classes = tuple("abc")
    if not size:
        return TextData(ids, labels, ids, classes)
    images = torch.arange(count, dtype=torch.uint8)[:, None, None, None].expand(-1, 1, size, size)
    return ImageData(images, labels, ids, classes)


@pytest.mark.parametrize("size", [None, 4])
def test_a_public_split_is_taken_apart_by_content(
    monkeypatch: pytest.MonkeyPatch, size: int | None
) -> None:
    monkeypatch.setattr(held_out, "load_target_data", published)
    public_test.cache_clear()
    parts = [
        public_test("ours", part, per_class=EACH, size=size) for part in ("held_out", "reserve")
    ]
    assert not set(parts[0].ids) & set(parts[1].ids)
    assert parts[0].labels.bincount().tolist() == [EACH] * CLASSES
    # One of two equal ones is left out if they fell on both sides.
    assert all(EACH - 1 <= count <= EACH for count in parts[1].labels.bincount().tolist())
    whole = published("ours", "test", per_class=2 * EACH, size=size or 0)
    labels = dict(zip(whole.ids, whole.labels.tolist(), strict=True))
    for part in parts:
        assert [labels[name] for name in part.ids] == part.labels.tolist()
        assert part.class_names == whole.class_names
        if isinstance(part, ImageData):
            assert part.images.shape[1:] == (1, 4, 4)
        else:
            assert part.texts == part.ids
    again = held_out.load_public_test("ours", per_class=EACH, size=size)
    assert again.ids == parts[0].ids


def test_a_public_split_has_two_parts_and_no_third() -> None:
    with pytest.raises(ValueError, match="held_out, reserve"):
        held_out.load_public_test("ours", "train", per_class=1)


def test_reference_features_are_those_of_the_named_model(monkeypatch: pytest.MonkeyPatch) -> None:
    class Model(nn.Module):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def forward_features(self, inputs: torch.Tensor) -> torch.Tensor:
            return inputs * len(self.name)

        def forward_head(self, maps: torch.Tensor, *, pre_logits: bool) -> torch.Tensor:
            assert pre_logits
            return maps.mean(dim=(2, 3))

    monkeypatch.setattr(hidden, "load_source_model", Model)
    monkeypatch.setattr(hidden, "_measured", {})
    inputs = torch.ones(5, 3, 2, 2)
    for name in ("efficientnet_lite0", "resnet18"):
        found = reference_features(inputs, source_model=name)
        assert torch.equal(found, torch.full((5, 3), float(len(name))))
