"""Sample submissions, made from the release and the solutions as a student's work would look."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path

import nbformat
import yaml
from nbformat import NotebookNode

from workshop.authoring.build import load_cells
from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.grading.hiding import visible_part
from workshop.quiz.answers import wrong_answers
from workshop.quiz.asked import Asked
from workshop.quiz.keys import counted_questions
from workshop.verify.run import answered
from workshop.verify.variants import Variants, load_variants, patched, without_markers

CRASH = "import os\n\nos._exit(1)  # as when the memory runs out\n"
GARBAGE = "This is my homework. I wrote it in a text editor.\n"


def as_submitted(release: NotebookNode, solved: NotebookNode) -> NotebookNode:
    """The release notebook with the answers of a solved source notebook filled in."""
    answers = {
        cell.metadata["nbgrader"]["grade_id"]: without_markers(visible_part(cell.source))
        for cell in solved.cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }
    result = copy.deepcopy(release)
    for cell in result.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if grade_id in answers:
            cell.source = answers[grade_id]
    return result


def load_cohort(path: Path) -> dict[str, str]:
    """Which student hands in what, from ``cohort.yaml``.

    Raises:
        WorkshopError: the file is missing or no mapping of names to kinds of work.
    """
    if not path.exists():
        raise WorkshopError(
            "no sample class for this notebook",
            where=str(path),
            remedy="write one, as student: kind",
        )
    try:
        cohort = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise WorkshopError(
            f"not valid YAML: {error}", where=str(path), remedy="correct the line named above"
        ) from error
    if not isinstance(cohort, dict) or not all(isinstance(kind, str) for kind in cohort.values()):
        raise WorkshopError(
            "not a mapping of students to kinds of work",
            where=str(path),
            remedy="write student: kind",
        )
    return {str(student): kind for student, kind in cohort.items()}


def sample_submission(course: Course, assignment: str, notebook: str, kind: str) -> str:
    """The text of the file that a student of this kind hands in.

    Args:
        course: a course whose assignment is built.
        assignment: the assignment's name.
        notebook: the notebook's name, without its ending.
        kind: ``solution``, ``untouched``, ``garbage``, ``wrong/NAME``, ``right/NAME``,
            ``crash/CELL`` (the kernel dies in that solution cell) or ``answers/N`` (every N-th
            question of a quiz is answered wrongly).

    Raises:
        WorkshopError: there is no such kind, or not for this notebook.
    """
    if kind == "garbage":
        return GARBAGE
    release = nbformat.read(course.release / assignment / f"{notebook}.ipynb", as_version=4)
    if kind == "untouched":
        return f"{nbformat.writes(release)}\n"
    source = nbformat.read(course.source_notebooks / assignment / f"{notebook}.ipynb", as_version=4)
    variants = load_variants(course.instructor_folder(assignment, notebook) / "variants.yaml")
    questions = counted_questions(load_cells(course, assignment, notebook), course)
    solved = _solved(source, variants, questions, kind)
    return f"{nbformat.writes(as_submitted(release, solved))}\n"


def _solved(
    source: NotebookNode, variants: Variants, questions: Mapping[str, Asked], kind: str
) -> NotebookNode:
    family, _, name = kind.partition("/")
    if kind == "solution":
        return source
    if family == "crash" and name in _solution_cells(source):
        return _crashing(source, name)
    if family == "answers" and name.isdecimal() and int(name) and questions:
        every = [*questions][:: int(name)]
        return answered(source, {each: wrong_answers(questions[each])[0] for each in every})
    known: dict[str, Callable[[], NotebookNode]] = {
        "wrong": lambda: patched(source, variants.wrong[name]),
        "right": lambda: patched(source, variants.right[name]),
    }
    try:
        return known[family]()
    except KeyError:
        raise WorkshopError(
            f"no such kind of work: {kind!r}",
            where="cohort.yaml",
            remedy="use solution, untouched, garbage, wrong/NAME, right/NAME, crash/CELL or, in a"
            " quiz, answers/N",
        ) from None


def _solution_cells(source: NotebookNode) -> set[str]:
    found = (cell.metadata.get("nbgrader", {}) for cell in source.cells)
    return {meta["grade_id"] for meta in found if meta.get("solution")}


def _crashing(source: NotebookNode, grade_id: str) -> NotebookNode:
    result = copy.deepcopy(source)
    for cell in result.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id:
            cell.source = CRASH + cell.source
    return result
