"""What verifying found: do stub, solution and variants of each exercise score as they should?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from nbformat import NotebookNode

from checks.verdict import OPEN
from workshop.authoring.cells import TEST_PREFIX
from workshop.grading.records import CellResult, CellStatus, nbgrader_of
from workshop.grading.verdicts import VerdictError, WeightedVerdict, read_verdicts

if TYPE_CHECKING:
    from workshop.grading.run import Executed
    from workshop.verify.variants import Variant

# Points are sums of fractions.
_NOTHING = 1e-6


class Kind(StrEnum):
    """What a run is of."""

    SOLUTION = "solution"
    STUB = "stub"
    WRONG = "wrong"
    RIGHT = "right"


@dataclass(frozen=True)
class Task:
    """One notebook to run. Its four names tell it from all others.

    Attributes:
        assignment: the assignment's name.
        notebook: the notebook's name.
        kind: what it is.
        name: the variant's name; the kind's name otherwise.
        variant: the variant, if it is one.
        answers: instead, what is answered to each question of a quiz.
    """

    assignment: str
    notebook: str
    kind: Kind
    name: str
    variant: Variant | None = field(default=None, compare=False)
    answers: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Run:
    """One executed notebook, with what it was expected to do.

    Attributes:
        task: what was run.
        cells: the result of each automatically graded cell, by grade id.
        verdicts: of each such cell whose checks gave any.
        seconds: wall time of the notebook's cells.
        message: what cut the run short; empty if nothing did.
        open_checks: by grade id what a visible check told the learner is not right yet.
    """

    task: Task
    cells: dict[str, CellResult]
    verdicts: dict[str, tuple[WeightedVerdict, ...]]
    seconds: float
    message: str
    open_checks: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, task: Task, executed: Executed) -> Run:
        """The run of a task, from its execution."""
        verdicts = {
            nbgrader_of(cell)["grade_id"]: _verdicts(cell)
            for cell in executed.notebook.cells
            if nbgrader_of(cell).get("grade") and cell.cell_type == "code"
        }
        cells = {
            cell.grade_id: cell
            for cell in executed.cells
            if cell.status is not CellStatus.NEEDS_MANUAL_GRADE
        }
        told = {
            str(nbgrader_of(cell).get("grade_id")): _open_check(cell)
            for cell in executed.notebook.cells
            if cell.cell_type == "code"
        }
        open_checks = {grade_id: text for grade_id, text in told.items() if text}
        return cls(task, cells, verdicts, executed.seconds, executed.message, open_checks)

    @property
    def all_verdicts(self) -> tuple[WeightedVerdict, ...]:
        """The verdicts of all cells."""
        return tuple(verdict for each in self.verdicts.values() for verdict in each)

    def lost(self) -> dict[str, float]:
        """Points lost, by grade id; a cell without a score has lost them all."""
        return {
            grade_id: cell.max_score - (cell.score or 0.0) for grade_id, cell in self.cells.items()
        }


@dataclass(frozen=True)
class VariantResult:
    """Whether a wrong solution was caught, or a right one passed.

    Attributes:
        name: the variant's name.
        ok: caught as it says, or passed.
        problem: what differed from what it should be; empty if nothing did.
        catches: the check that a wrong solution is named after, if it is.
        verdicts: of all checks that ran.
    """

    name: str
    ok: bool
    problem: str = ""
    catches: str = ""
    verdicts: tuple[WeightedVerdict, ...] = ()

    @property
    def failures(self) -> tuple[WeightedVerdict, ...]:
        """What the check that it is named after said, wherever that failed."""
        return tuple(
            each for each in self.verdicts if each.check == self.catches and not each.passed
        )


@dataclass
class ExerciseResult:
    """All that was found of one exercise.

    Attributes:
        assignment: the assignment's name.
        notebook: the notebook's name.
        name: the exercise's name: its grade cell without the leading ``test_``.
        solution_passes: whether the reference solution gets full marks.
        stub_fails: whether the unsolved exercise gets none.
        problem: what differed, for solution and stub; empty if nothing did.
        mutants: the wrong solutions of this exercise.
        alternatives: the right ones.
    """

    assignment: str
    notebook: str
    name: str
    solution_passes: bool
    stub_fails: bool | None
    problem: str = ""
    mutants: list[VariantResult] = field(default_factory=list)
    alternatives: list[VariantResult] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Everything is as it should be."""
        variants = [*self.mutants, *self.alternatives]
        return (
            self.solution_passes
            and self.stub_fails is not False
            and all(variant.ok for variant in variants)
        )

    def to_dict(self) -> dict[str, Any]:
        """For JSON, with the keys of ``workshop verify --json``."""
        return {
            "assignment": self.assignment,
            "notebook": self.notebook,
            "name": self.name,
            "stub_fails": self.stub_fails,
            "solution_passes": self.solution_passes,
            "problem": self.problem,
            "mutants": [
                {
                    "name": each.name,
                    "catches": each.catches,
                    "caught": each.ok,
                    "problem": each.problem,
                }
                for each in self.mutants
            ],
            "alternatives": [
                {"name": each.name, "passes": each.ok, "problem": each.problem}
                for each in self.alternatives
            ],
        }


