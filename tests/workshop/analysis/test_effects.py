from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from workshop.analysis.effects import Effect, load_effects, load_plan, page, write_effects
from workshop.course import Course
from workshop.errors import WorkshopError

PLAN = """\
doubling_helps:
  lesson: Doubling makes numbers larger.
  again: [double]
  difference: double(3) - 3
  unit: apples
"""


@pytest.fixture
def measured_course(tiny_course: Course) -> Course:
    (tiny_course.instructor_folder("small", "doubling") / "effects.yaml").write_text(PLAN)
    return tiny_course


def test_the_interval_is_that_of_students_t() -> None:
    differences = [0.1, 0.3, -0.1, 0.2]
    effect = Effect.of(differences)
    interval = stats.ttest_1samp(differences, 0).confidence_interval()
    assert (effect.low, effect.high) == pytest.approx(tuple(interval), abs=1e-4)
    assert (effect.mean, effect.sd) == pytest.approx(
        (np.mean(differences), np.std(differences, ddof=1)), abs=1e-4
    )
    assert (effect.seeds, effect.positive, effect.smallest) == (4, 3, -0.1)


def test_a_single_seed_tells_no_spread() -> None:
    effect = Effect.of([0.25])
    assert (effect.mean, effect.sd, effect.low, effect.high) == (0.25, None, None, None)


def test_the_page_shows_each_lesson_measured_or_not(measured_course: Course) -> None:
    assert "not measured" in page(measured_course)
    folder = measured_course.instructor_folder("small", "doubling")
    effect = Effect.of([3.0, 3.0, 2.0])
    write_effects(folder, {"doubling_helps": effect}, machine="here")
    assert load_effects(folder) == {"doubling_helps": effect}
    text = page(measured_course)
    assert "## small/doubling" in text
    assert "| Doubling makes numbers larger. | +2.667 |" in text
    assert "| 3 of 3 | apples |" in text


def test_what_is_wrong_with_a_plan_is_named(measured_course: Course) -> None:
    folder = measured_course.instructor_folder("small", "doubling")
    (folder / "effects.yaml").write_text(PLAN.replace("again", "agian"))
    with pytest.raises(WorkshopError, match=r"effects\.yaml"):
        load_plan(folder)


def test_a_damaged_measurement_is_named(measured_course: Course) -> None:
    folder = measured_course.instructor_folder("small", "doubling")
    (folder / "effects.json").write_text('{"effects": 3}')
    with pytest.raises(WorkshopError, match=r"effects\.json"):
        load_effects(folder)
