"""Choosing by validation, by training and by test data."""

from __future__ import annotations

from typing import Any

import pytest

from checks.choice import Choose, check_choice, check_choice_splits, observe_choice
from checks.verdict import Status

CASES = (0, 1)


def by(fit_on: str, score_on: str) -> Choose:
    def choose(strengths: Any, fit: Any, score: Any, data: Any) -> Any:
        return max(strengths, key=lambda each: score(fit(each, data[fit_on]), data[score_on]))

    return choose


@pytest.mark.parametrize("case", CASES)
def test_validation_passes(case: int) -> None:
    seen = observe_choice(by("train", "validation"), case)
    assert check_choice_splits(seen).status is Status.PASSED
    assert check_choice(seen, case).status is Status.PASSED


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    ("fit_on", "score_on", "splits"),
    [
        ("train", "test", Status.FAILED),
        ("train", "train", Status.PASSED),
        ("validation", "validation", Status.FAILED),
        ("test", "validation", Status.FAILED),
    ],
)
def test_other_splits_fail(case: int, fit_on: str, score_on: str, splits: Status) -> None:
    seen = observe_choice(by(fit_on, score_on), case)
    assert check_choice_splits(seen).status is splits
    wrong_choice = score_on != "validation"
    assert (check_choice(seen, case).status is Status.FAILED) == wrong_choice


def first(strengths: Any, *_: Any) -> Any:
    return strengths[0]


def index_of_the_best(strengths: Any, fit: Any, score: Any, data: Any) -> Any:
    scores = [score(fit(each, data["train"]), data["validation"]) for each in strengths]
    return scores.index(max(scores))


def worst(strengths: Any, fit: Any, score: Any, data: Any) -> Any:
    return min(strengths, key=lambda each: score(fit(each, data["train"]), data["validation"]))


def only_some(strengths: Any, fit: Any, score: Any, data: Any) -> Any:
    return by("train", "validation")(strengths[1:], fit, score, data)


def raises(*_: Any) -> Any:
    raise NotImplementedError


def no_split(strengths: Any, fit: Any, score: Any, data: Any) -> Any:
    return score(fit(strengths[0], "train"), "validation")


def no_head(strengths: Any, fit: Any, score: Any, data: Any) -> Any:
    return score(strengths[0], data["validation"])


def unknown_strength(strengths: Any, fit: Any, score: Any, data: Any) -> Any:
    return fit(123.0, data["train"])


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    "choose",
    [
        first,
        index_of_the_best,
        worst,
        only_some,
        raises,
        no_split,
        no_head,
        unknown_strength,
        lambda *_: None,
        lambda *_: "0.1",
        lambda *_: True,
        lambda *_: float("nan"),
        None,
    ],
)
def test_other_choices_fail(choose: Any, case: int) -> None:
    assert check_choice(observe_choice(choose, case), case).status is Status.FAILED


def test_each_split_would_choose_another_strength() -> None:
    for case in CASES:
        chosen = {
            observe_choice(by("train", split), case).chosen
            for split in ("train", "validation", "test")
        }
        assert len(chosen) == len(("train", "validation", "test"))


@pytest.mark.parametrize("facts", [None, 1, "facts"])
def test_no_facts_fail(facts: Any) -> None:
    assert check_choice(facts).status is Status.FAILED
    assert check_choice_splits(facts).status is Status.FAILED
