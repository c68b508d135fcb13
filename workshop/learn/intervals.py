"""A picture of values with their intervals."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from workshop.learn.pictures import COLOURS, MARKERS

Interval = tuple[float, float, float]
"""A value with the lower and the upper limit of its interval."""


def plot_intervals(
    values: Mapping[str, Interval], *, xlabel: str, line: float | None = None
) -> Figure:
    """One row for each value, with its interval as a bar.

    Args:
        values: for each row's name its value and the limits of its interval.
        xlabel: what the values are.
        line: where to draw a line to compare with, such as 0 for no gain.
    """
    figure, axis = plt.subplots(figsize=(7, 0.8 + 0.45 * len(values)), layout="constrained")
    if line is not None:
        axis.axvline(line, color="grey", linewidth=1, linestyle="--")
    for row, (name, (value, low, high)) in enumerate(values.items()):
        axis.plot([low, high], [row, row], color=COLOURS[0], linewidth=2)
        axis.plot([value], [row], color=COLOURS[0], marker=MARKERS[0], linestyle="", label=name)
    axis.set_yticks(range(len(values)), list(values))
    axis.set_ylim(len(values) - 0.5, -0.5)
    axis.set_xlabel(xlabel)
    axis.grid(axis="x", alpha=0.3)
    axis.spines[["top", "right"]].set_visible(False)
    plt.close(figure)  # the cell shows the returned figure; else it would appear twice
    return figure


def plot_gains(gains: Mapping[str, Interval], *, xlabel: str = "gain over scratch") -> Figure:
    """One line for each gain: a dot at the mean, a bar over its interval, and a line at 0.

    Args:
        gains: for each comparison the mean, the lower and the upper end of the interval.
        xlabel: what the gains are.
    """
    return plot_intervals(gains, xlabel=xlabel, line=0.0)
