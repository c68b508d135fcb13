from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from workshop.grading.gradebook import load_grades, open_gradebook
from workshop.grading.journal import Journal
from workshop.grading.nbgrader_steps import (
    ExecuteSubmission,
    RestoreSubmission,
    StudentView,
)
from workshop.grading.records import Outcome, nbgrader_of, record_of

if TYPE_CHECKING:
    from tests.workshop.grading.conftest import TinyCourse


def resources_of(tiny: TinyCourse, student: str) -> dict[str, Any]:
    about = {"student": student, "assignment": "ps1", "notebook": "p1"}
    folder = tiny.course.submitted / student / "ps1"
    return {
        "nbgrader": {**about, "db_url": tiny.course.db_url},
        "metadata": {"path": str(folder)},
    }


def test_the_configuration_names_our_steps(tiny: TinyCourse) -> None:
    config = tiny.course.nbgrader_config()
    ours = "workshop.grading.nbgrader_steps."
    assert config.Autograde.exporter_class == f"{ours}SubmissionExporter"
    assert f"{ours}RestoreSubmission" in config.Autograde.sanitize_preprocessors
    assert config.Autograde.autograde_preprocessors[:2] == [
        f"{ours}ExecuteSubmission",
        f"{ours}StrictSaveAutoGrades",
    ]
    assert f"{ours}StudentView" in config.GenerateFeedback.preprocessors


def test_a_stock_converter_rejects_and_leaves_no_zero(tiny: TinyCourse) -> None:
    tiny.submit("ada", "no notebook")
    config = tiny.course.nbgrader_config()
    coursedir = CourseDirectory(config=config)
    coursedir.assignment_id, coursedir.student_id = "ps1", "ada"
    with pytest.raises(NbGraderException):
        Autograde(coursedir=coursedir, config=config).start()
    with open_gradebook(coursedir) as gradebook:
        grades, _ = load_grades(gradebook, "ps1", "ada")
    assert [(grade.score, grade.needs_manual_grade) for grade in grades] == [(None, True)] * 3
    last = Journal(tiny.course.gradelog).read().entries[-1].entry
    assert (last.student, last.outcome) == ("ada", Outcome.REJECTED)
    assert "not JSON" in last.message


def test_restoring_takes_the_gradebooks_copy(tiny: TinyCourse) -> None:
    notebook = tiny.answered()
    tests = [cell for cell in notebook.cells if nbgrader_of(cell).get("grade_id") == "test_square"]
    tests[0].source = "2.0"
    restored, _ = RestoreSubmission().preprocess(notebook, resources_of(tiny, "ada"))
    assert any("squared(7)" in cell.source for cell in restored.cells)


def test_execution_is_configured_and_finds_the_submissions_files(
    tiny: TinyCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny.course.root)
    (tiny.submit("ada", tiny.answered()).parent / "data.csv").write_text("1")
    source = "import os, time\nprint(os.listdir())\ntime.sleep(60)"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    config = Config({"ExecuteSubmission": {"cell_seconds": 1.0}})
    step = ExecuteSubmission(config=config)
    executed, _ = step.preprocess(notebook, resources_of(tiny, "ada"))
    assert "['data.csv']" in executed.cells[0].outputs[0].text
    assert record_of(executed)["outcome"] == "TIMED_OUT"
    assert record_of(executed)["seconds"] >= 1


def test_the_students_view_is_cleaned(tiny: TinyCourse) -> None:
    cell = nbformat.v4.new_code_cell("a\n### BEGIN HIDDEN TESTS\nb\n### END HIDDEN TESTS")
    notebook = nbformat.v4.new_notebook(cells=[cell])
    assert StudentView().preprocess(notebook, {})[0].cells[0].source == "a"
