"""Optimizers and what observers noted come to the grader: the same verdicts on both sides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import checks
from checks.devices import DeviceFacts
from checks.evaluation import EvaluationFacts
from checks.guard import LearnerError
from checks.training import HeadTrainingFacts, LoopFacts
from checks.verdict import Status, Verdict
from tests.workshop.grading.round_trip import Images, Net, again, new_model
from workshop.grading.evidence import EvidenceError

DATA = Images()

# ------------------------------------------------------------------------------------- optimizers


def partly_frozen() -> Net:
    model = new_model()
    model.stem.requires_grad_(False)
    return model


def groups_of(model: Net) -> list[dict[str, Any]]:
    return [
        {"params": list(model.blocks.parameters()), "lr": 1e-4},
        {"params": list(model.classifier.parameters()), "lr": 1e-3},
    ]


def right(model: Net) -> torch.optim.Optimizer:
    return torch.optim.AdamW(groups_of(model), weight_decay=0.01)


def overlapping(model: Net) -> torch.optim.Optimizer:
    optimizer = right(model)
    optimizer.param_groups[0]["params"].append(model.classifier.bias)
    return optimizer


def foreign(model: Net) -> torch.optim.Optimizer:
    optimizer = right(model)
    optimizer.param_groups[1]["params"].append(nn.Parameter(torch.ones(3)))
    return optimizer


def of_another_model(_: Net) -> torch.optim.Optimizer:
    return right(new_model())


def head_only(model: Net) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.classifier.parameters(), lr=1e-3, weight_decay=0.01)


def frozen_as_well(model: Net) -> torch.optim.Optimizer:
    return torch.optim.AdamW(model.parameters(), lr=1e-3)


def one_rate(model: Net) -> torch.optim.Optimizer:
    return torch.optim.AdamW((each for each in model.parameters() if each.requires_grad), lr=1e-3)


def rate_as_tensor(model: Net) -> torch.optim.Optimizer:
    groups = groups_of(model)
    groups[1]["lr"] = torch.tensor(1e-3)
    return torch.optim.AdamW(groups, weight_decay=0.01)


def endless_rate(model: Net) -> torch.optim.Optimizer:
    groups = groups_of(model)
    groups[0]["lr"] = float("inf")
    return torch.optim.AdamW(groups, weight_decay=0.01)


def with_a_step_schedule(model: Net) -> torch.optim.Optimizer:
    optimizer = right(model)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1)
    for _ in range(3):
        optimizer.step()
        scheduler.step()
    return optimizer


def with_one_cycle(model: Net) -> torch.optim.Optimizer:
    optimizer = right(model)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, [1e-4, 1e-3], total_steps=10)
    optimizer.step()
    scheduler.step()
    return optimizer


def nothing(_: Net) -> Any:
    return None


def a_list(model: Net) -> Any:
    return groups_of(model)


def of_kind(kind: type[torch.optim.Optimizer]) -> Callable[[Net], torch.optim.Optimizer]:
    def build(model: Net) -> torch.optim.Optimizer:
        return kind(groups_of(model))  # type: ignore[call-arg] # all but the base class have a rate

    build.__name__ = kind.__name__
    return build


# LBFGS takes one group only, Muon only matrices, SparseAdam makes sense for sparse gradients.
KINDS: list[type[torch.optim.Optimizer]] = [
    torch.optim.Adadelta,
    torch.optim.Adagrad,
    torch.optim.Adam,
    torch.optim.AdamW,
    torch.optim.Adamax,
    torch.optim.ASGD,
    torch.optim.NAdam,
    torch.optim.RAdam,
    torch.optim.RMSprop,
    torch.optim.Rprop,
    torch.optim.SGD,
    torch.optim.SparseAdam,
    torch.optim.Adafactor,
]


def lbfgs(model: Net) -> torch.optim.Optimizer:
    return torch.optim.LBFGS(model.classifier.parameters(), lr=1e-3)


BUILDERS: list[Callable[[Net], Any]] = [
    right,
    overlapping,
    foreign,
    of_another_model,
    head_only,
    frozen_as_well,
    one_rate,
    rate_as_tensor,
    endless_rate,
    with_a_step_schedule,
    with_one_cycle,
    nothing,
    a_list,
    lbfgs,
    *map(of_kind, KINDS),
]
OPTIMIZER_CHECKS: dict[str, Callable[[Any, Net], Verdict]] = {
    "coverage": checks.check_coverage,
    "rates": lambda optimizer, model: checks.check_learning_rates(optimizer, model),
    "decay": lambda optimizer, model: checks.check_weight_decay(optimizer, model, 0.01),
}


@pytest.mark.parametrize("check", OPTIMIZER_CHECKS)
@pytest.mark.parametrize("build", BUILDERS, ids=lambda each: each.__name__)
def test_every_check_says_the_same_of_an_optimizer_on_both_sides(
    build: Callable[[Net], Any], check: str
) -> None:
    model = partly_frozen()
    optimizer = build(model)
    there = OPTIMIZER_CHECKS[check](optimizer, model)
    here = OPTIMIZER_CHECKS[check](again(optimizer, {"model": model}), model)
    assert there.status is not Status.ERROR
    assert here == there


@pytest.mark.parametrize("build", [right, overlapping, foreign])
def test_rebuilt_optimizer_holds_the_graders_own_parameters(build: Callable[[Net], Any]) -> None:
    model = partly_frozen()
    rebuilt = again(build(model), {"model": model})
    known = {id(each) for each in model.parameters()}
    held = [each for group in rebuilt.param_groups for each in group["params"]]
    assert sum(id(each) not in known for each in held) == (build is foreign)


def test_rate_that_is_no_number_is_the_learners_mistake() -> None:
    model = partly_frozen()
    optimizer = right(model)
    optimizer.param_groups[0]["lr"] = "fast"
    with pytest.raises(LearnerError, match="lr"):
        again(optimizer, {"model": model})


# ------------------------------------------------------------------------------------------ facts


def measured(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> Any:
    answers = model(inputs).argmax(dim=1)
    matrix = torch.zeros(2, 2, dtype=torch.long)
    for true, answer in zip(labels, answers, strict=True):
        matrix[true, answer] += 1
    return (answers == labels).float().mean().item(), matrix


def evaluate(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> Any:
    with torch.no_grad():
        return measured(model.eval(), inputs, labels)


def swapped(*work: Any) -> Any:
    accuracy, matrix = evaluate(*work)
    return accuracy, matrix.T + torch.tensor([[0, 1], [-1, 0]])


def stops(*_: Any) -> Any:
    raise KeyError("mine")


EVALUATIONS: list[Any] = [
    evaluate,
    measured,
    swapped,
    stops,
    None,
    lambda *_: None,
    lambda *_: (float("inf"), torch.eye(2)),
    lambda *_: (float("nan"), torch.eye(2)),
    lambda *_: (0.5, torch.full((2, 2), float("inf"))),
]


@pytest.mark.parametrize("function", EVALUATIONS)
def test_facts_of_an_evaluation_give_the_same_verdicts_on_both_sides(function: Any) -> None:
    work = (new_model(seed=2), DATA.inputs(), DATA.labels)
    seen = checks.observe_evaluation(function, *work)
    found = again(seen)
    assert isinstance(found, EvaluationFacts)
    assert checks.check_evaluation_mode(found) == checks.check_evaluation_mode(seen)
    here = checks.check_evaluation_result(found, *work)
    assert here == checks.check_evaluation_result(seen, *work)
    assert here.status is not Status.ERROR


def train_head(head: nn.Linear, features: torch.Tensor, labels: torch.Tensor) -> list[float]:
    optimizer = torch.optim.SGD(head.parameters(), lr=0.1)
    losses = []
    for _ in range(4):
        loss = cross_entropy(head(features), labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    return losses


def train_in_few_bits(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = cross_entropy(model(inputs), labels)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.optim.SGD(model.parameters(), lr=0.1).step()


TRAININGS: list[Any] = [
    train_head,
    stops,
    None,
    lambda *_: [1.0, 0.5],
    lambda head, *work: train_head(head.double(), work[0].double(), work[1]) and "done",
    lambda head, *_: head.weight.data.fill_(float("nan")),
]


@pytest.mark.parametrize("function", TRAININGS)
def test_facts_of_a_head_training_give_the_same_verdict_on_both_sides(function: Any) -> None:
    facts = checks.observe_head_training(function, seed=3)
    found = again(facts)
    assert isinstance(found, HeadTrainingFacts)
    here = checks.check_head_training(found, seed=3)
    assert here == checks.check_head_training(facts, seed=3)
    assert here.status is not Status.ERROR


@pytest.mark.parametrize(
    ("weight", "bias"),
    [
        (torch.zeros(2, 32, dtype=torch.int64), torch.zeros(2)),
        (torch.zeros(2, 32, dtype=torch.float64), torch.zeros(2)),
        (torch.zeros(2, 32), torch.zeros(7)),
        (torch.zeros(2, 32), torch.zeros(0)),
        (torch.zeros(3), torch.zeros(2)),
    ],
)
def test_forged_weights_of_a_head_fail_and_do_not_crash_the_check(
    weight: torch.Tensor, bias: torch.Tensor
) -> None:
    facts = HeadTrainingFacts(steps=9, weight=weight, bias=bias, losses=(2.0, 1.0))
    assert checks.check_head_training(again(facts)).status is Status.FAILED


@pytest.mark.parametrize("function", [train_in_few_bits, stops, None])
def test_facts_of_precision_give_the_same_verdicts_on_both_sides(function: Any) -> None:
    model, inputs = nn.Linear(3, 2), torch.randn(4, 3)
    facts = checks.observe_mixed_precision(function, model, inputs, torch.tensor([0, 1, 1, 0]))
    found = again(facts)
    for judge in (checks.check_autocast, checks.check_full_precision_weights):
        assert judge(found) == judge(facts)
        assert judge(found).status is not Status.ERROR
    assert (checks.check_autocast(found).status is Status.PASSED) == (function is train_in_few_bits)


@pytest.mark.parametrize("place", ["cpu", "cuda:0", "no device"])
def test_facts_of_devices_give_the_same_verdict_on_both_sides(place: str) -> None:
    facts = DeviceFacts((("weight", place),), "cpu")
    verdict = checks.check_devices(again(facts))
    assert verdict == checks.check_devices(facts)
    assert verdict.status is (Status.PASSED if place == "cpu" else Status.FAILED)


def fine_tune(model: Any, inputs: torch.Tensor, labels: torch.Tensor, epochs: int) -> Any:
    accuracies = []
    for _ in range(epochs):
        model.train()
        model.stem.eval()
        cross_entropy(model(inputs), labels).backward()  # type: ignore[no-untyped-call]
        accuracies.append(0.5)
    return accuracies


def all_in_training_mode(model: Any, inputs: torch.Tensor, labels: torch.Tensor, _: int) -> Any:
    model.train()(inputs)


@pytest.mark.parametrize("function", [fine_tune, all_in_training_mode, stops, None, lambda *_: [0]])
def test_facts_of_a_whole_training_give_the_same_verdicts_on_both_sides(function: Any) -> None:
    facts = checks.observe_loop(
        function, partly_frozen(), DATA.inputs(), DATA.labels, trained=["blocks", "classifier"]
    )
    found = again(facts)
    assert isinstance(found, LoopFacts)
    assert checks.check_loop_mode(found) == checks.check_loop_mode(facts)
    assert checks.check_loop_epochs(found) == checks.check_loop_epochs(facts)


def test_facts_of_another_type_than_the_fields_are_refused() -> None:
    for wrong in (
        LoopFacts(epochs="two", images=3),  # type: ignore[arg-type] # that is the point
        LoopFacts(epochs=2, images=3, norm_layers=(1, 2, 3)),  # type: ignore[arg-type]
        LoopFacts(epochs=2, images=3, frozen_awake=[["a"]]),  # type: ignore[arg-type]
        EvaluationFacts(failure="none"),  # type: ignore[arg-type]
        HeadTrainingFacts(weight=[[1.0]]),  # type: ignore[arg-type]
    ):
        with pytest.raises(EvidenceError, match="wrong type"):
            again(wrong)
