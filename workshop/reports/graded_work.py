"""What a graded notebook tells besides its scores: verdicts, what stopped, answers to quizzes.

Everything in it may come from a student. It is read as data, with limits, and never run.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nbformat import NotebookNode

from checks.guard import LearnerError
from checks.quiz import Form, read_answer
from workshop.grading.records import (
    CellState,
    CellStatus,
    is_graded,
    nbgrader_of,
    record_of,
)
from workshop.grading.verdicts import VerdictError, WeightedVerdict, read_verdicts
from workshop.reports.graded_items import GradedItem
from workshop.reports.graded_notebook import UNREADABLE, read_graded

# A line of Python that names options is short. What is longer says nothing that could be counted.
_LONGEST_ANSWER = 2_000
_LONGEST_NAME = 60
_STATES = {
    CellState.TIMED_OUT: "ran out of time",
    CellState.DIED: "ended the kernel",
    CellState.NOT_EXECUTED: "was not run",
}


@dataclass(frozen=True)
class Work:
    """What the graded notebooks of one submission tell, by the items' names.

    Attributes:
        verdicts: what the checks found.
        stopped: why there are no verdicts where points were lost.
        choices: the options that were chosen; None for no answer that can be read.
        unread: which notebooks could not be read, and why.
    """

    verdicts: dict[str, tuple[WeightedVerdict, ...]] = field(default_factory=dict)
    stopped: dict[str, str] = field(default_factory=dict)
    choices: dict[str, frozenset[str] | None] = field(default_factory=dict)
    unread: tuple[str, ...] = ()


def read_work(folder: Path, items: Sequence[GradedItem]) -> Work:
    """Read the graded notebooks of one submission.

    Args:
        folder: ``autograded/<student>/<assignment>``; may be missing.
        items: the assignment's.
    """
    work, unread = Work(), []
    for notebook in dict.fromkeys(item.notebook for item in items):
        path = folder / f"{notebook}.ipynb"
        if not path.is_file():
            continue
        own = [item for item in items if item.notebook == notebook]
        try:
            _look(read_graded(path).cells, own, work)
        except UNREADABLE as error:
            unread.append(f"{path.name}: {type(error).__name__}: {error}")
    return Work(work.verdicts, work.stopped, work.choices, tuple(unread))


def _look(cells: Iterable[NotebookNode], items: Sequence[GradedItem], work: Work) -> None:
    by_grade_id = {item.grade_id: item for item in items}
    by_question = {item.question.item.id: item for item in items if item.question is not None}
    for cell in cells:
        name = str(nbgrader_of(cell).get("grade_id"))
        if name in by_question and cell.cell_type == "code" and by_question[name].options:
            item = by_question[name]
            work.choices[item.name] = _choice(cell.source, name, item)
        if name in by_grade_id and is_graded(cell) and cell.cell_type == "code":
            _judge(cell, by_grade_id[name], work)


def _judge(cell: NotebookNode, item: GradedItem, work: Work) -> None:
    try:
        table = read_verdicts(cell, item.grade_id)
    except VerdictError:
        table = None
    if table is not None:
        work.verdicts[item.name] = tuple(table.verdicts)
        return
    record = record_of(cell)
    if record.get("status") != CellStatus.PASSED:
        work.stopped[item.name] = _why_stopped(record)


def _why_stopped(record: NotebookNode) -> str:
    """Why a cell that lost points shows no verdict, in a few words of ours."""
    if record.get("deleted"):
        return "was deleted"
    state = CellState(record.get("state", CellState.NOT_EXECUTED))
    if state is CellState.RAISED:
        # The exception's name is the learner's to choose.
        name = str(record.get("error", {}).get("ename", ""))
        known = name.isidentifier() and len(name) <= _LONGEST_NAME
        return f"raised {name}" if known else "raised an exception"
    return _STATES.get(state, "gave less than all points")


def _choice(source: str, name: str, item: GradedItem) -> frozenset[str] | None:
    """The options that an answer names; None if there is none, or it cannot be read."""
    if item.question is None:
        return None
    form: Form = item.question.form
    try:
        found = read_answer(assigned(source, name), form)
    except LearnerError:
        return None
    if isinstance(found, bool):
        return frozenset({str(found)})
    return frozenset(found) if isinstance(found, tuple) else None


def assigned(source: str, name: str) -> object:
    """The value that a cell gives to a name last, where it stands there as it is; else None."""
    if len(source) > _LONGEST_ANSWER:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about a student's backslashes
            statements = ast.parse(source).body
        for statement in reversed(statements):
            match statement:
                case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                    return ast.literal_eval(value)
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        return None
    return None
