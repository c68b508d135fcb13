"""Whose mistake was it? The learner reads about theirs, and never pays for one of ours."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from tqdm import tqdm

import checks
from checks.guard import CHECK_NAMES, CheckCrashed, LearnerError, calling, checked, guard
from checks.verdict import Status, Verdict, passed

REPOSITORY = Path(checks.__file__).resolve().parents[1]


def good() -> Verdict:
    return passed("some.check", "Good.")


def code_in(filename: str, text: str) -> Callable[..., Any]:
    """The function ``f`` that ``text`` defines, as if it stood in that file."""
    namespace: dict[str, Any] = {}
    exec(compile(text, filename, "exec"), namespace)  # noqa: S102 - stands for a notebook's cell
    function: Callable[..., Any] = namespace["f"]
    return function


def learners_mistake(*_: object) -> Any:
    raise ValueError("my own mistake")


def test_verdict_is_handed_on() -> None:
    assert guard("a.b", good) == good()


def test_learners_exception_fails_with_its_line_and_advice() -> None:
    verdict = guard("a.b", learners_mistake)
    assert (verdict.check, verdict.status, verdict.score) == ("a.b", Status.FAILED, 0.0)
    assert "ValueError: my own mistake" in verdict.rationale
    assert "learners_mistake" in verdict.rationale
    assert f"line {learners_mistake.__code__.co_firstlineno + 1}" in verdict.rationale
    assert verdict.hint


def test_exception_in_a_library_that_the_learner_called_is_the_learners() -> None:
    def wrong_sizes() -> Verdict:
        nn.Linear(3, 2)(torch.zeros(1, 4))
        return good()

    verdict = guard("a.b", wrong_sizes)
    assert verdict.status is Status.FAILED
    assert "wrong_sizes" in verdict.rationale
    assert "in_features" in str(verdict.hint)


def test_exception_in_a_notebooks_cell_is_the_learners() -> None:
    cell = code_in("<ipython-input-3-abc>", "def f():\n    return 1 / 0")
    verdict = guard("a.b", cell)
    assert verdict.status is Status.FAILED
    assert "line 2" in verdict.rationale


@pytest.mark.parametrize("folder", ["assets", "learn"])
def test_exception_in_a_tool_that_learners_call_themselves_is_theirs(folder: str) -> None:
    tool = code_in(
        str(REPOSITORY / "workshop" / folder / "tool.py"), "def f(): raise KeyError('x')"
    )
    assert guard("a.b", lambda: tool()).status is Status.FAILED


@pytest.mark.parametrize("folder", ["checks", "workshop/grading"])
def test_exception_in_our_own_code_is_ours(folder: str) -> None:
    ours = code_in(str(REPOSITORY / folder / "new.py"), "def f():\n    raise KeyError('x')")
    verdict = guard("a.b", lambda: ours())
    assert (verdict.check, verdict.status, verdict.score) == ("a.b", Status.ERROR, 0.0)
    assert "KeyError" in verdict.rationale
    assert "new.py" in verdict.rationale
    assert "no points" in verdict.rationale


def test_exception_in_learners_code_that_ours_called_is_the_learners() -> None:
    ours = code_in(str(REPOSITORY / "checks" / "new.py"), "def f(function):\n    function()")
    assert guard("a.b", lambda: ours(learners_mistake)).status is Status.FAILED


def test_exit_is_the_learners_mistake_and_does_not_end_the_notebook() -> None:
    verdict = guard("a.b", lambda: sys.exit(3))
    assert verdict.status is Status.FAILED
    assert "SystemExit" in verdict.rationale
    assert "exit()" in str(verdict.hint)


def test_interrupt_by_the_learner_goes_through() -> None:
    def interrupted() -> Verdict:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        guard("a.b", interrupted)


def test_something_that_is_no_verdict_is_our_mistake() -> None:
    verdict = guard("a.b", lambda: None)  # type: ignore[arg-type,return-value] # that is the point
    assert verdict.status is Status.ERROR


def test_check_that_crashed_by_its_own_account_is_an_error() -> None:
    ours = code_in(str(REPOSITORY / "workshop/grading/new.py"), "def f(e):\n    raise e")
    assert guard("a.b", lambda: ours(CheckCrashed("no data"))).status is Status.ERROR


def test_learner_error_keeps_all_its_texts() -> None:
    def stopped() -> Verdict:
        raise LearnerError("found", expected="wanted", actual="got", hint="try")

    verdict = guard("a.b", stopped)
    assert verdict == Verdict("a.b", Status.FAILED, 0.0, "found", "wanted", "got", "try")


def test_long_messages_are_cut_and_put_on_one_line() -> None:
    def verbose() -> Verdict:
        raise ValueError("word\n" * 1000)

    rationale = guard("a.b", verbose).rationale
    assert "\n" not in rationale
    assert len(rationale) < 600


def test_exception_without_a_message_is_named() -> None:
    def unfinished() -> Verdict:
        raise NotImplementedError

    verdict = guard("a.b", unfinished)
    assert "NotImplementedError." in verdict.rationale
    assert "raise NotImplementedError()" in str(verdict.hint)


# -------------------------------------------------------------------------------- what is printed


def test_stderr_goes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    def noisy() -> Verdict:
        sys.stderr.write("about the data\n")
        return good()

    assert guard("a.b", noisy) == good()
    out, err = capsys.readouterr()
    assert "about the data" in out
    assert err == ""


def test_stderr_goes_to_stdout_also_when_the_learners_code_stops(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def noisy() -> Any:
        sys.stderr.write("before the end\n")
        return learners_mistake()

    assert guard("a.b", noisy).status is Status.FAILED
    out, err = capsys.readouterr()
    assert "before the end" in out
    assert err == ""


def test_warnings_go_to_stdout(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def warning() -> Verdict:
        warnings.warn("mind the gap", UserWarning, stacklevel=1)
        return good()

    def as_python_shows_it(message: Warning | str, *_: object) -> None:
        sys.stderr.write(f"{message}\n")

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        monkeypatch.setattr(warnings, "showwarning", as_python_shows_it)  # pytest records them
        guard("a.b", warning)
    out, err = capsys.readouterr()
    assert "mind the gap" in out
    assert err == ""


def test_only_the_last_state_of_a_progress_bar_is_kept(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def progressing() -> Verdict:
        for _ in tqdm(range(4), mininterval=0, file=sys.stderr):
            pass
        return good()

    guard("a.b", progressing)
    out, err = capsys.readouterr()
    assert "4/4" in out
    assert "2/4" not in out
    assert err == ""


# -------------------------------------------------------------------------------- the check's name


def test_learners_exception_is_filed_under_the_check_that_the_lambda_calls() -> None:
    verdict = guard("your code", lambda: checks.check_trainable(learners_mistake(), "classifier"))
    assert (verdict.check, verdict.status) == ("freezing.trainable", Status.FAILED)


def test_first_of_several_checks_names_the_verdict() -> None:
    verdict = guard(
        "your code",
        lambda: (checks.check_head(learners_mistake(), "head", outputs=2), checks.check_value)[0],
    )
    assert verdict.check == "head.replaced"


def test_function_that_calls_no_check_has_the_name_that_was_given() -> None:
    assert guard("your code", lambda: learners_mistake()).check == "your code"


def test_callable_without_code_has_the_name_that_was_given() -> None:
    class Checker:
        def __call__(self) -> Any:
            return learners_mistake()

    assert guard("your code", Checker()).check == "your code"


def test_every_check_is_named_once_and_exported() -> None:
    assert len(set(CHECK_NAMES.values())) == len(CHECK_NAMES)
    assert set(CHECK_NAMES) <= set(checks.__all__)


def test_checking_function_always_gives_a_verdict() -> None:
    @checked("test.of_a_test")
    def check_of_a_test(error: Exception) -> Verdict:
        raise error

    del CHECK_NAMES["check_of_a_test"]  # other tests look at the real ones
    assert check_of_a_test(LearnerError("yours")).status is Status.FAILED
    verdict = check_of_a_test(RuntimeError("ours"))
    assert (verdict.check, verdict.status) == ("test.of_a_test", Status.ERROR)


# -------------------------------------------------------------------- calling the learner's things


def test_calling_hands_arguments_and_result_on() -> None:
    assert calling(divmod, 7, 2) == (3, 1)
    assert calling(int, "11", base=2) == 3


def test_calling_explains_the_learners_exception() -> None:
    with pytest.raises(LearnerError, match="ValueError: my own mistake"):
        calling(learners_mistake)


def test_calling_explains_an_exit() -> None:
    with pytest.raises(LearnerError, match="SystemExit"):
        calling(lambda: sys.exit())


def test_calling_hands_a_learner_error_on() -> None:
    error = LearnerError("known already")

    def stopped() -> None:
        raise error

    with pytest.raises(LearnerError) as caught:
        calling(stopped)
    assert caught.value is error


def test_calling_does_not_blame_the_learner_for_a_hook_of_ours() -> None:
    hook = code_in(str(REPOSITORY / "checks" / "hook.py"), "def f(*_):\n    raise KeyError('ours')")
    layer = nn.Linear(2, 2)
    layer.register_forward_pre_hook(hook)
    with pytest.raises(KeyError):
        calling(lambda: layer(torch.zeros(1, 2)))
