"""Rehearsal, the L2-SP penalty, and the rule by which a remedy is judged."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn.utils import parameters_to_vector

from checks.remedies import (
    check_l2_sp,
    check_memory,
    check_mixed_batches,
    check_remedies,
    l2_sp_of,
    remedy_of,
)
from checks.verdict import Status, Verdict

Maker = Callable[[], nn.Module]

LABELS = torch.tensor([2] * 6 + [0] * 9 + [1] * 7)
NEW, MEMORY = torch.arange(20, 43), torch.tensor([3, 7, 11])


def assert_failed(verdict: Verdict) -> None:
    assert (verdict.status, verdict.score) == (Status.FAILED, 0.0), verdict


def assert_passed(verdict: Verdict) -> None:
    assert verdict.status is Status.PASSED, verdict


# -------------------------------------------------------------------------------- the memory


@pytest.mark.parametrize("rows", [[6, 14, 15, 21], [21, 6, 15, 7]])
def test_memory_of_each_class_passes_in_any_order(rows: list[int]) -> None:
    assert_passed(check_memory(torch.tensor(rows), LABELS, (0, 1), per_class=2))


@pytest.mark.parametrize(
    "rows",
    [
        [6, 7, 8, 15],  # three of one class
        [6, 6, 15, 16],  # one of them twice
        [6, 15],  # too few
        [6, 7, 15, 16, 0],  # one of another class
        [0, 1, 2, 3],  # positions within the task
        [6, 7, 15, 22],  # no such row
        [6, 7, 15, -1],
        [],
    ],
)
def test_wrong_memory_fails(rows: list[int]) -> None:
    memory = torch.tensor(rows, dtype=torch.int64)
    assert_failed(check_memory(memory, LABELS, (0, 1), per_class=2))


@pytest.mark.parametrize(
    "memory",
    [None, [6, 7, 15, 16], "rows", torch.tensor([6.0, 7.0]), torch.tensor([[6, 7], [15, 16]])],
)
def test_what_is_no_tensor_of_row_numbers_fails(memory: object) -> None:
    assert_failed(check_memory(memory, LABELS, (0, 1), per_class=2))


# ----------------------------------------------------------------------------- mixed batches


def mixed(rows: torch.Tensor = NEW, size: int = 5, seed: int = 0) -> list[torch.Tensor]:
    order = rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))]
    return [torch.cat([group, MEMORY]) for group in torch.split(order, size)]


def test_mixed_batches_pass_whatever_their_order() -> None:
    for seed in range(5):
        batches = [batch.flip(0) for batch in mixed(seed=seed)]
        assert_passed(check_mixed_batches(batches, NEW, MEMORY, new_per_batch=5))
        assert_passed(check_mixed_batches(tuple(batches), NEW, MEMORY, new_per_batch=5))


def test_full_last_batch_passes() -> None:
    assert_passed(check_mixed_batches(mixed(NEW[:20]), NEW[:20], MEMORY, new_per_batch=5))


@pytest.mark.parametrize(
    "batches",
    [
        mixed(size=4),  # groups of another size
        mixed()[:-1],  # last group forgotten
        [*mixed(), mixed()[0]],  # one group twice
        [batch[:-1] for batch in mixed()],  # a part of the memory
        [*torch.split(NEW, 5), MEMORY],  # memory once, at the end
        [torch.cat([group, MEMORY]) for group in torch.split(NEW, 5)],  # not shuffled
        [torch.cat([batch, MEMORY]) for batch in mixed()],  # memory twice
        mixed(NEW[torch.randint(23, (23,), generator=torch.Generator().manual_seed(0))]),
        [torch.cat([torch.zeros(1, dtype=torch.int64), batch[1:]]) for batch in mixed()],
    ],
)
def test_wrong_batches_fail(batches: list[torch.Tensor]) -> None:
    assert_failed(check_mixed_batches(batches, NEW, MEMORY, new_per_batch=5))


@pytest.mark.parametrize("batches", [None, [], torch.arange(3), [None], ["batch"], [[20, 3]]])
def test_what_is_no_list_of_batches_fails(batches: object) -> None:
    assert_failed(check_mixed_batches(batches, NEW, MEMORY, new_per_batch=5))


# ------------------------------------------------------------------------------------- L2-SP


@pytest.fixture
def model(small_net: Maker) -> nn.Module:
    result, numbers = small_net(), torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in result.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=numbers))
    return result


@pytest.fixture
def start(small_net: Maker) -> dict[str, torch.Tensor]:
    return {name: each.detach().clone() for name, each in small_net().named_parameters()}


def penalty(
    model: nn.Module, start: dict[str, torch.Tensor], alpha: float, *, head: bool = False
) -> torch.Tensor:
    """The same by another way: one long vector for all parameters."""
    chosen = {n: p for n, p in model.named_parameters() if head or "classifier" not in n}
    difference = parameters_to_vector(chosen.values()) - parameters_to_vector(
        [start[name] for name in chosen]
    )
    return alpha / 2 * difference @ difference


@pytest.mark.parametrize("alpha", [0.01, 0.5, 1.0, 30.0])
def test_penalty_agrees_with_one_long_vector(
    model: nn.Module, start: dict[str, torch.Tensor], alpha: float
) -> None:
    value = penalty(model, start, alpha)
    assert l2_sp_of(model, start, alpha, "classifier") == pytest.approx(value.item(), rel=1e-5)
    assert_passed(check_l2_sp(value, model, start, alpha))
    assert_passed(
        check_l2_sp(penalty(model, start, alpha, head=True), model, start, alpha, head=())
    )


def test_wrong_penalties_fail(model: nn.Module, start: dict[str, torch.Tensor]) -> None:
    right = penalty(model, start, 0.4)
    zero = {name: torch.zeros_like(each) for name, each in start.items()}
    wrong = [
        2 * right,
        right / 0.4,
        penalty(model, start, 0.4, head=True),
        penalty(model, zero, 0.4),
        0.2 * (right / 0.2).sqrt(),
        right / 100,
    ]
    verdicts = [check_l2_sp(value, model, start, 0.4) for value in wrong]
    for verdict in verdicts:
        assert_failed(verdict)
    assert len({verdict.hint for verdict in verdicts}) == len(wrong)


def test_penalty_without_a_gradient_fails(model: nn.Module, start: dict[str, torch.Tensor]) -> None:
    verdict = check_l2_sp(penalty(model, start, 0.4).detach(), model, start, 0.4)
    assert_failed(verdict)
    assert verdict.actual == "requires_grad=False"


@pytest.mark.parametrize("value", [None, 0.1, "0.1", torch.ones(2), torch.tensor(float("nan"))])
def test_what_is_no_penalty_fails(
    model: nn.Module, start: dict[str, torch.Tensor], value: object
) -> None:
    assert_failed(check_l2_sp(value, model, start, 0.4))


# ------------------------------------------------------------------------ does a remedy help?


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ((0.0, 0.8, 0.7, 0.75), "helps"),
        ((0.0, 0.8, 0.7, 0.1), "does not learn"),
        ((0.0, 0.8, 0.05, 0.79), "no help"),
        ((0.5, 0.8, 0.1, 0.99), "no help"),
        ((0.5, 0.8, 0.53, 0.8, 0.02), "helps"),
    ],
)
def test_rule(case: tuple[float, ...], expected: str) -> None:
    assert remedy_of(*case) == expected
    assert_passed(check_remedies([expected], [case]))
    for other in {"helps", "does not learn", "no help"} - {expected}:
        verdict = check_remedies([other], [case])
        assert_failed(verdict)
        assert verdict.expected == repr(expected)


@pytest.mark.parametrize("answers", [None, [], ["helps"] * 2, [None], [True], "helps"])
def test_what_is_no_answer_for_each_case_fails(answers: object) -> None:
    assert_failed(check_remedies(answers, [(0.0, 0.8, 0.7, 0.75)]))
