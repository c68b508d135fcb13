from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from workshop import learn


def test_each_embedding_has_a_picture_with_every_example() -> None:
    features = {"before": torch.randn(20, 6), "after": torch.randn(20, 3)}
    labels = torch.arange(20) % 2
    figure = learn.plot_embedding(features, labels, ["intact", "defective"])
    assert [axis.get_title() for axis in figure.axes] == ["before", "after"]
    for axis in figure.axes:
        assert [len(np.asarray(each.get_offsets())) for each in axis.collections] == [10, 10]


def test_bands_are_one_standard_deviation_wide() -> None:
    values = {"transfer": [[0.6, 0.8], [0.8, 0.9]], "scratch": [[0.5], [0.7]]}
    figure = learn.plot_curves_with_bands([10, 100], values, xlabel="labels", ylabel="accuracy")
    (axis,) = figure.axes
    line, scratch = axis.get_lines()
    assert line.get_ydata() == pytest.approx([0.7, 0.85])
    assert scratch.get_ydata() == pytest.approx([0.5, 0.7])
    band = np.asarray(axis.collections[0].get_paths()[0].vertices)
    at_ten = band[band[:, 0] == 10, 1]
    assert at_ten.min() == pytest.approx(0.7 - np.std([0.6, 0.8], ddof=1))
    assert at_ten.max() == pytest.approx(0.7 + np.std([0.6, 0.8], ddof=1))
    assert axis.get_xscale() == "log"


def test_bands_of_a_tensor_are_those_of_the_same_lists() -> None:
    values = torch.tensor([[0.5, 0.7], [0.8, 0.9], [0.9, 1.0]])
    pictures = [
        learn.plot_curves_with_bands([10, 20, 40], {"transfer": each}, xlabel="x", ylabel="y")
        for each in (values, values.tolist())
    ]
    lines = [picture.axes[0].get_lines()[0].get_ydata() for picture in pictures]
    assert lines[0] == pytest.approx(lines[1]) == values.mean(dim=1).tolist()


def test_parameters_are_counted_for_each_part() -> None:
    model = nn.Sequential()
    model.add_module("body", nn.Linear(4, 3).requires_grad_(False))
    model.add_module("relu", nn.ReLU())
    model.add_module("head", nn.Linear(3, 2))
    table = learn.parameter_table(model)
    assert list(table.index) == ["body", "head", "all"]
    assert list(table["parameters"]) == ["15", "8", "23"]
    assert list(table["trainable"]) == ["0", "8", "8"]
    assert list(table["share"]) == ["0.0%", "100.0%", "34.8%"]
