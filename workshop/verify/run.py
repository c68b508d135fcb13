"""Run stubs, solutions and variants of notebooks, and judge what they score."""

from __future__ import annotations

import copy
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any

import nbformat
from nbformat import NotebookNode

from workshop.authoring.build import build, load_cells
from workshop.authoring.cells import TEST_PREFIX
from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.grading.execution import Limits
from workshop.grading.records import is_graded, nbgrader_of
from workshop.grading.verification import load_thresholds
from workshop.quiz.answers import other_writings, wrong_answers
from workshop.quiz.keys import counted_questions
from workshop.verify.processes import Job, in_processes
from workshop.verify.report import Kind, Run, Task, VerifyReport, judged
from workshop.verify.slices import sliced
from workshop.verify.variants import load_variants, patched

Progress = Callable[[int, int, str], None]

# How many answers are tried for each question in a kernel. Scoring is the same for the rest.
_MOST_ANSWERS = 3


class Reach(Enum):
    """How much of a notebook runs to judge a variant of one exercise."""

    OWN = "own"
    """The tests of this exercise and those that it says to lose points in."""
    REACHED = "reached"
    """Every test that the exercise can reach: it must lose points in no other."""
    ALL = "all"
    """Every cell."""


def verify(
    course: Course,
    assignments: Sequence[str] | None = None,
    *,
    notebooks: Collection[str] | None = None,
    only: Callable[[Task], bool] = lambda _: True,
    most: int | None = None,
    reach: Reach = Reach.REACHED,
    workers: int | None = None,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> VerifyReport:
    """Build the assignments, run everything that should fail and everything that should pass.

    Args:
        course: the course.
        assignments: their names; all of them if None.
        notebooks: of these assignments only notebooks with these names; all if None.
        only: which of the tasks to run. The solution always runs: the others are compared with it.
        most: of each exercise at most so many wrong solutions, and so many right ones: those that
            come first in ``variants.yaml``. All if None.
        reach: how much of a notebook runs to judge a variant.
        workers: how many run at the same time; as many as there are cores if None.
        limits: time limits of each notebook.
        progress: called after each run with how many are done, of how many, and which.

    Raises:
        WorkshopError: a notebook does not build, or a variant's patch is out of date.
    """
    selected = course.select(None if assignments is None else list(assignments))
    build(course, selected)
    tasks = [
        task
        for task in first_of_each(_tasks(course, selected), most)
        if (notebooks is None or task.notebook in notebooks)
        and (task.kind is Kind.SOLUTION or only(task))
    ]
    if not tasks:
        raise WorkshopError(
            f"there is no notebook {', '.join(notebooks or ())}", remedy="look into source/"
        )
    # Every patch is tried before anything runs: an outdated one shows at once.
    jobs = [_job(course, own, reach, limits or Limits()) for own in _by_notebook(tasks)]
    runs: dict[Task, Run] = {}
    for run in in_processes(jobs, workers or os.cpu_count() or 1):
        runs[run.task] = run
        if progress is not None:
            progress(len(runs), len(tasks), run.task.name)
    return judged([runs[task] for task in tasks])


def first_of_each(tasks: Iterable[Task], most: int | None) -> Iterator[Task]:
    """Of each exercise at most so many wrong and so many right solutions."""
    seen: Counter[tuple[str, ...]] = Counter()
    for task in tasks:
        exercise = task.variant.exercise if task.variant is not None else ""
        key = (task.assignment, task.notebook, task.kind, exercise)
        seen[key] += 1
        if most is None or not exercise or seen[key] <= most:
            yield task


def _by_notebook(tasks: Sequence[Task]) -> list[list[Task]]:
    named: dict[tuple[str, str], list[Task]] = {}
    for task in tasks:
        named.setdefault((task.assignment, task.notebook), []).append(task)
    return list(named.values())


def _job(course: Course, tasks: Sequence[Task], reach: Reach, limits: Limits) -> Job:
    """All that is to be run of one notebook."""
    notebooks = {task: _notebook(course, task, reach) for task in tasks}
    in_kernels = {
        task: notebook
        for task, notebook in notebooks.items()
        if reach is not Reach.OWN and task.kind in (Kind.SOLUTION, Kind.STUB)
    }
    solution = next(task for task in tasks if task.kind is Kind.SOLUTION)
    return Job(
        solution,
        notebooks[solution],
        {task: each for task, each in notebooks.items() if task not in {*in_kernels, solution}},
        in_kernels,
        # Where versions fork from the solution there is no GPU: see ``SINGLE_THREADED``.
        load_thresholds(course.calibration(solution.assignment, solution.notebook)),
        limits,
    )


def _tasks(course: Course, assignments: Sequence[str]) -> Iterator[Task]:
    for assignment in assignments:
        for notebook in course.notebooks(assignment):
            yield Task(assignment, notebook, Kind.SOLUTION, "solution")
            yield Task(assignment, notebook, Kind.STUB, "stub")
            folder = course.instructor_folder(assignment, notebook)
            variants = load_variants(folder / "variants.yaml")
            for kind, named in ((Kind.WRONG, variants.wrong), (Kind.RIGHT, variants.right)):
                for name, variant in named.items():
                    yield Task(assignment, notebook, kind, name, variant)
            yield from _answering(course, assignment, notebook)


def _answering(course: Course, assignment: str, notebook: str) -> Iterator[Task]:
    """Runs in which all questions are answered: no two have anything in common."""
    questions = counted_questions(load_cells(course, assignment, notebook), course)
    for kind, given in ((Kind.WRONG, wrong_answers), (Kind.RIGHT, other_writings)):
        answers = {name: given(question) for name, question in questions.items()}
        most = max(map(len, answers.values()), default=0)
        for number in range(min(most, _MOST_ANSWERS)):
            chosen = {name: each[number] for name, each in answers.items() if number < len(each)}
            name = f"{kind.value}_answer_{number + 1}"
            yield Task(assignment, notebook, kind, name, answers=chosen)


def _notebook(course: Course, task: Task, reach: Reach) -> NotebookNode:
    source = nbformat.read(course.source_notebook(task.assignment, task.notebook), as_version=4)
    if task.kind is Kind.STUB:
        release = course.release_notebook(task.assignment, task.notebook)
        return _with_hidden_tests(nbformat.read(release, as_version=4), source)
    if task.answers:
        return answered(source, task.answers)
    if task.variant is None:
        return source
    notebook = patched(source, task.variant)
    if reach is Reach.ALL:
        return notebook
    exercise = task.variant.exercise
    own = {f"{TEST_PREFIX}{exercise}", *task.variant.loses}
    return sliced(notebook, exercise, None if reach is Reach.REACHED else own)


def answered(notebook: NotebookNode, answers: Mapping[str, Any]) -> NotebookNode:
    """A copy with other answers to its questions, by their names."""
    result = copy.deepcopy(notebook)
    for cell in result.cells:
        name = str(nbgrader_of(cell).get("grade_id"))
        if name in answers:
            cell.source = f"{name} = {answers[name]!r}"
    return result


def _with_hidden_tests(release: NotebookNode, source: NotebookNode) -> NotebookNode:
    """The release as grading runs it: its grade cells replaced by those with the hidden tests."""
    tests = {
        nbgrader_of(cell)["grade_id"]: cell.source
        for cell in source.cells
        if is_graded(cell) and not nbgrader_of(cell).get("solution")
    }
    result = copy.deepcopy(release)
    for cell in result.cells:
        cell.source = tests.get(nbgrader_of(cell).get("grade_id"), cell.source)
    return result
