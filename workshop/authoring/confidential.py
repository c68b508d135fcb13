"""What must never reach students, in a form that can be looked for."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

from workshop.authoring.build import load_cells
from workshop.authoring.cells import SourceCell
from workshop.authoring.regions import Region, split, visible
from workshop.authoring.skeletons import skeleton
from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.quiz.asked import Asked
from workshop.quiz.keys import KeySecret, counted_questions, key_secret

# In characters that are letters or digits. Shorter lines are looked for with their neighbours.
LINE_LENGTH = 12
SHORTEST = 8
# A run of this many labels is told from chance; shorter runs are not.
RUN = 40
_STRIDE = 10
_CHANGES = 8
_LARGEST_BYTE = 255
_TELLING_DIGITS = 3
# Packed bits are compared bytewise with everything, so a longer run must agree.
_PACKED_RUN = 72
_COARSE_CONTEXT = re.compile(
    r"threshold|accurac|at least|pass(?:es|ing)?\b|minimum|required?|reach", re.IGNORECASE
)
_MARKER_TEXT = {
    Region.SOLUTION: "beginsolution",
    Region.HIDDEN_TESTS: "beginhiddentests",
    Region.MARK_SCHEME: "beginmarkscheme",
}


class LeakKind(StrEnum):
    """What kind of secret leaked, or what is wrong with a file."""

    SOLUTION = "solution"
    HIDDEN_TEST = "hidden test"
    MARK_SCHEME = "mark scheme"
    MARKER = "marker"
    THRESHOLD = "threshold"
    LABELS = "held-out labels"
    KEY = "quiz key"
    SECRET = "secret"  # noqa: S105 - the name of a kind
    UNEXPECTED = "unexpected file"
    UNREADABLE = "unreadable file"


_KINDS = {
    Region.SOLUTION: LeakKind.SOLUTION,
    Region.HIDDEN_TESTS: LeakKind.HIDDEN_TEST,
    Region.MARK_SCHEME: LeakKind.MARK_SCHEME,
}


@dataclass(frozen=True)
class TextSecret:
    """A text that must not appear.

    Attributes:
        kind: of which kind.
        name: what it is, for the report; never the text itself.
        skeleton: the skeleton that is looked for.
    """

    kind: LeakKind
    name: str
    skeleton: str


@dataclass(frozen=True)
class NumberSecret:
    """A number that must not appear.

    Attributes:
        name: what it is, for the report.
        value: the number.
        pattern: finds it in a text, also as a percentage.
        coarse: it is whole or has fewer than three digits, so it counts only in a line about
            passing.
        assignment: where it is asked for; a coarse one says nothing elsewhere. Empty for anywhere.
    """

    name: str
    value: float
    pattern: re.Pattern[str]
    coarse: bool
    assignment: str = ""

    def found_in(self, text: str) -> bool:
        """Whether the text states the number."""
        for match in self.pattern.finditer(text):
            start = text.rfind("\n", 0, match.start()) + 1
            end = text.find("\n", match.end())
            line = text[start : end if end >= 0 else len(text)]
            if not self.coarse or _COARSE_CONTEXT.search(line):
                return True
        return False


@dataclass(frozen=True)
class LabelSecret:
    """An ordered vector of labels, runs of which must not appear.

    Attributes:
        name: what it is, for the report.
        runs: pieces of the vector, each long and varied enough not to arise by chance; every run
            of ``RUN + 10`` labels of the vector holds one of them (if it is varied enough).
        numbers: the same as numbers, where labels are whole numbers below 256; else empty.
        bits: longer pieces as packed bits, 8 bytes each, where labels are 0 and 1; else empty.
    """

    name: str
    runs: tuple[tuple[str, ...], ...]
    numbers: tuple[tuple[int, ...], ...]
    bits: frozenset[bytes]


@dataclass(frozen=True)
class Secrets:
    """All that is looked for in one place."""

    texts: tuple[TextSecret, ...] = ()
    numbers: tuple[NumberSecret, ...] = ()
    labels: tuple[LabelSecret, ...] = ()
    keys: tuple[KeySecret, ...] = ()

    def beyond(self, public: str, assignment: str) -> Secrets:
        """What is secret from the students of an assignment.

        Args:
            public: the skeleton of what they see on purpose.
            assignment: its name; numbers of few digits that others ask for tell them nothing.
        """
        texts = tuple(secret for secret in self.texts if secret.skeleton not in public)
        numbers = tuple(
            each for each in self.numbers if not each.coarse or each.assignment in ("", assignment)
        )
        return Secrets(texts, numbers, self.labels, self.keys)


def secrets_of(
    course: Course,
    *,
    labels: Mapping[str, Sequence[int | str]] | None = None,
    texts: Mapping[str, str] | None = None,
) -> Secrets:
    """All secrets of a course: from every assignment's text and thresholds, and from the caller.

    Args:
        course: the course.
        labels: held-out labels by name, each vector in its own order.
        texts: further secrets by name, e.g. the keys of a quiz; each must have at least 8 letters
            or digits, since a bare "b" is everywhere.

    Raises:
        WorkshopError: a text has a fault, a calibration file cannot be read, or a secret is too
            short to be looked for.
    """
    found: list[TextSecret] = [
        TextSecret(LeakKind.MARKER, f"marker {region.begin!r}", text)
        for region, text in _MARKER_TEXT.items()
    ]
    numbers: list[NumberSecret] = []
    questions: dict[str, Asked] = {}
    for assignment in course.assignments():
        for notebook in course.notebooks(assignment):
            path = course.text(assignment, notebook)
            cells = load_cells(course, assignment, notebook)
            for cell in cells:
                found.extend(_cell_secrets(cell, path.relative_to(course.root)))
            questions |= counted_questions(cells, course)
            numbers.extend(_thresholds(course, assignment, notebook))
    for name, text in (texts or {}).items():
        if len(skeleton(text)) < SHORTEST:
            raise WorkshopError(
                f"the secret {name!r} is too short to be looked for",
                remedy=f"give at least {SHORTEST} letters or digits, e.g. the item's name with it",
            )
        found.append(TextSecret(LeakKind.SECRET, name, skeleton(text)))
    vectors = [label_secret(name, vector) for name, vector in (labels or {}).items()]
    keys = tuple(map(key_secret, questions.values()))
    return Secrets(tuple(found), tuple(numbers), tuple(vectors), keys)


def public_text(course: Course, assignment: str) -> str:
    """The skeleton of what students of an assignment see on purpose."""
    parts: list[str] = []
    for notebook in course.notebooks(assignment):
        for cell in load_cells(course, assignment, notebook):
            parts.append(visible(cell.source, is_code=cell.cell_type == "code"))
            parts.extend(cell.extras.values())
            parts.append(f"grade_id: {cell.grade_id}")  # as in the cell's metadata
    return skeleton("\n".join(parts))


def _cell_secrets(cell: SourceCell, path: Path) -> Iterator[TextSecret]:
    if cell.quiz:
        return  # a letter behind a name: as a skeleton it is in the text of the check, too
    for piece in split(cell.source):
        if piece.region is None:
            continue
        kind = _KINDS[piece.region]
        name = f"{kind} of {cell.grade_id} ({path.as_posix()}:{cell.first_line + piece.start})"
        for needle in _needles(piece.lines):
            yield TextSecret(kind, name, needle)


def _needles(lines: Sequence[str]) -> Iterator[str]:
    """Each line that is telling by itself, else it with the lines that follow, else all of them."""
    bones = [bone for bone in map(skeleton, lines) if bone]
    made = set()
    for index in range(len(bones)):
        needle, end = "", index
        while len(needle) < LINE_LENGTH and end < len(bones):
            needle += bones[end]
            end += 1
        if len(needle) >= LINE_LENGTH:
            made.add(needle)
    whole = "".join(bones)
    if not made and len(whole) >= SHORTEST:
        made.add(whole)
    yield from sorted(made)


def _thresholds(course: Course, assignment: str, notebook: str) -> Iterator[NumberSecret]:
    path = course.calibration(assignment, notebook)
    if not path.is_file():
        return
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except json.JSONDecodeError as error:
        raise WorkshopError(
            f"not valid JSON: {error.msg}",
            where=f"{path}:{error.lineno}",
            remedy="correct it, or calibrate again",
        ) from error
    for keys, value in _under_threshold(content, ()):
        name = f"{'.'.join(keys)} ({path.relative_to(course.root).as_posix()})"
        yield replace(number_secret(name, value), assignment=assignment)


def _under_threshold(
    node: Any, keys: tuple[str, ...], inside: bool = False
) -> Iterator[tuple[tuple[str, ...], Decimal]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _under_threshold(value, (*keys, str(key)), inside or key == "threshold")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _under_threshold(value, (*keys, str(index)), inside)
    elif inside and isinstance(node, Decimal | int) and not isinstance(node, bool):
        yield keys, Decimal(node)


def number_secret(name: str, value: Decimal | float | str) -> NumberSecret:
    """A number to look for: as it is, as a percentage, and rounded to three and four places."""
    exact = Decimal(str(value))
    forms = {exact}
    for places in (3, 4):
        rounded = round(exact, places)
        if _digits(rounded) >= _TELLING_DIGITS:
            forms.add(rounded)
    forms |= {form * 100 for form in forms if abs(form) < 1}
    pattern = "|".join(sorted(_number_pattern(form) for form in forms))
    coarse = _digits(exact) < _TELLING_DIGITS or exact == int(exact)
    return NumberSecret(name, float(exact), re.compile(rf"(?<![\d.])(?:{pattern})(?!\d)"), coarse)


def _digits(number: Decimal) -> int:
    return len(f"{number.normalize():f}".lstrip("-0.").replace(".", ""))


def _number_pattern(number: Decimal) -> str:
    plain = f"{number.normalize():f}"
    whole, _, fraction = plain.partition(".")
    if not fraction:
        return rf"{re.escape(whole)}(?:\.0+)?(?!\.\d)"
    optional = "0?" if whole == "0" else re.escape(whole)
    return rf"{optional}\.{fraction}0*"


def label_secret(name: str, vector: Sequence[int | str]) -> LabelSecret:
    """A vector of labels to look for.

    A run counts only with at least 8 changes of label in it; runs of a sorted vector do not have
    them, and would be found in any other list.
    """
    labels = [str(label) for label in vector]
    runs = list(_runs(labels, RUN, _STRIDE))
    bits: frozenset[bytes] = frozenset()
    if set(labels) == {"0", "1"}:
        # With 0 and 1 swapped they say the same.
        runs += [_swapped(run) for run in runs]
        long = list(_runs(labels, _PACKED_RUN, _PACKED_RUN // 2))
        bits = frozenset(packed for run in (*long, *map(_swapped, long)) for packed in _packed(run))
    numeric = all(
        label.isascii() and label.isdigit() and int(label) <= _LARGEST_BYTE for label in labels
    )
    numbers = tuple(tuple(map(int, run)) for run in runs) if numeric else ()
    return LabelSecret(name, tuple(runs), numbers, bits)


def _swapped(run: Sequence[str]) -> tuple[str, ...]:
    return tuple("1" if label == "0" else "0" for label in run)


def _packed(run: Sequence[str]) -> Iterator[bytes]:
    """64 labels as 8 bytes, from each of 8 places, since the leak may start anywhere in a byte."""
    for start in range(min(8, len(run) - 64 + 1)):
        bits = "".join(run[start : start + 64])
        yield int(bits, 2).to_bytes(8, "big")
        yield int(bits[::-1], 2).to_bytes(8, "little")


def _runs(labels: list[str], length: int, stride: int) -> Iterator[tuple[str, ...]]:
    starts = range(0, max(1, len(labels) - length + stride), stride)
    for start in sorted({min(start, max(0, len(labels) - length)) for start in starts}):
        end = min(start + length, len(labels))
        while end < len(labels) and _changes(labels[start:end]) < _CHANGES:
            end += 1
        run = tuple(labels[start:end])
        if _changes(run) >= _CHANGES:
            yield run


def _changes(labels: Sequence[str]) -> int:
    return sum(first != second for first, second in itertools.pairwise(labels))
