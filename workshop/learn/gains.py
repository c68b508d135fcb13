"""Pictures of what transfer is worth: gains with their intervals."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from workshop.learn.intervals import Interval, plot_intervals


def plot_gains(gains: Mapping[str, Interval], *, xlabel: str = "gain over scratch") -> Figure:
    """One line for each gain: a dot at the mean, a bar over its interval, and a line at 0.

    Args:
        gains: for each comparison the mean, the lower and the upper end of the interval.
        xlabel: what the gains are.
    """
    return plot_intervals(gains, xlabel=xlabel, line=0.0)
