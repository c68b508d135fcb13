"""The curves that a learner's notebook showed, as numbers.

``learn.plot_learning_curves`` leaves the numbers beside its picture. Only pictures of the
assignment's own cells are taken: a learner's cells can show what they like, as often as they like.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from nbformat import NotebookNode
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workshop.grading.records import is_graded, nbgrader_of
from workshop.learn.curves import CURVES_MIME
from workshop.reports.page import plain

_MOST_CURVES, _MOST_POINTS, _MOST_PICTURES = 12, 2_000, 20
# What a table on a page has room for; longer curves are drawn only.
_LONGEST_TABLE = 25
_Number = Annotated[float, Field(allow_inf_nan=False, ge=-1e12, le=1e12)]
_Label = Annotated[str, Field(max_length=200)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Curve(_Part):
    """One line: its name, its places on the x axis, and its values; None where it has none."""

    name: _Label
    x: Annotated[list[_Number | None], Field(max_length=_MOST_POINTS)]
    y: Annotated[list[_Number | None], Field(max_length=_MOST_POINTS)]

    @property
    def points(self) -> list[tuple[float, float]]:
        """Where there is a value."""
        pairs = zip(self.x, self.y, strict=False)
        return [(x, y) for x, y in pairs if x is not None and y is not None]


class Curves(_Part):
    """One picture of curves."""

    xlabel: _Label
    ylabel: _Label
    curves: Annotated[list[Curve], Field(min_length=1, max_length=_MOST_CURVES)]

    @property
    def table(self) -> list[tuple[float, list[float | None]]]:
        """The values of each curve at each place; empty if that would be too long to read."""
        known = [dict(each.points) for each in self.curves]
        places = sorted({x for each in known for x in each})
        if len(places) > _LONGEST_TABLE:
            return []
        return [(x, [each.get(x) for each in known]) for x in places]


def curves_in(cells: Iterable[NotebookNode]) -> tuple[Curves, ...]:
    """The pictures of curves in the locked cells of a graded notebook, in order.

    What is no such picture is passed over: the kernel that made it was the learner's.
    """
    found: list[Curves] = []
    for cell in cells:
        meta = nbgrader_of(cell)
        if cell.cell_type != "code" or is_graded(cell) or meta.get("solution"):
            continue
        for output in cell.get("outputs", ()):
            data = output.get("data", {}).get(CURVES_MIME)
            if data is not None and len(found) < _MOST_PICTURES:
                found += _read(data)
    return tuple(found)


def _read(data: Any) -> list[Curves]:
    try:
        curves = Curves.model_validate(data)
    except ValidationError:
        return []
    if not any(each.points for each in curves.curves):
        return []
    names = [plain(each.name) for each in curves.curves]
    if len(set(names)) < len(names):
        return []
    return [
        Curves(
            xlabel=plain(curves.xlabel),
            ylabel=plain(curves.ylabel),
            curves=[
                Curve(name=name, x=each.x, y=each.y)
                for name, each in zip(names, curves.curves, strict=True)
            ],
        )
    ]
