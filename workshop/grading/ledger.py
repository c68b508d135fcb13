"""Grades that survive whatever happens: the log, the gradebook and the graded notebooks as one.

A graded submission is written in this order:

1. Its notebooks are made in a folder of their own (``autograded/.staged``), never in place.
2. A transaction of the gradebook is begun and everything is written into it: all notebooks' scores,
   flags, comments, penalties. Nobody sees it yet.
3. The entry is appended to the log and is on the disk.
4. The notebooks are moved aside under the entry's hash (``autograded/.ready``).
5. The transaction is committed, with the entry's hash in it. **This is the moment of truth.**
6. The notebooks are moved into their place.

So an entry of the log counts if, and only if, the gradebook holds its hash. A process that is
killed before 5 leaves the gradebook as it was, and at most an entry that does not count (it is
kept, and shown as interrupted). One that is killed after 5 has graded the submission; the next run
does 6 again from the folder named by the hash.
A gradebook that is put back from a backup is told by the same rule: what came after the backup does
not count, and is graded again.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory

from workshop import __version__
from workshop.course import Course, scripts_on_path
from workshop.grading.failures import explained, patiently
from workshop.grading.fingerprints import hash_of_assignment
from workshop.grading.gradebook import load_grades, open_gradebook
from workshop.grading.journal import (
    Decided,
    Decision,
    Entry,
    Journal,
    Logged,
    Why,
    sync_folder,
)
from workshop.grading.records import Outcome
from workshop.grading.transaction import mark_taken, one_transaction, taken
from workshop.grading.writer_lock import single_writer

STAGED = ".staged"
READY = ".ready"


class Ledger:
    """What is known of earlier grading in a course, and the way to add to it.

    Attributes:
        course: the course.
        coursedir: nbgrader's view of it.
        journal: its log.
        notes: what was found and repaired, in words.
    """

    def __init__(self, course: Course, coursedir: CourseDirectory) -> None:
        self.course = course
        self.coursedir = coursedir
        self.journal = Journal(course.gradelog)
        self.notes: list[str] = []
        self._versions: dict[str, str] = {}
        self._taken: set[str] = set()
        self._writing = False

    @property
    def staged(self) -> Path:
        """Where notebooks are made before they count."""
        return self.course.autograded / STAGED

    @property
    def ready(self) -> Path:
        """Where notebooks wait for the gradebook, by the hash of their entry."""
        return self.course.autograded / READY

    def place_of(self, assignment: str, student: str) -> Path:
        """The folder of a submission's graded notebooks."""
        return self.course.autograded / student / assignment

    @contextmanager
    def writing(self, doing: str) -> Iterator[None]:
        """Be the only writer; what an earlier one left half done is put in order first.

        Raises:
            WorkshopError: another process grades this course, or something cannot be written.
        """
        if self._writing:
            yield
            return
        with scripts_on_path(), single_writer(self.course.root, doing):
            self._versions.clear()
            try:
                self._put_in_order()
            except OSError as error:
                raise explained(error, self.course.root, "", "") from error
            self._writing = True
            try:
                yield
            finally:
                self._writing = False

    @contextmanager
    def assisting(self) -> Iterator[None]:
        """Make graded notebooks for another process, which is the writer and writes them down."""
        self._writing = True
        try:
            yield
        finally:
            self._writing = False

    def version(self, assignment: str) -> str:
        """The hash of what submissions of an assignment are graded by."""
        if assignment not in self._versions:
            self._versions[assignment] = patiently(lambda: self._version(assignment))
        return self._versions[assignment]

    def counts(self, logged: Logged) -> bool:
        """Whether the gradebook took an entry."""
        return logged.digest in self._taken

    def entries(self, assignment: str, student: str) -> list[Logged]:
        """All entries about a submission, oldest first."""
        return [
            each
            for each in self.journal.read().entries
            if (each.entry.assignment, each.entry.student) == (assignment, student)
        ]

    def standing(self, assignment: str, student: str) -> Logged | None:
        """The entry that a submission's scores in the gradebook come from."""
        found = filter(self.counts, reversed(self.entries(assignment, student)))
        return next(found, None)

    def stored(
        self, assignment: str, student: str, submission: str, notebooks: tuple[str, ...]
    ) -> Entry | None:
        """The entry that makes grading again idle; None if there is something to do.

        Args:
            assignment: the assignment's name.
            student: whose submission it is.
            submission: the hash of its files.
            notebooks: the names of those of its notebooks that are to be graded.
        """
        logged = self.standing(assignment, student)
        if logged is None or not self._is_unchanged(logged.entry, submission):
            return None
        entry = logged.entry
        if not entry.is_final or not self._in_gradebook(assignment, student):
            return None
        if entry.outcome is Outcome.REJECTED:
            return entry
        place = self.place_of(assignment, student)
        whole = set(notebooks) <= set(entry.notebooks)
        there = all((place / f"{name}.ipynb").is_file() for name in notebooks)
        return entry if whole and there else None

    def why(self, assignment: str, student: str, submission: str) -> Why:
        """Why a submission is graded now."""
        entries = self.entries(assignment, student)
        if not entries:
            return Why.FIRST
        last = entries[-1]
        if not self.counts(last) or not last.entry.is_final:
            return Why.RETRIED
        return Why.FORCED if self._is_unchanged(last.entry, submission) else Why.REGRADE

    def commit(self, entry: Entry, write: Callable[[Gradebook], Entry]) -> Logged:
        """Write a grading down for good; the module says in which order.

        Args:
            entry: what came of it. Its notebooks are in ``staged``, unless it was rejected.
            write: writes the grades into the transaction, and gives the entry with what only the
                gradebook knew.

        Raises:
            NotGraded: nothing was changed, except that the log may hold an entry that does not
                count.
        """
        source = self.staged / entry.student / entry.assignment
        _sync_tree(source)
        logged: list[Logged] = []

        def attempt() -> None:
            with one_transaction(self.coursedir) as gradebook:
                written = write(gradebook)
                # At a second try the gradebook may hold other points by hand, and so the entry may
                # tell of another penalty.
                if not logged or logged[-1].entry != written:
                    made = self.ready / logged[-1].digest if logged else source
                    logged.append(self.journal.append(written))
                    if made.exists():
                        self.ready.mkdir(exist_ok=True)
                        made.rename(self.ready / logged[-1].digest)
                digest, number = logged[-1].digest, logged[-1].number
                mark_taken(gradebook, digest, number, entry.assignment, entry.student)

        try:
            patiently(attempt)
        except Exception:
            # Not for Ctrl-C: it may come when the gradebook has taken the entry already. Then the
            # next writer finds the notebooks and puts them in their place, or throws them away.
            for each in logged:
                shutil.rmtree(self.ready / each.digest, ignore_errors=True)
            raise
        self._taken.add(logged[-1].digest)
        self._put_in_place(logged[-1])
        return logged[-1]

    def decide(self, write: Callable[[Gradebook], Decision | None]) -> Decision | None:
        """Change points without grading again, in one transaction with its line in the log.

        Args:
            write: changes the gradebook and says what it did; None if there was nothing to do.

        Raises:
            NotGraded: nothing was changed, except that the log may hold a decision that does not
                count.
        """
        logged: list[Decided] = []

        def attempt() -> Decision | None:
            with one_transaction(self.coursedir) as gradebook:
                decision = write(gradebook)
                if decision is None:
                    return None
                # At a second try the gradebook may hold something else: then that is decided.
                if not logged or not decision.is_as(logged[-1].decision):
                    logged.append(self.journal.append_decision(decision))
                digest, number = logged[-1].digest, logged[-1].number
                mark_taken(gradebook, digest, number, decision.assignment, decision.student)
            return logged[-1].decision

        return patiently(attempt)

    def _version(self, assignment: str) -> str:
        with open_gradebook(self.coursedir) as gradebook:
            return hash_of_assignment(self.course, gradebook, assignment)

    def _is_unchanged(self, entry: Entry, submission: str) -> bool:
        version = (self.version(entry.assignment), __version__)
        same_version = version == (entry.assignment_version, entry.package_version)
        return same_version and entry.submission == submission

    def _in_gradebook(self, assignment: str, student: str) -> bool:
        def look() -> bool:
            with open_gradebook(self.coursedir) as gradebook:
                return bool(load_grades(gradebook, assignment, student)[0])

        return patiently(look)

    def _read_taken(self) -> set[str]:
        with open_gradebook(self.coursedir) as gradebook:
            return set(taken(gradebook))

    def _put_in_order(self) -> None:
        """Finish or undo what a process that was killed left half done."""
        note = self.journal.set_torn_line_aside()
        history = self.journal.read()
        self.notes += filter(None, (note, *history.problems))
        self._taken = patiently(self._read_taken)
        if self.staged.exists():
            shutil.rmtree(self.staged)
        by_digest = {each.digest: each for each in history.entries}
        for folder in sorted(self.ready.glob("*")) if self.ready.exists() else ():
            logged = by_digest.get(folder.name)
            if logged is not None and logged == self.standing(
                logged.entry.assignment, logged.entry.student
            ):
                self._put_in_place(logged)
        if self.ready.exists():
            shutil.rmtree(self.ready)
        latest = {
            (each.entry.assignment, each.entry.student): each
            for each in history.entries
            if self.counts(each)
        }
        for logged in latest.values():
            if logged.entry.outcome is Outcome.REJECTED:
                self._put_in_place(logged)

    def _put_in_place(self, logged: Logged) -> None:
        """Show what an entry that counts has made; may be done any number of times."""
        entry = logged.entry
        place, made = self.place_of(entry.assignment, entry.student), self.ready / logged.digest
        if entry.outcome is Outcome.REJECTED:
            # What was graded of an earlier submission says nothing about this one.
            shutil.rmtree(place, ignore_errors=True)
            feedback = self.course.feedback / entry.student / entry.assignment
            # This is done again at each start, and by then there may be a page about this one.
            if feedback.exists() and feedback.stat().st_mtime < _seconds(entry.ended):
                shutil.rmtree(feedback, ignore_errors=True)
        elif made.exists():
            former = made.with_suffix(".former")
            place.parent.mkdir(parents=True, exist_ok=True)
            if self.coursedir.groupshared:
                place.parent.chmod((place.parent.stat().st_mode | 0o2770) & 0o2777)
            if place.exists():
                place.rename(former)
            made.rename(place)
            sync_folder(place.parent)
            shutil.rmtree(former, ignore_errors=True)


def _seconds(moment: str) -> float:
    """A moment of the log as the file system gives it."""
    return datetime.fromisoformat(moment).timestamp()


def _sync_tree(folder: Path) -> None:
    """Wait until a folder's files are on the disk."""
    for path in (*folder.rglob("*"), folder) if folder.exists() else ():
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
