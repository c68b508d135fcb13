from __future__ import annotations

import logging
import os
import time
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from workshop.grading.execution import KernelStartError, Limits, run_cells, scratch_copy
from workshop.grading.records import Outcome, record_of

QUICK = Limits(cell_seconds=20, notebook_seconds=60, interrupt_seconds=1)


def notebook_of(*sources: str) -> NotebookNode:
    return new_notebook(cells=[new_code_cell(source) for source in sources])


def states(notebook: NotebookNode) -> list[str]:
    return [record_of(cell)["state"] for cell in notebook.cells if cell.cell_type == "code"]


def printed(cell: NotebookNode) -> str:
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


@pytest.mark.parametrize("confinement", ["bubblewrap", "none"])
def test_a_notebook_runs_to_its_end_whatever_its_cells_do(tmp_path: Path, confinement: str) -> None:
    notebook = notebook_of(
        "1 / 0",
        "import os, sys; print(os.getcwd(), os.environ['MARK']); print('w', file=sys.stderr)",
        "raise type('CellTimeoutError', (Exception,), {})('mine')",
        "",
        "2.0",
    )
    notebook.cells[4].metadata.tags = ["skip-execution"]
    notebook.cells[4].outputs = [new_output("execute_result", {"text/plain": "99"})]
    notebook.cells.insert(0, new_markdown_cell("# text"))
    ended = run_cells(notebook, tmp_path, QUICK, env={"MARK": "here"}, confinement=confinement)
    folder = "/home/learner" if confinement == "bubblewrap" else str(tmp_path)
    assert ended.outcome is Outcome.COMPLETED
    assert ended.message == ""
    assert 0 < ended.seconds < 60
    assert states(notebook) == ["raised", "completed", "raised", "completed", "completed"]
    assert record_of(notebook.cells[1])["error"]["ename"] == "ZeroDivisionError"
    assert f"{folder} here" in printed(notebook.cells[2])
    assert notebook.cells[5].outputs[0].data["text/plain"] == "2.0"
    assert "MARK" not in os.environ


def test_what_ran_before_the_kernel_died_is_kept(tmp_path: Path) -> None:
    notebook = notebook_of("print('before')", "import os; os._exit(3)", "2.0")
    ended = run_cells(notebook, tmp_path, QUICK)
    assert ended.outcome is Outcome.KERNEL_DIED
    assert ended.message == "the kernel died in cell 2 (exit code 3)"
    assert states(notebook) == ["completed", "died", "not_executed"]
    assert printed(notebook.cells[0]) == "before\n"
    assert "died in cell 2" in record_of(notebook.cells[2])["reason"]


def test_a_killed_kernel_names_the_signal(tmp_path: Path) -> None:
    notebook = notebook_of("import os; os.kill(os.getpid(), 11)")
    ended = run_cells(notebook, tmp_path, QUICK)
    assert ended.outcome is Outcome.KERNEL_DIED
    assert "SIGSEGV" in ended.message


def test_a_slow_cell_is_stopped_and_the_next_one_runs(tmp_path: Path) -> None:
    notebook = notebook_of("import time; time.sleep(60)", "2.0")
    ended = run_cells(notebook, tmp_path, Limits(cell_seconds=1, interrupt_seconds=5))
    assert ended.outcome is Outcome.TIMED_OUT
    assert states(notebook) == ["timed_out", "completed"]
    assert "stopped after 1 s" in ended.message


def test_a_loop_that_ignores_interrupts_ends_all_the_same(tmp_path: Path) -> None:
    stubborn = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"
    notebook = notebook_of("1", stubborn, "2.0")
    began = time.monotonic()
    ended = run_cells(notebook, tmp_path, Limits(cell_seconds=1, interrupt_seconds=1))
    assert time.monotonic() - began < 30
    assert ended.outcome is Outcome.TIMED_OUT
    assert "could not be interrupted" in ended.message
    assert states(notebook) == ["completed", "timed_out", "not_executed"]


def test_all_cells_together_have_a_limit(tmp_path: Path) -> None:
    notebook = notebook_of(*["import time; time.sleep(0.7)"] * 3, "2.0")
    ended = run_cells(notebook, tmp_path, Limits(notebook_seconds=1, interrupt_seconds=5))
    assert ended.outcome is Outcome.TIMED_OUT
    assert states(notebook)[0] == "completed"
    assert states(notebook)[-1] == "not_executed"


def test_a_kernel_that_does_not_exist_is_no_fault_of_the_notebook(tmp_path: Path) -> None:
    with pytest.raises(KernelStartError, match="did not start"):
        run_cells(notebook_of("1"), tmp_path, QUICK, kernel_name="no-such-kernel")


def test_a_scratch_copy_holds_no_notebooks_and_no_links(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name in ("p1.ipynb", "data/p2.ipynb", "data/values.csv"):
        (tmp_path / name).write_text("x")
    (tmp_path / "link").symlink_to("/etc")
    with scratch_copy(tmp_path) as scratch:
        found = sorted(str(path.relative_to(scratch)) for path in scratch.rglob("*"))
        (scratch / "data" / "values.csv").write_text("changed")
    assert found == ["data", "data/values.csv"]
    assert (tmp_path / "data" / "values.csv").read_text() == "x"
    assert not scratch.exists()


def test_a_scratch_copy_of_nothing_is_an_empty_folder() -> None:
    with scratch_copy(None) as scratch:
        assert list(scratch.iterdir()) == []
