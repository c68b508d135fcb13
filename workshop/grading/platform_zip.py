"""``nbgrader zip_collect`` reads the zip files that Canvas and Moodle give, as they give them.

Both name files in their own ways, after their own ids; ``students.csv`` tells who is who, as it
does when grades go back. Sources: ``lib/content_zipper.rb`` in canvas-lms, and
``mod/assign/classes/downloader.php`` in moodle.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nbgrader.plugins import FileNameCollectorPlugin
from traitlets import Unicode

from workshop.errors import WorkshopError
from workshop.grading.roster import Person, Roster, load_roster

# lovelaceada_LATE_101_5001_what_trains-1.ipynb: a name, the user's id, the attachment's id.
_CANVAS = re.compile(
    r"[^/]*?(?:_LATE)?_(?P<user>\d+)_(?P<attachment>\d+)_(?P<notebook>[^/]+)\.ipynb"
)
# Ada Lovelace_7001_assignsubmission_file/what_trains.ipynb, or without folders. The number is drawn
# anew for each assignment, so only the name tells who it is.
_MOODLE = re.compile(
    r"(?P<name>[^/_]+)_\d+_assignsubmission_file(?:_?/|_)(?P<notebook>[^/]+)\.ipynb"
)
# What Canvas adds when somebody hands in again, and browsers when somebody downloads again.
_AGAIN = re.compile(r"(?:-\d+| ?\(\d+\))$")
# Moodle leaves these out of names of files.
_LEFT_OUT = re.compile(r"""[\x00-\x1f&<>"`|':\\/]""")


@dataclass(frozen=True)
class _Found:
    """A notebook in a zip file.

    Attributes:
        column: which column of the students' file knows its owner.
        owner: what stands there.
        notebook: the name of the notebook.
        rank: the greater, the newer, among an owner's files for one notebook.
    """

    column: str
    owner: str
    notebook: str
    rank: tuple[int, bool]


class PlatformCollector(FileNameCollectorPlugin):  # type: ignore[misc]
    """Recognises files from Canvas and Moodle, and others by ``named_regexp`` as nbgrader does."""

    students = Unicode(
        "students.csv", help="who is who on the platform; from the course's folder"
    ).tag(config=True)

    def collect(self, submitted_file: str) -> dict[str, str] | None:
        """Whose notebook a file is, and which; None, with a warning, if that cannot be told."""
        path = Path(submitted_file)
        found = _recognised(path)
        if found is None:
            named: dict[str, str] | None = super().collect(submitted_file)
            return named
        if any(_replaces(other, found) for other in _beside(path)):
            self.log.warning("There is a newer one of %s, which is collected", path.name)
            return None
        student = self._student(found, path)
        return {"student_id": student, "file_id": found.notebook} if student else None

    def _student(self, found: _Found, path: Path) -> str | None:
        owners = self._owners.get((found.column, found.owner), [])
        if len(owners) == 1:
            return owners[0]
        who = " and ".join(owners) + " are both" if owners else "nobody is"
        self.log.error(
            "%s is not collected: %s called %r in the column %r of %s. Mend that file, or put the"
            " notebook into submitted/<student>/<assignment>/ yourself",
            *(path.name, who, found.owner, found.column, self._roster.path),
        )
        return None

    @cached_property
    def _owners(self) -> dict[tuple[str, str], list[str]]:
        """Students by column and what stands there."""
        owners: dict[tuple[str, str], list[str]] = {}
        for problem in self._roster.problems:
            self.log.warning(problem)
        for person in self._roster.people.values():
            for key in _keys(person):
                owners.setdefault(key, []).append(person.student)
        return owners

    @cached_property
    def _roster(self) -> Roster:
        path = Path(self.parent.coursedir.root if self.parent else ".") / self.students
        try:
            return load_roster(path)
        except WorkshopError as error:
            # Said once, and then that nobody is known there.
            self.log.error("%s", error)
            return Roster(path, {}, (), frozenset())


def _recognised(path: Path) -> _Found | None:
    moodle = _MOODLE.fullmatch(f"{path.parent.name}/{path.name}") or _MOODLE.fullmatch(path.name)
    if moodle:
        notebook = _plain(moodle["notebook"])
        return _Found("name", _alike(moodle["name"]), notebook, (0, notebook == moodle["notebook"]))
    canvas = _CANVAS.fullmatch(path.name)
    if canvas:
        rank = (int(canvas["attachment"]), True)
        return _Found("canvas_id", canvas["user"], _plain(canvas["notebook"]), rank)
    return None


def _beside(path: Path) -> Iterator[_Found]:
    for other in path.parent.glob("*.ipynb"):
        found = _recognised(other)
        if found:
            yield found


def _replaces(other: _Found, found: _Found) -> bool:
    same = (other.column, other.owner, other.notebook) == (
        *(found.column, found.owner, found.notebook),
    )
    return same and other.rank > found.rank


def _plain(notebook: str) -> str:
    return _AGAIN.sub("", notebook)


def _keys(person: Person) -> Iterator[tuple[str, str]]:
    """Under what a student may be found: the id of Canvas, the name either way round."""
    if person.canvas_id:
        yield "canvas_id", person.canvas_id
    if person.name:
        last, _, first = person.name.partition(",")
        yield from {("name", _alike(person.name)), ("name", _alike(f"{first} {last}"))}


def _alike(name: str) -> str:
    """A name as Moodle writes it into names of files, whatever its case and accents' encoding."""
    text = _LEFT_OUT.sub("", unicodedata.normalize("NFC", name)).replace("_", " ")
    return " ".join(text.casefold().split())
