"""Run stubs, solutions and variants of notebooks, and judge what they score."""

from __future__ import annotations

import copy
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from workshop.authoring.build import build, load_cells
from workshop.authoring.cells import TEST_PREFIX
from workshop.course import Course
from workshop.grading.execution import Limits
from workshop.grading.records import is_graded, nbgrader_of
from workshop.grading.run import execute_notebook
from workshop.grading.verification import load_thresholds
from workshop.quiz.answers import other_writings, wrong_answers
from workshop.quiz.keys import counted_questions
from workshop.verify.report import Kind, Run, VerifyReport, judged
from workshop.verify.slices import sliced
from workshop.verify.variants import Variant, load_variants, patched

Progress = Callable[[int, int, str], None]

# One thread a kernel: two kernels side by side finish sooner than one after another on two cores,
# and trained weights do not depend on how many cores the machine has.
SINGLE_THREADED = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

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


@dataclass(frozen=True)
class Task:
    """One notebook to run.

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
    variant: Variant | None = None
    answers: Mapping[str, Any] = field(default_factory=dict)


def verify(
    course: Course,
    assignments: Sequence[str] | None = None,
    *,
    only: Callable[[Task], bool] = lambda _: True,
    reach: Reach = Reach.REACHED,
    workers: int | None = None,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> VerifyReport:
    """Build the assignments, run everything that should fail and everything that should pass.

    Args:
        course: the course.
        assignments: their names; all of them if None.
        only: which of the tasks to run. The solution always runs: the others are compared with it.
        reach: how much of a notebook runs to judge a variant.
        workers: how many kernels run at the same time; as many as there are cores if None.
        limits: time limits of each notebook.
        progress: called after each run with how many are done, of how many, and which.

    Raises:
        WorkshopError: a notebook does not build, or a variant's patch is out of date.
    """
    selected = course.select(None if assignments is None else list(assignments))
    build(course, selected)
    tasks = [task for task in _tasks(course, selected) if task.kind is Kind.SOLUTION or only(task)]
    # Every patch is tried before the first kernel starts: an outdated one shows at once.
    notebooks = [_notebook(course, task, reach) for task in tasks]
    runs: dict[int, Run] = {}
    # Processes, not threads: checks seed random numbers and catch what is printed, both of which a
    # process has only once. New ones, because PyTorch does not survive being forked while it runs.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        workers or os.cpu_count() or 1, mp_context=context, initializer=_end_with_parent
    ) as pool:
        futures = {
            pool.submit(_executed, course.root, task, nbformat.writes(each), limits): index
            for index, (task, each) in enumerate(zip(tasks, notebooks, strict=True))
        }
        try:
            for done, future in enumerate(as_completed(futures), start=1):
                index = futures[future]
                runs[index] = future.result()
                if progress is not None:
                    progress(done, len(tasks), tasks[index].name)
        finally:
            # After a failure the rest is not waited for.
            pool.shutdown(wait=False, cancel_futures=True)
    return judged([runs[index] for index in range(len(tasks))])


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


def _end_with_parent() -> None:
    """Let a worker end when this process is killed: else it would go on with what is queued."""

    def wait() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _executed(root: Path, task: Task, notebook: str, limits: Limits | None) -> Run:
    thresholds = load_thresholds(Course.at(root).calibration(task.assignment, task.notebook))
    executed = execute_notebook(
        nbformat.reads(notebook, as_version=4),
        limits=limits,
        thresholds=thresholds,
        env=SINGLE_THREADED,
    )
    return Run.of(task, executed)
