"""Accuracy is measured here, agrees with SciPy and scikit-learn, and keeps its threshold secret."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix
from torch import nn

from checks.accuracy import Measurement, check_accuracy, measure, wilson_interval
from checks.guard import LearnerError
from checks.verdict import Status

Maker = Callable[[], nn.Module]


@dataclass
class Data:
    """Inputs that are themselves the logits, for :class:`Echo`; counts how often it is asked."""

    rows: torch.Tensor
    labels: torch.Tensor
    asked: int = 0

    def inputs(self) -> torch.Tensor:
        self.asked += 1
        return self.rows


class Echo(nn.Module):
    """Answers with its input."""

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return rows


class Answer(nn.Module):
    """Answers with whatever it was given."""

    def __init__(self, answer: Callable[[torch.Tensor], Any]) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, rows: torch.Tensor) -> Any:
        return self.answer(rows)


def data(right: int, total: int) -> Data:
    """Two classes in turn, of which so many rows are answered rightly by :class:`Echo`."""
    labels = torch.arange(total) % 2
    answers = torch.where(torch.arange(total) < right, labels, 1 - labels)
    return Data(nn.functional.one_hot(answers, 2).float(), labels)


# ------------------------------------------------------------------------------------ statistics


@given(st.integers(1, 5000), st.floats(0, 1), st.sampled_from([0.5, 0.8, 0.95, 0.99]))
def test_interval_is_scipys(total: int, share: float, confidence: float) -> None:
    correct = round(share * total)
    expected = binomtest(correct, total).proportion_ci(confidence, method="wilson")
    assert wilson_interval(correct, total, confidence) == pytest.approx(
        (expected.low, expected.high), abs=1e-9
    )


@pytest.mark.parametrize(
    ("correct", "total", "confidence"),
    [(-1, 5, 0.95), (6, 5, 0.95), (0, 0, 0.95), (1, 5, 0.0), (1, 5, 1.0)],
)
def test_impossible_counts_have_no_interval(correct: int, total: int, confidence: float) -> None:
    with pytest.raises(ValueError, match="correct"):
        wilson_interval(correct, total, confidence)


@pytest.mark.parametrize("seed", range(5))
def test_measurement_is_scikit_learns(seed: int) -> None:
    generator = np.random.default_rng(seed)
    labels = generator.choice(3, size=50, p=[0.6, 0.3, 0.1])
    logits = generator.normal(size=(50, 3)) + 2 * np.eye(3)[labels]
    answers = logits.argmax(axis=1)
    measured = measure(Echo(), torch.tensor(logits), torch.tensor(labels))
    assert measured.accuracy == pytest.approx(accuracy_score(labels, answers))
    assert measured.balanced_accuracy == pytest.approx(balanced_accuracy_score(labels, answers))
    matrix = confusion_matrix(labels, answers, labels=range(3))
    assert measured.correct == tuple(matrix.diagonal())
    assert measured.total == tuple(matrix.sum(axis=1))


def test_empty_class_does_not_count_in_the_balanced_accuracy() -> None:
    measured = measure(Echo(), torch.eye(4)[:2], torch.tensor([0, 1]))
    assert measured.total == (1, 1, 0, 0)
    assert measured.balanced_accuracy == 1


def test_class_that_the_model_cannot_answer_counts_as_wrong() -> None:
    measured = measure(Echo(), torch.eye(2), torch.tensor([0, 4]))
    assert measured.total == (1, 0, 0, 0, 1)
    assert measured.accuracy == 0.5


def test_measurements_add_up_as_if_measured_at_once() -> None:
    one, two = (
        Measurement((1, 2), (3, 4), "cpu", 1.0, 50),
        Measurement((3, 0), (5, 6), "cpu", 2, 70),
    )
    both = one + two
    assert both == Measurement((4, 2), (8, 10), "cpu", 3.0, 70)
    assert both.interval() == wilson_interval(6, 18)


@pytest.mark.parametrize("batch_size", [1, 3, 16, 100])
def test_size_of_the_batches_does_not_matter(
    small_net: Maker, images: torch.Tensor, labels: torch.Tensor, batch_size: int
) -> None:
    measured = measure(small_net(), images, labels, batch_size=batch_size)
    assert measured.total == (12, 8)
    assert measured.correct == measure(small_net(), images, labels).correct


def test_measurement_tells_time_memory_and_device(small_net: Maker, images: torch.Tensor) -> None:
    measured = measure(small_net(), images, torch.zeros(20, dtype=torch.long))
    assert measured.device == "cpu"
    assert measured.seconds > 0
    assert 50 < measured.peak_memory_mb < 100_000


# ------------------------------------------------------------------------- the model is left alone


def test_mixed_modes_statistics_and_gradients_are_left_as_they_were(
    small_net: Maker, images: torch.Tensor, labels: torch.Tensor
) -> None:
    model = small_net().train()
    model.get_submodule("blocks.0").eval()
    modes = [module.training for module in model.modules()]
    state = {name: value.clone() for name, value in model.state_dict().items()}
    measure(model, images, labels)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_model_in_training_mode_is_measured_in_evaluation_mode(
    small_net: Maker, images: torch.Tensor, labels: torch.Tensor
) -> None:
    expected = small_net().eval()(images).argmax(dim=1) == labels
    measured = measure(small_net().train(), images, labels)
    assert sum(measured.correct) == int(expected.sum())


# -------------------------------------------------------------------------------- wrong answers


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_answers_that_are_not_finite_fail(value: float) -> None:
    verdict = check_accuracy(Answer(lambda rows: rows * value), data(9, 9), 0.5)
    assert verdict.status is Status.FAILED
    assert "finite" in verdict.rationale


@pytest.mark.parametrize(
    "answer",
    [
        lambda rows: rows.argmax(dim=1),
        lambda rows: rows[:1],
        lambda rows: rows[None],
        lambda rows: rows[:, :0],
        lambda rows: (rows, rows),
        lambda rows: None,
        lambda rows: SimpleNamespace(logits=None),
    ],
    ids=["classes", "one row", "three axes", "no class", "pair", "None", "logits None"],
)
def test_answers_of_the_wrong_shape_fail(answer: Callable[[torch.Tensor], Any]) -> None:
    verdict = check_accuracy(Answer(answer), data(9, 9), 0.5)
    assert verdict.status is Status.FAILED
    assert "shape" in verdict.rationale


def test_wrapped_logits_as_of_transformers_are_measured() -> None:
    wrapped = Answer(lambda rows: SimpleNamespace(logits=rows, loss=None))
    assert check_accuracy(wrapped, data(9, 9), 0.5).status is Status.PASSED


def test_exception_in_the_model_is_explained() -> None:
    def stops(_: torch.Tensor) -> None:
        raise KeyError("mine")

    verdict = check_accuracy(Answer(stops), data(9, 9), 0.5)
    assert verdict.status is Status.FAILED
    assert "KeyError" in verdict.rationale


@pytest.mark.parametrize("thing", [None, {"state": 1}])
def test_something_else_than_a_model_fails(thing: Any) -> None:
    assert check_accuracy(thing, data(9, 9), 0.5).status is Status.FAILED
    with pytest.raises(LearnerError):
        measure(thing, torch.eye(2), torch.tensor([0, 1]))


def test_our_own_broken_data_are_not_the_learners_mistake() -> None:
    broken = Data(torch.eye(2), torch.tensor([0, 1, 1]))
    assert check_accuracy(Echo(), broken, 0.5).status is Status.ERROR


# ------------------------------------------------------------------------------ the threshold


@pytest.mark.parametrize(("right", "passes"), [(15, True), (14, False), (20, True)])
def test_threshold_itself_is_enough(right: int, passes: bool) -> None:
    verdict = check_accuracy(Echo(), data(right, 20), 0.75)
    assert verdict.check == "accuracy.achieved"
    assert verdict.status is (Status.PASSED if passes else Status.FAILED)
    assert f"{right / 20:.1%}" in verdict.rationale


@given(st.integers(100, 999), st.integers(0, 400))
def test_no_text_contains_the_threshold(thousandths: int, right: int) -> None:
    threshold = thousandths / 1000 + 0.00037
    verdict = check_accuracy(Echo(), data(right, 400), threshold)
    text = " ".join(str(value) for value in verdict.to_dict().values())
    assert str(threshold) not in text
    assert f"{threshold:.2%}" not in text
    # The digits that are there are those of the measurement.
    low, high = wilson_interval(right, 400)
    shown = {f"{value:.1%}" for value in (right / 400, low, high)}
    assert set(re.findall(r"[\d.]+%", text)) <= shown


def test_reserve_is_asked_within_the_margin_and_counts_together() -> None:
    first, reserve = data(70, 100), data(100, 100)
    verdict = check_accuracy(Echo(), first, 0.75, reserve=reserve)
    assert verdict.status is Status.PASSED
    assert reserve.asked == 1
    assert "200 examples" in verdict.rationale
    assert "85.0%" in verdict.rationale


def test_reserve_that_does_not_confirm_costs_the_points() -> None:
    reserve = data(60, 100)
    verdict = check_accuracy(Echo(), data(74, 100), 0.75, reserve=reserve)
    assert verdict.status is Status.FAILED
    assert reserve.asked == 1


@pytest.mark.parametrize("right", [75, 90, 40, 0])
def test_reserve_is_not_asked_when_the_result_is_clear(right: int) -> None:
    reserve = data(100, 100)
    verdict = check_accuracy(Echo(), data(right, 100), 0.75, reserve=reserve)
    assert verdict.status is (Status.PASSED if right >= 75 else Status.FAILED)
    assert reserve.asked == 0


def test_margin_follows_the_error_rate() -> None:
    def asked(error_rate: float) -> int:
        reserve = data(100, 100)
        check_accuracy(Echo(), data(66, 100), 0.75, reserve=reserve, error_rate=error_rate)
        return reserve.asked

    # SciPy: as few as 66 of 100 right come about in 2.8 % of all cases at 75 %.
    assert 0.025 < binomtest(66, 100, 0.75, alternative="less").pvalue < 0.03
    assert asked(0.01) == 1
    assert asked(0.1) == 0


def test_hint_tells_a_constant_answer_from_guessing_and_from_a_near_miss() -> None:
    labels = torch.arange(40) % 2
    constant = Data(torch.tensor([[1.0, 0.0]]).repeat(40, 1), labels)
    hints = [
        check_accuracy(Echo(), each, 0.9).hint for each in (constant, data(21, 40), data(34, 40))
    ]
    assert len(set(hints)) == 3
    assert "same answer" in str(hints[0])
    assert "guessing" in str(hints[1])


# --------------------------------------------------------------------------------- texts


@dataclass
class Texts:
    """Texts that are the class themselves, for :class:`Length`."""

    texts: list[str]
    labels: torch.Tensor


class Length(nn.Module):
    """A language model, of sorts: answers with how many tokens count."""

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        logits = nn.functional.one_hot((input_ids * attention_mask).sum(dim=1), 4).float()
        return SimpleNamespace(logits=logits)


def encoded(texts: list[str]) -> dict[str, torch.Tensor]:
    mask = torch.tensor([[1] * len(each) + [0] * (5 - len(each)) for each in texts])
    return {"input_ids": torch.ones_like(mask), "attention_mask": mask}


def test_texts_are_encoded_and_given_by_name() -> None:
    found = Texts(["a" * (row % 4) for row in range(40)], torch.arange(40) % 4)
    assert check_accuracy(Length(), found, 1.0, encode=encoded).status is Status.PASSED
    measured = measure(Length(), encoded(found.texts), torch.zeros(40, dtype=torch.long))
    assert measured.correct == (10, 0, 0, 0)
    assert measured.total == (40, 0, 0, 0)


def test_texts_of_the_reserve_are_encoded_too() -> None:
    wrong = Texts(["a"] * 100, torch.tensor([1] * 74 + [2] * 26))
    reserve = Texts(["aa"] * 100, torch.full((100,), 2))
    verdict = check_accuracy(Length(), wrong, 0.75, reserve=reserve, encode=encoded)
    assert verdict.status is Status.PASSED
    assert "200 examples" in verdict.rationale


def test_texts_without_a_way_to_encode_them_are_our_mistake() -> None:
    found = Texts(["a"], torch.tensor([1]))
    assert check_accuracy(Length(), found, 0.5).status is Status.ERROR


def test_answers_to_encoded_texts_must_have_a_row_each() -> None:
    model = Answer(lambda **_: torch.zeros(3, 2))
    model.forward = lambda **_: torch.zeros(3, 2)  # type: ignore[method-assign]
    with pytest.raises(LearnerError, match="wrong shape"):
        measure(model, encoded(["a", "b"]), torch.tensor([0, 1]))
