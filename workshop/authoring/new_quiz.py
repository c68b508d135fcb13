"""A start for a new quiz, with an item of each type, and for a new item of a quiz."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import yaml

from workshop.authoring.cells import NAME, Kind, SourceCell
from workshop.authoring.drafts import (
    Draft,
    Place,
    about_assignment,
    check_plain_name,
    check_text,
    template,
    text_before,
    title_of,
    with_cells,
    write,
)
from workshop.authoring.entries import with_entries
from workshop.authoring.text import parse
from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.quiz.items import Quiz, load_quizzes

# In the order of docs/author. What an item's id ends with says what it is until it is renamed.
_ENDINGS = {
    "single_choice": "choice",
    "multiple_response": "choices",
    "true_false": "statement",
    "numeric": "number",
    "short_answer": "words",
    "ordering": "order",
    "parameterised": "formula",
}
TYPES = tuple(_ENDINGS)
_LONGEST_ID = 40
_LONGEST_QUIZ = _LONGEST_ID - 1 - max(map(len, _ENDINGS.values()))


def new_quiz(course: Course, assignment: str, name: str, *, notebook: str | None = None) -> Draft:
    """Write the start of a quiz with an item of each type, and ask it in a notebook.

    All is checked before anything is written, and nothing that is there is replaced.

    Args:
        course: the course.
        assignment: where it is asked; a new one if there is none of this name.
        name: the quiz's.
        notebook: asks it at its end; a notebook named as the quiz for None. Made if it is not
            there.

    Raises:
        WorkshopError: a name cannot be used or is taken, or the notebook has a fault or edits that
            were not imported.
    """
    path = course.quizzes / f"{name}.yaml"
    _check_name("the name of a quiz", name, path, _LONGEST_QUIZ)
    quizzes = load_quizzes(course.quizzes)
    if name in quizzes:
        raise WorkshopError(
            f"there is a quiz {name!r} already",
            where=path,
            remedy="choose another name, or add an item to it:"
            f" workshop new quiz {assignment} {name} --item ID",
        )
    ids = {f"{name}_{ending}": kind for kind, ending in _ENDINGS.items()}
    return _written(course, assignment, name, ids, quizzes, notebook=notebook)


def new_item(
    course: Course,
    assignment: str,
    quiz: str,
    item: str,
    *,
    kind: str = TYPES[0],
    notebook: str | None = None,
) -> Draft:
    """Write the start of an item at the end of a quiz, which is made if it is not there.

    Args:
        course: the course.
        assignment: where it is asked.
        quiz: the quiz.
        item: the item's id.
        kind: its type.
        notebook: asks it, after the quiz's other items if there are any; for None the assignment's
            notebook that asks the quiz already, else one named as the quiz.

    Raises:
        WorkshopError: as :func:`new_quiz`; the type is none; the quiz cannot be added to.
    """
    path = course.quizzes / f"{quiz}.yaml"
    _check_name("the name of a quiz", quiz, path, _LONGEST_ID)
    if kind not in TYPES:
        raise WorkshopError(
            f"there is no type {kind!r} of items",
            where=path,
            remedy=f"give one with --type: {', '.join(TYPES)}",
        )
    _check_name("the id of an item", item, path, _LONGEST_ID)
    return _written(
        course, assignment, quiz, {item: kind}, load_quizzes(course.quizzes), notebook=notebook
    )


def _check_name(what: str, name: str, where: Path, longest: int) -> None:
    if not NAME.fullmatch(name) or len(name) > longest:
        raise WorkshopError(
            f"{name!r} cannot be {what}",
            where=where,
            remedy=f"use at most {longest} of a-z, 0-9 and underscore, with a letter first",
        )
    check_plain_name(name, where)


def _written(
    course: Course,
    assignment: str,
    name: str,
    ids: dict[str, str],
    quizzes: dict[str, Quiz],
    *,
    notebook: str | None,
) -> Draft:
    path = course.quizzes / f"{name}.yaml"
    for other, quiz in quizzes.items():
        for item in quiz.items:
            if item.id in ids:
                raise WorkshopError(
                    f"the item {item.id!r} stands in {other}.yaml already",
                    where=course.quizzes / f"{other}.yaml",
                    remedy="choose another id: answers are told apart by it",
                )
    items = "\n".join(template(f"items/{kind}.yaml", id=each) for each, kind in ids.items())
    text = (
        path.read_text(encoding="utf-8")
        if name in quizzes
        else f"title: {title_of(name)}\nitems:\n"
    )
    text = with_entries(text, "items", items, path)
    after = {**quizzes, name: Quiz.model_validate(yaml.safe_load(text))}
    chosen = notebook or _asking(course, assignment, name) or name
    page = course.text(assignment, chosen)
    asking, remarks = _asked(course, assignment, chosen, name, list(ids) if name in quizzes else [])
    check_text(asking, page, after)
    files = {path: text}
    if not page.exists() or asking != page.read_text(encoding="utf-8-sig"):
        files[page] = asking
    lines = text.split("\n")
    places = tuple(
        Place(path, _line_of(lines, each), f"{kind}: the question, its key, its feedback")
        for each, kind in ids.items()
    )
    remarks += about_assignment(course, assignment)
    return Draft(assignment, chosen, write(files), places, remarks)


def _line_of(lines: Sequence[str], item: str) -> int:
    """The line of an item's id, counted from 1."""
    pattern = re.compile(rf"\s*-\s+id:\s+{item}\s*")
    return next(number for number, line in enumerate(lines, start=1) if pattern.fullmatch(line))


def _asking(course: Course, assignment: str, quiz: str) -> str | None:
    """The first notebook of an assignment that asks a quiz."""
    if assignment not in course.assignments():
        return None
    for notebook in course.notebooks(assignment):
        path = course.text(assignment, notebook)
        if _markers(parse(path.read_text(encoding="utf-8-sig"), path).cells, quiz):
            return notebook
    return None


def _markers(cells: Sequence[SourceCell], quiz: str) -> list[SourceCell]:
    return [cell for cell in cells if cell.kind is Kind.QUIZ and cell.name == quiz]


def _asked(
    course: Course, assignment: str, notebook: str, quiz: str, ids: Sequence[str]
) -> tuple[str, tuple[str, ...]]:
    """The notebook's text that asks these items, all if none is named, with remarks."""
    before = text_before(course, assignment, notebook)
    if before is None:
        text = template("quiz.txt", name=quiz, title=title_of(quiz))
        marker = f'# %% quiz="{quiz}"\n'
        return text.replace(marker, marker + "".join(f"# {each}\n" for each in ids)), ()
    markers = _markers(parse(before).cells, quiz)
    if not markers:
        lines = [f'# %% quiz="{quiz}"', *(f"# {each}" for each in ids)]
        text, below_overview = with_cells(before, "\n".join(lines) + "\n")
        remark = "The overview of progress stands above the new questions: move one of the two."
        return text, (remark,) * below_overview
    if not all(marker.source.strip() for marker in markers):
        return before, ()  # a marker without ids asks all items
    last = markers[-1]
    lines = before.replace("\r\n", "\n").split("\n")
    at = last.first_line - 1 + len(last.source.split("\n"))
    return "\n".join([*lines[:at], *(f"# {each}" for each in ids), *lines[at:]]), ()
