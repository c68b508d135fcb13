"""What the commands of ``workshop`` have in common: arguments, tables, progress, JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:
    from workshop.grading.results import SubmissionResult

out = Console()
err = Console(stderr=True)

Assignments = Annotated[
    list[str] | None, typer.Argument(help="assignments; all of the course if none is named")
]
Assignment = Annotated[str, typer.Argument(help="the assignment")]
Students = Annotated[
    list[str] | None, typer.Option("--student", help="only this one; may be given several times")
]
JsonFile = Annotated[
    Path | None, typer.Option("--json", help="write the result here as JSON; - for the terminal")
]


def grades_table(results: Iterable[SubmissionResult]) -> Table:
    """The grades of an assignment for people."""
    table = Table("student", "outcome", "score", "of", "seconds", "on", "to grade by hand")
    for result in results:
        devices = sorted({printable(str(each)) for each in result.devices.values()})
        table.add_row(
            result.student,
            result.outcome.value if result.outcome else "not graded",
            "none" if result.score is None else f"{result.score:g}",
            f"{result.max_score:g}",
            f"{result.seconds:.1f}",
            ", ".join(devices),
            "yes" if result.needs_manual_grade else "",
        )
    return table


def printable(text: str) -> str:
    """Text that does nothing to a terminal but stand there: somebody else may have chosen it."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii")
        for each in text
    )


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Write what ``--json`` asks for; - stands for the terminal."""
    text = json.dumps(data, indent=2, allow_nan=False) + "\n"
    if str(path) == "-":
        sys.stdout.write(text)
    else:
        path.write_text(text, encoding="utf-8")


@contextmanager
def progress(title: str) -> Iterator[Any]:
    """A progress bar; yields a function that takes how many are done, of how many, and which.

    Where there is no terminal, as in a log, a line for each instead.
    """
    if not err.is_terminal:
        yield lambda done, total, name: err.print(f"{title}: {done} of {total}, {name}")
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=err) as bar:
        task = bar.add_task(title, total=None)

        def advance(done: int, total: int, name: str) -> None:
            bar.update(task, completed=done, total=total, description=f"{title}: {name}")

        yield advance
