"""What the grader decides from what a kernel showed; here without a kernel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_output

from checks.evidence import MESSAGE, collect
from tests.workshop.grading.exercises import (
    FREEZE,
    SETUP,
    TRAINABLE,
    code,
    graded_cell,
    notebook_of,
)
from workshop.errors import WorkshopError
from workshop.grading.records import CellResult, CellState, CellStatus, record_of
from workshop.grading.scoring import crash_traces, score_cell
from workshop.grading.verdicts import VERDICTS_MIME
from workshop.grading.verification import Verification, load_thresholds

TEST = f"graded((2, {TRAINABLE}), like=new_model)"


class Desk:
    """A notebook between kernel and grader, with what a kernel would do at hand.

    Args:
        hidden: the hidden part of its test.
        learner: the learner's cell.
        thresholds: the calibrated accuracies.
    """

    def __init__(
        self, hidden: str = TEST, learner: str = FREEZE, thresholds: dict[str, float] | None = None
    ) -> None:
        self.notebook = notebook_of(
            code("f", learner, solution=True), graded_cell("test_f", hidden)
        )
        self.cell: NotebookNode = self.notebook.cells[-1]
        self.cell.source_before = self.cell.source
        self.learner = learner
        self.verification = Verification(self.notebook, thresholds or {}, seconds=5)
        make: Any = self.verification.begin()
        self.question = make.keywords["questions"]["test_f"]
        record_of(self.cell)["state"] = CellState.COMPLETED.value

    def answer(self) -> dict[str, Any]:
        """The learner's kernel shows what it is asked for."""
        names: dict[str, Any] = {"__name__": "__main__"}
        exec(f"{SETUP}\n{self.learner}", names)  # noqa: S102 - stands for a kernel
        part = self.question.part
        portraits, tensors = collect(names, part.inside, part.expressions, part.models)
        content = {"nonce": self.question.nonce, "portraits": json.loads(json.dumps(portraits))}
        self.question.answers.append((content, [tensors]))
        return content

    def result(self) -> CellResult:
        self.verification.finish()
        return score_cell(self.cell)


def test_hidden_part_is_not_in_the_cell_while_the_kernel_runs_it() -> None:
    desk = Desk()
    assert "graded" not in desk.cell.source
    assert "seen by learners" in desk.cell.source
    desk.verification.finish()
    assert desk.cell.source == desk.cell.source_before


def test_right_work_gets_all_points() -> None:
    desk = Desk()
    desk.answer()
    result = desk.result()
    assert (result.score, result.status) == (2.0, CellStatus.PASSED)


@pytest.mark.parametrize(
    ("learner", "said"),
    [
        ("def freeze(model): return model", "still train"),
        ("def freeze(model): pass", "no model to look at"),
        ("def freeze(model): raise KeyError('mine')", "KeyError"),
        ("def freeze(model): raise KeyError('long') #" + "x" * 5000, "KeyError"),
        ("", "NameError"),
        ("def freeze(model): return nn.Sequential(model[0])", "gone"),
        ("def freeze(model): return [[[[1]]]] * 100_000", "too large"),
        ("def freeze(model): raise SystemExit", "SystemExit"),
    ],
)
def test_wrong_work_gets_no_points_and_is_told_why(learner: str, said: str) -> None:
    desk = Desk(learner=learner)
    desk.answer()
    result = desk.result()
    assert (result.score, result.status) == (0.0, CellStatus.FAILED)
    assert said in result.message


def test_each_check_gives_its_own_points() -> None:
    coverage = "checks.check_coverage(build(model), model)"
    desk = Desk(
        f"model = new_model()\ngraded((0.5, {TRAINABLE}), (1.5, {coverage}), like=new_model)",
        f"{FREEZE}\ndef build(model):\n    return torch.optim.SGD(model[0].parameters(), lr=1)",
    )
    desk.answer()
    result = desk.result()
    assert (result.score, result.status) == (0.5, CellStatus.PARTIAL)
    assert "optimizer.coverage" in result.message


def test_one_failing_expression_costs_its_own_check_only() -> None:
    desk = Desk(
        f"graded((1, checks.check_trainable(stops(new_model()), PARTS)), (1, {TRAINABLE}),"
        " like=new_model)",
        f"{FREEZE}\ndef stops(model):\n    return list(range(200_000))",
    )
    desk.answer()
    assert desk.result().score == 1.0


