"""Numbers, tensors, optimizers and facts come from a learner's kernel to the grader."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

import checks
from checks.guard import CheckCrashed, LearnerError
from checks.verdict import Status
from tests.workshop.grading.round_trip import again, forged, shown
from workshop.grading.evidence import EvidenceError
from workshop.grading.rebuild import Rebuilder


@pytest.mark.parametrize(
    "thing",
    [
        None,
        True,
        7,
        -2.5,
        "text",
        float("inf"),
        float("-inf"),
        [1, 2.0, "three"],
        (1, (2, [3])),
        {1, 2},
        frozenset({"a"}),
        pytest.param({1, "mixed", None}, id="a set of mixed things"),
        [],
        "nan",
        "inf",
        "\ud800 half a character",
    ],
    ids=ascii,
)
def test_plain_values_arrive_as_they_were(thing: Any) -> None:
    found = again(thing)
    if isinstance(thing, str):
        thing = thing.encode("utf-8", "replace").decode()
    assert found == thing
    assert type(found) is type(thing)


def test_what_is_no_number_arrives_as_such() -> None:
    found = again(float("nan"))
    assert isinstance(found, float)
    assert math.isnan(found)


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(6).reshape(2, 3),
        torch.randn(2, 0),
        torch.tensor(3.5),
        torch.randn(3, 4).T,
        torch.ones(1).expand(4, 5),
        torch.tensor([float("nan"), float("inf")]),
        torch.randn(2, 2, requires_grad=True),
        torch.randn(2, 2, requires_grad=True) * 2,
        torch.tensor([True, False]),
        torch.randn(2).to(torch.bfloat16),
        torch.randn(2, dtype=torch.float64),
    ],
    ids=lambda each: f"{each.dtype}{list(each.shape)}",
)
def test_tensors_arrive_bit_for_bit(tensor: torch.Tensor) -> None:
    found = again(tensor)
    assert found.dtype == tensor.dtype
    assert torch.equal(found.nan_to_num(), tensor.detach().nan_to_num())
    assert found.requires_grad == tensor.requires_grad


@pytest.mark.parametrize(
    "thing",
    [
        torch.zeros(2, dtype=torch.complex64),
        torch.zeros(2, 2).to_sparse(),
        torch.zeros(2, device="meta"),
        {"a": 1},
        object(),
        10**30,
        10**5000,
        pytest,
    ],
    ids=lambda each: type(each).__name__,
)
def test_what_has_no_portrait_fails_a_check_and_does_not_crash_it(thing: Any) -> None:
    try:
        verdict = checks.check_value("It", again(thing), 1.0)
        checks.check_features(again(thing), torch.zeros(2, 2))
    except LearnerError as error:
        verdict = error.verdict("value.equal")
    assert verdict.status is Status.FAILED


@pytest.mark.parametrize("value", [1.0, 2, "1.0", float("nan"), None, torch.tensor(1.0), [1.0]])
def test_single_numbers_are_judged_alike_on_both_sides(value: Any) -> None:
    assert checks.check_value("It", again(value), 1.0) == checks.check_value("It", value, 1.0)


def test_learners_exception_is_told_with_all_its_texts() -> None:
    evidence = shown(None, expression="1 / len(thing or [])")
    with pytest.raises(LearnerError, match="ZeroDivisionError"):
        Rebuilder(evidence, None, {}).rebuild("1 / len(thing or [])")


def test_crash_of_an_observer_is_ours() -> None:
    with pytest.raises(CheckCrashed, match="where it was"):
        forged({"kind": "crash", "error": "KeyError: 1", "traceback": "where it was"}).rebuild(
            "thing"
        )


# ------------------------------------------------------------------------------------- forgeries


@pytest.mark.parametrize(
    "portrait",
    [
        {"kind": "tensor", "tensor": "9", "requires_grad": False},
        {"kind": "facts", "type": "Verdict", "fields": {}},
        {"kind": "facts", "type": "LoopFacts", "fields": {}},
        {"kind": "facts", "type": "LoopFacts", "fields": {"status": {"kind": "value", "value": 1}}},
        {
            "kind": "sequence",
            "type": "set",
            "items": [{"kind": "sequence", "type": "list", "items": []}],
        },
        {
            "kind": "optimizer",
            "type": "SGD",
            "groups": [{"parameters": [["model", "nothing"]], "options": {}}],
        },
        {
            "kind": "optimizer",
            "type": "SGD",
            "groups": [{"parameters": [["other", "classifier.bias"]], "options": {}}],
        },
    ],
    ids=lambda each: each["kind"] + "-" + str(each.get("type", "")),
)
def test_evidence_that_names_what_there_is_not_is_refused(portrait: dict[str, Any]) -> None:
    with pytest.raises(EvidenceError):
        forged(portrait).rebuild("thing")


def test_expression_that_was_not_answered_is_missing() -> None:
    with pytest.raises(EvidenceError, match="missing"):
        forged({"kind": "value", "value": 1}).rebuild("another thing")
