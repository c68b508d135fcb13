"""The command line ``workshop``: a thin layer that parses, calls and prints."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from workshop import __version__
from workshop.cli_authoring import app as authoring_commands
from workshop.cli_grades import app as grade_commands
from workshop.cli_reports import app as report_commands
from workshop.cli_running import app as running_commands
from workshop.cli_similar import app as similar_commands
from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.quiz.cli import app as quiz_commands
from workshop.terminal import Assignments, JsonFile, err, grades_table, out, progress, write_json

if TYPE_CHECKING:
    from workshop.verify import VerifyReport

app = typer.Typer(
    name="workshop",
    help="Write, release, grade and prove the exercises of the transfer-learning workshop.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(authoring_commands)
app.add_typer(grade_commands)
app.add_typer(running_commands)
app.add_typer(similar_commands)
app.add_typer(report_commands)
app.add_typer(quiz_commands, name="quiz")


def main() -> None:
    """Run the command line; a WorkshopError is printed without a traceback, with exit status 2."""
    try:
        app()
    except WorkshopError as error:
        err.print(f"workshop: {error}", style="red", highlight=False, markup=False)
        sys.exit(2)
    except KeyboardInterrupt:
        err.print("workshop: stopped", style="red")
        sys.exit(130)


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="show the version and exit")] = False,
) -> None:
    if version:
        out.print(f"workshop {__version__}", highlight=False)
        raise typer.Exit


@app.command()
def build(
    assignments: Assignments = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="only compare release/ with the text; exit 1 if not equal"),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="overwrite generated notebooks that were edited")
    ] = False,
) -> None:
    """Make the notebooks from their text: source/notebooks for nbgrader, release/ for students."""
    from workshop.authoring.build import build as build_course  # noqa: PLC0415 - slow to import
    from workshop.authoring.build import check as check_release  # noqa: PLC0415
    from workshop.authoring.uncalibrated import uncalibrated  # noqa: PLC0415

    course = Course.find()
    if check:
        difference = check_release(course)
        if not difference.clean:
            out.print(str(difference), highlight=False, markup=False)
            err.print("release/ is not what the text gives: run workshop build", style="red")
            raise typer.Exit(1)
        _scan_or_exit(course, None)
        out.print("release/ is up to date and leaks nothing")
        return
    report = build_course(course, assignments, force=force)
    for built in report.notebooks:
        out.print(
            f"{built.assignment}/{built.notebook}: {built.exercises} exercises, "
            f"{built.points:g} points" + ("" if built.changed else " (unchanged)"),
            highlight=False,
        )
    for path in report.stale:
        err.print(f"not made from any text, remove it: {path}", style="yellow", highlight=False)
    for missing in uncalibrated(course, assignments):
        err.print(str(missing), style="yellow", highlight=False, markup=False, soft_wrap=True)
    _scan_or_exit(course, assignments)


@app.command()
def scan(assignments: Assignments = None) -> None:
    """Look for solutions, hidden tests, thresholds, held-out labels and keys in release/."""
    course = Course.find()
    _scan_or_exit(course, assignments)
    out.print("release/ leaks nothing")


@app.command(name="import")
def import_(
    notebook: Annotated[Path, typer.Argument(help="a source notebook edited in JupyterLab")],
    assignment: Annotated[
        str | None, typer.Option(help="where it belongs, if its folder does not tell")
    ] = None,
) -> None:
    """Bring a notebook that was edited in JupyterLab back into its text."""
    from workshop.authoring.importing import import_notebook  # noqa: PLC0415

    path = import_notebook(Course.find(), notebook, assignment=assignment)
    out.print(f"wrote {path}; look at it with git diff, then run workshop build", highlight=False)


@app.command()
def verify(
    assignments: Assignments = None,
    *,
    json_file: JsonFile = None,
    workers: Annotated[int | None, typer.Option(help="kernels at the same time")] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="only the tests of the exercise that is solved wrongly")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="run also the cells that a wrong solution cannot reach")
    ] = False,
    notebook: Annotated[
        list[str] | None, typer.Option(help="only this notebook; may be given several times")
    ] = None,
    most: Annotated[
        int | None,
        typer.Option(help="of each exercise at most so many wrong and so many right solutions"),
    ] = None,
    record: Annotated[
        bool, typer.Option("--record", help="write down what wrong solutions are told, and rates")
    ] = False,
) -> None:
    """Prove that every stub fails, every solution passes and every wrong solution is caught."""
    from workshop.verify import Reach, error_rates, messages  # noqa: PLC0415 - slow to import
    from workshop.verify import verify as verify_course  # noqa: PLC0415

    if fast and full:
        raise typer.BadParameter("--fast and --full exclude each other")
    reach = Reach.OWN if fast else Reach.ALL if full else Reach.REACHED
    course = Course.find()
    with progress("verifying") as advance:
        report = verify_course(
            course,
            assignments,
            notebooks=notebook,
            most=most,
            reach=reach,
            workers=workers,
            progress=advance,
        )
    if record:
        written = messages.record(course, report.exercises)
        if assignments is None and notebook is None and most is None:
            written.append(error_rates.write(course, report))
        for path in written:
            err.print(f"wrote {path}", highlight=False)
    changed = messages.differences(course, report.exercises)
    if json_file is not None:
        write_json(json_file, report.to_dict() | {"messages": changed})
    _show_exercises(report)
    for problem in [*_problems(report), *changed]:
        err.print(problem, style="red", markup=False)
    raise typer.Exit(0 if report.ok and not changed else 1)


def _show_exercises(report: VerifyReport) -> None:
    table = Table("assignment", "exercise", "stub fails", "solution passes", "caught", "right pass")
    for exercise in report.exercises:
        table.add_row(
            exercise.assignment,
            exercise.name,
            _yes(exercise.stub_fails),
            _yes(exercise.solution_passes),
            f"{sum(each.ok for each in exercise.mutants)} of {len(exercise.mutants)}",
            f"{sum(each.ok for each in exercise.alternatives)} of {len(exercise.alternatives)}",
        )
    err.print(table)


def _problems(report: VerifyReport) -> Iterator[str]:
    for exercise in report.exercises:
        named = [(exercise.name, exercise.problem)]
        named += [(each.name, each.problem) for each in exercise.mutants + exercise.alternatives]
        for name, problem in named:
            if problem:
                yield f"{exercise.name}: {name}: {problem}"


@app.command()
def curriculum(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="write the page here")
    ] = None,
) -> None:
    """List which exercises and quiz items serve which objective and topic."""
    from workshop.analysis import curriculum as served  # noqa: PLC0415 - slow to import

    text = served.page(served.curriculum(Course.find()))
    if output is None:
        out.print(text, markup=False, highlight=False, soft_wrap=True)
    else:
        output.write_text(text, encoding="utf-8")


@app.command()
def demo(
    output: Annotated[Path, typer.Option("--out", help="folder for the small course")] = Path(
        "demo"
    ),
    notebook: Annotated[
        list[str] | None, typer.Option(help="only this notebook; may be given several times")
    ] = None,
) -> None:
    """Build, release, collect, grade and give feedback to a small class, in a course of its own."""
    from workshop.demo import run_demo  # noqa: PLC0415

    with progress("demo") as advance:
        result = run_demo(Course.find(), output.resolve(), progress=advance, notebooks=notebook)
    for report in result.reports:
        out.print(f"\n{report.assignment}", style="bold", highlight=False)
        out.print(grades_table(report.results))
        for each in report.results:
            if each.message:
                out.print(f"{each.student}: {each.message}", style="yellow", markup=False)
    out.print("\nTo open next:", highlight=False)
    for what, path in result.opens.items():
        out.print(f"  {what}: {path}", highlight=False, markup=False, soft_wrap=True)


@app.command()
def doctor() -> None:
    """Tell what this machine can do to confine students' code, by trying each claim."""
    from workshop.grading.sandbox.doctor import examine, refuses  # noqa: PLC0415

    with err.status("trying"):
        findings = examine()
    words = {True: "yes", False: "NO", None: "not here"}
    table = Table("claim", "holds", "what was seen", "what to do")
    for each in findings:
        advice = each.remedy if each.holds is False else ""
        table.add_row(*map(escape, (each.claim, words[each.holds], each.seen, advice)))
    out.print(table)
    if refuses(findings):
        err.print("grading is refused on this machine", style="red")
        raise typer.Exit(1)


@app.command()
def student_kit(
    output: Annotated[Path, typer.Option("--out", help="folder for the wheel")] = Path("dist"),
) -> None:
    """Build the package that students install: checks and assets, without the engine."""
    from workshop.student_kit import build as build_kit  # noqa: PLC0415

    out.print(f"wrote {build_kit(output)}", highlight=False)


def _scan_or_exit(course: Course, assignments: list[str] | None) -> None:
    from workshop.authoring.leaks import scan_release  # noqa: PLC0415
    from workshop.grading.held_out import held_out_labels  # noqa: PLC0415

    leaks = scan_release(course, assignments, labels=held_out_labels())
    for leak in leaks:
        err.print(str(leak), style="red", highlight=False, markup=False)
    if leaks:
        err.print(f"{len(leaks)} leaks in release/: students must not get it", style="red")
        raise typer.Exit(1)


def _yes(value: bool | None) -> str:
    return "not run" if value is None else ("yes" if value else "NO")
