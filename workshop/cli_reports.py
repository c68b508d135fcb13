"""The commands that report on a class."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workshop.course import Course
from workshop.terminal import Assignment, err, out, progress

app = typer.Typer()


@app.command()
def report(
    assignment: Assignment,
    output: Annotated[Path, typer.Option("--out", help="folder for the files")],
    *,
    keys: Annotated[
        bool,
        typer.Option("--keys", help="show each quiz item's options, with the right ones marked"),
    ] = False,
    mastered: Annotated[
        float,
        typer.Option(min=0, max=1, help="share of points from which on an objective is reached"),
    ] = 0.8,
) -> None:
    """Write how a class did: scores, item analysis, failed checks, objectives, time to grade.

    class.html opens in a browser and needs no network. The CSV files and report.json hold the same
    numbers. Only scores.csv names students.
    """
    from workshop.grading.machine_paths import path_hider  # noqa: PLC0415 - slow to import, as all
    from workshop.reports.class_report import class_report  # noqa: PLC0415
    from workshop.reports.files import write_report  # noqa: PLC0415
    from workshop.reports.gather import gather  # noqa: PLC0415

    course = Course.find()
    with progress("reading") as advance:
        data = gather(course, assignment, progress=advance)
    figures = class_report(data, mastered=mastered, clean=path_hider(course.root))
    for path in write_report(figures, data.matrix, output, keys=keys):
        out.print(f"wrote {path}", highlight=False, markup=False, soft_wrap=True)
    if keys:
        err.print("these files hold keys: they are not for students", style="yellow")
    for note in figures.notes:
        err.print(note, style="yellow", highlight=False, markup=False)
    for note in data.unread:
        err.print(f"cannot be read: {note}", style="yellow", highlight=False, markup=False)
