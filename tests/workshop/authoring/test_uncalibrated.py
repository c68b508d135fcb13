from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from nbgrader.coursedir import CourseDirectory

from workshop.authoring.release_steps import ReleaseAssignment
from workshop.authoring.uncalibrated import plans, uncalibrated
from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.grading.verification import load_thresholds


@pytest.fixture
def asking(tiny_course: Course) -> Course:
    """The tiny course, whose notebook asks for two accuracies; one was measured."""
    folder = tiny_course.instructor_folder("small", "doubling")
    (folder / "calibration.yaml").write_text("test_double: {}\ntest_total/new: {}\n")
    return tiny_course


def measured(course: Course, text: object) -> None:
    course.calibration("small", "doubling").write_text(json.dumps(text))


def test_what_was_not_measured_is_named(asking: Course) -> None:
    (missing,) = uncalibrated(asking)
    assert (missing.assignment, missing.notebook) == ("small", "doubling")
    assert missing.names == ("test_total/new",)
    asking.calibration("small", "doubling").unlink()
    (missing,) = uncalibrated(asking, ["small"])
    assert missing.names == ("test_double", "test_total/new")


def test_a_threshold_for_any_device_will_do(asking: Course) -> None:
    both = {"test_double": {"threshold": 0.8}, "test_total/new": {"threshold": 0.7}}
    measured(asking, {"devices": {"cuda": {"thresholds": both}}})
    assert uncalibrated(asking) == ()
    path = asking.calibration("small", "doubling")
    assert load_thresholds(path, "cuda") == {"test_double": 0.8, "test_total/new": 0.7}
    assert load_thresholds(path) == {}


def test_a_notebook_that_asks_for_none_needs_none(tiny_course: Course) -> None:
    tiny_course.calibration("small", "doubling").unlink()
    assert uncalibrated(tiny_course) == ()


@pytest.mark.parametrize("text", ["- a list", "test_double: 1", "{", "a: b: c"])
def test_a_list_of_plans_that_is_none_is_named(asking: Course, text: str) -> None:
    path = asking.instructor_folder("small", "doubling") / "calibration.yaml"
    path.write_text(text)
    with pytest.raises(WorkshopError, match=r"calibration\.yaml"):
        plans(asking, "small", "doubling")


class Refused(Exception):
    """nbgrader would end here."""


def release(course: Course, exchange: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What nbgrader says when it ends; nothing if it released the assignment."""
    config = course.nbgrader_config()
    config.CourseDirectory.assignment_id = "small"
    config.Exchange.root = str(exchange)
    folder = CourseDirectory(config=config)
    said: list[str] = []

    def fail(_: object, message: str) -> None:
        said.append(message)
        raise Refused

    monkeypatch.setattr(ReleaseAssignment, "fail", fail)
    exchange.mkdir(exist_ok=True)
    exchange.chmod(0o777)
    (course.release / "small").mkdir(parents=True, exist_ok=True)
    step = ReleaseAssignment(coursedir=folder, config=config)
    step.log.setLevel(logging.CRITICAL)
    try:
        step.start()
    except Refused:
        return said[0]
    return ""


def test_the_exchange_gets_only_what_can_be_graded(
    asking: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = tmp_path / "exchange"
    said = release(asking, exchange, monkeypatch)
    assert "small/doubling has no threshold for test_total/new" in said
    assert "calibrate.py doubling" in said
    assert not [*exchange.glob("*/outbound/small")]
    both = {"test_double": {"threshold": 0.8}, "test_total/new": {"threshold": 0.7}}
    measured(asking, {"thresholds": both})
    assert release(asking, exchange, monkeypatch) == ""
    assert [*exchange.glob("*/outbound/small")]


def test_it_is_what_the_course_configures(tiny_course: Course) -> None:
    name = f"{ReleaseAssignment.__module__}.{ReleaseAssignment.__name__}"
    assert tiny_course.nbgrader_config().ExchangeFactory.release_assignment == name
