"""The commands about grades: give them, look at their log, tell students, take them elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from workshop.course import Course
from workshop.quiz.cli import System
from workshop.terminal import (
    Assignment,
    JsonFile,
    Students,
    err,
    grades_table,
    out,
    progress,
    write_json,
)

if TYPE_CHECKING:
    from workshop.grading.export import Grades
    from workshop.grading.grade import Pool
    from workshop.grading.history import GradeLog

app = typer.Typer()


class Where(StrEnum):
    """Whose machines grade, with Dask between them and this process."""

    LOCAL = "local"
    SLURM = "slurm"


@app.command()
def grade(
    assignment: Assignment,
    student: Students = None,
    *,
    json_file: JsonFile = None,
    force: Annotated[
        bool, typer.Option("--force", help="grade again what has not changed since it was graded")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, help="how many submissions to grade at a time"),
    ] = None,
    cluster: Annotated[
        Where | None,
        typer.Option(help="grade with Dask: in jobs of Slurm, or on this machine to try it out"),
    ] = None,
) -> None:
    """Grade what is new or changed, and what was interrupted; points given by hand are kept.

    For --cluster slurm, docs/instructor/cluster.md tells what the nodes need, and what may stand in
    cluster.yaml.
    """
    from workshop.grading.head_start import head_start  # noqa: PLC0415 - the other commands need none

    course = Course.find()
    if cluster is None:
        head_start(course.nbgrader_config(), workers or 1)
    from workshop.grading.grade import grade as grade_assignment  # noqa: PLC0415 - slow to import

    pool = _pool(course, workers, cluster)
    with progress("grading") as advance:
        report = grade_assignment(
            course, assignment, student, force=force, progress=advance, pool=pool
        )
    if json_file is not None:
        write_json(json_file, report.to_dict())
    err.print(grades_table(report.results))
    for note in report.notes:
        err.print(note, style="red", markup=False)
    for said in report.late:
        err.print(said, style="yellow", highlight=False, markup=False)
    if report.stored:
        err.print(
            f"{len(report.stored)} of {len(report.results)} have not changed since they were"
            " graded; --force grades them again",
            highlight=False,
        )
    for result in report.results:
        if result.message:
            err.print(f"{result.student}: {result.message}", style="yellow", markup=False)
    if report.not_graded:
        err.print(
            f"{len(report.not_graded)} not graded, through no fault of theirs: put right what is"
            " named above and run the same command again",
            style="red",
            highlight=False,
        )
        raise typer.Exit(1)
    if not report.anything_graded:
        err.print("nothing could be graded", style="red")
        raise typer.Exit(1)


def _pool(course: Course, workers: int | None, where: Where | None) -> Pool | None:
    """What grades: None for this process, one submission after another."""
    if where is None:
        from workshop.grading.pool import LocalPool  # noqa: PLC0415 - slow to import

        return LocalPool(workers) if workers is not None and workers > 1 else None
    from workshop.grading.cluster import DaskPool, local  # noqa: PLC0415 - slow to import

    if where is Where.LOCAL:
        start = local(workers or 2)
    else:
        from workshop.grading.slurm import slurm  # noqa: PLC0415 - slow to import

        start = slurm(course, workers)
    return DaskPool(start, lambda said: err.print(said, style="dim", highlight=False, markup=False))


@app.command()
def log(assignment: Assignment, student: Students = None, json_file: JsonFile = None) -> None:
    """Show what was graded when, check the log, and compare the gradebook with it."""
    from workshop.grading.history import read_log  # noqa: PLC0415 - slow to import

    history = read_log(Course.find(), assignment, student)
    if json_file is not None:
        write_json(json_file, history.to_dict())
    table = Table("line", "when (UTC)", "student", "why", "outcome", "by test", "by whom", "state")
    for _, row in sorted(_log_rows(history)):
        table.add_row(*map(escape, row))
    err.print(table)
    for line in history.remarks:
        err.print(line, highlight=False, markup=False)
    for line in history.by_hand:
        err.print(f"by hand: {line}", highlight=False, markup=False)
    for line in history.differences:
        err.print(f"not from the log: {line}", style="yellow", highlight=False, markup=False)
    for line in history.problems:
        err.print(f"the log: {line}", style="red", highlight=False, markup=False)
    raise typer.Exit(0 if history.ok else 1)


def _log_rows(history: GradeLog) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The log's rows, with their numbers."""
    for told in history.entries:
        number, entry = told.logged.number, told.logged.entry
        yield (
            number,
            (
                *(str(number), entry.ended[:19].replace("T", " "), entry.student),
                *(entry.why.value, entry.outcome.value),
                "none" if entry.score is None else f"{entry.score:g}",
                *(f"{entry.user}@{entry.host}", told.state),
            ),
        )
    for ruled in history.decisions:
        number, decision = ruled.decided.number, ruled.decided.decision
        yield (
            number,
            (
                *(str(number), decision.when[:19].replace("T", " "), decision.student),
                *(decision.what.value, "", "", f"{decision.user}@{decision.host}", ruled.state),
            ),
        )


