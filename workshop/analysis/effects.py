"""What the lessons of the notebooks are worth: their effects over many seeds.

``effects.yaml`` beside a notebook's text names each lesson as a difference that is positive where
the lesson holds; ``benchmarks/effects.py`` measures it and writes ``effects.json``.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError
from scipy import stats

from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.yaml_files import load_yaml

PLAN, MEASURED = "effects.yaml", "effects.json"
_REMEDY = "the keys stand in docs/author/README.md"
_PAGE = """\
# What the lessons are worth

Each lesson of a notebook as a difference between two results of the same seed, measured with the
notebook's own cells. It is positive where the lesson holds. A seed decides new weights, the order
of examples and, where a notebook draws any, which examples are drawn; the data are the same. The
interval is that of the mean (Student's t). Where some seeds are negative, a learner may
see the opposite of the lesson on one run: the notebooks say so.

{tables}
This page is written by `benchmarks/effects.py`.
"""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Lesson(_Strict):
    """One lesson, and how it is measured.

    Attributes:
        lesson: in a sentence.
        again: the cells that run again for each seed.
        difference: an expression over the notebook's names; positive where the lesson holds.
        unit: what the difference counts.
    """

    lesson: str
    again: Annotated[tuple[str, ...], Field(min_length=1)]
    difference: str
    unit: str


class Plan(RootModel[dict[str, Lesson]]):
    """All lessons of one notebook, by name."""


class Effect(_Strict):
    """A lesson's difference over seeds.

    Attributes:
        seeds: how many.
        mean: of the differences.
        sd: their standard deviation; None for a single seed.
        low: lower end of the 95 % interval of the mean; None for a single seed.
        high: its upper end.
        smallest: the smallest difference.
        positive: how many differences are above 0.
    """

    seeds: int
    mean: float
    sd: float | None
    low: float | None
    high: float | None
    smallest: float
    positive: int

    @classmethod
    def of(cls, differences: Sequence[float]) -> Effect:
        """The summary of one difference for each seed; at least one."""
        count, mean = len(differences), statistics.mean(differences)
        sd = half = None
        if count > 1:
            sd = statistics.stdev(differences)
            half = float(stats.t.ppf(0.975, count - 1)) * sd / math.sqrt(count)
        return cls(
            seeds=count,
            mean=round(mean, 4),
            sd=None if sd is None else round(sd, 4),
            low=None if half is None else round(mean - half, 4),
            high=None if half is None else round(mean + half, 4),
            smallest=round(min(differences), 4),
            positive=sum(each > 0 for each in differences),
        )


class _Measured(_Strict):
    made_by: str
    machine: str
    effects: dict[str, Effect]


def load_plan(folder: Path) -> dict[str, Lesson]:
    """The lessons of a notebook; none if its folder has no ``effects.yaml``.

    Raises:
        WorkshopError: the file cannot be used; names the line.
    """
    path = folder / PLAN
    return load_yaml(path, Plan, remedy=_REMEDY).root if path.exists() else {}


def load_effects(folder: Path) -> dict[str, Effect]:
    """What was measured of a notebook's lessons; nothing if nothing was.

    Raises:
        WorkshopError: the file is not what ``benchmarks/effects.py`` writes.
    """
    path = folder / MEASURED
    if not path.exists():
        return {}
    try:
        return _Measured.model_validate_json(path.read_bytes()).effects
    except ValidationError as error:
        raise WorkshopError(
            f"no measured effects: {error.errors()[0]['msg']}",
            where=path,
            remedy="write it again: python benchmarks/effects.py NOTEBOOK",
        ) from error


def write_effects(folder: Path, effects: dict[str, Effect], *, machine: str) -> Path:
    """Write what was measured beside the notebook's text.

    Returns:
        The file.
    """
    path = folder / MEASURED
    measured = _Measured(made_by="benchmarks/effects.py", machine=machine, effects=effects)
    path.write_text(json.dumps(measured.model_dump(), indent=2) + "\n", encoding="utf-8")
    return path


def page(course: Course) -> str:
    """The page for instructors: a table for each notebook that has lessons."""
    tables = []
    for assignment in course.assignments():
        for notebook in course.notebooks(assignment):
            folder = course.instructor_folder(assignment, notebook)
            plan = load_plan(folder)
            if plan:
                rows = _rows(plan, load_effects(folder))
                tables.append("\n".join([f"## {assignment}/{notebook}", "", *_HEADER, *rows, ""]))
    return _PAGE.format(tables="\n".join(tables))


_HEADER = (
    "| lesson | difference | 95 % | spread (sd) | seeds in which it holds | unit |",
    "| --- | --- | --- | --- | --- | --- |",
)


def _rows(plan: dict[str, Lesson], effects: dict[str, Effect]) -> Iterable[str]:
    for name, lesson in plan.items():
        effect = effects.get(name)
        if effect is None:
            yield f"| {lesson.lesson} | not measured | - | - | - | {lesson.unit} |"
            continue
        interval = "-" if effect.low is None else f"{effect.low:+.3f} to {effect.high:+.3f}"
        spread = "-" if effect.sd is None else f"{effect.sd:.3f}"
        yield (
            f"| {lesson.lesson} | {effect.mean:+.3f} | {interval} | {spread}"
            f" | {effect.positive} of {effect.seeds} | {lesson.unit} |"
        )