# ------------------------------------------------------------------------------ unusable evidence


def test_nothing_shown_is_not_executed_and_earns_nothing() -> None:
    desk = Desk()
    desk.cell.outputs.append(
        new_output("execute_result", data={"text/plain": "2.0"}, execution_count=1)
    )
    result = desk.result()
    assert (result.score, result.status) == (0.0, CellStatus.NOT_EXECUTED)
    assert "did not show" in result.message


def test_kernel_that_died_explains_a_missing_answer() -> None:
    desk = Desk()
    record_of(desk.cell).update(state=CellState.DIED.value, reason="the kernel died in cell 3")
    result = desk.result()
    assert (result.score, result.message) == (0.0, "the kernel died in cell 3")


def doubled(desk: Desk) -> None:
    desk.question.answers.append(desk.question.answers[0])


def of_another_question(desk: Desk) -> None:
    desk.question.answers[0][0]["nonce"] = "0" * 32


def without_tensors(desk: Desk) -> None:
    desk.question.answers[0][1].clear()


def truncated(desk: Desk) -> None:
    desk.question.answers[0][1][0] = desk.question.answers[0][1][0][:-1]


def of_another_expression(desk: Desk) -> None:
    content = desk.question.answers[0][0]
    content["portraits"] = {"freeze(other)": next(iter(content["portraits"].values()))}


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (doubled, "more than once"),
        (of_another_question, "another question"),
        (without_tensors, "too large, or has not"),
        (truncated, "cannot be read"),
        (of_another_expression, "part of it is missing"),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_evidence_that_cannot_be_used_fails_every_check_with_the_reason(
    spoil: Any, said: str
) -> None:
    desk = Desk()
    desk.answer()
    spoil(desk)
    result = desk.result()
    assert (result.score, result.status) == (0.0, CellStatus.FAILED)
    assert said in result.message


# ------------------------------------------------------------------------------------- our errors

CRASHING = {
    "in a check": "graded((2, checks.check_features(freeze, rows='secret 0.871')))",
    "in the hidden part": f"x = 1 / int('secret 0.871')\n{TEST}",
    "in an argument": f"graded((2, {TRAINABLE[:-1]} if 1 / 0 else '0.871')), like=new_model)",
    "without a threshold": "graded((2, checks.check_accuracy(freeze(new_model()), None,"
    " threshold())), like=new_model)",
    "in what makes the model": f"def made(): return 1 / int('secret 0.871')\n{TEST[:-10]}made)",
    "no verdict": "def check(x): return 2.0\ngraded((2, check(freeze)))",
    "a verdict of an error": "def check(x): return checks.check_features(x, rows='secret 0.871')\n"
    "graded((2, check(freeze)))",
}


@pytest.mark.parametrize("hidden", CRASHING.values(), ids=CRASHING)
def test_check_that_crashes_gives_no_score_and_tells_only_the_instructor(hidden: str) -> None:
    desk = Desk(hidden)
    desk.answer()
    result = desk.result()
    assert (result.score, result.status) == (None, CellStatus.ERROR)
    outputs = json.dumps(desk.cell.outputs)
    for secret in ("0.871", "Traceback", "Error:", ".py"):
        assert secret not in outputs
        assert secret not in result.message
    assert "not your mistake" in outputs
    ((grade_id, traceback),) = crash_traces_of(desk)
    assert grade_id == "test_f"
    assert traceback.strip()


def crash_traces_of(desk: Desk) -> tuple[tuple[str, str], ...]:
    record_of(desk.cell)["status"] = CellStatus.ERROR.value
    return crash_traces(desk.notebook)


def test_crash_of_an_observer_in_the_kernel_is_ours_too() -> None:
    desk = Desk()
    content = desk.answer()
    expression = next(iter(content["portraits"]))
    content["portraits"][expression] = {
        "kind": "crash",
        "error": "KeyError",
        "traceback": "where it was",
    }
    assert desk.result().score is None
    assert "where it was" in crash_traces_of(desk)[0][1]
    assert "where it was" not in json.dumps(desk.cell.outputs)


