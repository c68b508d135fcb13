"""The command ``workshop similar``: pairs of submissions to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from workshop.course import Course
from workshop.terminal import Assignment, JsonFile, err, out, progress, write_json

app = typer.Typer()


@app.command()
def similar(
    assignment: Assignment,
    *,
    html_file: Annotated[
        Path | None, typer.Option("--html", help="write the pairs here, side by side")
    ] = None,
    json_file: JsonFile = None,
    at_least: Annotated[
        int, typer.Option(min=1, max=100, help="list pairs that share so much, in percent")
    ] = 50,
) -> None:
    """List submissions that are nearly the same apart from names, comments and formatting.

    A list to look at, never a verdict: docs/instructor/similar.md tells what it can and cannot say.
    """
    from workshop.analysis.similar import find_similar  # noqa: PLC0415 - slow to import
    from workshop.analysis.similar_page import page, shown  # noqa: PLC0415
    from workshop.grading.export import write_text  # noqa: PLC0415

    with progress("reading") as advance:
        found = find_similar(
            Course.find(),
            assignment,
            at_least=at_least / 100,
            # Students' names are names of folders, which anyone may have chosen.
            progress=lambda done, total, name: advance(done, total, escape(shown(name))),
        )
    if json_file is not None:
        write_json(json_file, found.to_dict())
    if html_file is not None:
        write_text(html_file, page(found))
        err.print(f"wrote {html_file}", highlight=False, markup=False)
    table = Table("pair", "notebook", "share", "fingerprints", "cells")
    for pair in found.pairs:
        students = f"{pair.first.student}, {pair.second.student}"
        cells = [
            one.name if one.name == other.name else f"{one.name} / {other.name}"
            for one, other, _ in pair.cells
        ]
        table.add_row(
            escape(shown(students)),
            pair.first.notebook,
            f"{pair.share:.0%}",
            str(len(pair.shared)),
            escape(shown(", ".join(cells))),
        )
    if found.pairs:
        (err if str(json_file) == "-" else out).print(table)
        err.print("A list to look at, not a verdict.", highlight=False)
    else:
        err.print("no two submissions are nearly the same", highlight=False)
    for each in found.skipped:
        err.print(f"not compared: {shown(each)}", style="yellow", highlight=False, markup=False)
