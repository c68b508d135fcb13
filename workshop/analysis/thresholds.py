"""The page about accuracy thresholds: where they stand, and how solutions did on new seeds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from workshop.course import Course

PAGE = Path("docs") / "instructor" / "thresholds.md"

_TEXT = """\
# The accuracy thresholds, tried on new seeds

A threshold is set from the seeds of the reference solution, so that a right solution falls below it
once in a thousand times ([decision 0004](../decisions/0004-thresholds-are-calibrated.md)). Then
right and wrong solutions are trained with seeds that the calibration did not see, and judged as
the hidden test judges. Accuracies are those on all held-out examples; on one thread of a CPU,
unless another device is named.

| cell | threshold | reference solution | wrong solutions |
| --- | --- | --- | --- |
{rows}

The seeds decide a new head's first weights, the order of the examples and, where a backbone is
random, all weights. `majority` is what always naming the more frequent class gets.

This page is written by `benchmarks/calibrate.py`.
"""


def page(course: Course) -> str:
    """The page, from every notebook's ``calibration.json``."""
    rows = [
        row
        for assignment in course.assignments()
        for notebook in course.notebooks(assignment)
        for row in _rows(notebook, course.calibration(assignment, notebook))
    ]
    return _TEXT.format(rows="\n".join(rows))


def calibrations(path: Path) -> dict[str, Any]:
    """All that was measured of each threshold of a notebook on a CPU; nothing if it has none."""
    found: dict[str, Any] = _content(path).get("thresholds", {})
    return found


def _content(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def _rows(notebook: str, path: Path) -> Iterator[str]:
    for grade_id, threshold in calibrations(path).items():
        yield _row(f"{notebook}: `{grade_id}`", threshold)
    for device, part in _content(path).get("devices", {}).items():
        for grade_id, threshold in part["thresholds"].items():
            yield _row(f"{notebook}: `{grade_id}` on {device}", threshold)


def _row(name: str, threshold: Mapping[str, Any]) -> str:
    fresh = threshold.get("fresh")
    if fresh is None:
        right = _told(threshold["reference"])
        wrong = [f"{each}: {_told(told)}" for each, told in threshold["wrong"].items()]
    else:
        right = _told(fresh["reference"])
        wrong = [f"{each}: {_told(told)}" for each, told in fresh["wrong"].items()]
    wrong.append(f"majority: {threshold['majority_guess']:.3f}")
    return f"| {name} | {threshold['threshold']:.3f} | {right} | {'<br>'.join(wrong)} |"


def _told(summary: Mapping[str, Any]) -> str:
    return ", ".join(_parts(summary))


def _parts(summary: Mapping[str, Any]) -> Iterator[str]:
    if "passed" in summary:
        yield f"{summary['passed']} of {summary['seeds']} pass"
    else:
        yield f"{summary['seeds']} seeds of the calibration"
    yield f"mean {summary['mean']:.3f}"
    yield f"sd {summary['sd']:.3f}"
    yield f"{summary['min']:.3f} to {summary['max']:.3f}"
