"""A start for a new exercise: it builds and is verified at once, and is then edited.

The start asks for something small that is right: text, given code, stub, solution, visible and
hidden check, wrong solutions and a right one, and what learners are told. An author replaces one
piece after the other and can build and verify after each step.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from workshop.authoring.cells import NAME, TEST_PREFIX, Kind, SourceCell
from workshop.authoring.drafts import (
    Draft,
    Place,
    about_assignment,
    check_plain_name,
    check_text,
    place_of,
    template,
    text_before,
    title_of,
    with_cells,
    write,
)
from workshop.authoring.entries import entries_of, with_entries
from workshop.authoring.text import parse
from workshop.course import Course
from workshop.dataflow import names_of
from workshop.errors import WorkshopError
from workshop.grading.hidden_part import CALL, SECRET_NAMES
from workshop.grading.trusted import shared_names
from workshop.quiz.items import load_quizzes
from workshop.verify.messages import FILE as MESSAGES
from workshop.verify.messages import Message, with_messages
from workshop.verify.variants import load_variants

_VARIANTS = "variants.yaml"
_EXAMPLE = "_example"
_LONGEST = 50 - len(_EXAMPLE)
_IMPORTS = {"nn": "from torch import nn", "checks": "import checks"}


def new_exercise(course: Course, assignment: str, notebook: str, name: str) -> Draft:
    """Write the start of an exercise at the end of a notebook, which is made if it is not there.

    All is checked before anything is written, and nothing that is there is replaced.

    Args:
        course: the course.
        assignment: its assignment; a new one if there is none of this name.
        notebook: its notebook, likewise.
        name: the exercise's, which is also the name of the function that learners write.

    Raises:
        WorkshopError: a name cannot be used or is taken, the notebook has a fault or edits that
            were not imported, or a file of its wrong solutions cannot be added to.
    """
    path = course.text(assignment, notebook)
    before = text_before(course, assignment, notebook)
    _check_name(name, path)
    quizzes = load_quizzes(course.quizzes)
    remarks = []
    if before is None:
        before = template("notebook.txt", title=title_of(notebook))
    cells = check_text(before, path, quizzes)
    _refuse_taken(name, cells, path)
    text, below_overview = with_cells(before, _exercise(name, cells))
    check_text(text, path, quizzes)
    if below_overview:
        remarks.append(
            "The overview of progress stands above the new exercise and does not list it: move one"
            " of the two."
        )
    remarks += about_assignment(course, assignment)
    folder = course.instructor_folder(assignment, notebook)
    files = {**_variants(folder, name), path: text}
    return Draft(assignment, notebook, write(files), _places(text, path, name), tuple(remarks))


def _check_name(name: str, where: Path) -> None:
    if not NAME.fullmatch(name) or len(name) > _LONGEST:
        raise WorkshopError(
            f"{name!r} cannot be the name of an exercise",
            where=where,
            remedy=f"use at most {_LONGEST} of a-z, 0-9 and underscore, with a letter first: it"
            " names the function that learners write",
        )
    check_plain_name(name, where)


def _refuse_taken(name: str, cells: Sequence[SourceCell], path: Path) -> None:
    """A second use of a name would change what cells before it mean when they run again."""
    remedy = "choose another name for the new exercise"
    if name in {CALL, *SECRET_NAMES}:
        raise WorkshopError(f"{name!r} belongs to hidden parts", where=path, remedy=remedy)
    ids = {name, f"{TEST_PREFIX}{name}", f"{name}{_EXAMPLE}"}
    for cell in cells:
        if cell.grade_id in ids or ids & _names(cell):
            raise WorkshopError(
                f"the name {name!r} is taken in this notebook",
                where=f"{path}:{cell.line}" if cell.line else path,
                remedy=remedy,
            )


def _names(cell: SourceCell) -> frozenset[str]:
    if cell.cell_type != "code":
        return frozenset()
    try:
        found = names_of(cell.source)
    except SyntaxError:  # magics
        return frozenset()
    return found.defines | found.uses


def _exercise(name: str, cells: Sequence[SourceCell]) -> str:
    """The text of the cells; they import what locked cells before them have not."""
    locked = [
        cell.source
        for cell in cells
        if cell.kind is Kind.LOCKED
        and cell.cell_type == "code"
        # The overview may stand behind the new cells.
        and not cell.origin.startswith(Kind.PROGRESS)
    ]
    known = shared_names(locked)
    missing = [line for imported, line in _IMPORTS.items() if imported not in known]
    imports = "\n\n".join(missing) + "\n\n\n" if missing else ""
    return template("exercise.txt", name=name, title=title_of(name), imports=imports)


def _variants(folder: Path, name: str) -> dict[Path, str]:
    """The files with wrong and right solutions and their messages, with those of the start."""
    path, start = folder / _VARIANTS, template(_VARIANTS, name=name)
    there = load_variants(path)
    added = yaml.safe_load(start)
    for each in {**added["wrong"], **added["right"]}:
        if each in {**there.wrong, **there.right}:
            raise WorkshopError(
                f"there is a solution {each!r} already",
                where=path,
                remedy="remove it, or choose another name for the new exercise",
            )
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if text.strip():
        for key in added:
            text = with_entries(text, key, entries_of(start, key), path)
    else:
        text = start
    said = yaml.safe_load(template(MESSAGES, name=name))["messages"]
    messages = {each: Message.model_validate(message) for each, message in said.items()}
    return {path: text, folder / MESSAGES: with_messages(folder / MESSAGES, messages)}


def _places(text: str, path: Path, name: str) -> tuple[Place, ...]:
    cells = parse(text, path).cells
    solution = next(
        number
        for number, cell in enumerate(cells)
        if cell.kind is Kind.SOLUTION and cell.name == name
    )
    folder = path.with_suffix("")
    # The text stands two cells above: between them is the given code.
    task = cells[solution - 2]
    return (
        Place(path, task.line, "what learners read: the idea, the task, a hint"),
        place_of(cells, path, Kind.LOCKED, f"{name}{_EXAMPLE}", "the code that learners are given"),
        place_of(cells, path, Kind.SOLUTION, name, "signature, solution, objective and topic"),
        place_of(cells, path, Kind.TEST, name, "the visible check, the hidden one, the points"),
        Place(folder / _VARIANTS, 0, "wrong and right solutions: at least six and two in the end"),
    )