@app.command()
def feedback(assignment: Assignment, student: Students = None) -> None:
    """Write a page with all results for every student, and one for each notebook, into feedback/.

    Neither shows a hidden test. docs/instructor/feedback.md tells what students see.
    """
    from workshop.grading.feedback import generate_feedback  # noqa: PLC0415

    course = Course.find()
    notes: list[str] = []
    with progress("feedback") as advance:
        pages = generate_feedback(course, assignment, student, progress=advance, note=notes.append)
    for note in notes:
        err.print(note, style="yellow", highlight=False, markup=False)
    for page in pages:
        out.print(str(page.relative_to(course.root)), highlight=False, markup=False)


@app.command()
def export(
    assignment: Assignment,
    *,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="write the grades here as CSV")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="write the grades here as JSON")
    ] = None,
    system: Annotated[
        System | None, typer.Option("--format", help="CSV that this system imports")
    ] = None,
    students: Annotated[
        Path | None, typer.Option(help="the file with the students' ids there, CSV or YAML")
    ] = None,
    column: Annotated[
        str | None,
        typer.Option(help="heading of the grades there; the assignment's name if not given"),
    ] = None,
    out_of: Annotated[
        float | None, typer.Option(help="what full marks are worth there, if not the same")
    ] = None,
) -> None:
    """Write the grades as CSV and JSON; without a file, as CSV to the terminal.

    With --format, the CSV is for Canvas or Moodle: docs/instructor/lms.md. Who has no line in it is
    named; exit status 1 if anybody with work of theirs has none.
    """
    from workshop.grading.export import export_grades, write_text  # noqa: PLC0415 - slow to import
    from workshop.grading.late_work import out_of_date  # noqa: PLC0415

    _check_export(system, students, column, out_of)
    course = Course.find()
    if system is None or students is None:
        grades = export_grades(course, assignment, csv=csv_file, json=json_file)
        text, problems = grades.to_csv(), False
    else:
        grades = export_grades(course, assignment, json=json_file)
        text, problems = _for_system(grades, system, students, column, out_of)
        if csv_file is not None:
            write_text(csv_file, text)
    if csv_file is None and (json_file is None or system is not None):
        sys.stdout.write(text)
    for path in filter(None, (csv_file, json_file)):
        err.print(f"wrote {path}", highlight=False, markup=False)
    stale = out_of_date(course, assignment)
    if stale:
        err.print(
            f"points off for being late are not up to date: {', '.join(stale)}; run: workshop grade"
            f" {assignment}, and export again",
            style="yellow",
            highlight=False,
            markup=False,
        )
    if problems:
        raise typer.Exit(1)


def _check_export(
    system: System | None, students: Path | None, column: str | None, out_of: float | None
) -> None:
    if system is None and any(each is not None for each in (students, column, out_of)):
        raise typer.BadParameter("--students, --column and --out-of need --format")
    if system is not None and students is None:
        raise typer.BadParameter("--format needs --students: docs/instructor/lms.md")
    if out_of is not None and out_of <= 0:
        raise typer.BadParameter("--out-of needs a number above 0")


def _for_system(
    grades: Grades, system: System, students: Path, column: str | None, out_of: float | None
) -> tuple[str, bool]:
    """The CSV, and whether somebody is missing in it."""
    from workshop.grading.lms import for_canvas, for_moodle  # noqa: PLC0415 - slow to import
    from workshop.grading.roster import load_roster  # noqa: PLC0415

    write = for_canvas if system is System.CANVAS else for_moodle
    written = write(grades, load_roster(students), column=column, out_of=out_of)
    for note in written.notes:
        err.print(note, style="yellow", highlight=False, markup=False)
    for problem in written.problems:
        err.print(problem, style="red", highlight=False, markup=False)
    return written.csv, bool(written.problems)
