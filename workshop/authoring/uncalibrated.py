"""Accuracy thresholds that a notebook asks for and that nobody has measured yet.

``calibration.yaml`` beside a notebook says which thresholds there have to be, ``calibration.json``
holds those that were measured. Without one a graded cell ends in an error, which costs no points
but gives none either, so nobody should be given such a notebook.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.grading.calibrated import calibrated_names

PLANS = "calibration.yaml"
_SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "calibrate.py"


@dataclass(frozen=True)
class Uncalibrated:
    """A notebook that asks for thresholds which are not there.

    Attributes:
        assignment: its assignment.
        notebook: its name.
        names: of the thresholds, in the order of ``calibration.yaml``.
    """

    assignment: str
    notebook: str
    names: tuple[str, ...]

    @property
    def command(self) -> str:
        """What measures them, in the course's folder."""
        return f"python {_SCRIPT} {self.notebook}"

    def __str__(self) -> str:
        return (
            f"{self.assignment}/{self.notebook} has no threshold for {', '.join(self.names)}:"
            f" measure it on the kind of machine that grades: {self.command}"
        )


def plans(course: Course, assignment: str, notebook: str) -> dict[str, dict[str, Any]]:
    """How each threshold of a notebook is to be measured, by its name; none if it asks for none.

    Raises:
        WorkshopError: ``calibration.yaml`` is no such list.
    """
    path = course.instructor_folder(assignment, notebook) / PLANS
    if not path.exists():
        return {}
    remedy = "docs/author tells what stands in it"
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError) as error:
        raise WorkshopError(f"not valid YAML: {error}", where=path, remedy=remedy) from error
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(isinstance(each, dict) for each in found.values()):
        raise WorkshopError("no list of thresholds with their plans", where=path, remedy=remedy)
    return found


def uncalibrated(
    course: Course, assignments: Sequence[str] | None = None
) -> tuple[Uncalibrated, ...]:
    """The notebooks with thresholds that were measured on no kind of device.

    Args:
        course: the course.
        assignments: which to look at; all for None.

    Raises:
        WorkshopError: there is no such assignment, or a file of thresholds cannot be read.
    """
    found = []
    for assignment in course.select(None if assignments is None else list(assignments)):
        for notebook in course.notebooks(assignment):
            there = calibrated_names(course.calibration(assignment, notebook))
            asked = plans(course, assignment, notebook)
            missing = tuple(name for name in asked if name not in there)
            if missing:
                found.append(Uncalibrated(assignment, notebook, missing))
    return tuple(found)
