from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from workshop.analysis.calibration import LEAST_SPREAD, Summary, set_anew, threshold_of
from workshop.errors import WorkshopError

RIGHT = Summary.of([0.78, 0.8, 0.82, 0.79, 0.81, 0.8, 0.83, 0.77])
WRONG = Summary.of([0.4, 0.45, 0.5, 0.42])


def values(seed: int, mean: float = 0.8) -> list[float]:
    return list(np.random.default_rng(seed).normal(mean, 0.02, 12))


def test_two_summaries_are_that_of_all_values() -> None:
    one, other = values(1), values(2, mean=0.7)
    joined, expected = Summary.of(one).joined(Summary.of(other)), Summary.of([*one, *other])
    for name, value in vars(expected).items():
        assert getattr(joined, name) == pytest.approx(value), name


def test_the_limit_is_that_of_a_prediction_interval() -> None:
    sample = values(3)
    found = Summary.of(sample)
    scale = np.std(sample, ddof=1) * np.sqrt(1 + 1 / len(sample))
    expected = stats.t(df=len(sample) - 1, loc=np.mean(sample), scale=scale)
    assert found.lower_limit(1e-3) == pytest.approx(expected.ppf(1e-3))
    assert found.exceeds(0.83) == pytest.approx(expected.sf(0.83))


def test_a_single_failed_training_takes_the_limit_along() -> None:
    found = Summary.of([0.8] * 60 + [0.6])
    assert found.lower_limit(1e-3) == pytest.approx(0.6 - found.sd)


def test_seeds_that_agree_are_not_believed_to_the_last_digit() -> None:
    found = Summary.of([0.8] * 20)
    assert found.lower_limit(1e-3) < 0.8 - 3 * LEAST_SPREAD


def test_a_threshold_lies_between_right_and_wrong() -> None:
    found = threshold_of("test_it", RIGHT, {"guesses": WRONG}, below=False, majority=0.5)
    assert WRONG.max < found["threshold"] < RIGHT.min


def test_what_is_to_be_forgotten_stays_below() -> None:
    gone = Summary.of([0.0, 0.01, 0.02, 0.0, 0.01])
    found = threshold_of("test_it", gone, {"keeps_it": RIGHT}, below=True, majority=0.5)
    assert gone.max < found["threshold"] < RIGHT.min


@pytest.mark.parametrize(("wrong", "majority"), [(RIGHT, 0.5), (WRONG, 0.79)])
def test_without_such_a_place_it_says_so(wrong: Summary, majority: float) -> None:
    with pytest.raises(WorkshopError, match="does not tell right from wrong"):
        threshold_of("test_it", RIGHT, {"close": wrong}, below=False, majority=majority)


def test_seeds_that_it_was_tried_on_are_taken_into_account() -> None:
    first = threshold_of("test_it", RIGHT, {"guesses": WRONG}, below=False, majority=0.5)
    assert set_anew("test_it", first)["threshold"] == pytest.approx(first["threshold"], abs=2e-3)
    worse = Summary.of([0.8, 0.82, 0.66, 0.79])
    tried = {"reference": worse.to_dict(), "wrong": {"guesses": WRONG.to_dict()}}
    again = set_anew("test_it", {**first, "fresh": tried})
    assert again["threshold"] < 0.66
    assert again["reference"]["seeds"] == RIGHT.seeds + worse.seeds
    assert again["wrong"]["guesses"]["seeds"] == 2 * WRONG.seeds
    assert "fresh" not in again
