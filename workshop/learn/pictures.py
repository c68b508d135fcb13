"""Pictures and tables for the notebooks, on matplotlib and pandas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure

from workshop.learn.curves import new_figure

# Two colours that people with any colour vision tell apart (Okabe and Ito 2008), and more of them.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")
MARKERS = ("o", "s", "^", "D", "v")


def show_images(
    images: torch.Tensor,
    labels: torch.Tensor,
    class_names: Sequence[str],
    *,
    per_class: int = 6,
) -> Figure:
    """A row of example images for each class.

    Args:
        images: ``[N, 1, H, W]`` or ``[N, 3, H, W]``, uint8 or float.
        labels: ``[N]``, the class index of each image.
        class_names: the name of each class, by index.
        per_class: how many images a row shows.
    """
    figure, axes = plt.subplots(
        len(class_names),
        per_class,
        figsize=(1.5 * per_class, 1.7 * len(class_names)),
        squeeze=False,
        layout="constrained",
    )
    for row, name in enumerate(class_names):
        chosen = torch.where(labels == row)[0][:per_class].tolist()
        for column, axis in enumerate(axes[row]):
            axis.set_xticks([])
            axis.set_yticks([])
            axis.spines[:].set_visible(False)
            if column < len(chosen):
                # One channel is drawn in grey, three as colours.
                axis.imshow(
                    images[chosen[column]].permute(1, 2, 0).squeeze(-1).numpy(), cmap="gray"
                )
        axes[row][0].set_ylabel(name)
    plt.close(figure)  # the cell shows the returned figure; without this it would appear twice
    return figure


def plot_learning_curves(
    curves: Mapping[str, Sequence[float]],
    *,
    ylabel: str = "validation accuracy",
    xlabel: str = "epoch",
    first: int = 1,
) -> Figure:
    """One line per model over the epochs.

    Args:
        curves: for each model its value after every epoch.
        ylabel: what the values are.
        xlabel: what is counted along the axis.
        first: the number of the first value; 0 for curves that begin before training.
    """
    figure, axis = new_figure((7, 3.6))
    places = {name: range(first, first + len(values)) for name, values in curves.items()}
    figure.keep(
        {name: (places[name], list(values)) for name, values in curves.items()},
        xlabel=xlabel,
        ylabel=ylabel,
    )
    for index, (name, values) in enumerate(curves.items()):
        axis.plot(
            places[name],
            list(values),
            color=COLOURS[index % len(COLOURS)],
            marker=MARKERS[index % len(MARKERS)],
            label=name,
        )
    longest = max((len(values) for values in curves.values()), default=1)
    axis.set_xticks(range(first, first + longest, max(1, longest // 10)))
    axis.set_xlabel(xlabel)
    axis.set_ylabel(ylabel)
    axis.grid(alpha=0.3)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False)
    plt.close(figure)
    return figure


def plot_confusion_matrix(
    matrix: torch.Tensor | np.ndarray | Sequence[Sequence[int]], class_names: Sequence[str]
) -> Figure:
    """A confusion matrix with its counts: a row for each true class, a column for each answer.

    Args:
        matrix: ``[C, C]`` counts.
        class_names: the name of each class, by index.
    """
    counts = np.asarray(matrix)
    # An inch takes some ten letters; the names of the columns stand side by side.
    width = max(2.6, len(class_names) * (max(map(len, class_names)) + 1) / 10)
    figure, axis = plt.subplots(figsize=(width + 1.2, 0.8 * width + 0.8), layout="constrained")
    axis.imshow(counts, cmap="Blues", vmin=0, aspect="auto")
    for row, column in np.ndindex(*counts.shape):
        dark = counts[row, column] > counts.max() / 2
        axis.text(
            column,
            row,
            str(counts[row, column]),
            ha="center",
            va="center",
            color="white" if dark else "black",
        )
    axis.set_xticks(range(len(class_names)), class_names)
    axis.set_yticks(range(len(class_names)), class_names)
    axis.set_xlabel("the model says")
    axis.set_ylabel("the truth")
    plt.close(figure)
    return figure


def results_table(rows: Mapping[str, Mapping[str, object]]) -> pd.DataFrame:
    """A table with one row per model, in the order given.

    Args:
        rows: for each model its columns and their values.
    """
    return pd.DataFrame.from_dict(
        {name: dict(columns) for name, columns in rows.items()}, orient="index"
    )
