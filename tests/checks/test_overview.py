from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

import checks
from checks import overview as module
from checks.quiz import Form, check_form
from checks.verdict import Status, Verdict, passed

CELLS = {"test_freeze": "freeze", "test_train": "train", "test_q": "Question 1", "test_r": "later"}
FAILED = Verdict("x", Status.FAILED, 0.0, "4 layers still train.")


class Kernel:
    """What ipykernel tells of the cell that JupyterLab has sent."""

    cell = ""

    def get_parent(self) -> dict[str, Any]:
        return {"metadata": {"cellId": self.cell}}


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kernel]:
    import IPython  # noqa: PLC0415 - only these tests need a shell

    kernel = Kernel()
    shell: Any = InteractiveShell.instance()
    monkeypatch.setattr(shell, "kernel", kernel, raising=False)
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)
    monkeypatch.setattr(module, "_seen", {})
    yield kernel


def overview(capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    checks.progress(CELLS)
    return capsys.readouterr().out


def test_each_part_has_its_state(kernel: Kernel, capsys: pytest.CaptureFixture[str]) -> None:
    kernel.cell = "test_freeze"
    checks.show(passed("x", "Only the head trains."))
    kernel.cell = "test_train"
    checks.show(passed("x", "fine"), FAILED)
    kernel.cell = "test_q"
    checks.show(check_form("B", Form("single_choice", "ABCD")))  # type: ignore[arg-type]
    kernel.cell = "overview"
    said = overview(capsys)
    assert "2 of 4 done; 1 not run" in said
    assert "✔ freeze: done" in said
    assert "✘ train: not yet (4 layers still train.)" in said
    assert "Your answer is B." in said
    assert "- later: not run yet" in said


def test_the_last_run_counts(kernel: Kernel, capsys: pytest.CaptureFixture[str]) -> None:
    kernel.cell = "test_freeze"
    checks.show(FAILED)
    checks.show(passed("x", "fine"))
    assert "✔ freeze: done" in overview(capsys)
    checks.show(FAILED)
    assert "✘ freeze: not yet" in overview(capsys)


def test_what_a_learner_wrote_is_no_html(kernel: Kernel) -> None:
    table = module._Overview([("<b>x</b>", "not yet", "<script>")])
    assert "<script>" not in table._repr_html_()
    assert "&lt;b&gt;" in table._repr_html_()


def test_it_works_outside_a_notebook(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import IPython  # noqa: PLC0415 - see above

    monkeypatch.setattr(IPython, "get_ipython", lambda: None)
    monkeypatch.setattr(module, "_seen", {})
    checks.show(FAILED)
    assert "0 of 4 done" in overview(capsys)
