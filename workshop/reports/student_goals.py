"""What was measured again of a learner's models, beside what right solutions reach.

Right solutions were trained with many seeds when the accuracy asked for was calibrated. Learners
are shown the range of these in whole percent, rounded outwards: the accuracy asked for is none of
the numbers, and cannot be worked out from them, since it depends on mean and standard deviation.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workshop.analysis.calibration import Summary
from workshop.errors import WorkshopError
from workshop.grading.hiding import hidden_part
from workshop.grading.verdicts import WeightedVerdict

# As the judges in `checks` say it.
_MEASURED = re.compile(
    r"Measured again on (?P<count>\d+) (?P<of>[^:]{1,120}): (?P<balanced>balanced accuracy )?"
    r"(?P<value>[\d.]+)%(?: right \(95 % confidence (?P<low>[\d.]+)% to (?P<high>[\d.]+)%"
    r")?"
)


@dataclass(frozen=True)
class Band:
    """What right solutions reached.

    Attributes:
        low: percent, rounded down.
        high: percent, rounded up.
        runs: how many were trained, each with another seed.
    """

    low: int
    high: int
    runs: int


@dataclass(frozen=True)
class Measured:
    """What was measured again of one model.

    Attributes:
        name: the exercise's.
        what: what the number is of, in words.
        value: percent.
        low: of the 95 % confidence interval; None if it was not told.
        high: likewise.
        band: what right solutions reached; None if that was not measured.
    """

    name: str
    what: str
    value: float
    low: float | None
    high: float | None
    band: Band | None


def measured(
    name: str,
    grade_id: str,
    source: str,
    verdicts: Sequence[WeightedVerdict],
    bands: Mapping[str, Mapping[str, Band]],
    *,
    device: str,
) -> tuple[Measured, ...]:
    """What the verdicts of one graded cell say about models that were measured.

    Args:
        name: the exercise's.
        grade_id: the cell's.
        source: the cell's text, with its hidden part: it tells which goal a verdict is about.
        verdicts: in the order of the hidden part's checks.
        bands: by device and goal, from :func:`load_bands`.
        device: the class of device that the models were trained on.
    """
    goals = goals_of(hidden_part(source), grade_id)
    if len(goals) != len(verdicts):
        goals = (None,) * len(verdicts)
    found = []
    for verdict, goal in zip(verdicts, goals, strict=True):
        told = _MEASURED.match(verdict.rationale)
        if told is None:
            continue
        known = {**bands.get("cpu", {}), **bands.get(device, {})}
        unit = "balanced accuracy" if told["balanced"] else "accuracy"
        low, high = (float(told[each]) if told[each] else None for each in ("low", "high"))
        what = f"{unit} on {told['count']} {told['of']}"
        found.append(Measured(name, what, float(told["value"]), low, high, known.get(goal or "")))
    return tuple(found)


def load_bands(path: Path) -> dict[str, dict[str, Band]]:
    """What right solutions reached, by device and goal; nothing if there is no such file.

    Args:
        path: ``calibration.json``.

    Raises:
        WorkshopError: the file is not what ``benchmarks/calibrate.py`` writes.
    """
    if not path.exists():
        return {}
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        devices = {"cpu": data, **data.get("devices", {})}
        return {
            device: {name: _band(each) for name, each in told["thresholds"].items()}
            for device, told in devices.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WorkshopError(
            "no list of calibrated thresholds",
            where=path,
            remedy="write it again: python benchmarks/calibrate.py NOTEBOOK",
        ) from error


def _band(told: Mapping[str, Any]) -> Band:
    found = Summary.read(told["reference"])
    later = told.get("fresh", {}).get("reference")
    if later is not None:
        found = found.joined(Summary.read(later))
    # The file's numbers have four digits: 0.29 is 28.999999999999996 percent.
    low, high = (round(100 * each, 4) for each in (found.min, found.max))
    return Band(math.floor(low), math.ceil(high), found.seeds)


def goals_of(hidden: str, grade_id: str) -> tuple[str | None, ...]:
    """The calibrated goal of each check in ``graded(...)``; None for a check without one.

    Args:
        hidden: the hidden part of a graded cell.
        grade_id: the cell's name.
    """
    try:
        statements = ast.parse(hidden).body
    except (SyntaxError, ValueError):
        return ()
    for statement in statements:
        match statement:
            case ast.Expr(value=ast.Call(func=ast.Name(id="graded"), args=pairs)):
                return tuple(_goal(each, grade_id) for each in pairs)
    return ()


def _goal(pair: ast.expr, grade_id: str) -> str | None:
    for node in ast.walk(pair):
        match node:
            case ast.Call(func=ast.Name(id="threshold"), args=[]):
                return grade_id
            case ast.Call(func=ast.Name(id="threshold"), args=[ast.Constant(value=str(name))]):
                return f"{grade_id}/{name}"
    return None
