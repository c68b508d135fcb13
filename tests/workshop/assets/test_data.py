from __future__ import annotations

from typing import Any

import pytest

from workshop.assets import load_target_data


def test_refuses_an_unknown_name_and_says_which_are_known() -> None:
    with pytest.raises(ValueError, match=r"solar_cells, short_texts, .*torchvision/CIFAR10"):
        load_target_data("cells")


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("short_texts", {"task": "defect"}),
        ("short_texts", {"domain": "mono"}),
        ("short_texts", {"size": 96}),
        ("tweet_sentiment", {"size": 96}),
        ("tweet_sentiment", {"task": "defect"}),
        ("torchvision/CIFAR10", {"task": "defect"}),
        ("torchvision/Flowers102", {"domain": "mono"}),
    ],
)
def test_refuses_a_choice_that_the_data_do_not_have(name: str, argument: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{name} has no such choice"):
        load_target_data(name, **argument)
