"""Pictures for the notebooks: what stands where on their axes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from workshop.learn import plot_confusion_matrix, plot_learning_curves, show_images


def drawn(figure: Figure) -> dict[str, tuple[list[float], list[float]]]:
    """Where each curve's points are, by its name in the legend."""
    lines = figure.axes[0].get_lines()
    points = {str(line.get_label()): np.asarray(line.get_xydata()) for line in lines}
    return {name: (each[:, 0].tolist(), each[:, 1].tolist()) for name, each in points.items()}


def test_curves_count_epochs_from_one() -> None:
    figure = plot_learning_curves({"short": [0.5, 0.7], "long": [0.4, 0.6, 0.8]})
    assert drawn(figure) == {"short": ([1, 2], [0.5, 0.7]), "long": ([1, 2, 3], [0.4, 0.6, 0.8])}
    assert list(figure.axes[0].get_xticks()) == [1, 2, 3]
    assert figure.axes[0].get_xlabel() == "epoch"


def test_curves_may_begin_before_training() -> None:
    figure = plot_learning_curves({"model": [0.5, 0.7, 0.8]}, first=0)
    assert drawn(figure) == {"model": ([0, 1, 2], [0.5, 0.7, 0.8])}
    assert list(figure.axes[0].get_xticks()) == [0, 1, 2]


@pytest.mark.parametrize("first", [0, 1])
def test_long_curves_have_few_ticks_that_lie_on_points(first: int) -> None:
    figure = plot_learning_curves({"rate": [0.0] * 61}, xlabel="step", first=first)
    ticks = list(figure.axes[0].get_xticks())
    assert ticks[0] == first
    assert len(ticks) <= 11
    assert set(ticks) <= set(drawn(figure)["rate"][0])
    assert figure.axes[0].get_xlabel() == "step"


def test_long_class_names_do_not_overlap() -> None:
    names = ["mono intact", "mono defective", "poly intact", "poly defective"]
    figure = plot_confusion_matrix(torch.eye(4, dtype=torch.long), names)
    figure.canvas.draw()
    (axis,) = figure.axes
    boxes = [label.get_window_extent() for label in axis.get_xticklabels()]
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


@pytest.mark.parametrize("channels", [1, 3])
def test_images_are_drawn_in_grey_or_in_colours(channels: int) -> None:
    images = torch.randint(0, 256, (4, channels, 5, 6), dtype=torch.uint8)
    figure = show_images(images, torch.tensor([0, 1, 0, 1]), ("a", "b"), per_class=2)
    drawn_first = np.asarray(figure.axes[0].get_images()[0].get_array())
    expected = images[0].permute(1, 2, 0).squeeze(-1).numpy()
    assert drawn_first.shape == ((5, 6) if channels == 1 else (5, 6, 3))
    assert (drawn_first == expected).all()
