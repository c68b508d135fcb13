"""What hidden parts can speak of."""

from __future__ import annotations

import pytest

from workshop.errors import WorkshopError
from workshop.grading.hidden import names
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
