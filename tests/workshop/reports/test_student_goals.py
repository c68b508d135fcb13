"""Models that were measured again, as the checks say it, beside what right ones reach."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from checks.accuracy import Measurement, judge_accuracy
from checks.adaptation import judge_balanced_accuracy
from checks.forgetting import _in_words
from checks.guard import LearnerError
from workshop.authoring.confidential import secrets_of
from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.grading.hiding import hidden_part
from workshop.grading.verdicts import WeightedVerdict
from workshop.reports.student_goals import Band, Measured, goals_of, load_bands, measured

REPOSITORY = Path(__file__).resolve().parents[3]
HIDDEN = """\
### BEGIN HIDDEN TESTS
seen = look(model)
graded(
    (1, checks.check_other(model)),
    (3, checks.check_accuracy(model, held_out(), threshold(), reserve=held_out("reserve"))),
    (2, checks.check_learned(model, held_out(domain="poly"), (2, 3), least=threshold("new"))),
    like=new_model,
)
### END HIDDEN TESTS
"""
BANDS = {"cpu": {"test_x": Band(86, 91, 60), "test_x/new": Band(60, 80, 60)},
         "cuda": {"test_x": Band(87, 92, 20)}}  # fmt: skip
SEEN = Measurement((70, 74), (82, 82), "cpu", 1.0, 900.0)


def verdict(rationale: str, check: str = "accuracy.achieved") -> WeightedVerdict:
    return WeightedVerdict(check=check, status="PASSED", score=1.0, weight=1.0, rationale=rationale)


def told(*rationales: str, source: str = HIDDEN, device: str = "cpu") -> tuple[Measured, ...]:
    return measured(
        "x", "test_x", source, [verdict(each) for each in rationales], BANDS, device=device
    )


def _failed(threshold: float) -> str:
    with pytest.raises(LearnerError) as caught:
        judge_accuracy(SEEN, threshold)
    return caught.value.verdict("accuracy.achieved").rationale


def test_an_accuracy_that_was_measured_is_found_with_its_band() -> None:
    low, high = SEEN.interval()
    for rationale in (judge_accuracy(SEEN, 0.5).rationale, _failed(0.99)):
        (found,) = told("Fine.", rationale, "Fine.")
        assert found.value == pytest.approx(100 * SEEN.accuracy, abs=0.05)
        assert found.low == pytest.approx(100 * low, abs=0.05)
        assert found.high == pytest.approx(100 * high, abs=0.05)
        assert found.band == Band(86, 91, 60)
        assert "164 examples" in found.what


def test_each_goal_has_a_band_of_its_own() -> None:
    learned = _in_words(SEEN, (2, 3), own=False)
    _, found = told("Fine.", judge_accuracy(SEEN, 0.5).rationale, learned)
    assert found.band == Band(60, 80, 60)


def test_a_gpu_has_a_band_of_its_own_where_one_was_measured() -> None:
    rationale = judge_accuracy(SEEN, 0.5).rationale
    (found,) = told("Fine.", rationale, "Fine.", device="cuda")
    assert found.band == Band(87, 92, 20)
    (found,) = told("Fine.", rationale, "Fine.", device="cuda-tf32")
    assert found.band == Band(86, 91, 60)


def test_a_balanced_accuracy_is_found_without_an_interval() -> None:
    rationale = judge_balanced_accuracy(SEEN, 0.5, 0.99).rationale
    (found,) = told("Fine.", rationale, "Fine.")
    assert found.value == pytest.approx(100 * SEEN.balanced_accuracy, abs=0.05)
    assert (found.low, found.high) == (None, None)
    assert "balanced accuracy" in found.what


@pytest.mark.parametrize(
    "source", ["", "### BEGIN HIDDEN TESTS\nx = (\n### END HIDDEN TESTS", HIDDEN]
)
def test_without_a_known_goal_there_is_no_band(source: str) -> None:
    (found,) = told(judge_accuracy(SEEN, 0.5).rationale, source=source)
    assert found.band is None


@pytest.mark.parametrize(
    "text",
    ["", "It said: Measured again on 5 examples: 99.0% right", "Measured again on many: 9% right"],
)
def test_other_texts_are_no_measurement(text: str) -> None:
    assert told("Fine.", text, "Fine.") == ()


class TestBands:
    def test_all_seeds_count_and_percent_are_rounded_outwards(self, tmp_path: Path) -> None:
        first = {"seeds": 20, "mean": 0.9, "sd": 0.01, "min": 0.8621, "max": 0.9}
        later = {"seeds": 40, "mean": 0.9, "sd": 0.01, "min": 0.87, "max": 0.9049, "passed": 40}
        goal = {"threshold": 0.84, "reference": first, "fresh": {"reference": later}}
        path = tmp_path / "calibration.json"
        path.write_text(json.dumps({"thresholds": {"test_x": goal}}))
        assert load_bands(path) == {"cpu": {"test_x": Band(86, 91, 60)}}

    def test_whole_percents_stay(self, tmp_path: Path) -> None:
        summary = {"seeds": 2, "mean": 0.3, "sd": 0.01, "min": 0.29, "max": 0.57}
        path = tmp_path / "calibration.json"
        path.write_text(json.dumps({"thresholds": {"x": {"reference": summary}}}))
        assert load_bands(path)["cpu"]["x"] == Band(29, 57, 2)

    def test_no_file_no_bands(self, tmp_path: Path) -> None:
        assert load_bands(tmp_path / "none.json") == {}

    @pytest.mark.parametrize("text", ["", "[]", '{"thresholds": {"x": {}}}', '{"thresholds": 3}'])
    def test_another_file_is_an_error(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "calibration.json"
        path.write_text(text)
        with pytest.raises(WorkshopError) as caught:
            load_bands(path)
        assert caught.value.where == str(path)


def _bands() -> Iterator[tuple[Path, str, Band]]:
    for path in sorted(REPOSITORY.glob("source/*/*/calibration.json")):
        for name, band in load_bands(path)["cpu"].items():
            yield path, name, band


def test_no_band_of_the_course_tells_the_accuracy_that_is_asked_for() -> None:
    bands = list(_bands())
    assert bands
    secrets = secrets_of(Course.at(REPOSITORY)).numbers
    for path, name, band in bands:
        data = json.loads(path.read_text(encoding="utf-8"))["thresholds"][name]
        assert data["threshold"] not in (band.low / 100, band.high / 100)
        text = f"Right solutions reach an accuracy of {band.low} to {band.high} %."
        assert not [each.name for each in secrets if each.found_in(text)]


def test_the_course_measures_what_its_goals_are_about() -> None:
    for path, name, _ in _bands():
        grade_id, _, _ = name.partition("/")
        text = path.parent.with_suffix(".py").read_text(encoding="utf-8")
        cell = text[text.index(f'test="{grade_id.removeprefix("test_")}"') :].split("\n# %%")[0]
        assert name in goals_of(hidden_part(cell), grade_id)
