"""Evaluation functions, right ones and those that beginners write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from sklearn.metrics import accuracy_score, confusion_matrix
from torch import nn

from checks.evaluation import (
    check_evaluation_mode,
    check_evaluation_result,
    observe_evaluation,
)
from checks.verdict import Status, Verdict

Maker = Callable[[], nn.Module]


def counted(
    model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor
) -> tuple[float, torch.Tensor]:
    """Accuracy and confusion matrix, in whatever mode the model is."""
    answers = torch.cat([model(batch).argmax(dim=1) for batch in torch.split(inputs, 16)])
    matrix = torch.tensor(confusion_matrix(labels, answers, labels=[0, 1]))
    return float(accuracy_score(labels, answers)), matrix


def right(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> Any:
    model.eval()
    with torch.no_grad():
        return counted(model, inputs, labels)


def in_training_mode(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> Any:
    with torch.no_grad():
        return counted(model, inputs, labels)


def with_gradients(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> Any:
    return counted(model.eval(), inputs, labels)


def in_inference_mode(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> Any:
    with torch.inference_mode():
        return counted(model.eval(), inputs, labels)


def training_mode_in_the_second_batch(
    model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor
) -> Any:
    model.eval()
    with torch.no_grad():
        for batch in torch.split(inputs, 16):
            model(batch)
            model.train()
    return right(model, inputs, labels)


def transposed(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> Any:
    accuracy, matrix = right(model, inputs, labels)
    return accuracy, matrix.T


def last_batch_only(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> Any:
    return right(model, inputs[16:], labels[16:])


def full_batches_only(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> Any:
    return right(model, inputs[:16], labels[:16])


def mean_of_the_batches(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> Any:
    _, matrix = right(model, inputs, labels)
    parts = zip(torch.split(inputs, 16), torch.split(labels, 16), strict=True)
    accuracies = [right(model, *part)[0] for part in parts]
    return sum(accuracies) / len(accuracies), matrix


def never_calls(_: nn.Module, __: torch.Tensor, labels: torch.Tensor) -> Any:
    return 1.0, torch.diag(labels.bincount())


def stops(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> Any:
    raise KeyError("mine")


def assert_failed(verdict: Verdict, *words: str) -> None:
    assert (verdict.status, verdict.score) == (Status.FAILED, 0.0), verdict
    for word in words:
        assert word in verdict.rationale


def judge_mode(evaluate: Any, *work: Any) -> Verdict:
    return check_evaluation_mode(observe_evaluation(evaluate, *work))


def judge_result(evaluate: Any, *work: Any) -> Verdict:
    return check_evaluation_result(observe_evaluation(evaluate, *work), *work)


@pytest.fixture
def model(small_net: Maker, images: torch.Tensor, labels: torch.Tensor) -> nn.Module:
    """Gives both answers, some of them wrong, and others in training mode."""
    model = small_net()
    with torch.no_grad():
        model.get_submodule("stem")(images)  # statistics that are not those of a new layer
        scores = model.eval()(images)
        model.get_parameter("classifier.bias").sub_(scores.median(dim=0).values)
    _, matrix = right(model, images, labels)
    assert int((matrix > 0).sum()) == 4
    assert matrix[0, 1] != matrix[1, 0]
    return model.train()


@pytest.mark.parametrize("evaluate", [right, in_inference_mode])
def test_right_function_passes_both_checks(
    model: nn.Module, images: torch.Tensor, labels: torch.Tensor, evaluate: Callable[..., Any]
) -> None:
    verdicts = [
        judge_mode(evaluate, model, images, labels),
        judge_result(evaluate, model, images, labels),
    ]
    assert [each.status for each in verdicts] == [Status.PASSED] * 2
    assert [each.check for each in verdicts] == ["evaluation.mode", "evaluation.result"]


@pytest.mark.parametrize("form", ["list", "numpy", "tensor", "graph", "float matrix"])
def test_result_may_come_in_any_usual_form(
    model: nn.Module, images: torch.Tensor, labels: torch.Tensor, form: str
) -> None:
    def evaluate(*arguments: Any) -> Any:
        accuracy, matrix = right(*arguments)
        return {
            "list": [accuracy, matrix.tolist()],
            "numpy": (accuracy, matrix.numpy()),
            "tensor": (torch.tensor(accuracy), matrix),
            "graph": (nn.Parameter(torch.tensor(accuracy)) * 1, matrix),
            "float matrix": (accuracy, matrix.float()),
        }[form]

    assert judge_result(evaluate, model, images, labels).status is Status.PASSED


@pytest.mark.parametrize(
    ("evaluate", "word"),
    [
        (in_training_mode, "all 2"),
        (training_mode_in_the_second_batch, "1 of 4"),
        (with_gradients, "Gradients"),
        (never_calls, "never called"),
        (stops, "KeyError"),
    ],
)
def test_wrong_mode_is_told(
    model: nn.Module,
    images: torch.Tensor,
    labels: torch.Tensor,
    evaluate: Callable[..., Any],
    word: str,
) -> None:
    assert_failed(judge_mode(evaluate, model, images, labels), word)


@pytest.mark.parametrize(
    ("evaluate", "word"),
    [
        (transposed, "swapped"),
        (last_batch_only, "counts"),
        (full_batches_only, "counts"),
        (mean_of_the_batches, "accuracy"),
        (never_calls, "counts"),
        (stops, "KeyError"),
    ],
)
def test_wrong_result_is_told(
    model: nn.Module,
    images: torch.Tensor,
    labels: torch.Tensor,
    evaluate: Callable[..., Any],
    word: str,
) -> None:
    assert_failed(judge_result(evaluate, model, images, labels), word)


@pytest.mark.parametrize(
    "returned",
    [
        None,
        0.5,
        (0.5,),
        (0.5, None),
        ("a", torch.eye(2)),
        (0.5, torch.zeros(2, 3)),
        (0.5, torch.zeros(4)),
        (torch.zeros(2), torch.eye(2)),
        (float("nan"), torch.eye(2)),
        (0.5, torch.full((2, 2), float("nan"))),
        (0.5, [["a", "b"]]),
    ],
    ids=repr,
)
def test_something_else_than_accuracy_and_matrix_fails(
    model: nn.Module, images: torch.Tensor, labels: torch.Tensor, returned: Any
) -> None:
    def evaluate(*_: Any) -> Any:
        return returned

    verdict = judge_result(evaluate, model, images, labels)
    assert_failed(verdict)
    assert verdict.actual == type(returned).__name__


def test_model_is_left_as_it_was(
    model: nn.Module, images: torch.Tensor, labels: torch.Tensor
) -> None:
    model.get_submodule("stem").eval()
    modes = [module.training for module in model.modules()]
    state = {name: value.clone() for name, value in model.state_dict().items()}
    judge_mode(in_training_mode, model, images, labels)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert not model._forward_pre_hooks


def test_something_else_than_a_model_fails(images: torch.Tensor, labels: torch.Tensor) -> None:
    nothing: Any = None
    assert_failed(judge_mode(right, nothing, images, labels))
    assert_failed(judge_result(right, nothing, images, labels))


def test_observer_keeps_the_learners_mistake_in_the_facts(
    model: nn.Module, images: torch.Tensor, labels: torch.Tensor
) -> None:
    seen = observe_evaluation(stops, model, images, labels)
    assert seen.failure is not None
    assert "KeyError" in seen.failure.rationale
    assert not seen.calls


def test_what_nobody_observed_fails() -> None:
    nothing: Any = None
    assert check_evaluation_mode(nothing).status is Status.FAILED
    found = check_evaluation_result(nothing, nn.Linear(2, 2), torch.zeros(1, 2), torch.zeros(1))
    assert found.status is Status.FAILED
