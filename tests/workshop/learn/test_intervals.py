"""The picture of values with intervals shows the numbers that it was given."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from workshop.learn import plot_gains, plot_intervals

GAINS = {"AdaBN": (0.1, 0.04, 0.16), "few labels": (-0.02, -0.1, 0.06)}


def test_each_row_has_its_value_and_its_limits() -> None:
    axis = plot_intervals(GAINS, xlabel="gain").axes[0]
    lines = [np.asarray(line.get_xdata()).tolist() for line in axis.lines]
    assert lines == [
        pytest.approx(each)
        for value, low, high in GAINS.values()
        for each in ([low, high], [value])
    ]
    assert [tick.get_text() for tick in axis.get_yticklabels()] == list(GAINS)
    assert axis.yaxis_inverted()  # the first row is on top


def test_a_line_to_compare_with_is_drawn_on_request() -> None:
    count = len(plot_intervals(GAINS, xlabel="gain").axes[0].lines)
    assert len(plot_intervals(GAINS, xlabel="gain", line=0.0).axes[0].lines) == count + 1


def test_every_gain_has_its_interval_and_its_name() -> None:
    figure = plot_gains({"first": (0.1, 0.05, 0.15), "second": (-0.2, -0.3, -0.1)})
    (axis,) = figure.axes
    assert [label.get_text() for label in axis.get_yticklabels()] == ["first", "second"]
    drawn = [torch.tensor(line.get_xdata()).double().tolist() for line in axis.lines[1:]]
    assert drawn == [[0.05, 0.15], [0.1], [-0.3, -0.1], [-0.2]]
