"""Facts of splits, augmentation and early stopping give the same verdicts on both sides."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest
import torch

import checks
from checks.augmentation import AugmentationFacts
from checks.batches import BatchFacts
from checks.splits import SplitFacts
from checks.stopping import KeeperFacts, StoppingFacts
from checks.verdict import Status, Verdict
from tests.workshop.grading.round_trip import again

IMAGES = checks.probe_images(whole=True)
LABELS = torch.arange(9) % 4
LOSSES = (0.9, 0.5, 0.7, 0.8)


def stops(*_: Any) -> Any:
    raise KeyError("mine")


def judged(facts: Any) -> list[Verdict]:
    """All verdicts on one set of facts."""
    if isinstance(facts, SplitFacts):
        images = IMAGES[:12]
        return [
            checks.check_disjoint(facts, images, mirrored=True),
            checks.check_shares(facts, images),
            checks.check_drawn(facts, images),
        ]
    if isinstance(facts, AugmentationFacts):
        every = (checks.check_augmented, checks.check_random_flips, checks.check_repeatable)
        return [check(facts, IMAGES) for check in every]
    if isinstance(facts, BatchFacts):
        return [
            checks.check_labels(facts, LABELS),
            checks.check_changed(facts, training=True),
            checks.check_order(facts, facts),
        ]
    if isinstance(facts, KeeperFacts):
        return [checks.check_best_weights(facts)]
    return [checks.check_stopping_loop(facts), checks.check_restored(facts)]


class Keeper:
    def update(self, model: torch.nn.Module, loss: float) -> None:
        self.state = copy.deepcopy(model.state_dict())

    def restore(self, model: torch.nn.Module) -> None:
        model.load_state_dict(self.state)


def flip_some(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    for axis in (-1, -2):
        chosen = torch.rand(len(images), generator=generator) < 0.5
        images = torch.where(chosen[:, None, None, None], images.flip(axis), images)
    return images


def in_pairs(images: torch.Tensor, labels: torch.Tensor, *rest: Any) -> Any:
    _, _, change, generator = rest
    for rows in torch.split(torch.randperm(len(images), generator=generator), 2):
        yield change(images[rows], generator), labels[rows]


def halves(images: torch.Tensor, share: float, generator: torch.Generator) -> Any:
    rows = torch.randperm(len(images), generator=generator)
    count = round(share * len(images))
    return rows[count:], rows[:count].tolist()


def until(*given: Any) -> list[float]:
    model, one_epoch, validation_loss, stop, keeper, most = given
    losses: list[float] = []
    for _ in range(most):
        one_epoch(model)
        losses.append(validation_loss(model))
        keeper.update(model, losses[-1])
        if stop(losses):
            break
    keeper.restore(model)
    return losses


FACTS: list[Any] = [
    *(checks.observe_split(each, IMAGES[:12]) for each in (halves, stops, lambda *_: ([0], None))),
    *(
        checks.observe_augmentation(each, IMAGES)
        for each in (flip_some, stops, lambda *_: None, lambda x, _: x.double() / 0)
    ),
    *(
        checks.observe_batches(each, LABELS, size=2, training=True)
        for each in (in_pairs, stops, lambda *_: None)
    ),
    *(checks.observe_keeper(each, LOSSES) for each in (Keeper, stops, lambda: None)),
    *(
        checks.observe_early_stopping(each, LOSSES, patience=2)
        for each in (until, stops, lambda *_: [float("nan")])
    ),
]


@pytest.mark.parametrize("facts", FACTS, ids=lambda each: type(each).__name__)
def test_facts_give_the_same_verdicts_on_both_sides(facts: Any) -> None:
    found = again(facts)
    assert type(found) is type(facts)
    here = judged(found)
    assert here == judged(facts)
    assert all(each.status is not Status.ERROR for each in here)


FORGED: list[Any] = [
    SplitFacts(0.25, train=(10**9,), validation=(-5,), repeated=True, varied=True),
    SplitFacts(float("nan"), train=(0,), validation=(1,)),
    AugmentationFacts(torch.zeros(()), True, True, True),
    AugmentationFacts(IMAGES, True, True, True),
    BatchFacts(0, sizes=(), rows=(0,), labels=(), changes=()),
    BatchFacts(-2, sizes=(9,), rows=tuple(range(9)), labels=(1,) * 9, changes=(1,)),
    KeeperFacts(()),
    KeeperFacts((float("nan"),), restored=(("weight", float("inf")),)),
    StoppingFacts((), 0, 0, epochs=3),
    StoppingFacts((0.5,), -1, 10**15, epochs=3, kept=[(10**9, 0.5)], restored=[3]),
    StoppingFacts((0.5,), 2, 4, epochs=10**15, restored=[3]),
]


@pytest.mark.parametrize("facts", FORGED, ids=lambda each: type(each).__name__)
def test_forged_facts_do_not_crash_a_check(facts: Any) -> None:
    verdicts = judged(again(facts))
    assert all(each.status is not Status.ERROR for each in verdicts), verdicts
    assert any(each.status is Status.FAILED for each in verdicts)


def test_every_kind_of_facts_is_tried() -> None:
    kinds = {AugmentationFacts, BatchFacts, KeeperFacts, SplitFacts, StoppingFacts}
    assert {type(each) for each in FACTS} == {type(each) for each in FORGED} == kinds
    assert all(map(dataclasses.is_dataclass, kinds))
