"""Accuracy on one task in two ways, backward transfer, and what a model still knows."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score
from torch import nn

from checks.forgetting import (
    accuracy_on_task,
    backward_transfer_of,
    check_backward_transfer,
    check_continued,
    check_forgotten,
    check_learned,
    check_task_accuracy,
    measure_task,
)
from checks.verdict import Status, Verdict

Maker = Callable[[], nn.Module]
PARTS = ("stem", "blocks")


@dataclass
class Data:
    """Labelled data: the inputs are the logits that an identity gives for them."""

    values: torch.Tensor
    labels: torch.Tensor

    def inputs(self) -> torch.Tensor:
        return self.values


class Says(nn.Module):
    """Gives its inputs as logits."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs


def random_answers(
    seed: int, count: int = 80, classes: int = 6
) -> tuple[torch.Tensor, torch.Tensor]:
    numbers = torch.Generator().manual_seed(seed)
    logits = torch.randn(count, classes, generator=numbers)
    labels = torch.randint(0, classes, (count,), generator=numbers)
    logits[torch.arange(count), labels] += 0.7
    return logits, labels


def assert_failed(verdict: Verdict, check: str) -> None:
    assert (verdict.check, verdict.status, verdict.score) == (check, Status.FAILED, 0.0), verdict


def assert_passed(verdict: Verdict, check: str) -> None:
    assert (verdict.check, verdict.status) == (check, Status.PASSED), verdict


# ----------------------------------------------------------------------- accuracy on one task


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("task", [(0, 1), (2, 3), (1, 4), (5, 0, 3)])
def test_accuracy_agrees_with_scikit_learn(seed: int, task: tuple[int, ...]) -> None:
    logits, labels = random_answers(seed)
    rows = np.isin(labels.numpy(), task)
    everything = logits.numpy()[rows].argmax(axis=1)
    among = np.array(task)[logits.numpy()[rows][:, list(task)].argmax(axis=1)]
    truth = labels.numpy()[rows]
    assert accuracy_on_task(logits, labels, task) == pytest.approx(
        accuracy_score(truth, everything)
    )
    assert accuracy_on_task(logits, labels, task, own=True) == pytest.approx(
        accuracy_score(truth, among)
    )


def test_fewer_rivals_never_make_an_image_wrong() -> None:
    for seed in range(20):
        logits, labels = random_answers(seed)
        own, every = (accuracy_on_task(logits, labels, (1, 2), own=own) for own in (True, False))
        assert own >= every


@pytest.mark.parametrize("own", [True, False])
def test_right_accuracy_passes_also_as_a_tensor(own: bool) -> None:
    logits, labels = random_answers(0)
    right = accuracy_on_task(logits, labels, (2, 3), own=own)
    for value in (right, torch.tensor(right), torch.tensor(right, requires_grad=True)):
        verdict = check_task_accuracy(value, logits, labels, (2, 3), own=own)
        assert_passed(verdict, "forgetting.accuracy")


@pytest.mark.parametrize("own", [True, False])
def test_the_other_accuracy_is_named(own: bool) -> None:
    logits, labels = random_answers(1)
    other = accuracy_on_task(logits, labels, (2, 3), own=not own)
    verdict = check_task_accuracy(other, logits, labels, (2, 3), own=own)
    assert_failed(verdict, "forgetting.accuracy")
    assert "compete" in (verdict.hint or "")


def test_accuracy_on_all_images_and_a_count_are_told_apart() -> None:
    logits, labels = random_answers(2)
    every = accuracy_on_task(logits, labels, range(6))
    hints = {
        check_task_accuracy(value, logits, labels, (2, 3)).hint for value in (every, 12, 0.123)
    }
    assert len(hints) == 3


@pytest.mark.parametrize("value", [None, "0.5", float("nan"), float("inf"), torch.ones(2), [0.5]])
def test_what_is_no_accuracy_fails(value: object) -> None:
    logits, labels = random_answers(0)
    assert_failed(check_task_accuracy(value, logits, labels, (0, 1)), "forgetting.accuracy")


def test_task_without_images_is_our_mistake() -> None:
    logits, labels = random_answers(0)
    assert check_task_accuracy(0.5, logits, labels, (9,)).status is Status.ERROR


# -------------------------------------------------------------------------- backward transfer


@pytest.mark.parametrize("tasks", [2, 3, 7])
def test_backward_transfer_agrees_with_the_definition(tasks: int) -> None:
    matrix = torch.rand(tasks, tasks, generator=torch.Generator().manual_seed(tasks))
    values = matrix.double().numpy()
    expected = (values[-1, :-1] - np.diag(values)[:-1]).mean()
    assert backward_transfer_of(matrix) == pytest.approx(expected)
    assert_passed(check_backward_transfer(float(expected), matrix), "forgetting.backward_transfer")


def test_example_of_two_tasks() -> None:
    assert backward_transfer_of(torch.tensor([[0.9, 0.1], [0.6, 0.8]])) == pytest.approx(-0.3)
    assert backward_transfer_of(torch.tensor([[0.6, 0.1], [0.9, 0.8]])) == pytest.approx(0.3)


def test_each_known_mistake_has_a_hint_of_its_own() -> None:
    matrix = torch.rand(4, 4, generator=torch.Generator().manual_seed(0))
    right = backward_transfer_of(matrix)
    wrong = [-right, backward_transfer_of(matrix.T), right * 3 / 4, right * 3, matrix[-1].mean(), 9]
    verdicts = [check_backward_transfer(value, matrix) for value in wrong]
    for verdict in verdicts:
        assert_failed(verdict, "forgetting.backward_transfer")
    assert len({verdict.hint for verdict in verdicts}) == len(wrong)


