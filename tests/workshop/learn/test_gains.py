"""Pictures of learning curves over labels, and of gains with their intervals."""

from __future__ import annotations

import matplotlib as mpl
import torch

from workshop import learn

mpl.use("Agg")


def test_curves_show_the_mean_over_seeds_at_every_size() -> None:
    table = torch.tensor([[0.5, 0.7], [0.8, 0.8], [0.9, 1.0]])
    figure = learn.plot_label_curves([10, 20, 80], {"transfer": table, "scratch": table - 0.1})
    (axis,) = figure.axes
    assert [line.get_label() for line in axis.lines] == ["transfer", "scratch"]
    assert torch.allclose(torch.tensor(axis.lines[0].get_ydata()), table.double().mean(dim=1))
    assert [label.get_text() for label in axis.get_xticklabels()] == ["10", "20", "80"]


def test_every_gain_has_its_interval_and_its_name() -> None:
    figure = learn.plot_gains({"first": (0.1, 0.05, 0.15), "second": (-0.2, -0.3, -0.1)})
    (axis,) = figure.axes
    assert [label.get_text() for label in axis.get_yticklabels()] == ["first", "second"]
    drawn = [torch.tensor(line.get_xdata()).double().tolist() for line in axis.lines[1:]]
    assert drawn == [[0.05, 0.15], [0.1], [-0.3, -0.1], [-0.2]]
