"""Changed steps of nbgrader's release: quiz questions, and what students may be given."""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode
from nbgrader.exchange.default import ExchangeReleaseAssignment
from nbgrader.preprocessors import ClearSolutions

from workshop.authoring.uncalibrated import uncalibrated
from workshop.course import Course


class ClearAnswers(ClearSolutions):  # type: ignore[misc] # nbgrader ships no types
    """Takes solutions out; a question's answer goes without a stub that would stop the notebook."""

    def preprocess_cell(
        self, cell: NotebookNode, resources: dict[str, Any], cell_index: int
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Clear one cell."""
        if "quiz" not in cell.metadata.get("workshop", {}):
            return self._cleared(cell, resources, cell_index)
        stubs: dict[str, str] = self.code_stub  # type: ignore[has-type] # traitlets has no types
        try:
            self.code_stub = dict.fromkeys(stubs, "")
            cell, resources = self._cleared(cell, resources, cell_index)
            cell.source = cell.source.rstrip()
            return cell, resources
        finally:
            self.code_stub = stubs

    def _cleared(
        self, cell: NotebookNode, resources: dict[str, Any], cell_index: int
    ) -> tuple[NotebookNode, dict[str, Any]]:
        cleared: tuple[NotebookNode, dict[str, Any]] = super().preprocess_cell(
            cell, resources, cell_index
        )
        return cleared


class ReleaseAssignment(ExchangeReleaseAssignment):  # type: ignore[misc] # nbgrader ships no types
    """Puts an assignment into the exchange, unless it needs thresholds that were not measured."""

    def init_src(self) -> None:
        """Find the release, and refuse one whose graded cells could not be decided."""
        super().init_src()
        course = Course.at(self.coursedir.root)
        assignment = str(self.coursedir.assignment_id)
        missing = uncalibrated(course, [assignment] if assignment in course.assignments() else ())
        if missing:
            lines = "\n  ".join(map(str, missing))
            self.fail(f"{assignment} is not ready for students:\n  {lines}")