@pytest.mark.parametrize("value", [None, "-0.3", float("nan"), torch.zeros(2), object()])
def test_what_is_no_number_fails(value: object) -> None:
    matrix = torch.tensor([[0.9, 0.1], [0.6, 0.8]])
    assert_failed(check_backward_transfer(value, matrix), "forgetting.backward_transfer")


# ---------------------------------------------------------------------- what a model still knows


def task_data(classes: Sequence[int], seed: int = 0) -> tuple[Data, torch.Tensor, torch.Tensor]:
    """The images of a task, its labels being positions; and their logits and labels."""
    logits, labels = random_answers(seed, count=200)
    rows = torch.isin(labels, torch.tensor(classes))
    positions = torch.tensor([list(classes).index(int(each)) for each in labels[rows]])
    return Data(logits[rows], positions), logits, labels


@pytest.mark.parametrize("classes", [(0, 1), (2, 3), (4, 1)])
@pytest.mark.parametrize("own", [True, False])
def test_measurement_agrees_with_counting(classes: tuple[int, ...], own: bool) -> None:
    data, logits, labels = task_data(classes)
    measured = measure_task(Says(), data, classes, own=own)
    expected = accuracy_on_task(logits, labels, classes, own=own)
    assert measured.accuracy == pytest.approx(expected)


def test_knowing_and_forgetting_are_opposite_judgements() -> None:
    labels = torch.arange(60) % 2
    right = torch.nn.functional.one_hot(labels + 2, 4).float()
    newer = right + torch.tensor([9.0, 0.0, 0.0, 0.0])  # the first class shouts louder
    assert_passed(
        check_learned(Says(), Data(right, labels), (2, 3), least=0.9), "forgetting.learned"
    )
    assert_failed(
        check_forgotten(Says(), Data(right, labels), (2, 3), most=0.2), "forgetting.forgotten"
    )
    assert_failed(
        check_learned(Says(), Data(newer, labels), (2, 3), least=0.6), "forgetting.learned"
    )
    assert_passed(
        check_forgotten(Says(), Data(newer, labels), (2, 3), most=0.2), "forgetting.forgotten"
    )
    assert_passed(
        check_learned(Says(), Data(newer, labels), (2, 3), least=0.9, own=True),
        "forgetting.learned",
    )


def test_no_verdict_tells_what_was_asked_for() -> None:
    labels = torch.arange(60) % 2
    data = Data(torch.zeros(60, 4), labels)
    text = str(check_learned(Says(), data, (2, 3), least=0.6137))
    assert "0.61" not in text
    assert "61." not in text


@pytest.mark.parametrize("model", [None, "model", nn.Linear])
def test_what_is_no_model_fails(model: object) -> None:
    data = Data(torch.zeros(4, 4), torch.tensor([0, 1, 0, 1]))
    for verdict in (
        check_learned(model, data, (0, 1), least=0.5),  # type: ignore[arg-type] # that is the point
        check_forgotten(model, data, (0, 1), most=0.5),  # type: ignore[arg-type] # as above
    ):
        assert verdict.status is Status.FAILED


def test_answers_that_are_not_finite_fail() -> None:
    data = Data(torch.full((4, 4), float("nan")), torch.tensor([0, 1, 0, 1]))
    assert_failed(check_learned(Says(), data, (0, 1), least=0.5), "forgetting.learned")
    assert_failed(check_forgotten(Says(), data, (0, 1), most=0.5), "forgetting.forgotten")


# ------------------------------------------------------------------------ went on from where


def moved(model: nn.Module, seed: int, distance: float = 0.01) -> nn.Module:
    result, numbers = copy.deepcopy(model), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in result.parameters():
            parameter.add_(distance * torch.randn(parameter.shape, generator=numbers))
    return result


def test_went_on_from_the_first_task_passes(small_net: Maker) -> None:
    first = moved(small_net(), 1)
    verdict = check_continued(moved(first, 2), first, small_net(), PARTS)
    assert_passed(verdict, "forgetting.continued")


def test_new_model_has_not_gone_on(small_net: Maker) -> None:
    first, anew = moved(small_net(), 1), moved(small_net(), 2)
    assert_failed(check_continued(anew, first, small_net(), PARTS), "forgetting.continued")


def test_the_same_model_has_not_gone_on(small_net: Maker) -> None:
    first = moved(small_net(), 1)
    assert_failed(check_continued(first, first, small_net(), PARTS), "forgetting.continued")
    assert_failed(
        check_continued(copy.deepcopy(first), first, small_net(), PARTS), "forgetting.continued"
    )


def test_only_the_named_parts_are_compared(small_net: Maker) -> None:
    first = moved(small_net(), 1)
    again = copy.deepcopy(first)
    again.classifier = nn.Linear(8, 2)
    assert_failed(check_continued(again, first, small_net(), PARTS), "forgetting.continued")


def test_weights_that_are_not_finite_have_not_gone_on(small_net: Maker) -> None:
    first, broken = moved(small_net(), 1), moved(small_net(), 2)
    with torch.no_grad():
        next(broken.parameters()).fill_(float("nan"))
    assert_failed(check_continued(broken, first, small_net(), PARTS), "forgetting.continued")


def test_lost_part_is_told(small_net: Maker) -> None:
    first, odd = moved(small_net(), 1), small_net()
    del odd.blocks
    assert_failed(check_continued(odd, first, small_net(), PARTS), "forgetting.continued")
