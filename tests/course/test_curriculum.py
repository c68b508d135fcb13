"""The table of objectives and topics has no hole, and is the one in the docs."""

from __future__ import annotations

from pathlib import Path

from workshop.analysis import effects, thresholds
from workshop.analysis.curriculum import curriculum, holes, page
from workshop.course import Course

ROOT = Path(__file__).parents[2]
COURSE = Course.at(ROOT)
NEW_SEEDS = 40
DOCS = ROOT / "docs" / "instructor"

# What the course promises, in its own words.
TOPICS = (
    "parameters",
    "freezing",
    "parameter groups",
    "BatchNorm",
    "learning-rate schedule",
    "benefits",
    "training from scratch",
    "feature extraction",
    "fine-tuning",
    "data augmentation",
    "early stopping",
    "training loop",
    "evaluation",
    "choosing a method",
    "tokenisation",
    "padding",
    "LoRA",
    "parameter counts",
    "merging",
    "storing adapters",
    "transferability",
    "learning curve",
    "confidence interval",
    "negative transfer",
    "control experiment",
    "catastrophic forgetting",
    "backward transfer",
    "rehearsal",
    "L2-SP",
    "gradual unfreezing",
    "balanced accuracy",
    "domain shift",
    "domain adaptation",
    "regularisation",
    "model selection",
)


def test_every_objective_and_topic_is_served() -> None:
    assert holes(curriculum(COURSE), TOPICS) == []


def test_the_page_is_up_to_date() -> None:
    text = (DOCS / "curriculum.md").read_text(encoding="utf-8")
    assert text == page(curriculum(COURSE)), (
        "run: workshop curriculum -o docs/instructor/curriculum.md"
    )


def test_what_was_measured_is_what_the_pages_say() -> None:
    pages = {"effects.md": effects.page(COURSE), "thresholds.md": thresholds.page(COURSE)}
    for name, text in pages.items():
        assert (DOCS / name).read_text(encoding="utf-8") == text, f"{name} is out of date"


def test_every_lesson_was_measured_and_holds() -> None:
    for assignment in COURSE.assignments():
        for notebook in COURSE.notebooks(assignment):
            folder = COURSE.instructor_folder(assignment, notebook)
            measured = effects.load_effects(folder)
            assert measured.keys() == effects.load_plan(folder).keys(), notebook
            for name, effect in measured.items():
                assert effect.low is not None and effect.low > 0, f"{notebook}: {name}: {effect}"


def test_a_right_solution_passes_every_threshold_with_each_new_seed() -> None:
    for assignment in COURSE.assignments():
        for notebook in COURSE.notebooks(assignment):
            path = COURSE.calibration(assignment, notebook)
            for grade_id, threshold in thresholds.calibrations(path).items():
                assert "fresh" in threshold, f"run: benchmarks/calibrate.py {notebook} --check"
                right = threshold["fresh"]["reference"]
                assert right["passed"] == right["seeds"] >= NEW_SEEDS, f"{notebook}: {grade_id}"
