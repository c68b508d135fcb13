"""The students' version of what the texts say now, in a folder of its own.

Nothing of the course changes: neither ``release/`` nor the gradebook.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from workshop.authoring.build import rebuilt_release
from workshop.authoring.differences import NotebookDifference, difference
from workshop.authoring.files import files_below, mirror, write_atomic
from workshop.authoring.leaks import Leak, scan_release
from workshop.authoring.notebook import load
from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.grading.held_out import held_out_labels

FOLDER = "preview"
# In a folder that may be replaced by the next preview.
_MARK = ".preview"


@dataclass(frozen=True)
class Preview:
    """A preview.

    Attributes:
        folder: what students would get of the assignment; not written if anything leaks.
        notebooks: how each notebook differs from the one that is released.
        removed: notebooks that are released and have no text any more.
        files: how other files differ, in words.
        leaks: what students must not get.
    """

    folder: Path
    notebooks: tuple[NotebookDifference, ...]
    removed: tuple[str, ...]
    files: tuple[str, ...]
    leaks: tuple[Leak, ...]


def preview(
    course: Course, assignment: str, notebook: str | None = None, *, folder: Path | None = None
) -> Preview:
    """Build what students would get now, check it as a build does, and put it into a folder.

    Args:
        course: the course; only read.
        assignment: which assignment.
        notebook: only this notebook of it; all for None.
        folder: where ``<assignment>/`` goes, replacing an earlier preview there; the course's
            ``preview/`` for None.

    Raises:
        WorkshopError: as building does; there is no such notebook; the folder holds something
            other than an earlier preview.
    """
    names = course.notebooks(assignment)
    if notebook is not None and notebook not in names:
        raise WorkshopError(
            f"no notebook {notebook!r} in {assignment}",
            where=course.source / assignment,
            remedy=f"there are: {', '.join(names)}",
        )
    shown = names if notebook is None else (notebook,)
    target = (folder or course.root / FOLDER).resolve() / assignment
    _refuse_other_folder(course, target)
    with rebuilt_release(course, [assignment]) as release:
        made, released = release / assignment, course.release / assignment
        leaks = scan_release(course, [assignment], labels=held_out_labels(), folder=release)
        notebooks = tuple(_difference(assignment, name, released, made) for name in shown)
        gone = () if notebook is not None else tuple(_gone(released, names))
        files = tuple(_files(released, made))
        if not leaks:
            for path in made.glob("*.ipynb"):
                if path.stem not in shown:
                    path.unlink()
            write_atomic(made / _MARK, b"Written by workshop preview, which may replace it.\n")
            mirror(made, target)
    return Preview(target, notebooks, gone, files, tuple(leaks))


def _refuse_other_folder(course: Course, target: Path) -> None:
    kept = (course.source, course.release, course.submitted, course.autograded, course.feedback)
    taken = target.exists() and not (target / _MARK).is_file() and any(target.iterdir())
    if taken or any(target.is_relative_to(each.resolve()) for each in kept):
        raise WorkshopError(
            "this folder is not for previews: it holds something else",
            where=target,
            remedy="name another one with --out",
        )


def _difference(assignment: str, name: str, released: Path, made: Path) -> NotebookDifference:
    file = f"{name}.ipynb"
    old = load(released / file) if (released / file).exists() else None
    return difference(assignment, name, old, load(made / file))


def _gone(released: Path, names: tuple[str, ...]) -> Iterator[str]:
    yield from sorted(path.stem for path in released.glob("*.ipynb") if path.stem not in names)


def _files(released: Path, made: Path) -> Iterator[str]:
    """How files that are no notebooks differ."""
    old, new = _other_files(released), _other_files(made)
    for name in sorted(old | new):
        if name not in old:
            yield f"added: {name}"
        elif name not in new:
            yield f"removed: {name}"
        elif (released / name).read_bytes() != (made / name).read_bytes():
            yield f"changed: {name}"


def _other_files(folder: Path) -> set[PurePosixPath]:
    return {name for name in files_below(folder) if name.suffix != ".ipynb"}
