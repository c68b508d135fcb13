"""Models, parameters, optimizers and tensors that lie, many in one kernel."""

from __future__ import annotations

import json
from unittest import mock

import pytest

from tests.security.attacks_on_objects import HONEST, LIES, Lie, notebook_of_lies
from tests.security.lab import CANARIES, LIMITS, held_out
from workshop.grading import hidden
from workshop.grading.run import execute_notebook

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("objects that lie")]


@pytest.fixture(scope="module")
def scores() -> dict[str, tuple[float | None, str]]:
    thresholds = {f"test_{number}": float(CANARIES["threshold"]) for number in range(len(LIES) + 1)}
    with mock.patch.object(hidden, "held_out", held_out):
        ran = execute_notebook(notebook_of_lies(), limits=LIMITS, thresholds=thresholds)
    texts = json.dumps([cell.get("outputs", []) for cell in ran.notebook.cells])
    assert CANARIES["threshold"] not in texts
    named = zip((*LIES, HONEST), ran.cells, strict=True)
    return {lie.name: (found.score, found.message) for lie, found in named}


@pytest.mark.parametrize("lie", (*LIES, HONEST), ids=lambda each: each.name)
def test_lie_gains_nothing(lie: Lie, scores: dict[str, tuple[float | None, str]]) -> None:
    score, message = scores[lie.name]
    assert score == lie.due, message
