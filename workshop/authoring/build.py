"""From the authors' text to the students' release."""

from __future__ import annotations

import difflib
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nbformat import NotebookNode

from workshop.authoring.cells import SourceCell
from workshop.authoring.files import copy_file, files_below, mirror, named_files, write_atomic
from workshop.authoring.generate import generate
from workshop.authoring.notebook import dumps, fingerprint, load, to_notebook
from workshop.authoring.regions import Region, text_of
from workshop.authoring.rules import check_cells
from workshop.authoring.text import read
from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.quiz.cells import expanded
from workshop.quiz.items import load_quizzes

# Beside the generated notebooks: what they were when built, to notice edits made in JupyterLab.
_RECORD = ".built.json"


@dataclass(frozen=True)
class BuiltNotebook:
    """One notebook of a build.

    Attributes:
        assignment: its assignment.
        notebook: its name.
        text: the text file it was made from.
        source: the generated notebook with solutions.
        release: the generated notebook for students.
        exercises: the number of exercises with a test.
        points: the most a student can get.
        changed: whether the release differs from what was there before.
    """

    assignment: str
    notebook: str
    text: Path
    source: Path
    release: Path
    exercises: int
    points: float
    changed: bool


@dataclass(frozen=True)
class BuildReport:
    """What a build did.

    Attributes:
        notebooks: by assignment and name.
        stale: paths under ``release/`` that belong to no assignment; left where they are.
    """

    notebooks: tuple[BuiltNotebook, ...]
    stale: tuple[Path, ...]


@dataclass(frozen=True)
class ReleaseDiff:
    """How the release in the course folder differs from one made now. Paths are below it.

    Attributes:
        changed: files with other content.
        missing: files that a build would make and that are not there.
        stale: files that a build would not make.
        text: all differences as a unified diff, empty if there is none.
    """

    changed: tuple[PurePosixPath, ...]
    missing: tuple[PurePosixPath, ...]
    stale: tuple[PurePosixPath, ...]
    text: str

    def __str__(self) -> str:
        return self.text

    @property
    def clean(self) -> bool:
        """Whether the release is up to date."""
        return not (self.changed or self.missing or self.stale)


def load_cells(course: Course, assignment: str, notebook: str) -> tuple[SourceCell, ...]:
    """The checked cells of an authored notebook.

    Raises:
        WorkshopError: no such assignment or notebook, or a fault in the text (``file:line``).
    """
    names = course.notebooks(assignment)
    path = course.text(assignment, notebook)
    if notebook not in names:
        raise WorkshopError(
            f"no notebook {notebook!r} in {assignment}",
            where=course.source / assignment,
            remedy=f"there are: {', '.join(names)}",
        )
    cells = expanded(read(path).cells, load_quizzes(course.quizzes), path)
    check_cells(cells, path)
    return cells


def compile_notebook(course: Course, assignment: str, notebook: str) -> NotebookNode:
    """The source notebook, solutions and hidden tests included, made from the text. Writes nothing.

    Raises:
        WorkshopError: as :func:`load_cells`.
    """
    return to_notebook(load_cells(course, assignment, notebook))


def refuse_to_lose_edits(course: Course, assignment: str, notebook: str) -> None:
    """Refuse to go on while a generated notebook has edits that were not imported.

    Raises:
        WorkshopError: it has; or as :func:`load_cells`.
    """
    compiled = compile_notebook(course, assignment, notebook)
    _refuse_to_lose_edits(course, {(assignment, notebook): compiled})


def mark_schemes(course: Course, assignment: str, notebook: str) -> dict[str, str]:
    """The mark scheme of every reflection, by grade id; empty text where there is none.

    Raises:
        WorkshopError: as :func:`load_cells`.
    """
    return {
        cell.grade_id: text_of(cell.source, Region.MARK_SCHEME)
        for cell in load_cells(course, assignment, notebook)
        if cell.grade_id is not None and cell.kind == "reflection"
    }


def build(
    course: Course, assignments: Sequence[str] | None = None, *, force: bool = False
) -> BuildReport:
    """Write source notebooks and the release, and record the cells in the course's gradebook.

    All texts are checked first and nbgrader works in a scratch folder, so a fault leaves both the
    generated notebooks and the release as they were. Equal texts give equal bytes.

    Args:
        course: the course.
        assignments: which to build; all of them for None.
        force: overwrite generated notebooks that were edited and not imported.

    Raises:
        WorkshopError: a fault in a text (``file:line``), an edited notebook that would be lost, or
            nbgrader's refusal.
    """
    selected = course.select(None if assignments is None else list(assignments))
    compiled = _compile(course, selected)
    if not force:
        _refuse_to_lose_edits(course, compiled)
    # Not inside the course: nbgrader uses the path as a regular expression, and a course may lie in
    # a folder called "workshop (2)".
    with tempfile.TemporaryDirectory(prefix="workshop-build-") as scratch:
        source, release = Path(scratch, "source"), Path(scratch, "release")
        _write_sources(course, compiled, source)
        generate(course, _names(compiled), source=source, release=release)
        changed = {name: _changes(release / name, course.release / name) for name in selected}
        for assignment in selected:
            mirror(source / assignment, course.source_notebooks / assignment)
            mirror(release / assignment, course.release / assignment)
    _record(course, compiled)
    built = [_built(course, *key, changed[key[0]]) for key in sorted(compiled)]
    return BuildReport(tuple(built), _stale_release(course))


