"""What has arrived: which submissions are new, whole, and within the day's attempts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from pathlib import Path

from nbgrader.coursedir import CourseDirectory

from workshop.course import Course
from workshop.grading.failures import patiently
from workshop.grading.fingerprints import hash_of_files
from workshop.grading.gradebook import open_gradebook
from workshop.grading.journal import Entry, Journal, Logged
from workshop.grading.records import Outcome
from workshop.grading.results import submissions_of
from workshop.grading.transaction import taken

Stamp = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True)
class Standing:
    """What the log and the gradebook hold about one student's submission.

    Attributes:
        submission: the hash of what was graded last; empty if nothing was.
        digest: of the last line that counts; it changes with every grade and every decision.
        entries: all gradings that the gradebook took, oldest first.
    """

    submission: str
    digest: str
    entries: tuple[Entry, ...]


class Book:
    """The log and the gradebook, read only."""

    def __init__(self, course: Course, coursedir: CourseDirectory, assignment: str) -> None:
        self._journal = Journal(course.gradelog)
        self._coursedir = coursedir
        self._assignment = assignment

    def standings(self) -> dict[str, Standing]:
        """By student, for those whose submissions were graded or rejected.

        Raises:
            NotGraded: the log or the gradebook cannot be read.
        """
        history = self._journal.read()

        def look() -> set[str]:
            with open_gradebook(self._coursedir) as gradebook:
                return set(taken(gradebook))

        counted = patiently(look)
        last: dict[str, tuple[int, str]] = {}
        for decided in history.decisions:
            if decided.decision.assignment == self._assignment and decided.digest in counted:
                last[decided.decision.student] = decided.number, decided.digest
        gradings: dict[str, list[Logged]] = {}
        for logged in history.entries:
            if logged.entry.assignment == self._assignment:
                gradings.setdefault(logged.entry.student, []).append(logged)
        return {
            student: _standing(entries, counted, last.get(student))
            for student, entries in gradings.items()
            if any(each.digest in counted for each in entries)
        }


def _standing(
    gradings: Sequence[Logged], counted: set[str], decided: tuple[int, str] | None
) -> Standing:
    standing = next(each for each in reversed(gradings) if each.digest in counted)
    _, digest = max((standing.number, standing.digest), decided or (0, ""))
    # What was interrupted told the student nothing.
    entries = tuple(each.entry for each in gradings if each.digest in counted)
    return Standing(standing.entry.submission, digest, entries)


class Arrivals:
    """Looks at ``submitted/`` again and again, and reads only what has changed."""

    def __init__(self, course: Course, assignment: str) -> None:
        self._course, self._assignment = course, assignment
        self._stamps: dict[str, Stamp] = {}
        self._hashes: dict[str, tuple[Stamp, str]] = {}

    def whole(self, collected: Iterable[str] = ()) -> dict[str, str]:
        """The submissions that nobody is writing any more: their hashes, by student.

        They come in the order in which they arrived. A folder counts as whole if it is as it was at
        the last look.

        Args:
            collected: whose submissions are known to be whole.
        """
        found: dict[str, str] = {}
        stamps: dict[str, Stamp] = {}
        for student in submissions_of(self._course, self._assignment):
            folder = self._course.submitted / student / self._assignment
            try:
                stamp = stamp_of(folder)
            except OSError:
                continue  # it was moved or removed just now; the next look tells
            stamps[student] = stamp
            if stamp == self._stamps.get(student) or student in collected:
                known, digest = self._hashes.get(student, (None, ""))
                if known != stamp:
                    digest = hash_of_files(folder)
                    self._hashes[student] = stamp, digest
                found[student] = digest
        self._stamps = stamps
        return dict(sorted(found.items(), key=lambda each: _changed(stamps[each[0]])))


def stamp_of(folder: Path) -> Stamp:
    """What changes when anything below a folder is written; nothing is opened, no link followed.

    Raises:
        OSError: something vanished meanwhile.
    """
    paths = [folder]
    for place, folders, files in os.walk(folder):
        paths += [Path(place, name) for name in (*folders, *files)]
    about = [(str(path), path.lstat()) for path in sorted(paths)]
    return tuple((name, one.st_size, one.st_mtime_ns, one.st_ctime_ns) for name, one in about)


def _changed(stamp: Stamp) -> int:
    """When something of it was changed last; students cannot choose that."""
    return max((ctime for *_, ctime in stamp), default=0)


def attempts(entries: Iterable[Entry], day: date, zone: tzinfo) -> int:
    """How many submissions of a student were graded on a day.

    Grading the same again is no attempt, nor is what was rejected or could not be graded.

    Args:
        entries: the student's gradings, oldest first.
        day: which day.
        zone: whose days.
    """
    count, before = 0, ""
    for entry in entries:
        if entry.outcome in (Outcome.REJECTED, Outcome.NOT_GRADED):
            continue
        on_that_day = datetime.fromisoformat(entry.ended).astimezone(zone).date() == day
        count += on_that_day and entry.submission != before
        before = entry.submission
    return count
