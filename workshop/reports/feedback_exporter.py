"""Pages of feedback with the results of the whole assignment, by whatever command they are made.

``nbgrader_config.py`` names the exporter, so that ``workshop feedback``, ``nbgrader
generate_feedback`` and the formgrader's button write the same pages.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from traitlets import List, Unicode

from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.grading.gradebook import gradebook_at
from workshop.grading.inert import FeedbackExporter
from workshop.reports.student_page import PAGE_NAME, head_of_notebook, student_page
from workshop.reports.student_results import ResultsReader, StudentResults

Readers = dict[str, ResultsReader]
"""What reads an assignment's results, by the assignment's name."""

_NEEDED = {"student", "assignment", "notebook", "db_url"}


class ResultsExporter(FeedbackExporter):
    """Begins each notebook's page with the student's results, and writes them as a page as well.

    A converter with an attribute ``readers`` shares what is read once for the whole class.
    """

    show_keys_of = List(
        Unicode(),
        help="Assignments whose quizzes nobody answers any more: feedback tells the right answers.",
    ).tag(config=True)

    _last: StudentResults | None = None

    def __init__(self, config: Any = None, **kw: Any) -> None:
        super().__init__(config, **kw)
        self._readers: Readers = getattr(self.parent, "readers", {})

    def from_notebook_node(
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        """The page of one notebook and its resources, which hold the student's own page as a file.

        Raises:
            WorkshopError: the template makes a page that nothing can be added to, or the results
                cannot be read.
        """
        page, resources = super().from_notebook_node(nb, resources, **kw)
        about = resources.get("nbgrader") or {}
        if not set(about) >= _NEEDED:
            return page, resources
        results = self._results(about)
        before, body, rest = page.partition("<body>")
        if not body:
            raise WorkshopError(
                "the template of feedback pages has no <body>",
                where="nbgrader_config.py",
                remedy="leave c.HTMLExporter.template_name as it is",
            )
        if Path(PAGE_NAME).stem not in results.notebooks:  # that notebook's page has the name
            resources.setdefault("outputs", {})[PAGE_NAME] = student_page(results).encode()
        return before + body + head_of_notebook(results, about["notebook"]) + rest, resources

    def _results(self, about: dict[str, Any]) -> StudentResults:
        """The student's results; those of the last student are kept for the next notebook."""
        student, assignment = about["student"], about["assignment"]
        last = self._last
        if last is not None and (last.student, last.assignment) == (student, assignment):
            return last
        if assignment not in self._readers:
            # Converters work in the course's root.
            course, keys = Course.at(Path.cwd()), assignment in self.show_keys_of
            self._readers[assignment] = ResultsReader(course, assignment, keys=keys)
        with gradebook_at(about["db_url"]) as gradebook:
            self._last = self._readers[assignment].read(gradebook, student)
        return self._last