def check(course: Course) -> ReleaseDiff:
    """Compare the release with one made now from the texts. The course folder is only read.

    Raises:
        WorkshopError: as :func:`build`, edited notebooks aside.
    """
    with rebuilt_release(course) as release:
        return _compare(course.release, release)


@contextmanager
def rebuilt_release(course: Course, assignments: Sequence[str] | None = None) -> Iterator[Path]:
    """A folder with the release made now from the texts, with a gradebook of its own.

    Args:
        course: the course.
        assignments: which to make; all of them for None.

    Raises:
        WorkshopError: as :func:`build`, edited notebooks aside.
    """
    selected = course.select(None if assignments is None else list(assignments))
    compiled = _compile(course, selected)
    with tempfile.TemporaryDirectory(prefix="workshop-check-") as scratch:
        source, release = Path(scratch, "source"), Path(scratch, "release")
        _write_sources(course, compiled, source)
        database = f"sqlite:///{Path(scratch, 'gradebook.db')}"
        generate(course, _names(compiled), source=source, release=release, db_url=database)
        yield release


_Compiled = dict[tuple[str, str], NotebookNode]


def _compile(course: Course, assignments: Sequence[str]) -> _Compiled:
    return {
        (assignment, notebook): compile_notebook(course, assignment, notebook)
        for assignment in assignments
        for notebook in course.notebooks(assignment)
    }


def _names(compiled: _Compiled) -> dict[str, tuple[str, ...]]:
    names: dict[str, tuple[str, ...]] = {}
    for assignment, notebook in sorted(compiled):
        names[assignment] = (*names.get(assignment, ()), notebook)
    return names


def _write_sources(course: Course, compiled: _Compiled, folder: Path) -> None:
    for (assignment, notebook), node in compiled.items():
        write_atomic(folder / assignment / f"{notebook}.ipynb", dumps(node).encode())
    for assignment in {assignment for assignment, _ in compiled}:
        for name in named_files(course, assignment):
            copy_file(course.source / assignment / name, folder / assignment / name)


def _refuse_to_lose_edits(course: Course, compiled: _Compiled) -> None:
    recorded = _read_record(course)
    for (assignment, notebook), node in compiled.items():
        path = course.source_notebook(assignment, notebook)
        if not path.exists():
            continue
        known = {recorded.get(f"{assignment}/{notebook}"), fingerprint(node)}
        try:
            edited = fingerprint(load(path)) not in known
        except WorkshopError:
            edited = True
        if edited:
            raise WorkshopError(
                "the generated notebook was edited and not imported; building would lose the edit",
                where=path,
                remedy=f"run: workshop import {path}   or build with --force to drop the edit",
            )


def _read_record(course: Course) -> dict[str, str]:
    try:
        record = json.loads((course.source_notebooks / _RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _record(course: Course, compiled: _Compiled) -> None:
    record = _read_record(course)
    for (assignment, notebook), node in compiled.items():
        record[f"{assignment}/{notebook}"] = fingerprint(node)
    text = json.dumps(record, indent=1, sort_keys=True) + "\n"
    write_atomic(course.source_notebooks / _RECORD, text.encode())


def _built(
    course: Course, assignment: str, notebook: str, changed: frozenset[PurePosixPath]
) -> BuiltNotebook:
    cells = load_cells(course, assignment, notebook)
    return BuiltNotebook(
        assignment,
        notebook,
        course.text(assignment, notebook),
        course.source_notebook(assignment, notebook),
        course.release_notebook(assignment, notebook),
        exercises=sum(cell.kind == "test" for cell in cells),
        points=float(sum(cell.points or 0 for cell in cells)),
        changed=PurePosixPath(f"{notebook}.ipynb") in changed,
    )


def _stale_release(course: Course) -> tuple[Path, ...]:
    if not course.release.is_dir():
        return ()
    known = course.assignments()
    return tuple(sorted(path for path in course.release.iterdir() if path.name not in known))


def _changes(new: Path, old: Path) -> frozenset[PurePosixPath]:
    diff = _compare(old, new)
    return frozenset((*diff.changed, *diff.missing))


def _compare(old: Path, new: Path) -> ReleaseDiff:
    before, after = set(files_below(old)), set(files_below(new))
    changed = tuple(
        name
        for name in sorted(before & after)
        if (old / name).is_symlink() or (old / name).read_bytes() != (new / name).read_bytes()
    )
    missing, stale = tuple(sorted(after - before)), tuple(sorted(before - after))
    text = [
        *(_diff(name, _lines(old / name), _lines(new / name)) for name in changed),
        *(_diff(name, [], _lines(new / name)) for name in missing),
        *(_diff(name, _lines(old / name), []) for name in stale),
    ]
    return ReleaseDiff(changed, missing, stale, "".join(text))


def _lines(path: Path) -> list[str] | None:
    """The lines of a text file, None for any other."""
    if path.is_symlink():
        return [f"link to {path.readlink()}\n"]
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None
    return [line + "\n" for line in text.removesuffix("\n").split("\n")]


def _diff(name: PurePosixPath, old: list[str] | None, new: list[str] | None) -> str:
    before = "/dev/null" if old == [] else f"release/{name} (as it is)"
    after = "/dev/null" if new == [] else f"release/{name} (rebuilt)"
    if old is None or new is None:
        return f"binary files {before} and {after} differ\n"
    return "".join(difflib.unified_diff(old, new, before, after))
