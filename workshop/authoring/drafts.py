"""What the starts of exercises and quizzes have in common: names, templates, places, writing."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

import yaml

from workshop.authoring.build import load_cells, refuse_to_lose_edits
from workshop.authoring.cells import Kind, SourceCell
from workshop.authoring.files import write_atomic
from workshop.authoring.rules import check_cells
from workshop.authoring.text import parse
from workshop.course import NO_ASSIGNMENTS, Course, check_name
from workshop.errors import WorkshopError
from workshop.quiz.cells import expanded
from workshop.quiz.items import Quiz

_TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True)
class Place:
    """Where an author goes on.

    Attributes:
        path: the file.
        line: in it, counted from 1; 0 for the file as a whole.
        what: what to do there.
    """

    path: Path
    line: int
    what: str


@dataclass(frozen=True)
class Draft:
    """A start that was written into the course.

    Attributes:
        assignment: the assignment.
        notebook: the notebook that students will see it in.
        files: the files that were written, with whether each of them is new.
        edit: what the author edits next, in this order.
        remarks: what else is to be known.
    """

    assignment: str
    notebook: str
    files: Mapping[Path, bool]
    edit: tuple[Place, ...]
    remarks: tuple[str, ...] = ()


def template(file: str, /, **values: str) -> str:
    """A template's text with its ``${...}`` filled in."""
    return Template((_TEMPLATES / file).read_text(encoding="utf-8")).substitute(values)


def title_of(name: str) -> str:
    """A heading made of a name."""
    words = name.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:]


def text_before(course: Course, assignment: str, notebook: str) -> str | None:
    """The text of a notebook that something is added to; None if it does not exist yet.

    Raises:
        WorkshopError: a name is none that nbgrader can work with, the notebook has a fault, or it
            was edited in JupyterLab and not imported.
    """
    path = course.text(assignment, notebook)
    check_name(assignment, "assignment", path.parent)
    check_name(notebook, "notebook", path)
    if assignment in NO_ASSIGNMENTS:
        raise WorkshopError(
            f"{assignment!r} cannot be the name of an assignment",
            where=path.parent,
            remedy="use another name: something else lies there",
        )
    if not path.exists():
        return None
    load_cells(course, assignment, notebook)
    refuse_to_lose_edits(course, assignment, notebook)
    return path.read_text(encoding="utf-8-sig")


def about_assignment(course: Course, assignment: str) -> tuple[str, ...]:
    """What an author should know who may have mistyped the name of an assignment."""
    if assignment in course.assignments():
        return ()
    return (f"There was no assignment {assignment} before: it is new.",)


def check_plain_name(name: str, where: Path) -> None:
    """Refuse a name that means something else in Python or YAML, such as ``sum`` or ``yes``.

    Raises:
        WorkshopError: it does.
    """
    if keyword.iskeyword(name) or name in dir(builtins) or yaml.safe_load(name) != name:
        raise WorkshopError(
            f"{name!r} means something in Python or YAML already",
            where=where,
            remedy=f"choose another name, such as my_{name}",
        )


def with_cells(text: str, cells: str) -> tuple[str, bool]:
    """A notebook's text with cells added at its end.

    A closing section with the overview of progress stays behind them, if it begins with a heading
    of its own.

    Returns:
        The text, and whether an overview now stands above the cells and so does not list them.
    """
    before = parse(text).cells
    lines = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    overviews = [number for number, cell in enumerate(before) if cell.kind is Kind.PROGRESS]
    at = _section_of(before, overviews[-1]) if overviews else None
    if at is None:
        return "\n".join([*lines, "", cells]), bool(overviews)
    above = "\n".join(lines[: at - 1]).rstrip("\n")
    return "\n\n".join([above, cells.rstrip("\n"), "\n".join(lines[at - 1 :])]) + "\n", False


def _section_of(cells: tuple[SourceCell, ...], overview: int) -> int | None:
    """The line where the section of an overview begins; None if it is within another section."""
    if overview == 0:
        return None
    heading = cells[overview - 1]
    is_section = heading.kind is Kind.PROSE and heading.source.startswith("#")
    return heading.line if is_section else None


def check_text(text: str, path: Path, quizzes: Mapping[str, Quiz]) -> tuple[SourceCell, ...]:
    """The cells of a text that is not written yet, with those of its quizzes.

    Raises:
        WorkshopError: as building it would.
    """
    cells = expanded(parse(text, path).cells, quizzes, path)
    check_cells(cells, path)
    return cells


def write(files: Mapping[Path, str]) -> dict[Path, bool]:
    """Write files, each whole or not at all.

    Returns:
        For each whether it is new.
    """
    new = {path: not path.exists() for path in files}
    for path, text in files.items():
        write_atomic(path, text.encode())
    return new


def place_of(cells: Iterable[SourceCell], path: Path, kind: Kind, name: str, what: str) -> Place:
    """The place of a named cell."""
    line = next(cell.line for cell in cells if cell.kind is kind and cell.name == name)
    return Place(path, line, what)