# ---------------------------------------------------------------------------------------- outputs


def test_what_claims_to_be_a_score_or_a_verdict_is_removed_and_the_rest_is_kept() -> None:
    desk = Desk(learner="def freeze(model): return model")
    desk.answer()
    table = {"grade_id": "test_f", "points": 2.0, "verdicts": []}
    desk.cell.outputs = [
        new_output("stream", text="printed"),
        new_output("execute_result", data={"text/plain": "2.0"}, execution_count=1),
        new_output("display_data", data={VERDICTS_MIME: table}),
        new_output("display_data", data={"text/plain": "a picture"}),
    ]
    assert desk.result().score == 0.0
    kinds = [each.output_type for each in desk.cell.outputs]
    assert kinds == ["stream", "display_data", "display_data", "execute_result"]
    assert desk.cell.outputs[2].data[VERDICTS_MIME]["verdicts"][0]["status"] == "FAILED"


def test_cells_without_our_form_are_left_to_the_kernel() -> None:
    notebook = notebook_of(
        code("f", "x = 2", solution=True),
        graded_cell("test_f", "assert x == 2\n2.0"),
        setup="import no_such_module_here",
    )
    before = json.dumps(notebook)
    verification = Verification(notebook, {}, seconds=5)
    verification.begin()
    verification.finish()
    assert json.dumps(notebook) == before


def test_threshold_belongs_to_its_cell_and_is_never_sent() -> None:
    hidden = "graded((2, checks.check_value('It', number, threshold())))"
    desk = Desk(hidden, "number = 0.8125", {"test_f": 0.8125, "test_g": 0.5})
    assert "0.8125" not in desk.question.code()
    assert "threshold" not in desk.question.code()
    desk.answer()
    assert desk.result().score == 2.0


def test_nonce_is_another_for_every_question() -> None:
    assert len({Desk().question.nonce for _ in range(4)}) == 4
    assert len(Desk().question.nonce) >= 32


def test_message_that_nobody_asked_for_is_not_kept() -> None:
    desk = Desk()
    make: Any = desk.verification.begin()
    client = make(desk.notebook)
    client.on_message(MESSAGE, {"nonce": desk.question.nonce}, [])
    assert not desk.question.answers
    client._asking = desk.question
    for _ in range(50):
        client.on_message(MESSAGE, {}, [])
    client.on_message("another_kind", {}, [])
    assert 1 < len(desk.question.answers) < 5


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"thresholds": 1}', '{"thresholds": {"a": {}}}', "null"]
)
def test_list_of_thresholds_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "calibration.json"
    assert load_thresholds(path) == {}
    path.write_text(text, encoding="utf-8")
    with pytest.raises(WorkshopError, match="calibration"):
        load_thresholds(path)


def test_thresholds_are_read_by_cell(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    path.write_text('{"thresholds": {"test_a": {"threshold": 0.9, "seeds": 20}}}')
    assert load_thresholds(path) == {"test_a": 0.9}


def test_another_device_may_have_a_threshold_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    of_cpu = {"test_a": {"threshold": 0.9}, "test_b": {"threshold": 0.8}}
    of_gpu = {"test_a": {"threshold": 0.85}}
    content = {"thresholds": of_cpu, "devices": {"cuda": {"thresholds": of_gpu}}}
    path.write_text(json.dumps(content), encoding="utf-8")
    assert load_thresholds(path) == {"test_a": 0.9, "test_b": 0.8}
    assert load_thresholds(path, "cuda") == {"test_a": 0.85, "test_b": 0.8}
    assert load_thresholds(path, "mps") == {"test_a": 0.9, "test_b": 0.8}


def test_a_name_that_the_hidden_part_defines_anew_is_what_it_says_there() -> None:
    """Models that cells have in common are built once; this one is another cell's own."""
    hidden = """def new_model():
    return nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 3))
graded((2, checks.check_trainable(frozen(new_model()), "1")), like=new_model)"""
    learner = """def frozen(model):
    model[0].requires_grad_(False)
    return model"""
    for _ in range(2):
        common, own = Desk(), Desk(hidden, learner)
        common.answer()
        own.answer()
        assert common.result().score == 2.0
        assert own.result().score == 2.0
