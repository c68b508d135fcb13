"""Verdicts are shown as a table in an IPython shell, and as text in plain Python."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

import checks
from checks.display import NotYetError, show
from checks.verdict import Status, Verdict, passed

REPOSITORY = Path(checks.__file__).resolve().parents[1]
GOOD = passed("one.good", "Well done.")
BAD = Verdict("two.bad", Status.FAILED, 0.0, "Not <yet>.", hint="Try again.")


def stops() -> Verdict:
    raise KeyError("mine")


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """A real shell, that keeps no history and touches no profile."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    config = Config()
    config.HistoryManager.enabled = False
    InteractiveShell.clear_instance()
    yield InteractiveShell.instance(config=config)
    InteractiveShell.clear_instance()


def outputs_of(shell: InteractiveShell, code: str) -> tuple[list[Any], str, str]:
    """What a cell displays, and what it prints."""
    with capture_output() as captured:
        result = shell.run_cell(code)  # type: ignore[no-untyped-call] # IPython left it untyped
    result.raise_error()
    return captured.outputs, captured.stdout, captured.stderr


CELL = """\
from checks import show
from checks.verdict import Status, Verdict, passed
import sys

def noisy():
    sys.stderr.write("a warning\\n")
    return passed("one.good", "Well done.")

def stops():
    raise KeyError("mine")

"""


def test_cell_shows_one_table_for_all_verdicts(shell: InteractiveShell) -> None:
    code = CELL + "show(noisy(), lambda: stops(), passed('three.good', 'Fine.'))"
    outputs, _, _ = outputs_of(shell, code)
    assert len(outputs) == 1
    html = outputs[0].data["text/html"]
    for word in ("one.good", "your code", "KeyError", "three.good", "2 of 3"):
        assert word in html
    assert "✘ Not yet" in outputs[0].data["text/plain"]


def test_cell_writes_nothing_to_stderr(shell: InteractiveShell) -> None:
    outputs, stdout, stderr = outputs_of(shell, CELL + "show(noisy)")
    assert len(outputs) == 1
    assert "a warning" in stdout
    assert stderr == ""


def test_line_of_a_cell_is_named(shell: InteractiveShell) -> None:
    outputs, _, _ = outputs_of(shell, CELL + "show(stops)")
    line = CELL.split("\n").index('    raise KeyError("mine")') + 1
    assert f"In stops, line {line}" in outputs[0].data["text/html"]
    assert "raise KeyError" in outputs[0].data["text/html"]


def test_verdict_as_a_cells_last_line_is_shown_as_a_table(shell: InteractiveShell) -> None:
    assert shell.display_formatter
    formatted, _ = shell.display_formatter.format(BAD)  # type: ignore[no-untyped-call]
    assert "<table" in formatted["text/html"]
    assert "Not &lt;yet&gt;." in formatted["text/html"]


def test_nothing_to_show_shows_nothing(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs, stdout, _ = outputs_of(shell, CELL + "show()")
    assert (outputs, stdout) == ([], "")
    InteractiveShell.clear_instance()
    show()
    assert capsys.readouterr().out == ""


def test_terminal_shows_text(capsys: pytest.CaptureFixture[str]) -> None:
    show(GOOD, BAD, stops)
    out, err = capsys.readouterr()
    for word in ("one.good", "two.bad", "Not <yet>.", "Try again.", "KeyError"):
        assert word in out
    assert "<table" not in out
    assert err == ""


def test_plain_python_needs_no_ipython() -> None:
    code = (
        "import sys; sys.modules['IPython.display'] = None; import checks\n"
        "checks.show(lambda: checks.check_value('recall', 1, 1))\n"
        "assert 'IPython' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "value.equal" in done.stdout


class TestValidating:
    """nbgrader's Validate takes a cell for right that ends without an exception."""

    @pytest.fixture(autouse=True)
    def validating(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NBGRADER_EXECUTION", "validate")

    def test_a_check_that_has_not_passed_ends_the_cell(self) -> None:
        with pytest.raises(NotYetError) as caught:
            show(GOOD, BAD, stops)
        said = str(caught.value)
        assert "two.bad" in said
        assert "Try again." in said
        assert "KeyError" in said
        assert "one.good" not in said

    def test_what_is_right_and_what_is_our_fault_do_not(self) -> None:
        show(GOOD, Verdict("ours", Status.ERROR, 0.0, "The check itself failed."))

    def test_it_says_what_is_open_and_not_how_it_came_to_say_it(
        self, shell: InteractiveShell
    ) -> None:
        with capture_output() as captured:
            shell.run_cell(CELL + "show(stops)")  # type: ignore[no-untyped-call]
        assert "Not yet" in captured.stdout
        assert "Traceback" not in captured.stdout
        assert "display.py" not in captured.stdout

    def test_its_lines_are_short_and_whole(self) -> None:
        advice = " ".join(f"word{number}" for number in range(40))
        with pytest.raises(NotYetError) as caught:
            show(Verdict("two.bad", Status.FAILED, 0.0, "Not right.", hint=advice))
        lines = caught.value._render_traceback_()
        assert max(map(len, lines)) <= 80
        assert " ".join(" ".join(lines).split()).endswith(advice)

    def test_grading_is_no_validating(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
        show(BAD)
