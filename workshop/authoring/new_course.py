"""A course folder of its own, from this course's texts as they are or as a profile has them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workshop.authoring.build import compile_notebook
from workshop.authoring.files import copy_file, files_below, named_files, write_atomic
from workshop.authoring.profiles import VARIANTS, Files, Profile, changed_files
from workshop.authoring.uncalibrated import PLANS, Uncalibrated, plans, uncalibrated
from workshop.course import CONFIG_NAME, Course
from workshop.errors import WorkshopError
from workshop.submissions import load_cohort
from workshop.verify.messages import FILE as MESSAGES
from workshop.verify.variants import load_variants, patched

_COHORT = "cohort.yaml"
# What was measured or recorded with a notebook's own models and data.
_MEASURED = ("calibration.json", "effects.json", MESSAGES)
_IGNORED = """\
# generated from source text
/source/notebooks/
# students' work and grades never belong in a repository
/submitted/
/downloaded/
/autograded/
/feedback/
/gradebook.db*
/gradelog.*
/extensions.yaml
/students.csv
/exports/
/reports/
/preview/
"""


@dataclass(frozen=True)
class NewCourse:
    """A course folder that was made.

    Attributes:
        course: the new course.
        changed: assignment and notebook of each text that the profile changed, in order.
        uncalibrated: notebooks whose thresholds have to be measured before they are released.
    """

    course: Course
    changed: tuple[tuple[str, str], ...]
    uncalibrated: tuple[Uncalibrated, ...]


def new_course(origin: Course, folder: Path, profile: Profile | None = None) -> NewCourse:
    """Write a course folder in which every command works; nothing that is there is replaced.

    It holds the nbgrader configuration, quizzes, texts and what instructors have beside them.
    Figures that were measured with other models or data are left out: thresholds, effects, and
    what learners were told. All is tried in a scratch folder first, so a failure leaves nothing.

    Args:
        origin: the course whose texts are used.
        folder: where the new course goes; it must not be there, or be empty.
        profile: what is replaced in the texts; nothing if None.

    Raises:
        WorkshopError: the folder is not empty or cannot be written; the profile does not fit the
            texts; or a text, solution or plan that it gives does not work.
    """
    folder = folder.expanduser().resolve()
    _refuse_to_overwrite(folder)
    changes = {} if profile is None else changed_files(origin, profile)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-course-") as scratch:
            made = Path(scratch, "course")
            _write(origin, made, changes)
            _add_settings(Course.at(made), profile)
            _try_out(Course.at(made), changes, profile)
            made.rename(folder)
    except FileExistsError as error:
        raise _taken(folder) from error
    except OSError as error:
        raise WorkshopError(
            f"cannot be written: {error.strerror or error}",
            where=error.filename or folder,
            remedy="check the disk's space and who may write there",
        ) from error
    course = Course.at(folder)
    return NewCourse(course, tuple(changes), uncalibrated(course))


def _refuse_to_overwrite(folder: Path) -> None:
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise _taken(folder)


def _taken(folder: Path) -> WorkshopError:
    return WorkshopError(
        "there is something already, and nothing is replaced",
        where=folder,
        remedy="name a folder that is not there yet",
    )


def _write(origin: Course, folder: Path, changes: Files) -> None:
    copy_file(origin.config_path, folder / CONFIG_NAME)
    write_atomic(folder / ".gitignore", _IGNORED.encode())
    if origin.quizzes.is_dir():
        shutil.copytree(origin.quizzes, folder / origin.quizzes.name)
    for path, content in _sources(origin, changes):
        target = folder / path.relative_to(origin.root)
        if content is None:
            copy_file(path, target)
        else:
            write_atomic(target, content.encode())


def _sources(origin: Course, changes: Files) -> Iterator[tuple[Path, str | None]]:
    """Every file of the assignments, with its new content where that is another one."""
    for assignment in origin.assignments():
        listing = origin.source / assignment / "release.txt"
        if listing.is_file():
            yield listing, None
        for name in named_files(origin, assignment):
            yield origin.source / assignment / name, None
        for notebook in origin.notebooks(assignment):
            files = changes.get((assignment, notebook), {})
            text = origin.text(assignment, notebook)
            yield text, files.get(text.name)
            folder = origin.instructor_folder(assignment, notebook)
            for name in files_below(folder):
                if not (files and str(name) in _MEASURED):
                    yield folder / name, files.get(str(name))


def _add_settings(course: Course, profile: Profile | None) -> None:
    """Add what the profile sets to the configuration, and read it as nbgrader will."""
    if profile is None or not profile.settings:
        return
    text = course.config_path.read_text(encoding="utf-8")
    added = f"# --- From the profile {profile.name} ---\n\n{profile.settings}"
    write_atomic(course.config_path, f"{text.rstrip()}\n\n{added.rstrip()}\n".encode())
    try:
        course.nbgrader_config()
    except WorkshopError as error:
        raise WorkshopError(
            f"its settings do not work: {error.what}",
            where=profile.path,
            remedy="correct what stands under settings",
        ) from error


def _try_out(course: Course, changes: Files, profile: Profile | None) -> None:
    """Compile every changed notebook and make every patch of it; names must fit, too."""
    for assignment, notebook in changes:
        try:
            solution = compile_notebook(course, assignment, notebook)
            folder = course.instructor_folder(assignment, notebook)
            variants = load_variants(folder / VARIANTS)
            for name, variant in {**variants.wrong, **variants.right}.items():
                try:
                    patched(solution, variant)
                except WorkshopError as error:
                    raise WorkshopError(
                        f"{name}: {error.what}", where=VARIANTS, remedy=error.remedy
                    ) from error
            _check_names(course, assignment, notebook)
        except WorkshopError as error:
            # The scratch folder is gone when this is read.
            said = str(error).replace(f"{course.root}/", "")
            raise WorkshopError(
                f"with this profile {assignment}/{notebook} does not work: {said}",
                where=profile.path if profile else course.root,
                remedy=f"change the replacements for {assignment}/{notebook}",
            ) from error


def _check_names(course: Course, assignment: str, notebook: str) -> None:
    """Solutions that plans and the sample class name must be there."""
    folder = course.instructor_folder(assignment, notebook)
    variants = load_variants(folder / VARIANTS)
    for name, plan in plans(course, assignment, notebook).items():
        for wrong in plan.get("wrong", ()):
            if wrong not in variants.wrong:
                raise WorkshopError(
                    f"{name} has no wrong solution {wrong!r} to be tried on", where=PLANS
                )
    if not (folder / _COHORT).exists():
        return
    for student, kind in load_cohort(folder / _COHORT).items():
        family, _, name = kind.partition("/")
        if family in ("wrong", "right") and name not in getattr(variants, family):
            raise WorkshopError(f"{student} hands in {kind}, which is not there", where=_COHORT)
