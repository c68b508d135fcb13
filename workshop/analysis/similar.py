"""Pairs of submissions that are nearly the same apart from names, comments and formatting.

A list to look at, never a verdict. Compared are fingerprints (:mod:`workshop.analysis.winnowing`)
of what learners wrote themselves: what stands in the released notebook does not count, and what
many share does not either, since an exercise that leaves little choice is solved alike by honest
people. For the same reason a pair is listed only if honest people would hardly agree so often: see
:func:`_surprise`.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import combinations
from typing import Any

from nbformat import NotebookNode

from workshop.analysis.winnowing import Fingerprint, code_tokens, groups, winnow, word_tokens
from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.grading.prechecks import RejectedSubmission, check_folder, read_notebook
from workshop.grading.records import nbgrader_of
from workshop.grading.results import in_one_line, submissions_of

SHARE = 0.5
"""Pairs that share less are not listed, unless asked for."""
_FEWEST = 8
"""Fingerprints that two have to share: some three lines of code."""
_PASSAGE = 20
"""Fingerprints that one decision fills: some eight lines. More of them count as several."""
_BY_CHANCE = 20
"""Pairs that would agree as much by chance: so many at most are worth looking at in vain."""
_TOO_LONG = 50_000
"""Characters of one cell that are compared: nobody writes more by hand."""
_MOST_CELLS = 500

Advance = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Cell:
    """What a learner wrote in one cell.

    Attributes:
        name: its name in the assignment, or its number if it has none there.
        source: its text.
        fingerprints: of it, without what was released or is common.
    """

    name: str
    source: str
    fingerprints: tuple[Fingerprint, ...]

    @cached_property
    def hashes(self) -> frozenset[int]:
        """Its fingerprints without their places."""
        return frozenset(each.hash for each in self.fingerprints)


@dataclass(frozen=True)
class Work:
    """What a learner wrote in one notebook.

    Attributes:
        student: whose it is.
        notebook: the notebook's name.
        cells: those with fingerprints.
    """

    student: str
    notebook: str
    cells: tuple[Cell, ...]

    @cached_property
    def hashes(self) -> frozenset[int]:
        """All fingerprints."""
        return frozenset[int]().union(*(cell.hashes for cell in self.cells))


@dataclass(frozen=True)
class Pair:
    """Two learners' work on one notebook, of which much is the same.

    Attributes:
        first: one's work.
        second: the other's.
        shared: the fingerprints that both have.
        share: how many these are of all fingerprints of the one that has fewer, 0 to 1.
        surprise: how unlikely that is by chance, in nats.
    """

    first: Work
    second: Work
    shared: frozenset[int]
    share: float
    surprise: float = 0.0

    @property
    def cells(self) -> list[tuple[Cell, Cell, int]]:
        """Which cell shares most with which, and how many fingerprints; most first."""
        found = []
        for cell in self.first.cells:
            own = cell.hashes & self.shared
            if own:
                # max keeps the first of several that share as much
                best = max(self.second.cells, key=lambda each: len(own & each.hashes))
                found.append((cell, best, len(own & best.hashes)))
        return sorted(found, key=lambda each: -each[2])

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "students": [self.first.student, self.second.student],
            "notebook": self.first.notebook,
            "share": round(self.share, 4),
            "surprise": round(self.surprise, 2),
            "shared_fingerprints": len(self.shared),
            "fingerprints": [len(self.first.hashes), len(self.second.hashes)],
            "cells": [
                {"cells": [one.name, other.name], "shared_fingerprints": count}
                for one, other, count in self.cells
            ],
        }


@dataclass(frozen=True)
class Similar:
    """The pairs of an assignment.

    Attributes:
        assignment: its name.
        compared: how many submissions were compared.
        pairs: those that share much, the least likely by chance first.
        skipped: what could not be compared and why, by student.
    """

    assignment: str
    compared: int
    pairs: tuple[Pair, ...]
    skipped: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "assignment": self.assignment,
            "compared": self.compared,
            "pairs": [pair.to_dict() for pair in self.pairs],
            "skipped": list(self.skipped),
        }


def find_similar(
    course: Course, assignment: str, *, at_least: float = SHARE, progress: Advance | None = None
) -> Similar:
    """Compare everybody's work on an assignment with everybody else's.

    Args:
        course: the course; ``submitted/`` and ``release/`` are read.
        assignment: the assignment's name.
        at_least: the share of fingerprints, 0 to 1, from which on a pair is listed.
        progress: told how many submissions were read, of how many, and whose was the last.

    Raises:
        WorkshopError: the assignment was not released, or nobody handed it in.
    """
    released = _released(course, assignment)
    students = submissions_of(course, assignment)
    if not students:
        raise WorkshopError(
            f"nobody handed in {assignment}",
            where=course.submitted,
            remedy=f"collect it first, into submitted/<student>/{assignment}/",
        )
    reader = _Reader(course, assignment, released)
    by_notebook: dict[str, list[Work]] = defaultdict(list)
    compared = 0
    for done, student in enumerate(students, 1):
        works = list(reader.works(student))
        compared += bool(works)
        for work in works:
            by_notebook[work.notebook].append(work)
        if progress is not None:
            progress(done, len(students), student)
    pairs = [pair for works in by_notebook.values() for pair in _pairs(works, at_least)]
    pairs.sort(key=lambda each: (-each.surprise, -each.share, each.first.student))
    return Similar(assignment, compared, tuple(pairs), tuple(reader.skipped))


def _released(course: Course, assignment: str) -> dict[str, NotebookNode]:
    folder = course.release / assignment
    released = {path.stem: read_notebook(path) for path in sorted(folder.glob("*.ipynb"))}
    if not released:
        raise WorkshopError(
            f"{assignment} was not released",
            where=folder,
            remedy="correct the name, or run `workshop build` first",
        )
    return released


class _Reader:
    """Reads submissions; what cannot be read is noted, and the others go on."""

    def __init__(
        self, course: Course, assignment: str, released: Mapping[str, NotebookNode]
    ) -> None:
        self._course, self._assignment = course, assignment
        self._texts = {name: {_key(c) for c in each.cells} for name, each in released.items()}
        self._names = {
            name: {nbgrader_of(cell).get("grade_id") for cell in each.cells}
            for name, each in released.items()
        }
        self._known = {
            name: {
                each.hash for cell in each.cells for each in _groups(cell.cell_type, cell.source)
            }
            for name, each in released.items()
        }
        self.skipped: list[str] = []

    def works(self, student: str) -> Iterator[Work]:
        """What a student wrote, notebook by notebook."""
        folder = self._course.submitted / student / self._assignment
        try:
            check_folder(folder, [*self._texts])
        except RejectedSubmission as error:
            self._skip(student, in_one_line(error, self._course))
            return
        for name in self._texts:
            path = folder / f"{name}.ipynb"
            if not path.exists():
                continue
            try:
                notebook = read_notebook(path)
            except RejectedSubmission as error:
                self._skip(student, in_one_line(error, self._course))
            else:
                yield Work(student, name, tuple(self._cells(student, name, notebook)))

    def _skip(self, student: str, why: str) -> None:
        self.skipped.append(f"{student}: {why}")

    def _cells(self, student: str, name: str, notebook: NotebookNode) -> Iterator[Cell]:
        known, names = self._known[name], self._names[name]
        own = [
            (number, cell)
            for number, cell in enumerate(notebook.cells, 1)
            if _key(cell) not in self._texts[name] and cell.cell_type in ("code", "markdown")
        ]
        if len(own) > _MOST_CELLS:
            self._skip(student, f"{name}: only the first {_MOST_CELLS} of {len(own)} own cells")
        for number, cell in own[:_MOST_CELLS]:
            if len(cell.source) > _TOO_LONG:
                said = f"{name}, cell {number}: only its first {_TOO_LONG:,} characters"
                self._skip(student, f"{said} of {len(cell.source):,}")
            source = cell.source[:_TOO_LONG]
            prints = tuple(
                each for each in _winnowed(cell.cell_type, source) if each.hash not in known
            )
            if prints:
                grade_id = nbgrader_of(cell).get("grade_id")
                called = isinstance(grade_id, str) and grade_id in names
                yield Cell(str(grade_id) if called else f"cell {number}", source, prints)


def _key(cell: NotebookNode) -> tuple[str, str]:
    return cell.cell_type, cell.source.strip()


def _groups(cell_type: str, source: str) -> list[Fingerprint]:
    return groups((code_tokens if cell_type == "code" else word_tokens)(source))


@cache
def _winnowed(cell_type: str, source: str) -> list[Fingerprint]:
    return winnow(_groups(cell_type, source))


def _pairs(works: Sequence[Work], at_least: float) -> Iterator[Pair]:
    """The pairs among the works on one notebook."""
    counts = Counter(each for work in works for each in work.hashes)
    common = {each for each, count in counts.items() if count > _most(len(works))}
    rare = [_without(work, common) for work in works]
    chances = math.comb(len(works), 2)
    for (one, other), both in _shared(rare).items():
        share = len(both) / min(len(rare[one].hashes), len(rare[other].hashes))
        if share < at_least or len(both) < _FEWEST:
            continue
        surprise = _surprise(rare[one], both, counts, len(works))
        if chances * math.exp(-surprise) <= _BY_CHANCE:
            yield Pair(rare[one], rare[other], frozenset(both), share, surprise)


def _most(learners: int) -> int:
    """How many learners may share a fingerprint; what more of them share is common.

    A tenth of the class; in small classes three, or two of very few.
    """
    return max(2, min(3, learners // 3), learners // 10)


def _shared(works: Sequence[Work]) -> dict[tuple[int, int], set[int]]:
    """The fingerprints that two of the works share, for all that share any."""
    owners: dict[int, list[int]] = defaultdict(list)
    for place, work in enumerate(works):
        for each in work.hashes:
            owners[each].append(place)
    shared: dict[tuple[int, int], set[int]] = defaultdict(set)
    for each, places in owners.items():
        for two in combinations(places, 2):
            shared[two].add(each)
    return shared


def _surprise(work: Work, shared: Set[int], counts: Mapping[int, int], learners: int) -> float:
    """How unlikely it is to share so much by chance: minus the logarithm of its probability.

    As if a learner chose in each cell among the solutions of the class, independently of other
    cells: one that m of n learners have is chosen with the probability m / n. Long passages count
    as several choices.
    """
    total = 0.0
    for cell in work.cells:
        both = cell.hashes & shared
        if both:
            rarest = min(counts[each] for each in both)
            total += math.log(learners / rarest) * max(1.0, len(both) / _PASSAGE)
    return total


def _without(work: Work, common: Set[int]) -> Work:
    """The work without fingerprints that are common."""
    kept = (
        replace(cell, fingerprints=tuple(f for f in cell.fingerprints if f.hash not in common))
        for cell in work.cells
    )
    return replace(work, cells=tuple(cell for cell in kept if cell.fingerprints))
