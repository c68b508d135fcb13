"""The command line ``workshop``: a thin layer that parses, calls and prints."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from workshop import __version__
from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.quiz.cli import app as quiz_commands

if TYPE_CHECKING:
    from workshop.grading.results import SubmissionResult
    from workshop.verify import VerifyReport

app = typer.Typer(
    name="workshop",
    help="Write, release, grade and prove the exercises of the transfer-learning workshop.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(quiz_commands, name="quiz")
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
    with _progress("verifying") as advance:
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
        _write_json(json_file, report.to_dict() | {"messages": changed})
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
def grade(
    assignment: Assignment,
    student: Students = None,
    json_file: JsonFile = None,
    force: Annotated[
        bool, typer.Option("--force", help="grade again what has not changed since it was graded")
    ] = False,
    workers: Annotated[
        int, typer.Option("--workers", min=1, help="how many submissions to grade at a time")
    ] = 1,
) -> None:
    """Grade what is new or changed, and what was interrupted; points given by hand are kept."""
    from workshop.grading.grade import grade as grade_assignment  # noqa: PLC0415 - slow to import
    from workshop.grading.pool import LocalPool  # noqa: PLC0415 - slow to import

    with _progress("grading") as advance:
        report = grade_assignment(
            Course.find(),
            assignment,
            student,
            force=force,
            progress=advance,
            pool=LocalPool(workers) if workers > 1 else None,
        )
    if json_file is not None:
        _write_json(json_file, report.to_dict())
    err.print(grades_table(report.results))
    for note in report.notes:
        err.print(note, style="red", markup=False)
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


@app.command()
def log(assignment: Assignment, student: Students = None, json_file: JsonFile = None) -> None:
    """Show what was graded when, check the log, and compare the gradebook with it."""
    from workshop.grading.history import read_log  # noqa: PLC0415 - slow to import

    history = read_log(Course.find(), assignment, student)
    if json_file is not None:
        _write_json(json_file, history.to_dict())
    table = Table("line", "when (UTC)", "student", "why", "outcome", "by test", "by whom", "state")
    for told in history.entries:
        entry = told.logged.entry
        table.add_row(
            *(str(told.logged.number), entry.ended[:19].replace("T", " "), entry.student),
            *(entry.why.value, entry.outcome.value),
            "none" if entry.score is None else f"{entry.score:g}",
            *(f"{entry.user}@{entry.host}", told.state),
        )
    err.print(table)
    for line in history.by_hand:
        err.print(f"by hand: {line}", highlight=False, markup=False)
    for line in history.differences:
        err.print(f"not from the log: {line}", style="yellow", highlight=False, markup=False)
    for line in history.problems:
        err.print(f"the log: {line}", style="red", highlight=False, markup=False)
    raise typer.Exit(0 if history.ok else 1)


@app.command()
def feedback(assignment: Assignment, student: Students = None) -> None:
    """Write a page for every student, without the hidden tests, into feedback/."""
    from workshop.grading.feedback import generate_feedback  # noqa: PLC0415

    course = Course.find()
    with _progress("feedback") as advance:
        pages = generate_feedback(course, assignment, student, progress=advance)
    for page in pages:
        out.print(str(page.relative_to(course.root)), highlight=False, markup=False)


@app.command()
def export(
    assignment: Assignment,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="write the grades here as CSV")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="write the grades here as JSON")
    ] = None,
) -> None:
    """Write the grades as CSV and JSON; without a file, as CSV to the terminal."""
    from workshop.grading.export import export_grades  # noqa: PLC0415

    grades = export_grades(Course.find(), assignment, csv=csv_file, json=json_file)
    if csv_file is None and json_file is None:
        sys.stdout.write(grades.to_csv())
    for path in filter(None, (csv_file, json_file)):
        out.print(f"wrote {path}", highlight=False, markup=False)


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

    with _progress("demo") as advance:
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


def grades_table(results: Iterable[SubmissionResult]) -> Table:
    """The grades of an assignment for people."""
    table = Table("student", "outcome", "score", "of", "seconds", "to grade by hand")
    for result in results:
        table.add_row(
            result.student,
            result.outcome.value if result.outcome else "not graded",
            "none" if result.score is None else f"{result.score:g}",
            f"{result.max_score:g}",
            f"{result.seconds:.1f}",
            "yes" if result.needs_manual_grade else "",
        )
    return table


def _scan_or_exit(course: Course, assignments: list[str] | None) -> None:
    from workshop.authoring.leaks import scan_release  # noqa: PLC0415
    from workshop.grading.held_out import held_out_labels  # noqa: PLC0415

    leaks = scan_release(course, assignments, labels=held_out_labels())
    for leak in leaks:
        err.print(str(leak), style="red", highlight=False, markup=False)
    if leaks:
        err.print(f"{len(leaks)} leaks in release/: students must not get it", style="red")
        raise typer.Exit(1)


def _write_json(path: Path, data: dict[str, Any]) -> None:
    text = json.dumps(data, indent=2, allow_nan=False) + "\n"
    if str(path) == "-":
        sys.stdout.write(text)
    else:
        path.write_text(text, encoding="utf-8")


def _yes(value: bool | None) -> str:
    return "not run" if value is None else ("yes" if value else "NO")


@contextmanager
def _progress(title: str) -> Iterator[Any]:
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
