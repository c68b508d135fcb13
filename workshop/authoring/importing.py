"""The way back: a notebook edited in JupyterLab becomes text again."""

from __future__ import annotations

from pathlib import Path

from nbformat import NotebookNode

from workshop.authoring.files import write_atomic
from workshop.authoring.notebook import from_notebook, load
from workshop.authoring.regions import Region
from workshop.authoring.rules import check_cells
from workshop.authoring.text import NotebookText, parse, read, render
from workshop.course import Course, check_name
from workshop.errors import WorkshopError
from workshop.quiz.cells import collapsed
from workshop.quiz.items import load_quizzes


def import_notebook(course: Course, path: Path | str, *, assignment: str | None = None) -> Path:
    """Write the text file of a notebook that was edited in JupyterLab.

    Building the new text gives the same cells again; outputs, cell ids and what JupyterLab keeps
    for itself (folding, execution times) are left behind. The text is replaced whole or not at all.

    Args:
        course: the course.
        path: the edited notebook, usually ``source/notebooks/<assignment>/<notebook>.ipynb``. Its
            file name names the text; a notebook that has none yet gets one.
        assignment: where it belongs, if its folder is not named after the assignment.

    Returns:
        The text file.

    Raises:
        WorkshopError: the file is no notebook, is the students' version, belongs to no assignment,
            or holds something that the text format cannot keep; names the cell.
    """
    notebook_path = Path(path).resolve()
    _refuse_generated(course, notebook_path)
    notebook = load(notebook_path)
    if _is_released(notebook):
        raise _students_version(course, notebook_path)
    questions_too = from_notebook(notebook, notebook_path)
    check_cells(questions_too, notebook_path)
    cells = collapsed(questions_too, load_quizzes(course.quizzes), notebook_path)
    target = _target(course, notebook_path, assignment)
    text = render(NotebookText(read(target).preamble if target.is_file() else "", cells))
    _check_round_trip(text, cells, notebook_path)
    write_atomic(target, text.encode())
    return target


def _refuse_generated(course: Course, path: Path) -> None:
    students = (course.release, course.submitted, course.autograded, course.feedback)
    if any(path.is_relative_to(folder) for folder in students):
        raise _students_version(course, path)


def _is_released(notebook: NotebookNode) -> bool:
    """Whether nbgrader made it: checksums, which source notebooks lack, and no solution left."""
    return any(
        "checksum" in cell.metadata.get("nbgrader", {}) for cell in notebook.cells
    ) and not any(Region.SOLUTION.begin in cell.source for cell in notebook.cells)


def _students_version(course: Course, path: Path) -> WorkshopError:
    return WorkshopError(
        "this is a student's version: it holds no solutions",
        where=path,
        remedy=f"edit and import the notebook under {course.source_notebooks}",
    )


def _target(course: Course, path: Path, assignment: str | None) -> Path:
    name = assignment if assignment is not None else path.parent.name
    if assignment is None and name not in course.assignments():
        raise WorkshopError(
            f"its folder {name!r} is not an assignment of this course",
            where=path,
            remedy="say where it belongs with --assignment NAME; there are: "
            + (", ".join(course.assignments()) or "none"),
        )
    check_name(path.stem, "notebook", path)
    return course.text(course.require(name), path.stem)


def _check_round_trip(text: str, cells: tuple[object, ...], where: Path) -> None:
    """Reading the text must give the very cells that were written."""
    remedy = "rewrite the cell: no line may look like a cell marker (# %%) or a commented magic"
    try:
        again = parse(text, where).cells
    except WorkshopError as error:
        raise WorkshopError(
            f"a cell cannot be kept as text: {error.what}", where=where, remedy=remedy
        ) from error
    for number, (old, new) in enumerate(zip(cells, again, strict=False), start=1):
        if old != new:
            raise WorkshopError(
                "the cell cannot be kept as text", where=f"{where}: cell {number}", remedy=remedy
            )
    if len(cells) != len(again):
        raise WorkshopError(
            f"{len(cells)} cells would become {len(again)}", where=where, remedy=remedy
        )
