"""Writing generated files, and the further files that an assignment names for release."""

from __future__ import annotations

import fnmatch
import os
import shutil
import tempfile
from pathlib import Path, PurePosixPath

from workshop.course import Course
from workshop.errors import WorkshopError

RELEASE_LIST = "release.txt"


def write_atomic(path: Path, data: bytes) -> bool:
    """Write a file whole or not at all; parents are made. Returns whether anything changed.

    An unchanged file keeps its time stamp.

    Raises:
        WorkshopError: the folder cannot be written.
    """
    try:
        if path.is_file() and not path.is_symlink() and path.read_bytes() == data:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise WorkshopError(
            f"cannot be written: {error.strerror or error}",
            where=path,
            remedy="check the disk's space and who may write to the folder",
        ) from error
    return True


def _umask() -> int:
    # There is no way to ask without setting it.
    current = os.umask(0o022)
    os.umask(current)
    return current


def files_below(folder: Path) -> tuple[PurePosixPath, ...]:
    """All files and links below a folder, relative to it and sorted; none if it is not there."""
    return tuple(
        sorted(
            PurePosixPath(path.relative_to(folder).as_posix())
            for path in folder.rglob("*")
            if path.is_symlink() or not path.is_dir()
        )
    )


def mirror(source: Path, target: Path) -> bool:
    """Make ``target`` hold exactly the files of ``source``, each replaced atomically.

    Returns:
        Whether anything changed.
    """
    wanted = files_below(source)
    changed = False
    for stale in set(files_below(target)) - set(wanted):
        (target / stale).unlink()
        changed = True
    for folder in sorted((path for path in target.rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()
    for name in wanted:
        changed |= write_atomic(target / name, (source / name).read_bytes())
    return changed


def copy_file(source: Path, target: Path) -> None:
    """Copy one file's content; parents are made."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def named_files(course: Course, assignment: str) -> tuple[PurePosixPath, ...]:
    """Files besides the notebooks that an assignment releases, relative to its folder.

    They are listed in ``source/<assignment>/release.txt``, one path a line; ``#`` starts a
    comment. Nothing is released because it happens to lie in a folder.

    Raises:
        WorkshopError: a file is missing, lies outside the assignment or in an instructors' folder,
            or is of a kind that nbgrader is configured to ignore; names the line.
    """
    folder = course.source / assignment
    listing = folder / RELEASE_LIST
    if not listing.is_file():
        return ()
    found = []
    for number, line in enumerate(listing.read_text(encoding="utf-8").split("\n"), start=1):
        name = line.split("#", 1)[0].strip()
        if name:
            problem = _problem(course, assignment, name)
            if problem:
                raise WorkshopError(
                    f"{name!r} {problem}",
                    where=f"{listing}:{number}",
                    remedy="name files inside the assignment's folder that students may have",
                )
            found.append(PurePosixPath(name))
    return tuple(sorted(set(found)))


def _problem(course: Course, assignment: str, name: str) -> str | None:
    """Why a file must not be released; None if it may."""
    path = PurePosixPath(name)
    folder = (course.source / assignment).resolve()
    place = (folder / path).resolve()
    ignored = course.nbgrader_config().CourseDirectory.get("ignore", [])
    if path.is_absolute() or ".." in path.parts or not place.is_relative_to(folder):
        return "lies outside the assignment"
    # Where a link leads counts as well: its content is what gets released.
    target = place.relative_to(folder)
    if {*path.parts[:1], *target.parts[:1]} & set(course.notebooks(assignment)):
        return "lies in the instructors' folder of a notebook"
    if {path.suffix, target.suffix} & {".py", ".ipynb"} or RELEASE_LIST in (name, str(target)):
        return "is not a data file"
    if any(fnmatch.fnmatch(part, pattern) for part in path.parts for pattern in ignored):
        return "is ignored by nbgrader (CourseDirectory.ignore in nbgrader_config.py)"
    if not place.is_file():
        return "does not exist"
    return None
