"""Looking for secrets in data, through every encoding."""

from __future__ import annotations

import itertools
import re
import struct
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workshop.authoring.confidential import RUN, LabelSecret, LeakKind, Secrets
from workshop.authoring.decoding import MAX_DEPTH, ROT13, View, views
from workshop.authoring.skeletons import skeleton

_ARRAY_TYPES = ("u1", "<i2", "<i4", "<i8", "<f4", "<f8")
_NOISE = re.compile(r"[\s,;|\[\](){}'\"\\]+")
_TRAILING_ZEROS = re.compile(r"(?<=\d)\.0*(?!\d)")
# Anchored at a word's start and of bounded length: else a long word takes quadratic time.
_PAIR = re.compile(r"""(?<![\w./-])([\w./-]{1,60})["']?\s{0,4}[:=]\s{0,4}["']?([\w.-]{1,60})""")
_SEPARATORS = (",", ";", "\t", "|", None)
_MAX_COLUMNS = 64
_WORD = 8


@dataclass(frozen=True)
class Match:
    """A secret that was found.

    Attributes:
        kind: of which kind.
        name: which one.
        encoding: how it was hidden, ``plain`` if it was not.
    """

    kind: LeakKind
    name: str
    encoding: str


class Matcher:
    """Finds a fixed set of secrets."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._doubles = [
            (secret.name, struct.pack("<d", secret.value))
            for secret in secrets.numbers
            if not secret.coarse
        ]
        self._text_runs = _RunFinder(
            [(label.name, run.encode()) for label in secrets.labels for run in _text_runs(label)]
        )
        self._array_runs = _RunFinder(
            [(label.name, run) for label in secrets.labels for run in _array_runs(label)]
        )
        self._bits = _PackedFinder(
            [(label.name, run) for label in secrets.labels for run in label.bits]
        )
        self._labels_are_digits = all(
            label.isdigit() for each in secrets.labels for run in each.runs for label in run
        )
        self._tokens = {_tokens_of(label) for label in secrets.labels}
        self._skeletons = _SkeletonFinder(
            [(each.skeleton, (each.kind, each.name)) for each in secrets.texts]
            + [
                (bones, (LeakKind.KEY, f"key of {key.name}"))
                for key in secrets.keys
                for bones in key.skeletons
            ]
        )

    def find(self, data: bytes, depth: int = MAX_DEPTH) -> Iterator[Match]:
        """Every secret in the data, each once, in its least hidden form.

        Args:
            data: the bytes.
            depth: how many wrappings are undone, one within the other.

        Raises:
            TooMuchError: after the last match, if the data unfolds into more than is looked at.
        """
        seen: set[tuple[LeakKind, str]] = set()
        for view in views(data, depth):
            for kind, name in self._in_view(view):
                if (kind, name) not in seen:
                    seen.add((kind, name))
                    yield Match(kind, name, view.encoding)

    def _in_view(self, view: View) -> Iterator[tuple[LeakKind, str]]:
        text = view.data.decode("utf-8", "replace")
        bones = skeleton(text)
        yield from self._skeletons.found_in(bones)
        for key in self._secrets.keys:
            if key.told_in(text):
                yield LeakKind.KEY, f"key of {key.name}"
        for number in self._secrets.numbers:
            if number.found_in(text):
                yield LeakKind.THRESHOLD, number.name
        for name, packed in self._doubles:
            if packed in view.data:
                yield LeakKind.THRESHOLD, name
        # Before that step the digits were the same.
        seen_before = view.chain[-1:] == (ROT13,) and self._labels_are_digits
        for name in sorted(set() if seen_before else self._labels_in(view.data, text)):
            yield LeakKind.LABELS, name

    def _labels_in(self, data: bytes, text: str) -> set[str]:
        """Names of the vectors of labels of which a run is in the data."""
        if not self._secrets.labels or len(data) < RUN // 8:
            return set()
        found = self._array_runs.names_in(data) | self._bits.names_in(data)
        if self._may_list_labels(text):
            # Streams are kept apart by a byte that is in none of them.
            streams = "\0".join(_streams(text)).encode()
            found |= self._text_runs.names_in(streams)
        return found

    def _may_list_labels(self, text: str) -> bool:
        """Whether a text has enough labels in it for a run; most have not."""
        return any(
            sum(map(len, tokens.findall(text))) >= shortest for tokens, shortest in self._tokens
        )


class _SkeletonFinder:
    """Finds any of thousands of skeletons in another, in about one pass.

    The first bytes of each are looked up in a table of hashes; hardly any place of the text is left
    that has to be compared.
    """

    _BITS = 20
    _FACTOR = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio: spreads what is alike

    def __init__(self, skeletons: Sequence[tuple[str, tuple[LeakKind, str]]]) -> None:
        self._by_start: dict[bytes, list[tuple[bytes, tuple[LeakKind, str]]]] = {}
        self._short: list[tuple[bytes, tuple[LeakKind, str]]] = []
        for text, name in skeletons:
            bones = text.encode()
            if len(bones) < _WORD:
                self._short.append((bones, name))
            else:
                self._by_start.setdefault(bones[:_WORD], []).append((bones, name))
        self._table = np.zeros(1 << self._BITS, bool)
        starts = np.array(
            [int.from_bytes(each, sys.byteorder) for each in self._by_start], np.uint64
        )
        self._table[self._hashes(starts)] = True

    def found_in(self, bones: str) -> Iterator[tuple[LeakKind, str]]:
        """What the skeletons in this one belong to, each once."""
        data = bones.encode("utf-8", "replace")
        found = {name for text, name in self._short if text in data}
        if len(data) >= _WORD:
            windows = np.ndarray((len(data) - _WORD + 1,), np.uint64, data, strides=(1,))
            for place in np.flatnonzero(self._table[self._hashes(windows)]).tolist():
                for text, name in self._by_start.get(data[place : place + _WORD], ()):
                    if name not in found and data.startswith(text, place):
                        found.add(name)
        yield from sorted(found)

    def _hashes(self, words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        hashed: npt.NDArray[np.uint64] = (words * self._FACTOR) >> np.uint64(64 - self._BITS)
        return hashed


class _RunFinder:
    """Finds any of thousands of runs of labels in a piece of data, in about one pass.

    Most data are ruled out at once: runs are made of few different bytes, and no stretch of these
    bytes is long enough.
    """

    def __init__(self, runs: Sequence[tuple[str, bytes]]) -> None:
        self._shortest = min((len(run) for _, run in runs), default=1)
        self._by_start: dict[bytes, list[tuple[str, bytes]]] = {}
        for name, run in runs:
            self._by_start.setdefault(run[: self._shortest], []).append((name, run))
        alphabet = b"".join(
            re.escape(bytes([value])) for value in sorted({*b"".join(self._by_start)})
        )
        self._stretches = (
            re.compile(b"[" + alphabet + b"]{%d,}" % self._shortest, re.DOTALL) if runs else None
        )

    def names_in(self, data: bytes) -> set[str]:
        """The names of the runs that are in the data."""
        found: set[str] = set()
        if self._stretches is None:
            return found
        for stretch in self._stretches.finditer(data):
            for start in range(stretch.start(), stretch.end() - self._shortest + 1):
                for name, run in self._by_start.get(data[start : start + self._shortest], ()):
                    if name not in found and data.startswith(run, start):
                        found.add(name)
        return found


class _PackedFinder:
    """Finds any of thousands of runs of 8 bytes, wherever they start."""

    def __init__(self, runs: Sequence[tuple[str, bytes]]) -> None:
        self._names = {int.from_bytes(run, sys.byteorder): name for name, run in runs}
        self._numbers = np.array(sorted(self._names), np.uint64)

    def names_in(self, data: bytes) -> set[str]:
        """The names of the runs that are in the data."""
        found: set[str] = set()
        if not self._names:
            return found
        for start in range(8):
            count = (len(data) - start) // 8
            if count > 0:
                words = np.frombuffer(data, np.uint64, count, start)
                places = np.searchsorted(self._numbers, words) % len(self._numbers)
                same = words[self._numbers[places] == words]
                found |= {self._names[int(each)] for each in same}
        return found


def _tokens_of(label: LabelSecret) -> tuple[re.Pattern[str], int]:
    """What finds words made of labels alone, and how many characters of them the least run has."""
    values = sorted({*itertools.chain(*label.runs)}, key=len, reverse=True)
    words = "|".join(map(re.escape, values))
    least = min((sum(map(len, run)) for run in label.runs), default=RUN)
    return re.compile(rf"(?<![^\W_])(?:{words})+(?![^\W_])"), least


def _text_runs(label: LabelSecret) -> list[str]:
    return ["".join(_NOISE.sub("", item) for item in run) for run in label.runs]


def _array_runs(label: LabelSecret) -> list[bytes]:
    return [np.array(run, dtype).tobytes() for run in label.numbers for dtype in _ARRAY_TYPES]


def _streams(text: str) -> Iterator[str]:
    """The values of a text one after the other, without what separates them.

    Once all of them, once column by column as in a table, once key by key as in records.
    """
    for variant in dict.fromkeys((text, _TRAILING_ZEROS.sub("", text))):
        yield _NOISE.sub("", variant)
        yield from _columns(variant)
        yield from _fields(variant)


def _columns(text: str) -> Iterator[str]:
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) < RUN // 2:
        return
    for separator in _SEPARATORS:
        rows = [line.split(separator) for line in lines]
        for column in range(_MAX_COLUMNS):
            rows = [row for row in rows if column < len(row)]
            if len(rows) < RUN // 2:
                break
            if column or separator is not None:
                yield _NOISE.sub("", " ".join(row[column] for row in rows))


def _fields(text: str) -> Iterator[str]:
    pairs = _PAIR.findall(text)
    if len(pairs) < RUN // 2:
        return
    yield "".join(value for _, value in pairs)
    by_key: dict[str, list[str]] = {}
    for key, value in pairs:
        by_key.setdefault(key, []).append(value)
    for values in by_key.values():
        if len(values) >= RUN // 2:
            yield "".join(values)
