from __future__ import annotations

import json

from workshop.analysis.thresholds import page
from workshop.course import Course

SEEDS = {"seeds": 20, "mean": 0.9, "sd": 0.01, "min": 0.88, "max": 0.92}
THRESHOLD = {
    "threshold": 0.85,
    "reference": SEEDS,
    "wrong": {"printed": SEEDS | {"mean": 0.5}},
    "majority_guess": 0.5,
}


def _written(course: Course, threshold: dict[str, object]) -> str:
    path = course.calibration("small", "doubling")
    path.write_text(json.dumps({"thresholds": {"test_double": threshold}}))
    return page(course)


def test_a_threshold_without_new_seeds_says_so(tiny_course: Course) -> None:
    text = _written(tiny_course, dict(THRESHOLD))
    assert "| doubling: `test_double` | 0.850 | 20 seeds of the calibration, mean 0.900" in text


def test_new_seeds_count_who_passes(tiny_course: Course) -> None:
    fresh = {
        "reference": SEEDS | {"passed": 20},
        "wrong": {"printed": SEEDS | {"passed": 0, "mean": 0.5}},
    }
    text = _written(tiny_course, {**THRESHOLD, "fresh": fresh})
    assert "| 20 of 20 pass, mean 0.900" in text
    assert "printed: 0 of 20 pass, mean 0.500" in text
