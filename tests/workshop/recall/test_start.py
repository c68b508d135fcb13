"""The frozen start of a model is recalled, whatever follows it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest
import torch
from torch import nn

from tests.workshop.recall.test_models import (
    ROOM,
    Change,
    Loss,
    Trained,
    assert_same,
    head_only,
    last_blocks,
    new_model,
    train,
)
from workshop.recall import recalled_from, recorded_to

CONVOLUTIONS = 49  # of the model
IN_LAST_BLOCK_AND_AFTER = 4


def another_head(model: nn.Module) -> None:
    # Without a random number: the inputs that are drawn next stay the same.
    model.get_parameter("classifier.weight").data.neg_()


def both_ways(
    tmp_path: Path,
    prepare: Change,
    change: Change = lambda _: None,
    loss_of: Loss = nn.functional.cross_entropy,
) -> tuple[Trained, Trained]:
    """What comes of it when all is computed, and when what another one has computed is recalled."""
    computed = train(prepare, change=change, loss_of=loss_of)
    recorded_to(tmp_path, ROOM)
    train(prepare)
    recalled_from(tmp_path)
    recalled = train(prepare, change=change, loss_of=loss_of)
    assert_same(recalled, computed)
    return computed, recalled


def test_under_another_head_only_what_trains_is_computed(tmp_path: Path) -> None:
    computed, recalled = both_ways(tmp_path, last_blocks, another_head)
    assert computed.convolutions == 6 * CONVOLUTIONS
    assert recalled.convolutions == 6 * IN_LAST_BLOCK_AND_AFTER


def test_another_head_alone_computes_no_convolution(tmp_path: Path) -> None:
    _, recalled = both_ways(tmp_path, head_only, another_head)
    assert recalled.convolutions == 0


def test_a_block_in_the_middle_that_is_not_the_same_ends_it(tmp_path: Path) -> None:
    def change(model: nn.Module) -> None:
        model.get_parameter("blocks.2.0.conv_pw.weight").data.add_(1e-3)

    computed, recalled = both_ways(tmp_path, last_blocks, change)
    assert recalled.convolutions == computed.convolutions


@pytest.mark.parametrize(
    "change",
    [
        lambda model: model.blocks.register_forward_hook(lambda *_: None),
        lambda model: model.blocks[1].register_forward_hook(lambda *_: None),
        lambda model: setattr(model.blocks, "forward", model.blocks.forward),
        lambda model: setattr(model, "grad_checkpointing", True),
        lambda model: setattr(model.blocks[0][0], "bn1", OwnNorm()),
        lambda model: setattr(model.get_submodule("blocks.3.1"), "drop_path", nn.Dropout(0.5)),
    ],
)
def test_whoever_changes_how_layers_are_called_computes_them(
    tmp_path: Path, change: Change
) -> None:
    computed, recalled = both_ways(tmp_path, last_blocks, change)
    assert recalled.convolutions == computed.convolutions


class OwnNorm(nn.Module):
    """A learner's own layer."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x / 2


def statistics_move(model: nn.Module) -> None:
    head_only(model)
    model.train()


def test_frozen_layers_whose_statistics_move_are_not_fixed(tmp_path: Path) -> None:
    computed, recalled = both_ways(tmp_path, statistics_move, another_head)
    # In training all but the stem, which has no statistics; in evaluation nothing moves.
    assert computed.convolutions == 6 * CONVOLUTIONS
    assert recalled.convolutions == 3 * (CONVOLUTIONS - 1)


def test_without_gradients_it_is_all_the_same_what_is_frozen(tmp_path: Path) -> None:
    x = torch.ones(2, 3, 32, 32)

    def features(prepare: Callable[[nn.Module], object]) -> torch.Tensor:
        model = new_model().eval()
        prepare(model)
        with torch.no_grad():
            return model.forward_features(x)  # type: ignore[operator, no-any-return]

    recorded_to(tmp_path, ROOM)
    expected = features(head_only)
    recalled_from(tmp_path)
    with mock.patch("torch.nn.functional.conv2d", side_effect=AssertionError):
        assert features(another_head).equal(expected)
        assert features(lambda model: model.requires_grad_(True)).equal(expected)


def test_blocks_that_cannot_be_called_stay_a_mistake(tmp_path: Path) -> None:
    def run(change: Callable[[nn.Module], object]) -> None:
        model = new_model().requires_grad_(False).eval()
        change(model)
        model(torch.ones(2, 3, 32, 32))

    recorded_to(tmp_path, ROOM)
    run(lambda _: None)
    recalled_from(tmp_path)
    with pytest.raises(NotImplementedError):
        run(
            lambda model: setattr(
                model, "blocks", nn.ModuleList(model.get_submodule("blocks").children())
            )
        )


def test_a_gradient_behind_a_recalled_start_is_computed_from_it(tmp_path: Path) -> None:
    """As where another loss follows the same output: the way back needs the layers' insides."""

    def other_loss(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return nn.functional.multi_margin_loss(x, y)

    _, recalled = both_ways(tmp_path, last_blocks, loss_of=other_loss)
    # The first output is known as a whole; its last layers run again for their gradients.
    assert recalled.convolutions <= 6 * IN_LAST_BLOCK_AND_AFTER
