"""Pictures of gains with their intervals."""

from __future__ import annotations

import matplotlib as mpl
import torch

from workshop import learn

mpl.use("Agg")


def test_every_gain_has_its_interval_and_its_name() -> None:
    figure = learn.plot_gains({"first": (0.1, 0.05, 0.15), "second": (-0.2, -0.3, -0.1)})
    (axis,) = figure.axes
    assert [label.get_text() for label in axis.get_yticklabels()] == ["first", "second"]
    drawn = [torch.tensor(line.get_xdata()).double().tolist() for line in axis.lines[1:]]
    assert drawn == [[0.05, 0.15], [0.1], [-0.3, -0.1], [-0.2]]
