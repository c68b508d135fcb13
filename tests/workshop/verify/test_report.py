from __future__ import annotations

from dataclasses import replace

from nbformat.v4 import new_code_cell, new_notebook, new_output

from checks.verdict import Status, Verdict, passed
from workshop.grading.records import CellResult, CellStatus, Outcome
from workshop.grading.run import Executed
from workshop.grading.verdicts import WeightedVerdict
from workshop.verify.report import Kind, Run, Task, VerifyReport, judged
from workshop.verify.variants import Replacement, Variant

CATCHES = "double.negative"
OPEN_VERDICT = Verdict(CATCHES, Status.FAILED, 0.0, "Negative numbers stay as they are.")


def cell(score: float | None) -> CellResult:
    status = CellStatus.PASSED if score == 2 else CellStatus.FAILED
    return CellResult("test_double", score, 2.0, status, "")


def run(kind: Kind, score: float | None, variant: Variant | None = None, failed: str = "") -> Run:
    task = Task("small", "doubling", kind, "name", variant)
    verdicts = {"test_double": tuple(map(verdict, filter(None, [failed])))}
    return Run(task, {"test_double": cell(score)}, verdicts, 1.0, "")


def verdict(check: str) -> WeightedVerdict:
    return WeightedVerdict(check=check, status="FAILED", score=0.0, weight=1.0)


def variant(loses: float = 0.0, catches: str | None = None) -> Variant:
    return Variant(
        exercise="double",
        replace=(Replacement(old="a", new="b"),),
        catches=catches,
        loses={"test_double": loses} if loses else {},
    )


def test_nothing_at_all_proves_nothing() -> None:
    assert not VerifyReport((), 0.0).ok
    assert not judged([]).ok


def test_a_stub_must_earn_nothing_and_a_solution_everything() -> None:
    good = judged([run(Kind.SOLUTION, 2.0), run(Kind.STUB, None)])
    assert good.ok
    assert good.seconds == 2.0
    assert not judged([run(Kind.SOLUTION, 2.0), run(Kind.STUB, 0.5)]).ok
    assert not judged([run(Kind.SOLUTION, 1.0), run(Kind.STUB, 0.0)]).ok


def test_what_is_right_must_not_be_called_wrong_by_the_checks_that_learners_see() -> None:
    shown = new_output("display_data", data={"text/plain": str(OPEN_VERDICT)})
    graded = new_code_cell(outputs=[shown], metadata={"nbgrader": {"grade_id": "test_double"}})
    notebook = new_notebook(cells=[graded])
    executed = Executed(notebook, Outcome.COMPLETED, 1.0, (cell(2.0),))
    stub = run(Kind.STUB, 0.0)
    told = Run.of(Task("small", "doubling", Kind.SOLUTION, "name"), executed)
    assert not judged([told, stub]).ok
    right = Run.of(Task("small", "doubling", Kind.RIGHT, "name", variant()), executed)
    assert not judged([run(Kind.SOLUTION, 2.0), stub, right]).ok
    shown.data["text/plain"] = str(passed("double.negative", "Fine."))
    told = Run.of(Task("small", "doubling", Kind.SOLUTION, "name"), executed)
    assert judged([told, stub]).ok


def test_a_wrong_solution_must_lose_exactly_what_it_says_at_the_check_it_names() -> None:
    wrong = variant(1.0, CATCHES)
    base = [run(Kind.SOLUTION, 2.0), run(Kind.STUB, 0.0)]
    assert judged([*base, run(Kind.WRONG, 1.0, wrong, CATCHES)]).ok
    assert not judged([*base, run(Kind.WRONG, 0.0, wrong, CATCHES)]).ok
    assert not judged([*base, run(Kind.WRONG, 2.0, wrong, CATCHES)]).ok
    assert not judged([*base, run(Kind.WRONG, 1.0, wrong, "double.small")]).ok


def test_a_mistake_may_also_spoil_a_later_training_or_not() -> None:
    wrong = variant(1.0, CATCHES).model_copy(update={"may_lose": {"test_train": 2.0}})

    def ran(double: float, train: float | None) -> Run:
        alone = run(Kind.WRONG, double, wrong, CATCHES)
        return replace(alone, cells={**alone.cells, "test_train": cell(train)})

    solved = run(Kind.SOLUTION, 2.0)
    solved = replace(solved, cells={**solved.cells, "test_train": cell(2.0)})
    base = [solved, run(Kind.STUB, 0.0)]
    base[1] = replace(base[1], cells={**base[1].cells, "test_train": cell(0.0)})
    for train in (2.0, 1.0, 0.0):
        assert judged([*base, ran(1.0, train)]).ok
    assert not judged([*base, ran(2.0, 0.0)]).ok  # its own points are lost for certain


def test_a_right_solution_must_lose_nothing() -> None:
    base = [run(Kind.SOLUTION, 2.0), run(Kind.STUB, 0.0)]
    assert judged([*base, run(Kind.RIGHT, 2.0, variant())]).ok
    assert not judged([*base, run(Kind.RIGHT, 1.5, variant())]).ok
    assert not judged([*base, run(Kind.RIGHT, None, variant())]).ok


def test_each_answer_to_a_question_earns_all_or_nothing() -> None:
    def answer(kind: Kind, score: float) -> Run:
        task = Task("small", "doubling", kind, "an_answer", answers={"double": "B"})
        return Run(task, {"test_double": cell(score)}, {}, 1.0, "")

    base = [run(Kind.SOLUTION, 2.0), run(Kind.STUB, 0.0)]
    report = judged([*base, answer(Kind.WRONG, 0.0), answer(Kind.RIGHT, 2.0)])
    assert report.ok
    (exercise,) = report.exercises
    assert [each.name for each in exercise.mutants + exercise.alternatives] == ["an_answer"] * 2
    assert not judged([*base, answer(Kind.WRONG, 1.0)]).ok
    assert not judged([*base, answer(Kind.RIGHT, 1.0)]).ok
