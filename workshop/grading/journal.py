"""The grading log: one line of JSON for each grading of a submission, appended and never changed.

Between them stand decisions: points that were changed without grading again.

Every line carries the hash of the line before, so that a changed or removed line shows. A line is
in the file, and on the disk, before the gradebook takes the grades that it tells of; whether the
gradebook took them is said by the gradebook (see ``ledger``), never by the log.

A process that is killed while it writes leaves a line without an end. Nothing else can depend on
that line. It is moved to a file beside the log before the next line is written.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from workshop.grading.failures import explained
from workshop.grading.records import CellStatus, Outcome

TORN_SUFFIX = ".torn"


class Why(StrEnum):
    """Why a submission was graded."""

    FIRST = "first"
    REGRADE = "regrade"  # the submission or the assignment has changed
    FORCED = "forced"  # nothing has changed
    RETRIED = "retried"  # the time before failed for a reason that is not the submission's


@dataclass(frozen=True)
class LoggedCell:
    """The score of one cell, as logged.

    Attributes:
        notebook: the notebook's name.
        grade_id: the cell's name.
        score: points by test; None where a person has to decide.
        max_score: points that can be earned.
        status: the score in a word.
        message: why points were lost.
        traceback: where a check of ours crashed; for instructors only.
    """

    notebook: str
    grade_id: str
    score: float | None
    max_score: float
    status: CellStatus
    message: str = ""
    traceback: str = ""


@dataclass(frozen=True)
class Entry:
    """One grading of one submission.

    Attributes:
        assignment: the assignment's name.
        student: whose submission it was.
        why: why it was graded.
        outcome: how that ended.
        message: what went wrong with the whole of it.
        user: who graded: the account's name.
        host: on which machine.
        assignment_version: hash of what it was graded by.
        package_version: version of this package.
        submission: hash of the submission's files.
        notebooks: which notebooks were graded.
        began: when, in UTC, ISO 8601.
        ended: when, in UTC, ISO 8601.
        cells: the scores by test.
        traceback: what stopped the grading, if something of ours did; for instructors only.
        late_penalty: points taken off for being late; None if nobody looked at that.
        late_reason: why; empty if the submission was in time for all.
    """

    assignment: str
    student: str
    why: Why
    outcome: Outcome
    message: str
    user: str
    host: str
    assignment_version: str
    package_version: str
    submission: str
    notebooks: tuple[str, ...]
    began: str
    ended: str
    cells: tuple[LoggedCell, ...] = ()
    traceback: str = ""
    late_penalty: float | None = None
    late_reason: str = ""

    @property
    def score(self) -> float | None:
        """The points by test; None if there are none at all."""
        scores = [cell.score for cell in self.cells if cell.score is not None]
        return float(sum(scores)) if scores else None

    @property
    def is_final(self) -> bool:
        """Whether grading the same again would be idle: no error on our side is in it."""
        ours = any(cell.status is CellStatus.ERROR for cell in self.cells)
        return self.outcome is not Outcome.NOT_GRADED and not ours

    @property
    def was_cut_short(self) -> bool:
        """Whether something ended before it should, be it the kernel or a check of ours."""
        ended_early = {Outcome.TIMED_OUT, Outcome.OUT_OF_MEMORY, Outcome.KERNEL_DIED}
        return self.outcome in ended_early or (
            self.outcome is Outcome.COMPLETED and not self.is_final
        )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Entry:
        """An entry from its line's content; what this version does not know is left out.

        Raises:
            KeyError, TypeError, ValueError: this is no entry.
        """
        known = {name: data[name] for name in cls.__dataclass_fields__ if name in data}
        cells = tuple(
            LoggedCell(**{**cell, "status": CellStatus(cell["status"])})
            for cell in known.pop("cells", ())
        )
        known["why"], known["outcome"] = Why(known["why"]), Outcome(known["outcome"])
        return cls(**{**known, "notebooks": tuple(known["notebooks"])}, cells=cells)


class What(StrEnum):
    """What was decided."""

    OVERRIDE = "override"  # points by hand, from the command line
    LATE = "late"  # what being late costs, after the rule, the score or an extension changed


@dataclass(frozen=True)
class Decision:
    """A change of points without grading again.

    Attributes:
        what: what was decided.
        assignment: the assignment's name.
        student: whose submission it is about.
        user: who decided: the account's name.
        host: on which machine.
        when: in UTC, ISO 8601.
        notebook: the cell's notebook, for an override.
        grade_id: the cell.
        manual_before: the points by hand before; None if there were none.
        manual_after: the points by hand since then.
        extra_before: the extra credit before; None if there was none.
        extra_after: the extra credit since then.
        comment: what the student is told; empty for nothing.
        late_penalty: points taken off for being late; None if nobody looked at that.
        late_reason: why.
    """

    what: What
    assignment: str
    student: str
    user: str
    host: str
    when: str
    notebook: str = ""
    grade_id: str = ""
    manual_before: float | None = None
    manual_after: float | None = None
    extra_before: float | None = None
    extra_after: float | None = None
    comment: str = ""
    late_penalty: float | None = None
    late_reason: str = ""

    def is_as(self, other: Decision) -> bool:
        """Whether another one, made at another moment, is the same."""
        return replace(self, when=other.when) == other

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Decision:
        """A decision from its line's content; what this version does not know is left out.

        Raises:
            KeyError, TypeError, ValueError: this is no decision.
        """
        known = {name: data[name] for name in cls.__dataclass_fields__ if name in data}
        return cls(**{**known, "what": What(known["what"])})


@dataclass(frozen=True)
class Decided:
    """A decision with its place in the log.

    Attributes:
        number: the line, from 1.
        digest: the hash of the line, which the next line carries.
        decision: what it tells.
    """

    number: int
    digest: str
    decision: Decision


@dataclass(frozen=True)
class Logged:
    """An entry with its place in the log.

    Attributes:
        number: the line, from 1.
        digest: the hash of the line, which the next line carries.
        entry: what it tells.
    """

    number: int
    digest: str
    entry: Entry


@dataclass(frozen=True)
class History:
    """What a log holds.

    Attributes:
        entries: all gradings that can be read, oldest first.
        decisions: all decisions that can be read, oldest first.
        problems: where the log was changed or damaged, in words; empty if it is as it was written.
        torn: the beginning of a line whose writer was stopped.
        lines: how many whole lines there are.
        digest: the hash of the last of them; empty if there is none.
    """

    entries: tuple[Logged, ...]
    decisions: tuple[Decided, ...]
    problems: tuple[str, ...]
    torn: bytes
    lines: int
    digest: str


class Journal:
    """The log of a course. Writing asks for the course's lock; reading does not."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: tuple[tuple[int, int], History] | None = None

    def read(self) -> History:
        """Everything in the log, with its chain of hashes checked.

        Raises:
            NotGraded: the file is there but cannot be read.
        """
        try:
            about = self.path.stat()
            stamp = (about.st_size, about.st_mtime_ns)
            if self._known is None or self._known[0] != stamp:
                self._known = stamp, _history(self.path.read_bytes())
        except FileNotFoundError:
            return _history(b"")
        except OSError as error:
            raise explained(error, self.path.parent, "", "") from error
        return self._known[1]

    def set_torn_line_aside(self) -> str:
        """Take a line off the end that was not written to its end; says so, empty if none was.

        Raises:
            NotGraded: the files cannot be written.
        """
        torn = self.read().torn
        if not torn:
            return ""
        aside = self.path.with_suffix(TORN_SUFFIX)
        try:
            _append(aside, torn + b"\n")
            with self.path.open("rb+") as file:
                file.truncate(self.path.stat().st_size - len(torn))
                os.fsync(file.fileno())
        except OSError as error:
            raise explained(error, self.path.parent, "", "") from error
        return (
            f"{self.path.name}: the last line was not written to its end (its writer was"
            f" stopped); its {len(torn)} bytes are in {aside.name}, the submission is graded again"
        )

    def append(self, entry: Entry) -> Logged:
        """Write an entry; it is on the disk when this returns.

        Raises:
            NotGraded: it cannot be written; the log is as it was before.
        """
        history = self.read()
        logged = Logged(*self._write(history, entry), entry)
        self._remember(replace(history, entries=(*history.entries, logged)), logged)
        return logged

    def append_decision(self, decision: Decision) -> Decided:
        """Write a decision; it is on the disk when this returns.

        Raises:
            NotGraded: it cannot be written; the log is as it was before.
        """
        history = self.read()
        decided = Decided(*self._write(history, decision), decision)
        self._remember(replace(history, decisions=(*history.decisions, decided)), decided)
        return decided

    def _write(self, history: History, record: Entry | Decision) -> tuple[int, str]:
        """Write a line; returns its number and its hash."""
        number = history.lines + 1
        data = {"number": number, "previous": history.digest, **asdict(record)}
        line = json.dumps(data, allow_nan=False).encode("ascii")
        try:
            _append(self.path, line + b"\n")
        except OSError as error:
            if error.filename is None:
                error.filename = str(self.path)
            raise explained(error, self.path.parent, record.assignment, record.student) from error
        return number, hashlib.sha256(line).hexdigest()

    def _remember(self, history: History, last: Logged | Decided) -> None:
        """Spare reading the whole log again for every line."""
        about = self.path.stat()
        known = replace(history, lines=last.number, digest=last.digest)
        self._known = (about.st_size, about.st_mtime_ns), known


def _append(path: Path, data: bytes) -> None:
    """Write all of it or nothing, and wait for the disk."""
    new = not path.exists()
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o664)
    try:
        size = os.fstat(descriptor).st_size
        try:
            left = data
            while left:
                left = left[os.write(descriptor, left) :]
            os.fsync(descriptor)
        except OSError:
            with suppress(OSError):
                os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)
    if new:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _history(data: bytes) -> History:
    *lines, torn = data.split(b"\n")
    entries, decisions, problems, previous = [], [], [], ""
    for number, line in enumerate(lines, 1):
        digest = hashlib.sha256(line).hexdigest()
        try:
            content = json.loads(line)
            if content["previous"] != previous or content["number"] != number:
                problems.append(
                    f"line {number}: does not follow from what stands before it: a line was"
                    " changed, added or taken away"
                )
            if "what" in content:
                decisions.append(Decided(number, digest, Decision.from_dict(content)))
            else:
                entries.append(Logged(number, digest, Entry.from_dict(content)))
        except (ValueError, TypeError, KeyError) as error:
            problems.append(f"line {number}: cannot be read ({type(error).__name__}: {error})")
        previous = digest
    read = tuple(entries), tuple(decisions), tuple(problems)
    return History(*read, torn, len(lines), previous)
