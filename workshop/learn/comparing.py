"""Pictures and tables that compare models: embeddings, bands over seeds, parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from torch import nn

from workshop.learn.curves import new_figure
from workshop.learn.pictures import COLOURS, MARKERS


def plot_embedding(
    features: Mapping[str, torch.Tensor], labels: torch.Tensor, class_names: Sequence[str]
) -> Figure:
    """Where examples lie in the plane of their features' two largest principal components.

    Each picture has a plane of its own: compare how well the classes separate, not where they lie.

    Args:
        features: for each picture, such as before and after, ``[N, D]``.
        labels: ``[N]``, the class index of each example.
        class_names: the name of each class, by index.
    """
    from sklearn.decomposition import PCA  # noqa: PLC0415 - slow to import, and seldom needed

    figure, axes = plt.subplots(
        1, len(features), figsize=(4.2 * len(features), 3.8), squeeze=False, layout="constrained"
    )
    for axis, (name, values) in zip(axes[0], features.items(), strict=True):
        points = PCA(n_components=2, random_state=0).fit_transform(values.float().cpu().numpy())
        for index, class_name in enumerate(class_names):
            chosen = points[(labels == index).cpu().numpy()]
            axis.scatter(
                *chosen.T,
                s=14,
                alpha=0.7,
                color=COLOURS[index % len(COLOURS)],
                marker=MARKERS[index % len(MARKERS)],
                label=class_name,
            )
        axis.set_title(name)
        axis.set_xticks([])
        axis.set_yticks([])
    axes[0][0].legend(frameon=False)
    plt.close(figure)
    return figure


def plot_curves_with_bands(
    positions: Sequence[float],
    curves: Mapping[str, Sequence[Sequence[float]] | torch.Tensor],
    *,
    xlabel: str,
    ylabel: str,
) -> Figure:
    """A line through the means of several seeds, and a band of one standard deviation around it.

    Args:
        positions: where on the x axis, such as training examples. Drawn on a logarithmic scale
            where the largest is ten times the smallest.
        curves: for each line, at each position, the values of all seeds, ``[N, seeds]``.
        xlabel: what the positions are.
        ylabel: what the values are.
    """
    figure, axis = new_figure((7, 3.8))
    seeds = {
        name: [np.asarray(each, dtype=float) for each in values] for name, values in curves.items()
    }
    averages = {name: np.array([row.mean() for row in rows]) for name, rows in seeds.items()}
    figure.keep(
        {f"{name}, mean": (positions, means.tolist()) for name, means in averages.items()},
        xlabel=xlabel,
        ylabel=ylabel,
    )
    for index, (name, rows) in enumerate(seeds.items()):
        means = averages[name]
        spreads = np.array([row.std(ddof=1) if len(row) > 1 else 0.0 for row in rows])
        colour = COLOURS[index % len(COLOURS)]
        axis.plot(positions, means, color=colour, marker=MARKERS[index % len(MARKERS)], label=name)
        axis.fill_between(positions, means - spreads, means + spreads, color=colour, alpha=0.2)
    if min(positions) > 0 and max(positions) >= 10 * min(positions):
        axis.set_xscale("log")
    axis.set_xticks(list(positions), [f"{each:g}" for each in positions])
    axis.minorticks_off()
    axis.set_xlabel(xlabel)
    axis.set_ylabel(ylabel)
    axis.grid(alpha=0.3)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False)
    plt.close(figure)
    return figure


def parameter_table(model: nn.Module) -> pd.DataFrame:
    """The parameters of each part at the top, and how many of them are trainable."""
    rows = {}
    own = dict(model.named_parameters(recurse=False))
    for name, parameters in [
        *((name, list(part.parameters())) for name, part in model.named_children()),
        *((name, [each]) for name, each in own.items()),
    ]:
        if parameters:
            rows[name] = _counts(parameters)
    rows["all"] = _counts(list(model.parameters()))
    return pd.DataFrame.from_dict(rows, orient="index")


def _counts(parameters: Sequence[nn.Parameter]) -> dict[str, str]:
    total = sum(each.numel() for each in parameters)
    trainable = sum(each.numel() for each in parameters if each.requires_grad)
    return {
        "parameters": f"{total:,}",
        "trainable": f"{trainable:,}",
        "share": f"{trainable / total:.1%}" if total else "",
    }
