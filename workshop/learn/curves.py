"""A picture of curves that keeps their numbers, so that feedback can draw them again."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

CURVES_MIME = "application/vnd.transfer-learning.curves+json"
_MOST_DIGITS = 6


class CurvesFigure(Figure):
    """A figure that a notebook shows as a picture, with the numbers beside it as data."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._curves: dict[str, Any] = {}

    def keep(
        self,
        curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
        *,
        xlabel: str,
        ylabel: str,
    ) -> None:
        """Remember what is drawn, if it is numbers. What is wrong with it, drawing it tells.

        Args:
            curves: for each line its places on the x axis and its values.
            xlabel: what is counted along the axis.
            ylabel: what the values are.
        """
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            lines = [
                {"name": str(name), "x": _numbers(places), "y": _numbers(values)}
                for name, (places, values) in curves.items()
            ]
            self._curves = {"xlabel": xlabel, "ylabel": ylabel, "curves": lines}

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        """The numbers; Jupyter adds the picture itself."""
        return {CURVES_MIME: self._curves} if self._curves else {}


def new_figure(size: tuple[float, float]) -> tuple[CurvesFigure, Axes]:
    """A figure for curves, of so many inches, and its axes."""
    figure, axis = plt.subplots(figsize=size, layout="constrained", FigureClass=CurvesFigure)
    return cast(CurvesFigure, figure), axis


def _numbers(values: Iterable[float]) -> list[float | None]:
    """JSON knows no NaN and no infinity, and a loss can be either."""
    return [round(number, _MOST_DIGITS) if math.isfinite(number) else None
            for number in map(float, values)]  # fmt: skip
