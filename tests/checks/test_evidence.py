"""What runs in a learner's kernel: it looks at the work and decides nothing."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from safetensors.torch import load
from torch import nn

from checks.evidence import collect


def mine(*_: object) -> Any:
    raise ValueError("my own mistake")


def shown(expression: str, preparation: str = "", **names: Any) -> dict[str, Any]:
    portraits, _ = collect(names, preparation, [expression], [])
    found: dict[str, Any] = portraits[expression]
    return found


def test_expressions_are_evaluated_with_the_learners_names_after_the_preparation() -> None:
    assert shown("double(y)", "y = x + 1", x=1, double=lambda n: 2 * n)["value"] == 4


def test_tensors_of_all_expressions_come_together() -> None:
    names = {"a": torch.ones(2), "b": [torch.zeros(3)]}
    portraits, sent = collect(names, "", ["a", "b"], [])
    tensors = load(sent)
    assert torch.equal(tensors[portraits["a"]["tensor"]], names["a"])  # type: ignore[arg-type]
    assert torch.equal(tensors[portraits["b"]["items"][0]["tensor"]], torch.zeros(3))


def test_names_of_the_preparation_do_not_stay_with_the_learner() -> None:
    names: dict[str, Any] = {"x": 1}
    collect(names, "secret = 3\ndef helper(): pass", ["x"], [])
    assert not {"secret", "helper"} & names.keys()


def test_learners_exception_is_a_failure_with_its_text() -> None:
    found = shown("mine()", mine=mine)
    assert found["kind"] == "failure"
    assert "ValueError: my own mistake" in found["rationale"]


@pytest.mark.parametrize(
    "expression", ["nobody_defined_this()", "(_ for _ in ()).throw(SystemExit)"]
)
def test_missing_names_and_exits_are_failures(expression: str) -> None:
    assert shown(expression)["kind"] == "failure"


def test_one_expression_that_stops_does_not_stop_the_others() -> None:
    portraits, _ = collect({"mine": mine, "x": 1}, "", ["mine()", "x"], [])
    assert [each["kind"] for each in portraits.values()] == ["failure", "value"]


def test_preparation_that_stops_fails_every_expression() -> None:
    portraits, sent = collect({"mine": mine, "x": 1}, "mine()", ["x", "x + 1"], [])
    assert {each["kind"] for each in portraits.values()} == {"failure"}
    assert load(sent) == {}


def test_interrupt_goes_through() -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shown("f()", f=interrupted)


def test_crash_of_ours_is_told_from_the_learners_failure() -> None:
    class Odd(nn.Module):
        def named_modules(self, *_: Any, **__: Any) -> Any:
            return 3

    found = shown("thing", thing=Odd())
    assert found["kind"] == "crash"
    assert "TypeError" in found["error"]
    assert "portraits.py" in found["traceback"]


def test_optimizer_is_described_relative_to_the_models_that_were_named() -> None:
    names = {"model": nn.Linear(2, 2), "sgd": torch.optim.SGD}
    expression = "sgd(model.parameters(), lr=1)"
    portraits, _ = collect(names, "", [expression], ["model"])
    assert portraits[expression]["groups"][0]["parameters"] == [
        ["model", "weight"],
        ["model", "bias"],
    ]


def test_stderr_goes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    shown("__import__('sys').stderr.write('a warning')")
    assert capsys.readouterr() == ("a warning\n", "")
