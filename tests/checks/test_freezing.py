"""Freezing: what trains, which mode it is in, and what has moved."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from checks.freezing import (
    check_eval_mode,
    check_moved,
    check_statistics_unmoved,
    check_trainable,
    check_unchanged,
    snapshot,
)
from checks.guard import LearnerError
from checks.verdict import Status, Verdict

Maker = Callable[[], nn.Module]


def head_only(model: nn.Module) -> nn.Module:
    model.requires_grad_(False).get_submodule("classifier").requires_grad_(True)
    return model


def assert_failed(verdict: Verdict, *words: str) -> None:
    assert (verdict.status, verdict.score) == (Status.FAILED, 0.0), verdict
    for word in words:
        assert word in verdict.rationale


def train_one_step(model: nn.Module, inputs: torch.Tensor) -> None:
    trainable = [each for each in model.parameters() if each.requires_grad]
    optimizer = torch.optim.SGD(trainable, lr=0.1)
    model(inputs).square().sum().backward()
    optimizer.step()


# ---------------------------------------------------------------------------- what is trainable


def test_frozen_backbone_passes(small_net: Maker) -> None:
    verdict = check_trainable(head_only(small_net()), "classifier")
    assert (verdict.check, verdict.status) == ("freezing.trainable", Status.PASSED)


def test_backbone_that_still_trains_is_counted_and_named(small_net: Maker) -> None:
    verdict = check_trainable(small_net(), "classifier")
    assert_failed(verdict, "all 12", "stem.0.weight")


def test_one_layer_that_still_trains_is_named(small_net: Maker) -> None:
    model = head_only(small_net())
    model.get_parameter("blocks.1.1.bias").requires_grad_(True)
    assert_failed(check_trainable(model, "classifier"), "1 of 12", "blocks.1.1.bias")


def test_frozen_head_is_named(small_net: Maker) -> None:
    verdict = check_trainable(small_net().requires_grad_(False), "classifier")
    assert_failed(verdict, "all 2", "classifier.weight")


def test_head_frozen_instead_of_the_backbone_is_told_apart(small_net: Maker) -> None:
    model = small_net()
    model.get_submodule("classifier").requires_grad_(False)
    verdict = check_trainable(model, "classifier")
    assert_failed(verdict, "stem.0.weight", "classifier.weight")
    assert "wrong way round" in str(verdict.hint)


@pytest.mark.parametrize("name", ["", "stem"])
def test_flag_set_on_a_module_is_explained(small_net: Maker, name: str) -> None:
    model = small_net()
    vars(model.get_submodule(name))["requires_grad"] = False  # as `module.requires_grad = False`
    verdict = check_trainable(model, "classifier")
    assert_failed(verdict)
    assert "module" in str(verdict.hint)
    assert (name or "model") in str(verdict.hint)


def test_module_lost_by_the_learner_is_named(small_net: Maker) -> None:
    model = small_net()
    del model.classifier
    assert_failed(check_trainable(model, "classifier"), "classifier")


def test_head_without_parameters_does_not_count_as_trained(small_net: Maker) -> None:
    model = small_net().requires_grad_(False)
    model.classifier = nn.Identity()
    assert_failed(check_trainable(model, "classifier"), "classifier")


@pytest.mark.parametrize("thing", [None, "model", nn.Linear])
def test_something_else_than_a_model_fails(thing: nn.Module) -> None:
    for verdict in (
        check_trainable(thing, "classifier"),
        check_eval_mode(thing, "classifier"),
        check_unchanged(thing, {}, "classifier"),
        check_statistics_unmoved(thing, {}, "classifier"),
        check_moved(thing, {}, "classifier"),
    ):
        assert_failed(verdict)
    with pytest.raises(LearnerError):
        snapshot(thing)


def test_nothing_or_everything_may_be_what_trains(small_net: Maker) -> None:
    assert check_trainable(small_net(), "").status is Status.PASSED
    assert check_trainable(small_net().requires_grad_(False), ()).status is Status.PASSED
    assert_failed(check_trainable(small_net(), ()), "stem.0.weight")


def test_number_of_a_block_is_matched_whole(numbered_blocks: nn.Module) -> None:
    numbered_blocks.requires_grad_(False)
    numbered_blocks.get_submodule("blocks.5").requires_grad_(True)
    assert check_trainable(numbered_blocks, "blocks.5").status is Status.PASSED
    numbered_blocks.get_submodule("blocks.55").requires_grad_(True)
    assert_failed(check_trainable(numbered_blocks, "blocks.5"), "blocks.55.0.weight")


def test_tensor_shared_with_the_head_may_train(tied_net: Maker) -> None:
    model = tied_net().requires_grad_(False)
    model.get_submodule("head").requires_grad_(True)
    assert check_trainable(model, "head").status is Status.PASSED


def test_second_name_of_a_shared_tensor_is_known(tied_net: Maker) -> None:
    model = tied_net().requires_grad_(False)
    model.get_parameter("head.weight").requires_grad_(True)
    for name in ("embedding.weight", "head.weight"):
        assert check_trainable(model, name).status is Status.PASSED


# --------------------------------------------------------------------------------------- modes


def test_frozen_layers_in_evaluation_mode_pass(small_net: Maker) -> None:
    model = small_net().train()
    for name in ("stem", "blocks.0"):
        model.get_submodule(name).eval()
    verdict = check_eval_mode(model, ["blocks.1", "classifier"])
    assert (verdict.check, verdict.status) == ("freezing.eval_mode", Status.PASSED)


@pytest.mark.parametrize("awake", ["stem.1", "blocks.1.2"])
def test_frozen_layer_in_training_mode_is_named(small_net: Maker, awake: str) -> None:
    model = small_net().eval()
    model.get_submodule(awake).train()
    assert_failed(check_eval_mode(model, "classifier"), "1 of 4", awake)


def test_trained_layer_in_evaluation_mode_is_named(small_net: Maker) -> None:
    model = small_net().eval()
    model.get_submodule("blocks.1.2").train()
    assert_failed(check_eval_mode(model, "blocks.1"), "1 of 2", "blocks.1.1")


def test_mode_of_layers_that_do_not_depend_on_it_does_not_matter(small_net: Maker) -> None:
    model = small_net().eval()
    model.training = True
    model.get_submodule("stem.0").train()
    assert check_eval_mode(model, "classifier").status is Status.PASSED


# ------------------------------------------------------------------------------ what has moved


def test_trained_head_passes_and_leaves_the_rest_unchanged(
    small_net: Maker, images: torch.Tensor
) -> None:
    model = head_only(small_net()).eval()
    before = snapshot(model)
    train_one_step(model, images)
    verdicts = [
        check_unchanged(model, before, "classifier"),
        check_statistics_unmoved(model, before, "classifier"),
        check_moved(model, before, "classifier"),
    ]
    assert [each.status for each in verdicts] == [Status.PASSED] * 3
    names = ["freezing.unchanged", "freezing.statistics_unmoved", "freezing.moved"]
    assert [each.check for each in verdicts] == names


def test_snapshot_is_a_copy(small_net: Maker) -> None:
    model = small_net()
    before = snapshot(model)
    with torch.no_grad():
        model.get_parameter("classifier.bias").add_(1)
    assert not torch.equal(before["classifier.bias"], model.get_parameter("classifier.bias"))
    assert not any(tensor.requires_grad for tensor in before.values())
    assert set(before) == set(model.state_dict())


def test_smallest_change_of_a_frozen_weight_is_seen(small_net: Maker) -> None:
    model = small_net()
    before = snapshot(model)
    weight = model.get_parameter("blocks.0.0.weight").data
    weight[0, 0, 0, 0] = torch.nextafter(weight[0, 0, 0, 0], torch.tensor(9.0))
    assert_failed(check_unchanged(model, before, "classifier"), "1 of 12", "blocks.0.0.weight")


def test_other_weights_loaded_into_the_backbone_are_seen(small_net: Maker) -> None:
    model = small_net()
    before = snapshot(model)
    other = type(model)()
    model.load_state_dict(other.state_dict())
    assert_failed(check_unchanged(model, before, "classifier"), "stem.0.weight")


def test_weights_reloaded_after_training_have_not_moved(
    small_net: Maker, images: torch.Tensor
) -> None:
    model = head_only(small_net()).eval()
    before = snapshot(model)
    train_one_step(model, images)
    model.load_state_dict(before)
    verdict = check_moved(model, before, "classifier")
    assert_failed(verdict, "all 2", "classifier.weight")


def test_one_parameter_that_has_not_moved_is_named(small_net: Maker) -> None:
    model = small_net()
    before = snapshot(model)
    with torch.no_grad():
        model.get_parameter("classifier.weight").add_(1)
    assert_failed(check_moved(model, before, "classifier"), "1 of 2", "classifier.bias")
    assert_failed(check_moved(model, before, ""), "13 of 14", "stem.0.weight")


def test_statistics_that_moved_even_without_gradients_are_named(
    small_net: Maker, images: torch.Tensor
) -> None:
    model = head_only(small_net())
    before = snapshot(model)
    model.train()
    with torch.no_grad():
        model(images)
    model.eval()
    for verdict in (
        check_unchanged(model, before, "classifier"),
        check_statistics_unmoved(model, before, "classifier"),
    ):
        assert_failed(verdict, "all 3", "blocks.0.1")
    assert "evaluation mode" in str(check_unchanged(model, before, "classifier").hint)


def test_statistics_of_the_trained_part_may_move(small_net: Maker, images: torch.Tensor) -> None:
    model = small_net().eval()
    before = snapshot(model)
    model.get_submodule("blocks.1").train()
    model(images)
    parts = ["blocks.1", "classifier"]
    assert check_unchanged(model, before, parts).status is Status.PASSED
    assert check_statistics_unmoved(model, before, parts).status is Status.PASSED
    assert_failed(check_statistics_unmoved(model, before, "classifier"), "1 of 3", "blocks.1.1")


@pytest.mark.parametrize("name", ["running_mean", "running_var", "num_batches_tracked"])
def test_each_kind_of_statistics_is_compared_exactly(small_net: Maker, name: str) -> None:
    model = small_net()
    before = snapshot(model)
    model.get_buffer(f"stem.1.{name}").add_(1)
    assert_failed(check_statistics_unmoved(model, before, "classifier"), "stem.1")


def test_weights_and_statistics_are_both_reported(small_net: Maker) -> None:
    model = small_net()
    before = snapshot(model)
    model.get_parameter("stem.0.bias").data.add_(1)
    model.get_buffer("blocks.0.1.running_var").add_(1)
    assert_failed(check_unchanged(model, before, "classifier"), "stem.0.bias", "blocks.0.1")


def test_replaced_head_is_not_compared(small_net: Maker) -> None:
    model = small_net()
    before = snapshot(model)
    model.classifier = nn.Linear(8, 5)
    assert check_unchanged(model, before, "classifier").status is Status.PASSED


@pytest.mark.parametrize("layer", [nn.Linear(8, 5), nn.Identity()])
def test_layer_of_the_source_model_that_is_gone_is_named(
    small_net: Maker, layer: nn.Module
) -> None:
    model = small_net()
    before = snapshot(model)
    model.classifier = layer
    assert_failed(check_unchanged(model, before, ()), "classifier.weight")


def test_lost_norm_layer_does_not_pass_for_unmoved_statistics(small_net: Maker) -> None:
    model = small_net()
    before = snapshot(model)
    model.stem = nn.Conv2d(3, 4, 3)
    assert_failed(check_statistics_unmoved(model, before, "classifier"), "stem")


def test_head_that_cannot_be_compared_does_not_pass_for_moved(small_net: Maker) -> None:
    model = small_net()
    before = snapshot(model)
    model.classifier = nn.Sequential(nn.Linear(8, 2))
    assert_failed(check_moved(model, before, "classifier"), "classifier.weight")


def test_moved_part_must_be_there(small_net: Maker) -> None:
    assert_failed(check_moved(small_net(), snapshot(small_net()), "fc"), "fc")


def test_weights_in_half_precision_are_not_the_pristine_ones(small_net: Maker) -> None:
    model = small_net()
    before = snapshot(model)
    assert_failed(check_unchanged(model.half(), before, "classifier"), "stem.0.weight")


def test_tensor_shared_with_the_trained_head_may_move(tied_net: Maker) -> None:
    model = tied_net().requires_grad_(False)
    model.get_submodule("head").requires_grad_(True)
    before = snapshot(model)
    train_one_step(model, torch.tensor([[0, 1, 2]]))
    assert check_trainable(model, "head").status is Status.PASSED
    assert check_moved(model, before, "head").status is Status.PASSED
    assert check_unchanged(model, before, "head").status is Status.PASSED


def test_shared_tensor_replaced_in_one_layer_only_is_seen(tied_net: Maker) -> None:
    model = tied_net()
    before = snapshot(model)
    model.get_submodule("embedding").weight = nn.Parameter(torch.zeros(5, 3))
    assert_failed(check_unchanged(model, before, "head"), "embedding.weight")
    model = tied_net()
    model.get_submodule("head").weight = nn.Parameter(torch.zeros(5, 3))
    assert_failed(check_unchanged(model, before, ()), "head.weight")
    assert check_unchanged(model, before, "head").status is Status.PASSED
