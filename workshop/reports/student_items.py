"""What came of one graded cell of a learner's, in words that feedback may show.

Everything that a learner or a learner's code wrote is text here, or made inert, and what repeats
hidden tests is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from markupsafe import Markup
from nbformat import NotebookNode

from workshop.authoring.cells import TEST_PREFIX
from workshop.grading.feedback_cells import OUR_FAULT
from workshop.grading.gradebook import CellGrade
from workshop.grading.hiding import visible_part
from workshop.grading.records import CellState, CellStatus, nbgrader_of, record_of, status_of
from workshop.grading.verdicts import VerdictError, WeightedVerdict, read_verdicts
from workshop.reports.graded_items import GradedItem, ItemKind
from workshop.reports.graded_notebook import GradedNotebook
from workshop.reports.page import markdown, plain
from workshop.reports.student_answers import Answered, answered

_REMOVED = "[This repeated parts of the tests and is not shown.]"
_LONGEST_ANSWER = 20_000
_LABEL = re.compile(r"\*\*(Question \d+)\*\*")
_NEXT = {
    CellState.RAISED: "Restart the kernel, run all cells from the top, and read the last line of"
    " the error: it says what is wrong. Then look at the line that it names.",
    CellState.TIMED_OUT: "Look for a loop that does not end, or for work that is done more than"
    " once.",
    CellState.DIED: "Most often the memory was used up: work in batches, and without gradients"
    " where you only measure.",
    CellState.NOT_EXECUTED: "Something above ended the run: mend that first.",
}


@dataclass(frozen=True)
class Finding:
    """What one check found, in words that may be shown.

    Attributes:
        status: ``passed``, ``failed``, ``skipped`` or ``error``.
        check: its name.
        earned: points.
        worth: points.
        rationale: what was seen.
        expected: what was to be seen; empty if that is not told.
        actual: what there was instead; empty likewise.
        hint: what to do next; empty likewise.
    """

    status: str
    check: str
    earned: float
    worth: float
    rationale: str
    expected: str = ""
    actual: str = ""
    hint: str = ""


@dataclass(frozen=True)
class ItemResult:
    """What came of one graded cell.

    Attributes:
        item: the cell.
        score: points that count, extra credit included; None where nothing is decided.
        status: the score in a word.
        by_hand: whether a person gave the points.
        note: why points were lost, where no finding says so.
        hint: what to do about that.
        findings: what the checks found.
        label: of a quiz item, such as ``Question 3``; empty for others.
        answer: to a quiz item; None for others.
        written: the learner's text, for a written answer; empty for others.
        comment: what a grader wrote.
        seen: whether the notebook was handed in, so that there is a page to look it up on.
    """

    item: GradedItem
    score: float | None
    status: CellStatus
    by_hand: bool = False
    note: str = ""
    hint: str = ""
    findings: tuple[Finding, ...] = ()
    label: str = ""
    answer: Answered | None = None
    written: Markup = field(default_factory=Markup)
    comment: Markup = field(default_factory=Markup)
    seen: bool = True

    @property
    def lost(self) -> float:
        """Points that were not earned; 0 where nothing is decided."""
        return 0.0 if self.score is None else max(0.0, self.item.max_score - self.score)

    @property
    def next_step(self) -> str:
        """What to do first; empty if that is not known."""
        if not self.seen:
            return ""
        hints = [each.hint for each in self.findings if each.status == "failed"]
        return next(filter(None, (self.hint, *hints)), "")


class NotebookTeller:
    """Tells what one graded notebook holds about graded cells.

    Args:
        notebook: the notebook; None if it was not handed in, or cannot be read.
        clean: takes the paths of this machine out of a text.
        keys: whether right answers to quiz items may be told.
    """

    def __init__(
        self, notebook: GradedNotebook | None, clean: Callable[[str], str], *, keys: bool
    ) -> None:
        self._notebook, self._clean, self._keys = notebook, clean, keys
        cells = notebook.cells if notebook is not None else ()
        self._cells = {str(nbgrader_of(cell).get("grade_id")): cell for cell in cells}

    def source(self, name: str) -> str:
        """A cell's text, its hidden part included; empty if there is no such cell."""
        return str(self._cells[name].source) if name in self._cells else ""

    def verdicts(self, item: GradedItem) -> tuple[WeightedVerdict, ...]:
        """What the checks of a graded cell found; nothing if there is none, or it is malformed."""
        cell = self._cells.get(item.grade_id)
        if cell is None or cell.cell_type != "code":
            return ()
        try:
            table = read_verdicts(cell, item.grade_id)
        except VerdictError:
            return ()
        return () if table is None else tuple(table.verdicts)

    def tell(
        self, item: GradedItem, grade: CellGrade, comments: Mapping[tuple[str, str], str]
    ) -> ItemResult:
        """What came of one graded cell.

        Args:
            item: the cell.
            grade: what the gradebook holds of it.
            comments: what graders wrote, by notebook and cell.
        """
        cell = self._cells.get(item.grade_id)
        record = record_of(cell) if cell is not None else NotebookNode()
        findings = tuple(map(self._finding, self.verdicts(item)))
        note, hint = self._note(record, bool(findings), grade)
        return ItemResult(
            item=item,
            score=grade.score,
            status=_status(grade, record),
            by_hand=grade.manual_score is not None,
            note=note,
            hint=hint,
            findings=findings,
            label=self._label(item),
            answer=self._answer(item),
            written=self._written(item, cell),
            comment=self._comment(item, comments),
            seen=self._notebook is not None,
        )

    def _shown(self, text: str | None) -> str:
        """A text that may come from anybody, as the learner may read it."""
        if not text:
            return ""
        if self._notebook is not None and self._notebook.censor.finds(text):
            return _REMOVED
        return plain(self._clean(text))

    def _finding(self, verdict: WeightedVerdict) -> Finding:
        if verdict.crashed:
            said = Finding("error", self._shown(verdict.check), 0.0, verdict.weight, OUR_FAULT)
        else:
            said = Finding(
                status=verdict.status.lower(),
                check=self._shown(verdict.check),
                earned=verdict.weight * verdict.score,
                worth=verdict.weight,
                rationale=self._shown(verdict.rationale),
                expected=self._shown(verdict.expected),
                actual=self._shown(verdict.actual),
                hint=self._shown(verdict.hint),
            )
        return said

    def _note(self, record: NotebookNode, found: bool, grade: CellGrade) -> tuple[str, str]:
        """Why points were lost or are open, where no finding says so, and what to do about it."""
        if self._notebook is None:
            return "The notebook of this exercise was not handed in, or could not be read.", ""
        if record.get("status") == CellStatus.ERROR and not found:
            return OUR_FAULT, ""
        unexplained = not found and record.get("status") != CellStatus.PASSED
        if not (unexplained or record.get("deleted") or record.get("note")):
            return "", ""
        if grade.score is not None and status_of(grade.score, grade.max_score) is CellStatus.PASSED:
            return "", ""
        state = record.get("state", "")
        return self._shown(str(record.get("message", ""))), _NEXT.get(state, "")

    def _label(self, item: GradedItem) -> str:
        """What the notebook calls a quiz item."""
        name = item.question.item.id if item.question is not None else ""
        found = _LABEL.match(self.source(f"ask_{name}"))
        return found[1] if found else ""

    def _answer(self, item: GradedItem) -> Answered | None:
        if item.question is None or self._notebook is None:
            return None
        name = item.question.item.id
        return answered(item, self.source(name), self.source(f"ask_{name}"), keys=self._keys)

    def _written(self, item: GradedItem, cell: NotebookNode | None) -> Markup:
        if item.kind is not ItemKind.WRITTEN or cell is None or cell.cell_type != "markdown":
            return Markup()
        text = visible_part(str(cell.source))[:_LONGEST_ANSWER]
        return markdown(self._clean(text))

    def _comment(self, item: GradedItem, comments: Mapping[tuple[str, str], str]) -> Markup:
        """A grader's comment; nbgrader keeps that on a tested exercise with its solution."""
        names = (item.grade_id, item.grade_id.removeprefix(TEST_PREFIX))
        said = (comments.get((item.notebook, name), "") for name in dict.fromkeys(names))
        text = "\n\n".join(filter(None, said))
        return markdown(text) if text else Markup()


def _status(grade: CellGrade, record: NotebookNode) -> CellStatus:
    if grade.score is not None:
        return status_of(grade.score, grade.max_score)
    is_ours = record.get("status") == CellStatus.ERROR
    return CellStatus.ERROR if is_ours else CellStatus.NEEDS_MANUAL_GRADE
