"""Pictures of what transfer is worth: learning curves over labels, and gains with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure

from workshop.learn.intervals import Interval, plot_intervals
from workshop.learn.pictures import COLOURS, MARKERS


def plot_label_curves(
    sizes: Sequence[int], curves: Mapping[str, torch.Tensor], *, ylabel: str = "accuracy"
) -> Figure:
    """Accuracy over the number of labels: the mean over seeds, with a band from lowest to highest.

    The number of labels is drawn on a logarithmic axis: each step doubles it.

    Args:
        sizes: ``N`` numbers of labels for each class.
        curves: for each model ``[N, seeds]``.
        ylabel: what the values are.
    """
    figure, axis = plt.subplots(figsize=(7, 3.8), layout="constrained")
    for index, (name, table) in enumerate(curves.items()):
        colour = COLOURS[index % len(COLOURS)]
        values = torch.as_tensor(table).double()
        axis.fill_between(
            sizes, values.amin(dim=1), values.amax(dim=1), color=colour, alpha=0.18, linewidth=0
        )
        axis.plot(
            sizes,
            values.mean(dim=1),
            color=colour,
            marker=MARKERS[index % len(MARKERS)],
            label=name,
        )
    axis.set_xscale("log", base=2)
    axis.set_xticks(list(sizes), [str(size) for size in sizes])
    axis.set_xlabel("labels for each class")
    axis.set_ylabel(ylabel)
    axis.grid(alpha=0.3)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False)
    plt.close(figure)
    return figure


def plot_gains(gains: Mapping[str, Interval], *, xlabel: str = "gain over scratch") -> Figure:
    """One line for each gain: a dot at the mean, a bar over its interval, and a line at 0.

    Args:
        gains: for each comparison the mean, the lower and the upper end of the interval.
        xlabel: what the gains are.
    """
    return plot_intervals(gains, xlabel=xlabel, line=0.0)
