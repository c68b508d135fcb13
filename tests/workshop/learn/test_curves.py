"""A picture of curves keeps their numbers."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.pylabtools import select_figure_formats

from workshop.learn import plot_confusion_matrix, plot_curves_with_bands, plot_learning_curves
from workshop.learn.curves import CURVES_MIME, new_figure


@pytest.fixture(scope="module")
def shown() -> Any:
    """What a notebook gets of a figure, as its kernel formats it."""
    shell: Any = InteractiveShell()  # type: ignore[no-untyped-call]
    select_figure_formats(shell, {"png"})  # type: ignore[no-untyped-call]

    def formatted(figure: object) -> dict[str, Any]:
        data: dict[str, Any] = shell.display_formatter.format(figure)[0]
        return data

    return formatted


def test_a_notebook_gets_the_picture_and_the_numbers(shown: Any) -> None:
    data = shown(plot_learning_curves({"a": [0.5, 0.25], "b": [1.0]}, first=0, ylabel="loss"))
    assert data["image/png"]
    assert data[CURVES_MIME] == {
        "xlabel": "epoch",
        "ylabel": "loss",
        "curves": [
            {"name": "a", "x": [0.0, 1.0], "y": [0.5, 0.25]},
            {"name": "b", "x": [0.0], "y": [1.0]},
        ],
    }


def test_bands_keep_their_means(shown: Any) -> None:
    values = torch.tensor([[0.5, 0.7], [0.75, 0.85]])
    figure = plot_curves_with_bands([10, 40], {"a": values}, xlabel="labels", ylabel="accuracy")
    (kept,) = shown(figure)[CURVES_MIME]["curves"]
    assert kept["x"] == [10.0, 40.0]
    assert kept["y"] == pytest.approx([0.6, 0.8])


def test_json_has_no_nan(shown: Any) -> None:
    data = shown(plot_learning_curves({"loss": [1.0, math.nan, math.inf]}))[CURVES_MIME]
    assert data["curves"][0]["y"] == [1.0, None, None]
    json.dumps(data, allow_nan=False)


def test_other_figures_have_none(shown: Any) -> None:
    assert CURVES_MIME not in shown(plot_confusion_matrix([[1, 2], [3, 4]], "ab"))
    assert CURVES_MIME not in shown(new_figure((2, 2))[0])


def test_what_is_no_number_is_left_to_the_drawing(shown: Any) -> None:
    figure = new_figure((2, 2))[0]
    figure.keep({"a": ([1.0], ["high"])}, xlabel="x", ylabel="y")  # type: ignore[list-item]
    assert CURVES_MIME not in shown(figure)
