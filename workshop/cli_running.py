"""The commands while a course runs: late work, points by hand, grading what arrives."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import datetime
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from workshop.course import Course
from workshop.terminal import Assignment, JsonFile, Students, err, out, printable, write_json

app = typer.Typer()


@app.command()
def override(
    assignment: Assignment,
    student: Annotated[str, typer.Argument(help="whose submission")],
    cell: Annotated[str, typer.Argument(help="the graded cell, or notebook/cell")],
    score: Annotated[str, typer.Argument(help="points; none for those by test again")],
    *,
    comment: Annotated[str, typer.Option(help="for the student, in the feedback")] = "",
    extra_credit: Annotated[
        bool, typer.Option("--extra-credit", help="allow more points than can be earned")
    ] = False,
) -> None:
    """Give points by hand, with a comment and a line in the log; grading again keeps them."""
    from workshop.grading.override import override as give  # noqa: PLC0415 - slow to import

    done = give(
        *(Course.find(), assignment, student, cell, _points(score)),
        comment=comment,
        extra_credit=extra_credit,
    )
    if done.decision is None:
        out.print("nothing to change: it is so already", highlight=False)
        return
    made = done.decision
    place = f"{made.notebook}/{made.grade_id}"
    out.print(
        f"{student}: {place}: {_said(made.manual_before)} -> {_said(made.manual_after)} points by"
        f" hand, {_said(done.auto_score)} by test, of {done.max_score:g}",
        highlight=False,
        markup=False,
    )
    if made.extra_after:
        out.print(f"  and extra credit: {made.extra_after:g}", highlight=False)
    if made.comment:
        out.print(f"  the comment is shown with {done.comment_at}", highlight=False, markup=False)
    if made.late_penalty:
        said = f"  {made.late_penalty:g} points off: {made.late_reason}"
        out.print(said, highlight=False, markup=False)
    again = f"workshop feedback {assignment} --student {student}"
    out.print(f"  for the student to see it: {again}", highlight=False, markup=False)


@app.command()
def late(assignment: Assignment, student: Students = None, json_file: JsonFile = None) -> None:
    """Show who was late, who has more time, and what it costs; changes nothing."""
    from workshop.grading.late_work import late_work  # noqa: PLC0415 - slow to import

    report = late_work(Course.find(), assignment, student)
    if json_file is not None:
        write_json(json_file, report.to_dict())
    if not report.due:
        err.print(
            f"{assignment} has no due date, so nobody is late; set one with: nbgrader db assignment"
            f' add {assignment} --duedate="2030-05-04 12:00 UTC"',
            style="yellow",
            highlight=False,
            markup=False,
        )
    table = Table("student", "handed in", "due", "points off", "by the rule", "why")
    for each in report.rows:
        table.add_row(
            *map(escape, (each.student, each.handed_in, each.due)),
            *(f"{each.taken_off:g}", f"{each.by_the_rule:g}", escape(each.reason)),
        )
    err.print(table)
    for said, names in (
        ("no time of submission, so never late", report.undated),
        ("an extension, and nothing graded yet", report.absent),
    ):
        if names:
            err.print(f"{said}: {', '.join(names)}", highlight=False, markup=False)
    if any(not each.is_up_to_date for each in report.rows):
        err.print(
            f"points off are brought up to date by: workshop grade {assignment}",
            style="yellow",
            highlight=False,
        )


@app.command()
def watch(
    assignment: Annotated[list[str], typer.Argument(help="one or several assignments")],
    *,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, help="how many submissions to grade at a time"),
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="look once and end, to be started by cron")
    ] = False,
) -> None:
    """Collect and grade submissions as they arrive, until Ctrl-C; watch.yaml says how.

    What is in the exchange is collected; what lies in submitted/ is seen too. A second start goes
    on where the first ended.
    """
    from workshop.grading.head_start import head_start  # noqa: PLC0415 - slow to import

    course = Course.find()
    head_start(course.nbgrader_config(), workers or 1)
    from workshop.grading.pool import LocalPool  # noqa: PLC0415
    from workshop.watch.stopping import Stop  # noqa: PLC0415
    from workshop.watch.watcher import watch as watch_course  # noqa: PLC0415

    def say(text: str) -> None:
        lines = "\n".join(map(printable, text.split("\n")))
        with suppress(OSError):  # the terminal may be closed by now
            err.print(f"{_time()} {lines}", highlight=False, markup=False)

    def notice(text: str) -> None:
        # A signal may come while something is being printed: past Python's buffers.
        with suppress(OSError):
            os.write(2, f"{_time()} {text}\n".encode())

    stop = Stop(notice)
    pool = LocalPool(workers, stop=stop) if workers is not None and workers > 1 else None
    with stop.on_signals():
        if not once:
            say("watching; Ctrl-C stops")
        fine = watch_course(course, assignment, pool=pool, stop=stop, say=say, once=once)
    if stop():
        say("stopped; run the same command again to go on")
    if once and not fine:
        raise typer.Exit(1)


def _time() -> str:
    return datetime.now().strftime("%H:%M:%S")


def _points(text: str) -> float | None:
    if text == "none":
        return None
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no number of points; or write none") from None


def _said(points: float | None) -> str:
    return "none" if points is None else f"{points:g}"