@dataclass(frozen=True)
class VerifyReport:
    """What verifying found.

    Attributes:
        exercises: in the order of their notebooks.
        seconds: that all runs took together.
        solutions: the runs of the reference solutions.
    """

    exercises: tuple[ExerciseResult, ...]
    seconds: float
    solutions: tuple[Run, ...] = ()

    @property
    def ok(self) -> bool:
        """Every exercise is as it should be, and there is at least one."""
        return bool(self.exercises) and all(exercise.ok for exercise in self.exercises)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"exercises": [exercise.to_dict() for exercise in self.exercises]}


def _verdicts(cell: NotebookNode) -> tuple[WeightedVerdict, ...]:
    try:
        table = read_verdicts(cell, nbgrader_of(cell)["grade_id"])
    except VerdictError:
        return ()
    return () if table is None else tuple(table.verdicts)


def _open_check(cell: NotebookNode) -> str:
    """What a cell's visible checks first call not right yet; empty if there is nothing."""
    for output in cell.outputs:
        for line in str(output.get("data", {}).get("text/plain", "")).splitlines():
            if line.startswith(OPEN):
                return line
    return ""


def judged(runs: Sequence[Run]) -> VerifyReport:
    """Compare each run with what it should score."""
    exercises: list[ExerciseResult] = []
    for solution in (run for run in runs if run.task.kind is Kind.SOLUTION):
        same = [run for run in runs if _key(run) == _key(solution)]
        exercises.extend(_exercises(solution, same))
    solutions = tuple(run for run in runs if run.task.kind is Kind.SOLUTION)
    return VerifyReport(tuple(exercises), sum(run.seconds for run in runs), solutions)


def _key(run: Run) -> tuple[str, str]:
    return run.task.assignment, run.task.notebook


def _exercises(solution: Run, runs: Sequence[Run]) -> Iterable[ExerciseResult]:
    stub = next((run for run in runs if run.task.kind is Kind.STUB), None)
    for grade_id, cell in solution.cells.items():
        exercise = grade_id.removeprefix(TEST_PREFIX)
        shown = solution.open_checks.get(grade_id, "")
        passes = cell.status is CellStatus.PASSED and not shown
        earned = None if stub is None else stub.cells[grade_id].score
        fails = None if stub is None else earned is None or earned == 0
        problems = []
        if cell.status is not CellStatus.PASSED:
            problems.append(f"the solution gets {cell.score}: {cell.message}")
        if shown:
            problems.append(f"learners are told of the solution: {shown}")
        if fails is False:
            problems.append(f"the stub gets {earned} of {cell.max_score} points")
        result = ExerciseResult(
            *_key(solution), exercise, passes, fails, "; ".join([*problems, solution.message])
        )
        for run in runs:
            wrong, variant = run.task.kind is Kind.WRONG, run.task.variant
            if variant is not None and variant.exercise == exercise:
                problem = _problem(run, variant)
            elif exercise in run.task.answers:
                problem = _answer_problem(run, grade_id, cell.max_score if wrong else 0.0)
            else:
                continue
            (result.mutants if wrong else result.alternatives).append(
                VariantResult(
                    run.task.name,
                    not problem,
                    problem,
                    (variant.catches or "") if variant is not None else "",
                    run.all_verdicts,
                )
            )
        result.problem = result.problem.strip("; ")
        yield result


def _answer_problem(run: Run, grade_id: str, loses: float) -> str:
    """What an answer cost more or less than it should; empty if it cost that."""
    lost = run.lost()[grade_id]
    if math.isclose(lost, loses, abs_tol=_NOTHING):
        return ""
    return f"{grade_id}: lost {lost:g} instead of {loses:g} ({run.cells[grade_id].message})"


def _problem(run: Run, variant: Variant) -> str:
    """What a variant lost that it should not, or the other way round; empty if all is right."""
    problems = [run.message] if run.message else []
    lost = run.lost()
    problems += [
        f"no grade cell {grade_id} depends on this exercise"
        for grade_id in sorted({*variant.loses, *variant.may_lose} - set(lost))
    ]
    for grade_id, points in lost.items():
        expected = variant.loses.get(grade_id, 0.0)
        most = variant.may_lose.get(grade_id, expected)
        if not expected - _NOTHING <= points <= most + _NOTHING:
            message = run.cells[grade_id].message
            problems.append(f"{grade_id}: lost {points:g} instead of {expected:g} ({message})")
    if run.task.kind is Kind.RIGHT:
        # Other tests may need exercises that did not run for this one.
        told = run.open_checks.get(f"{TEST_PREFIX}{variant.exercise}")
        problems += [f"learners are told of it: {told}"] if told else []
    checks = {verdict.check for verdict in run.all_verdicts if not verdict.passed}
    if variant.catches and variant.catches not in checks:
        found = ", ".join(sorted(checks)) or "none"
        problems.append(f"{variant.catches} should fail; failed: {found}")
    return "; ".join(problems)
