"""What students will notice: how two versions of a released notebook differ, by exercise."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain

from nbformat import NotebookNode

from workshop.authoring.cells import TEST_PREFIX

# What stands behind the last exercise.
_CLOSING = ""


@dataclass
class Exercise:
    """A graded cell of a released notebook, with the cells that lead to it.

    Attributes:
        name: its name; empty for what stands behind the last exercise.
        points: what it is worth.
        parts: for each kind of cell the texts of its cells, in order.
    """

    name: str
    points: float = 0.0
    parts: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class NotebookDifference:
    """How a notebook differs from the one that is released.

    Attributes:
        assignment: its assignment.
        notebook: its name.
        exercises: how many exercises it has now.
        points: what they are worth.
        before: exercises and points as released; None if it is not released.
        changes: what differs, in words, an exercise on each line; empty if nothing does.
    """

    assignment: str
    notebook: str
    exercises: int
    points: float
    before: tuple[int, float] | None
    changes: tuple[str, ...]


def difference(
    assignment: str, notebook: str, old: NotebookNode | None, new: NotebookNode
) -> NotebookDifference:
    """Compare two versions of the students' notebook.

    Args:
        assignment: its assignment.
        notebook: its name.
        old: the released version; None if there is none.
        new: the one made now.
    """
    now = exercises_of(new)
    was = {} if old is None else exercises_of(old)
    return NotebookDifference(
        assignment,
        notebook,
        *_total(now.values()),
        before=None if old is None else _total(was.values()),
        changes=() if old is None else tuple(_changes(was, now)),
    )


def exercises_of(notebook: NotebookNode) -> dict[str, Exercise]:
    """The exercises of a released notebook by name, in their order.

    Every cell belongs to the graded cell that comes next, those at the end to none.
    """
    found: dict[str, Exercise] = {}
    current = Exercise(_CLOSING)
    for cell in notebook.cells:
        about = cell.metadata.get("nbgrader", {})
        current.parts.setdefault(_part(cell), []).append(str(cell.source).strip())
        said = cell.metadata.get("workshop", {})
        if said:
            words = json.dumps(said, sort_keys=True)
            current.parts.setdefault("objective, topic or form", []).append(words)
        if about.get("grade"):
            current.name = str(about["grade_id"]).removeprefix(TEST_PREFIX)
            current.points = float(about["points"])
            found[current.name] = current
            current = Exercise(_CLOSING)
    found[_CLOSING] = current
    return found


def _part(cell: NotebookNode) -> str:
    """What a student would call the cell."""
    about = cell.metadata.get("nbgrader", {})
    if about.get("grade"):
        return "question" if about.get("solution") else "visible check"
    if about.get("solution"):
        return "starting code"
    if cell.cell_type == "markdown":
        return "text"
    return "given code" if about.get("locked") else "free code"


def _total(exercises: Iterable[Exercise]) -> tuple[int, float]:
    points = [exercise.points for exercise in exercises if exercise.name]
    return len(points), sum(points)


def _changes(was: Mapping[str, Exercise], now: Mapping[str, Exercise]) -> Iterable[str]:
    for name, exercise in now.items():
        if name not in was:
            yield f"added: {name}, {points_of(exercise.points)}"
        elif said := _said(was[name], exercise):
            yield f"changed: {name or 'after the last exercise'}: {', '.join(said)}"
    for name, exercise in was.items():
        if name not in now:
            yield f"removed: {name}, {points_of(exercise.points)}"
    kept = [name for name in was if name in now]
    if kept != [name for name in now if name in was]:
        yield "the exercises come in another order"


def _said(old: Exercise, new: Exercise) -> list[str]:
    worth = (
        [f"{points_of(new.points)} instead of {old.points:g}"] if old.points != new.points else []
    )
    parts = dict.fromkeys(chain(old.parts, new.parts))
    return worth + [part for part in parts if old.parts.get(part) != new.parts.get(part)]


def points_of(points: float) -> str:
    """Points in words."""
    return f"{points:g} point{'' if points == 1 else 's'}"
