"""Commands with which an author begins and looks: ``workshop new ...``, ``workshop preview``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workshop.course import Course
from workshop.terminal import Assignment, err, out

if TYPE_CHECKING:
    from workshop.authoring.differences import NotebookDifference
    from workshop.authoring.drafts import Draft

app = typer.Typer()
new_commands = typer.Typer(
    help="Write the start of an exercise or a quiz: it builds and is verified at once.",
    no_args_is_help=True,
)
app.add_typer(new_commands, name="new")

_NewAssignment = Annotated[str, typer.Argument(help="the assignment; made if it is not there")]


@new_commands.command()
def exercise(
    assignment: _NewAssignment,
    notebook: Annotated[str, typer.Argument(help="the notebook; made if it is not there")],
    name: Annotated[str, typer.Argument(help="the exercise: the function that learners write")],
) -> None:
    """Write the start of an exercise at the end of a notebook.

    Text, stub, solution, visible and hidden check, wrong solutions and a right one. Nothing that is
    there is replaced.
    """
    from workshop.authoring.new_exercise import new_exercise  # noqa: PLC0415 - slow to import

    course = Course.find()
    _show(course, new_exercise(course, assignment, notebook, name))


@new_commands.command()
def quiz(
    assignment: _NewAssignment,
    name: Annotated[str, typer.Argument(help="the quiz: quizzes/NAME.yaml")],
    notebook: Annotated[
        str | None, typer.Option(help="the notebook that asks it; named as the quiz if not given")
    ] = None,
    item: Annotated[
        str | None, typer.Option(help="only one item with this id, also for a quiz that is there")
    ] = None,
    kind: Annotated[
        str, typer.Option("--type", help="the item's type, as docs/author lists them")
    ] = "single_choice",
) -> None:
    """Write the start of a quiz with an item of each type, or of one item.

    Nothing that is there is replaced.
    """
    from workshop.authoring.new_quiz import new_item, new_quiz  # noqa: PLC0415 - slow to import

    course = Course.find()
    if item is None:
        draft = new_quiz(course, assignment, name, notebook=notebook)
    else:
        draft = new_item(course, assignment, name, item, kind=kind, notebook=notebook)
    _show(course, draft)


@new_commands.command()
def course(
    folder: Annotated[
        Path | None, typer.Argument(help="the new course's folder; it must not be there yet")
    ] = None,
    *,
    profile: Annotated[
        str | None,
        typer.Option(help="other models and data for the notebooks; as they are if none"),
    ] = None,
    list_them: Annotated[bool, typer.Option("--list", help="only list the profiles")] = False,
) -> None:
    """Write a course folder of its own, with other models and data where a profile says so.

    Every command works in it as it does here. Nothing that is there is replaced.
    """
    from workshop.authoring.new_course import new_course  # noqa: PLC0415 - slow to import
    from workshop.authoring.profiles import load_profile, load_profiles  # noqa: PLC0415

    origin = Course.find()
    if list_them:
        for each in load_profiles(origin):
            _print(f"{each.name}: {each.title}", *(f"  needs {need}" for need in each.needs))
        return
    if folder is None:
        raise typer.BadParameter("name the folder of the new course, or list profiles with --list")
    chosen = None if profile is None else load_profile(origin, profile)
    made = new_course(origin, folder, chosen)
    lines = [f"wrote {made.course.root}"]
    lines += [f"  changed {assignment}/{notebook}" for assignment, notebook in made.changed]
    lines += [f"Needs {need}" for need in (chosen.needs if chosen else ())]
    lines += ["", "Run in that folder:", "  workshop build"]
    if made.uncalibrated:
        lines.append("On the kind of machine that grades, since thresholds are measured there:")
        lines += [f"  {each.command}" for each in made.uncalibrated]
    if made.changed:
        lines += ["To prove the exercises, and to see what learners are told:"]
        lines += ["  workshop verify --record"]
    _print(*lines)


def _print(*lines: str) -> None:
    for line in lines:
        out.print(line, highlight=False, markup=False, soft_wrap=True)


def _show(course: Course, draft: Draft) -> None:
    """Say what was written, what to edit next, and which commands to run then."""

    def said(path: Path) -> Path:
        return path.relative_to(course.root)

    lines = [f"{'wrote' if new else 'added to'} {said(path)}" for path, new in draft.files.items()]
    lines += ["", "Edit next:"]
    for place in draft.edit:
        line = f":{place.line}" if place.line else ""
        lines.append(f"  {said(place.path)}{line}  {place.what}")
    chosen = f"{draft.assignment} {draft.notebook}"
    lines += [
        "",
        "Run after each change:",
        f"  workshop build {draft.assignment}",
        f"  workshop verify {draft.assignment} --notebook {draft.notebook}",
        f"  workshop preview {chosen} --open",
        "When all is right, for docs and what learners are told:",
        f"  workshop verify {draft.assignment} --notebook {draft.notebook} --record",
        "  workshop curriculum --output docs/instructor/curriculum.md",
    ]
    _print(*lines, *draft.remarks)


@app.command()
def preview(
    assignment: Assignment,
    notebook: Annotated[str | None, typer.Argument(help="only this notebook")] = None,
    *,
    output: Annotated[
        Path | None,
        typer.Option("--out", help="folder for the preview; preview/ of the course if not given"),
    ] = None,
    open_it: Annotated[bool, typer.Option("--open", help="open it in JupyterLab")] = False,
) -> None:
    """Show what students would get now, and how it differs from what is released.

    Neither release/ nor the gradebook changes.
    """
    from workshop.authoring.preview import preview as make_preview  # noqa: PLC0415 - slow to import

    course = Course.find()
    made = make_preview(course, assignment, notebook, folder=output)
    for each in made.notebooks:
        for line in _in_words(each):
            out.print(line, highlight=False, markup=False, soft_wrap=True)
    for name in made.removed:
        out.print(f"{assignment}/{name}: removed", highlight=False, markup=False)
    for line in made.files:
        out.print(f"other files: {line}", highlight=False, markup=False)
    for leak in made.leaks:
        err.print(str(leak), style="red", highlight=False, markup=False)
    if made.leaks:
        err.print(f"{len(made.leaks)} leaks: students must not get it", style="red")
        raise typer.Exit(1)
    out.print("Hidden tests and solutions are in no release, so they are not compared.")
    shown = made.folder if notebook is None else made.folder / f"{notebook}.ipynb"
    out.print(f"wrote {shown}", highlight=False, markup=False, soft_wrap=True)
    if open_it:
        out.print("Opening JupyterLab; Ctrl+C ends it.")
        sys.stdout.flush()
        # In place of this process, so that JupyterLab itself is asked whether to end.
        os.chdir(made.folder)
        os.execv(sys.executable, [sys.executable, "-m", "jupyter", "lab", str(shown)])  # noqa: S606 - our own arguments


def _in_words(each: NotebookDifference) -> list[str]:
    from workshop.authoring.differences import points_of  # noqa: PLC0415 - slow to import

    def total(exercises: int, points: float) -> str:
        return f"{exercises} exercise{'' if exercises == 1 else 's'}, {points_of(points)}"

    now = f"{each.assignment}/{each.notebook}: {total(each.exercises, each.points)}"
    if each.before is None:
        return [f"{now}; not released yet"]
    if not each.changes:
        return [f"{now}, as released"]
    return [f"{now}; released: {total(*each.before)}", *(f"  {line}" for line in each.changes)]
