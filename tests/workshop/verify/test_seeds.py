"""A notebook's solution run again with other seeds."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from workshop import learn
from workshop.verify.seeds import SeededReplay

SETUP = """import torch
from torch import nn
from workshop import learn
runs = []
def new_model(pretrained=True, seed=0):
    torch.manual_seed(seed)
    return nn.Linear(2, 2)"""
DATA = "runs.append('data')\ninputs = torch.ones(3, 2)"
TRAIN = """learn.seed_everything(0)
runs.append('train')
model = new_model()
with torch.no_grad():
    model.bias.add_(torch.randn(2) * inputs.mean())"""


def cell(grade_id: str, source: str, *, grade: bool = False) -> NotebookNode:
    return new_code_cell(source, metadata={"nbgrader": {"grade_id": grade_id, "grade": grade}})


@pytest.fixture
def notebook() -> NotebookNode:
    return new_notebook(
        cells=[
            new_markdown_cell("# Text"),
            cell("setup", SETUP),
            cell("data", DATA),
            cell("unneeded", "raise AssertionError('not needed by the named cells')"),
            cell("train", TRAIN),
            cell("test_train", "raise AssertionError('a test')", grade=True),
            cell("copied", "copied = model"),
            cell("later", "raise AssertionError('uses nothing of them')"),
        ]
    )


def weights(model: Any) -> list[float]:
    return [*model.weight.flatten().tolist(), *model.bias.tolist()]


def test_each_seed_gives_another_model_and_the_same_seed_the_same(notebook: NotebookNode) -> None:
    replay = SeededReplay(notebook, ["train"])
    found = [weights(each) for (each,) in replay.models(["model"], [1, 2, 1])]
    assert found[0] == found[2]
    assert found[0] != found[1]
    # Both the new weights and what the training draws vary.
    assert found[0][:4] != found[1][:4]
    assert found[0][4:] != found[1][4:]


def test_only_the_named_cells_and_what_uses_them_run_again(notebook: NotebookNode) -> None:
    replay = SeededReplay(notebook, ["train", "copied"])
    models = [each for (each,) in replay.models(["copied"], range(3))]
    assert replay._namespace["runs"] == ["data", "train", "train", "train"]
    assert len(models) == 3
    assert models[-1] is replay._namespace["model"]


def test_cells_that_only_an_expression_uses_run_as_well(notebook: NotebookNode) -> None:
    notebook.cells += [
        cell("doubled", "def doubled(values):\n    return 2 * values.detach().sum().item()"),
        cell("share", "share = doubled(copied.bias)"),
    ]
    replay = SeededReplay(notebook, ["train"], ["doubled(model.bias) - share", "share"])
    rows = list(replay.values([1, 2]))
    assert [row[0] for row in rows] == [0, 0]
    assert rows[0][1] != rows[1][1]


def test_seed_zero_is_what_the_notebook_itself_gives(notebook: NotebookNode) -> None:
    names: dict[str, Any] = {}
    for source in (SETUP, DATA, TRAIN):
        exec(source, names)  # noqa: S102 - the notebook above
    ((model,),) = SeededReplay(notebook, ["train"]).models(["model"], [0])
    assert weights(model) == weights(names["model"])


def test_seeding_is_the_usual_one_again_afterwards(notebook: NotebookNode) -> None:
    usual = learn.seed_everything
    list(SeededReplay(notebook, ["train"]).models(["model"], [3]))
    assert learn.seed_everything is usual
    learn.seed_everything(5)
    expected = torch.rand(1), random.random()
    learn.seed_everything(5)
    assert (torch.rand(1), random.random()) == expected


def test_seeding_is_the_usual_one_while_a_model_is_looked_at(notebook: NotebookNode) -> None:
    usual = learn.seed_everything
    for _ in SeededReplay(notebook, ["train"]).models(["model"], [3, 4]):
        assert learn.seed_everything is usual


def test_notebook_without_the_cell_is_told(notebook: NotebookNode) -> None:
    with pytest.raises(ValueError, match="no_such_cell"):
        SeededReplay(notebook, ["train", "no_such_cell"])
    with pytest.raises(ValueError, match="test_train"):
        SeededReplay(notebook, ["test_train"])


def test_notebook_without_new_model_is_replayed_too() -> None:
    source = "from workshop import learn\nimport torch\nlearn.seed_everything(1)\nx = torch.rand(1)"
    replay = SeededReplay(new_notebook(cells=[cell("only", source)]), ["only"])
    (first,), (second,) = replay.models(["x"], [0, 1])
    assert not torch.equal(first, second)  # type: ignore[arg-type] # any value will do
