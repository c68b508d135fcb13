"""A student's results agree with the gradebook, and tell no more than they may."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory

from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.grading.gradebook import open_gradebook
from workshop.grading.records import CellStatus
from workshop.reports.gather import gather
from workshop.reports.student_page import student_page
from workshop.reports.student_results import ResultsReader, StudentResults

ASSIGNMENT, STUDENT = "ps1", "student0003"


@pytest.fixture
def own(graded: Course, tmp_path: Path) -> Course:
    """A copy of the class, to be changed."""
    root = tmp_path / "course"
    shutil.copytree(graded.root, root)
    return Course.at(root)


@pytest.fixture
def gradebook(own: Course) -> Iterator[Gradebook]:
    with open_gradebook(CourseDirectory(config=own.nbgrader_config())) as opened:
        yield opened


def read(
    course: Course, gradebook: Gradebook, student: str = STUDENT, *, keys: bool = False
) -> StudentResults:
    return ResultsReader(course, ASSIGNMENT, keys=keys).read(gradebook, student)


def notebook_of(course: Course, student: str = STUDENT) -> Path:
    return course.autograded / student / ASSIGNMENT / "p1.ipynb"


def change(course: Course, grade_id: str, **more: Any) -> None:
    """Change a cell of the student's graded notebook."""
    content = json.loads(notebook_of(course).read_text())
    for cell in content["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == grade_id:
            cell.update(more)
    notebook_of(course).write_text(json.dumps(content))


def test_points_are_those_of_the_gradebook(own: Course, gradebook: Gradebook) -> None:
    data = gather(own, ASSIGNMENT)
    reader = ResultsReader(own, ASSIGNMENT)
    for submission, row in zip(data.submissions, data.matrix.scores, strict=True):
        if submission.score is None:
            continue
        results = reader.read(gradebook, submission.student)
        assert results.score == pytest.approx(submission.score)
        assert tuple(each.score for each in results.items) == row
        earned = {each.name: each.earned.value for each in results.objectives}
        for name, share in earned.items():
            pairs = [(x.score, x.item.max_score) for x in results.items if x.item.objective == name]
            decided = [pair for pair in pairs if pair[0] is not None]
            assert share == pytest.approx(
                sum(s or 0 for s, _ in decided) / sum(m for _, m in decided)
            )
    assert reader.notes == []


def test_findings_come_with_their_hints(own: Course, gradebook: Gradebook) -> None:
    failed = [
        found
        for name in (f"student{number:04}" for number in range(10))
        for each in read(own, gradebook, name).items
        for found in each.findings
        if found.status == "failed" and each.answer is None
    ]
    assert failed
    assert all(found.hint and found.expected and found.rationale for found in failed)


def test_a_comment_stands_with_the_exercise_that_it_is_about(
    own: Course, gradebook: Gradebook
) -> None:
    for name in ("double", "why"):
        comment = gradebook.find_comment(name, "p1", ASSIGNMENT, STUDENT)
        comment.manual_comment = f"About {name}: for x <in> xs."
    gradebook.db.commit()
    found = {each.item.name: str(each.comment) for each in read(own, gradebook).items}
    assert "About double: for x &lt;in&gt; xs." in found["double"]
    assert "About why: for x &lt;in&gt; xs." in found["why"]
    assert found["total"] == ""


def test_points_by_hand_take_precedence_and_are_named(own: Course, gradebook: Gradebook) -> None:
    grade = gradebook.find_grade("test_double", "p1", ASSIGNMENT, STUDENT)
    grade.manual_score, grade.extra_credit = 1.5, 0.25
    gradebook.db.commit()
    double = next(each for each in read(own, gradebook).items if each.item.name == "double")
    assert (double.score, double.by_hand, double.status) == (1.75, True, CellStatus.PARTIAL)


def test_what_is_open_is_no_zero(own: Course, gradebook: Gradebook) -> None:
    grade = gradebook.find_grade("why", "p1", ASSIGNMENT, STUDENT)
    grade.manual_score = grade.auto_score = None
    gradebook.db.commit()
    results = read(own, gradebook)
    why = next(each for each in results.items if each.item.name == "why")
    assert (why.score, why.status) == (None, CellStatus.NEEDS_MANUAL_GRADE)
    assert results.waiting == 1


def test_what_being_late_costs_is_taken_off(own: Course, gradebook: Gradebook) -> None:
    before = read(own, gradebook)
    assert before.score is not None
    for notebook in gradebook.find_submission(ASSIGNMENT, STUDENT).notebooks:
        notebook.late_submission_penalty = 1.0
    gradebook.db.commit()
    after = read(own, gradebook)
    assert after.score == pytest.approx(before.score - 1)
    assert after.late_penalty == 1.0


def test_a_check_of_ours_that_broke_costs_nothing_and_tells_nothing(
    own: Course, gradebook: Gradebook
) -> None:
    table = {
        "grade_id": "test_double",
        "points": 2.0,
        "verdicts": [{"check": "c", "status": "ERROR", "score": 0.0, "weight": 2.0,
                      "rationale": "Traceback: the secret"}],
    }  # fmt: skip
    output = {"output_type": "display_data", "metadata": {},
              "data": {"application/vnd.transfer-learning.verdicts+json": table}}  # fmt: skip
    change(own, "test_double", outputs=[output])
    double = next(each for each in read(own, gradebook).items if each.item.name == "double")
    assert [each.status for each in double.findings] == ["error"]
    assert "secret" not in student_page(read(own, gradebook))


@pytest.mark.parametrize(
    ("record", "hint"),
    [
        ({"state": "raised", "status": "failed", "message": "NameError: x"}, "Restart the kernel"),
        ({"state": "timed_out", "status": "failed", "message": "it took too long"}, "loop"),
        ({"state": "died", "status": "failed", "message": "the kernel died"}, "memory"),
        ({"state": "not_executed", "status": "not_executed", "message": "not run"}, "above"),
    ],
)
def test_what_stopped_is_told_with_what_to_do(
    own: Course, gradebook: Gradebook, record: dict[str, str], hint: str
) -> None:
    grade = gradebook.find_grade("test_double", "p1", ASSIGNMENT, STUDENT)
    grade.auto_score, grade.manual_score = 0.0, None
    gradebook.db.commit()
    meta = {"nbgrader": {"grade_id": "test_double", "grade": True, "points": 2}, "workshop": record}
    change(own, "test_double", outputs=[], metadata=meta)
    double = next(each for each in read(own, gradebook).items if each.item.name == "double")
    assert double.note == record["message"]
    assert hint in double.hint
    assert double.next_step == double.hint


class TestSecrets:
    """What only instructors may see is on no student's page."""

    HIDDEN = "assert double(held_out_value) == expected_of(held_out_value)"

    def test_what_repeats_a_hidden_test_is_left_out(
        self, own: Course, gradebook: Gradebook
    ) -> None:
        table = {
            "grade_id": "test_double",
            "points": 2.0,
            "verdicts": [{"check": "c", "status": "FAILED", "score": 0.0, "weight": 2.0,
                          "rationale": f"Your code raised: {self.HIDDEN}", "hint": "Look again."}],
        }  # fmt: skip
        output = {"output_type": "display_data", "metadata": {},
                  "data": {"application/vnd.transfer-learning.verdicts+json": table}}  # fmt: skip
        source = f"### BEGIN HIDDEN TESTS\n{self.HIDDEN}\n### END HIDDEN TESTS\n"
        change(own, "test_double", outputs=[output], source=source.splitlines(keepends=True))
        page = student_page(read(own, gradebook))
        assert "held_out_value" not in page
        assert "Look again." in page

    def test_mark_schemes_stay_behind(self, own: Course, gradebook: Gradebook) -> None:
        content = json.loads(notebook_of(own).read_text())
        scheme = "=== BEGIN MARK SCHEME ===\nTwo points for the empty sum.\n=== END MARK SCHEME ==="
        content["cells"].append(
            {
                "cell_type": "markdown",
                "metadata": {"nbgrader": {"grade_id": "why", "grade": True, "solution": True}},
                "source": f"It is neutral.\n{scheme}",
            }
        )
        notebook_of(own).write_text(json.dumps(content))
        page = student_page(read(own, gradebook))
        assert "It is neutral." in page
        assert "empty sum" not in page

    def test_paths_of_the_machine_are_shortened(self, own: Course, gradebook: Gradebook) -> None:
        record = {"state": "raised", "status": "failed", "message": f"at {own.root}/x.py"}
        meta = {"nbgrader": {"grade_id": "test_double", "grade": True, "points": 2}}
        grade = gradebook.find_grade("test_double", "p1", ASSIGNMENT, STUDENT)
        grade.auto_score, grade.manual_score = 0.0, None
        gradebook.db.commit()
        change(own, "test_double", outputs=[], metadata={**meta, "workshop": record})
        page = student_page(read(own, gradebook))
        assert str(own.root) not in page
        assert "course/x.py" in page

    def test_nobody_else_is_named(self, own: Course, gradebook: Gradebook) -> None:
        page = student_page(read(own, gradebook))
        assert STUDENT in page
        assert "student0004" not in page


def test_a_notebook_that_cannot_be_read_is_said_to_be(own: Course, gradebook: Gradebook) -> None:
    notebook_of(own).write_text("{")
    results = read(own, gradebook)
    assert "cannot be read" in results.notices[0]
    assert all(not each.seen for each in results.items)
    assert results.score is not None


def test_a_run_that_did_not_end_is_told(own: Course, gradebook: Gradebook) -> None:
    content = json.loads(notebook_of(own).read_text())
    content["metadata"]["workshop"] = {"outcome": "OUT_OF_MEMORY", "message": "6 GB were used"}
    notebook_of(own).write_text(json.dumps(content))
    (notice,) = read(own, gradebook).notices
    assert "not everything was run" in notice
    assert "6 GB were used" in notice


def test_a_broken_calibration_costs_the_band_only(own: Course, gradebook: Gradebook) -> None:
    path = own.calibration(ASSIGNMENT, "p1")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
    reader = ResultsReader(own, ASSIGNMENT)
    assert reader.read(gradebook, STUDENT).measured == ()
    assert any("p1" in note for note in reader.notes)


def test_an_unknown_assignment_is_an_error(own: Course, gradebook: Gradebook) -> None:
    with pytest.raises(WorkshopError, match="ps9"):
        ResultsReader(own, "ps9").read(gradebook, STUDENT)
