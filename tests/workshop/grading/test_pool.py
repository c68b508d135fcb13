"""Several processes grade; the grades are those of one, and one of them that ends harms nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor

from tests.workshop.grading.conftest import TinyCourse
from tests.workshop.grading.durable import gradebook_of, hand_in, lines_of, scores
from workshop.grading.grade import grade
from workshop.grading.pool import LocalPool
from workshop.grading.records import Outcome
from workshop.grading.sandbox import warm

MARK = "ends its worker"
SPARED = "TEST_FILE_THAT_SPARES"


class EndsItsProcess(NbGraderPreprocessor):  # type: ignore[misc] # nbgrader ships no types
    """Stands in for whatever may end a worker: the system for want of memory, a fault in C code."""

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        spared = os.environ.get(SPARED)
        if any(MARK in cell.source for cell in nb.cells) and not (spared and Path(spared).exists()):
            if spared:
                Path(spared).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return nb, resources


@pytest.fixture
def dangerous(fast: TinyCourse) -> TinyCourse:
    """A course in which one submission ends the process that grades it."""
    step = f"{__name__}.{EndsItsProcess.__name__}"
    with fast.course.config_path.open("a") as file:
        file.write(f"\nc.Autograde.autograde_preprocessors.insert(0, {step!r})\n")
    for number, student in enumerate(("ada", "carl", "dora", "emil")):
        hand_in(fast, student, number)
    fast.submit("bob", fast.answered({"square": f"# {MARK}"}))
    return fast


def test_two_workers_give_the_same_grades_as_none(fast: TinyCourse) -> None:
    for number in range(2):
        hand_in(fast, f"student{number}", number / 2)
    fast.submit("broken", "no notebook")
    alone = grade(fast.course, "ps1")
    before, entries = gradebook_of(fast.course), lines_of(fast.course)
    seen: list[tuple[int, int]] = []
    together = grade(
        fast.course,
        "ps1",
        force=True,
        pool=LocalPool(2, fork_kernels=False),
        progress=lambda done, total, _: seen.append((done, total)),
    )
    assert gradebook_of(fast.course) == before
    assert seen == [(done, 6) for done in range(1, 7)]
    facts = [
        [(each.student, each.outcome, each.score) for each in report.results]
        for report in (alone, together)
    ]
    assert facts[0] == facts[1]
    kept = ("outcome", "message", "assignment_version", "submission", "notebooks", "cells")
    logged = [
        {line["student"]: [line[name] for name in kept] for line in lines}
        for lines in (entries, lines_of(fast.course)[len(entries) :])
    ]
    assert logged[0] == logged[1]
    assert {line["why"] for line in lines_of(fast.course)[len(entries) :]} == {"forced"}
    assert not grade(fast.course, "ps1", pool=LocalPool(2, fork_kernels=False)).results[0].message
    assert len(lines_of(fast.course)) == 2 * len(entries)  # nothing was graded a third time


def test_a_submission_that_ends_two_workers_is_set_aside(dangerous: TinyCourse) -> None:
    report = grade(dangerous.course, "ps1", pool=LocalPool(2, fork_kernels=False))
    by_name = {each.student: each for each in report.results}
    assert by_name["bob"].outcome is Outcome.NOT_GRADED
    assert by_name["bob"].score is None
    assert "ended 2 times" in by_name["bob"].message
    assert "signal" in by_name["bob"].message or "-9" in by_name["bob"].message
    found = scores(dangerous.course)
    others = [found[name, "test_square"] for name in ("ada", "carl", "dora", "emil")]
    assert others == [0, 1, 2, 2]
    assert report.not_graded == ("bob",)


def test_a_worker_that_ends_once_costs_a_second_try(
    dangerous: TinyCourse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SPARED, str(tmp_path / "spared"))
    report = grade(dangerous.course, "ps1", pool=LocalPool(2, fork_kernels=False))
    assert (tmp_path / "spared").exists()
    assert {each.outcome for each in report.results} == {Outcome.COMPLETED}


def test_a_worker_that_ends_after_a_stop_was_asked_for_is_not_replaced(
    dangerous: TinyCourse,
) -> None:
    pool = LocalPool(2, fork_kernels=False, stop=lambda: True)
    by_name = {each.student: each for each in grade(dangerous.course, "ps1", pool=pool).results}
    assert by_name["bob"].outcome is Outcome.NOT_GRADED
    assert "ended 1 time" in by_name["bob"].message


@pytest.mark.slow
def test_workers_fork_their_kernels_from_one_process(tiny: TinyCourse) -> None:
    code = "import os, sys\nprint('torch' in sys.modules)\ncubed = int"
    for student in ("ada", "bob", "carl"):
        tiny.submit(student, tiny.answered({"cube": code}))
    alone = grade(tiny.course, "ps1")
    together = grade(tiny.course, "ps1", force=True, pool=LocalPool(2))
    facts = [
        [(each.student, each.outcome, each.score, each.cells) for each in report.results]
        for report in (alone, together)
    ]
    assert facts[0] == facts[1]
    for student in ("ada", "bob", "carl"):
        page = tiny.course.autograded / student / "ps1" / "p1.ipynb"
        assert '"True\\n"' in page.read_text(encoding="utf-8")
    assert warm.to_share() is not None


def test_the_process_that_writes_does_not_import_what_grading_needs() -> None:
    code = (
        "import sys, workshop.grading.grade, workshop.grading.pool; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
