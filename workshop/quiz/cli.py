"""The commands ``workshop quiz ...``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from workshop.course import Course
from workshop.errors import WorkshopError

app = typer.Typer(help="Read quizzes from slides, and give them to other systems.")
_out, _err = Console(highlight=False), Console(stderr=True, highlight=False)


class System(StrEnum):
    """A learning management system that can read what is exported."""

    CANVAS = "canvas"
    MOODLE = "moodle"


@app.command("import")
def import_deck(
    deck: Annotated[Path, typer.Argument(help="slides as .txt, .md, .pdf or .pptx")],
    output: Annotated[Path, typer.Option("--output", "-o", help="the quiz file to write")],
    title: Annotated[str, typer.Option(help="the quiz's title; the file's name if not given")] = "",
    force: Annotated[bool, typer.Option("--force", help="write over a file that is there")] = False,
) -> None:
    """Find the quizzes in a slide deck, and write them as a file to complete.

    What is ambiguous, or has no answer, is reported with its line and left out. Exit status 1 if
    anything was reported.
    """
    from checks.names import plural  # noqa: PLC0415 - takes a while, as does the next
    from workshop.quiz.deck import find_questions, to_yaml  # noqa: PLC0415
    from workshop.quiz.deck_text import read_deck, slide_of  # noqa: PLC0415

    if output.exists() and not force:
        raise WorkshopError(
            "is there already", where=output, remedy="name another file, or add --force"
        )
    lines = read_deck(deck)
    found = find_questions(lines)
    for problem in found.problems:
        slide = f" (slide {slide_of(lines, problem.line)})" if "\f" in lines else ""
        _err.print(f"{deck}:{problem.line}{slide}: {problem.what}", style="red", markup=False)
    if not found.questions:
        raise WorkshopError(
            "no question that could be read",
            where=deck,
            remedy="docs/author tells how a quiz in a deck has to look",
        )
    output.write_text(to_yaml(found.questions, title or deck.stem), encoding="utf-8")
    reported = f"; {plural(len(found.problems), 'problem')} above" if found.problems else ""
    _out.print(f"{output}: {plural(len(found.questions), 'question')}{reported}", markup=False)
    _out.print("Now write the feedback, objective, topic and difficulty of each.")
    raise typer.Exit(1 if found.problems else 0)


@app.command()
def export(
    quizzes: Annotated[
        list[str] | None, typer.Argument(help="quizzes; all of the course if none is named")
    ] = None,
    to: Annotated[System, typer.Option(help="which system will read it")] = System.CANVAS,
    folder: Annotated[Path, typer.Option("--out", help="folder for the files")] = Path("exports"),
) -> None:
    """Write quizzes with their keys as QTI packages (Canvas) or Moodle XML, one file for each."""
    from checks.names import plural  # noqa: PLC0415 - takes a while, as does the next
    from workshop.quiz.items import load_quizzes, quiz_named  # noqa: PLC0415
    from workshop.quiz.moodle import to_moodle  # noqa: PLC0415
    from workshop.quiz.qti import to_qti  # noqa: PLC0415

    course = Course.find()
    found = load_quizzes(course.quizzes)
    chosen = {name: quiz_named(found, name, course.quizzes) for name in quizzes or found}
    write, suffix = (to_qti, "zip") if to is System.CANVAS else (to_moodle, "xml")
    folder.mkdir(parents=True, exist_ok=True)
    for name, quiz in chosen.items():
        path = folder / f"{name}.{suffix}"
        path.write_bytes(write(quiz))
        count = plural(len(quiz.items), "question")
        _out.print(f"wrote {path}: {count}, with keys", markup=False)
