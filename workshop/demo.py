"""The main job in minutes: build, release, collect a small class, grade, feedback, export.

Everything happens in a course folder of its own, ``demo/``, with the real course's text and
nbgrader configuration. The submissions reach it as they would from a learning management system: a
zip file with one notebook a student, taken apart by nbgrader's own ``zip_collect``.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from workshop.authoring.build import build
from workshop.authoring.leaks import scan_release
from workshop.course import CONFIG_NAME, Course
from workshop.errors import WorkshopError
from workshop.grading.export import export_grades
from workshop.grading.feedback import generate_feedback
from workshop.grading.grade import GradeReport, grade
from workshop.grading.held_out import held_out_labels
from workshop.grading.records import Outcome
from workshop.reports.student_page import PAGE_NAME
from workshop.submissions import load_cohort, sample_submission

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Demo:
    """What the demonstration made.

    Attributes:
        course: the demonstration's own course folder.
        reports: the grades of each assignment.
        opens: files to look at next, with what they are.
    """

    course: Course
    reports: tuple[GradeReport, ...]
    opens: dict[str, Path]


def run_demo(
    origin: Course,
    folder: Path,
    progress: Progress | None = None,
    *,
    notebooks: Collection[str] | None = None,
) -> Demo:
    """Carry every assignment that has a sample class from its text to its grades.

    Args:
        origin: the course whose text is used.
        folder: where the demonstration's course goes; an earlier demonstration there is replaced.
        progress: called after each submission with how many are done, of how many, and whose.
        notebooks: only notebooks with these names, for a shorter demonstration; all if None.

    Raises:
        WorkshopError: the folder holds something else, or a step failed.
    """
    course = fresh_course(origin, folder)
    if notebooks is not None:
        for path in course.source.glob("*/*.py"):
            if path.stem not in notebooks:
                path.unlink()
    assignments = [name for name in course.assignments() if _sample_notebooks(course, name)]
    build(course, assignments)
    leaks = scan_release(course, assignments, labels=held_out_labels())
    if leaks:
        raise WorkshopError(f"the release leaks: {leaks[0]}", where=course.release)
    reports = []
    for assignment in assignments:
        _hand_in(course, assignment)
        _collect(course, assignment)
        reports.append(grade(course, assignment, progress=progress))
        generate_feedback(course, assignment)
        export_grades(
            course,
            assignment,
            csv=course.root / f"grades_{assignment}.csv",
            json=course.root / f"grades_{assignment}.json",
        )
    return Demo(course, tuple(reports), _to_open(course, reports))


def fresh_course(origin: Course, folder: Path) -> Course:
    """A copy of a course's texts and configuration, without any work of students.

    Args:
        origin: the course whose text is used.
        folder: where the copy goes; an earlier one there is replaced.

    Raises:
        WorkshopError: the folder holds something else.
    """
    if folder.exists() and not (folder / CONFIG_NAME).exists() and any(folder.iterdir()):
        raise WorkshopError(
            "this folder holds something else", where=folder, remedy="name another one with --out"
        )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(origin.config_path, folder / CONFIG_NAME)
    shutil.copytree(
        origin.source,
        folder / "source",
        ignore=shutil.ignore_patterns(origin.source_notebooks.name),
    )
    if origin.quizzes.is_dir():
        shutil.copytree(origin.quizzes, folder / origin.quizzes.name)
    return Course.at(folder)


def _sample_notebooks(course: Course, assignment: str) -> list[str]:
    return [
        notebook
        for notebook in course.notebooks(assignment)
        if (course.instructor_folder(assignment, notebook) / "cohort.yaml").exists()
    ]


def _hand_in(course: Course, assignment: str) -> None:
    """Put the class's notebooks into one zip file, as a learning management system gives them."""
    archive = course.root / "downloaded" / assignment / "archive" / "class.zip"
    archive.parent.mkdir(parents=True)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for notebook in _sample_notebooks(course, assignment):
            cohort = load_cohort(course.instructor_folder(assignment, notebook) / "cohort.yaml")
            for student, kind in cohort.items():
                text = sample_submission(course, assignment, notebook, kind)
                file.writestr(f"{student}_{notebook}.ipynb", text)


def _collect(course: Course, assignment: str) -> None:
    command = [sys.executable, "-m", "nbgrader", "zip_collect", assignment, "--log-level=WARN"]
    done = subprocess.run(  # noqa: S603 - our own arguments
        command, cwd=course.root, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise WorkshopError(
            f"nbgrader zip_collect failed: {done.stderr[-2000:]}", where=course.root
        )


def _to_open(course: Course, reports: Sequence[GradeReport]) -> dict[str, Path]:
    opens = {}
    for report in reports:
        assignment = report.assignment
        opens[f"what students get ({assignment})"] = course.release / assignment
        opens[f"grades ({assignment})"] = course.root / f"grades_{assignment}.csv"
        page = course.feedback / _with_mistakes(report) / assignment / PAGE_NAME
        if page.exists():
            opens[f"one student's feedback ({assignment})"] = page
    return opens


def _with_mistakes(report: GradeReport) -> str:
    """Whose feedback says the most: the lowest score above 0 of those that ran to the end."""
    complete = [each for each in report.results if each.outcome is Outcome.COMPLETED and each.score]
    chosen = min(complete or report.results, key=lambda each: each.score or 0)
    return chosen.student
