"""The leak scan: nothing under release/ may hold a solution, a hidden test or another secret.

It does not trust nbgrader or the build: what is secret and what is public is worked out from the
texts alone, and every byte of every file is looked at, unwrapped where it is wrapped.

What it cannot find: a secret of fewer than 8 letters or digits, a solution rewritten with other
names, labels in another order or sorted by class, and anything encrypted (which is reported as
unreadable where the format says so).
"""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from workshop.authoring.confidential import LeakKind, Secrets, public_text, secrets_of
from workshop.authoring.decoding import MAX_DEPTH, TooMuchError
from workshop.authoring.files import files_below, named_files
from workshop.authoring.matching import Match, Matcher
from workshop.course import Course

MAX_FILE = 300_000_000
_MAX_NESTING = 4
_WHOLE_DEPTH = 2


@dataclass(frozen=True)
class Leak:
    """Something that must not be in the release.

    Attributes:
        path: the file, relative to the folder that was scanned.
        where: the place in it, e.g. ``cell 3 (freeze), outputs``; empty for the file as a whole.
        kind: what leaked.
        name: which secret, and where it comes from; never the secret itself.
        encoding: how it was hidden; ``plain`` if it was not.
    """

    path: PurePosixPath
    where: str
    kind: LeakKind
    name: str
    encoding: str = "plain"

    def __str__(self) -> str:
        place = f"{self.path}: {self.where}" if self.where else str(self.path)
        hidden = "" if self.encoding == "plain" else f" [{self.encoding}]"
        return f"{place}: {self.kind}: {self.name}{hidden}"


def scan_release(
    course: Course,
    assignments: Sequence[str] | None = None,
    *,
    labels: Mapping[str, Sequence[int | str]] | None = None,
    secrets: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> list[Leak]:
    """Look through the release for everything that students must not get.

    Args:
        course: whose texts and thresholds say what is secret.
        assignments: look into the folders of these alone; the whole release for None.
        labels: held-out labels by name, each in its own order (values like 0, 1 or class names).
        secrets: further secrets by name, e.g. quiz keys, each with at least 8 letters or digits.
        folder: look here instead of ``release/``; it must be laid out like it.

    Returns:
        What was found, ordered by file; empty for a clean release.

    Raises:
        WorkshopError: a text has a fault, so that its secrets are not known; an assignment does
            not exist; a secret is too short to be looked for.
    """
    known = secrets_of(course, labels=labels, texts=secrets)
    root = folder if folder is not None else course.release
    chosen = None if assignments is None else course.select(list(assignments))
    matchers: dict[str, Matcher] = {}
    expected = _expected(course)
    leaks: list[Leak] = []
    for path in files_below(root):
        owner = path.parts[0]
        if chosen is not None and owner not in chosen:
            continue
        if owner not in matchers:
            matchers[owner] = Matcher(_secret_from(course, owner, known))
        if path not in expected:
            leaks.append(_unexpected(root, path))
        leaks += _scan_file(root, path, matchers[owner])
    return leaks


def scan_folder(
    folder: Path, secrets: Secrets, *, only: Collection[PurePosixPath] | None = None
) -> list[Leak]:
    """Look through any folder, e.g. an unpacked student wheel, for secrets.

    Args:
        folder: the folder.
        secrets: what to look for, as from :func:`secrets_of`.
        only: look at these files alone, relative to the folder; at all files for None.

    Returns:
        What was found, ordered by file.
    """
    matcher = Matcher(secrets)
    return [
        leak
        for path in files_below(folder)
        if only is None or path in only
        for leak in _scan_file(folder, path, matcher)
    ]


def _secret_from(course: Course, assignment: str, known: Secrets) -> Secrets:
    """What students of this assignment must not see; another's solution may be its given code."""
    if assignment not in course.assignments():
        return known
    return known.beyond(public_text(course, assignment), assignment)


def _expected(course: Course) -> set[PurePosixPath]:
    expected = set()
    for assignment in course.assignments():
        names = [PurePosixPath(f"{notebook}.ipynb") for notebook in course.notebooks(assignment)]
        expected |= {PurePosixPath(assignment) / name for name in names}
        expected |= {PurePosixPath(assignment) / name for name in named_files(course, assignment)}
    return expected


def _unexpected(root: Path, path: PurePosixPath) -> Leak:
    file = root / path
    what = "a link" if file.is_symlink() else "a file"
    if not file.is_symlink() and (file.suffix in (".py", ".sh") or file.stat().st_mode & 0o111):
        what = "a script"
    return Leak(path, "", LeakKind.UNEXPECTED, f"{what} that no text or release.txt names")


def _scan_file(root: Path, path: PurePosixPath, matcher: Matcher) -> Iterator[Leak]:
    file = root / path
    if file.is_symlink():
        yield Leak(path, "", LeakKind.UNREADABLE, "a link is not followed")
        return
    if file.stat().st_size > MAX_FILE:
        yield Leak(path, "", LeakKind.UNREADABLE, f"larger than {MAX_FILE // 1_000_000} MB")
        return
    found: set[tuple[LeakKind, str]] = set()
    for where, data in _parts(file.name, file.read_bytes(), "", 0):
        if isinstance(data, str):
            yield Leak(path, where, LeakKind.UNREADABLE, data)
            continue
        # A notebook's cells were unfolded one by one: what spans several of them is less hidden.
        whole = not where and file.suffix == ".ipynb"
        for match in _matches(matcher, data, _WHOLE_DEPTH if whole else MAX_DEPTH):
            # The file as a whole comes last and only shows what its parts did not.
            if where or (match.kind, match.name) not in found:
                found.add((match.kind, match.name))
                yield Leak(path, where, match.kind, match.name, match.encoding)


def _matches(matcher: Matcher, data: bytes, depth: int) -> Iterator[Match]:
    try:
        yield from matcher.find(data, depth)
    except TooMuchError:
        name = "unfolds into more than is looked at; take it out or make it smaller"
        yield Match(LeakKind.UNREADABLE, name, "plain")


def _parts(name: str, data: bytes, where: str, depth: int) -> Iterator[tuple[str, bytes | str]]:
    """The parts of a file that can be named, then the file; a text says why one cannot be read."""
    if depth < _MAX_NESTING:
        if name.endswith(".ipynb"):
            yield from _notebook_parts(data, where)
        elif zipfile.is_zipfile(io.BytesIO(data)):
            yield from _zip_parts(data, where, depth)
        elif data[257:262] == b"ustar":
            yield from _tar_parts(data, where, depth)
        elif data.startswith(b"\x93NUMPY"):
            yield from _array_parts(data, where)
    yield where, name.encode() + b"\n" + data


def _zip_parts(data: bytes, where: str, depth: int) -> Iterator[tuple[str, bytes | str]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist():
                place = _join(where, f"member {member.filename}")
                if member.file_size > MAX_FILE:
                    yield place, f"larger than {MAX_FILE // 1_000_000} MB"
                    continue
                try:
                    content = archive.read(member)
                except (RuntimeError, NotImplementedError, zipfile.BadZipFile, OSError) as error:
                    yield place, f"cannot be unpacked: {error}"
                    continue
                yield from _parts(member.filename, content, place, depth + 1)
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        yield where, f"cannot be unpacked: {error}"


def _tar_parts(data: bytes, where: str, depth: int) -> Iterator[tuple[str, bytes | str]]:
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for member in archive:
                stream = archive.extractfile(member)
                if stream is not None:
                    place = _join(where, f"member {member.name}")
                    yield from _parts(member.name, stream.read(), place, depth + 1)
    except (tarfile.TarError, OSError, EOFError) as error:
        yield where, f"cannot be unpacked: {error}"


def _array_parts(data: bytes, where: str) -> Iterator[tuple[str, bytes | str]]:
    """A table's columns: as they lie in the file, they are interleaved."""
    try:
        array = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, OSError, EOFError):
        return  # an array of objects: its bytes are looked at as they are
    if array.ndim > 1:
        yield _join(where, "columns"), np.ascontiguousarray(array.T).tobytes()


def _notebook_parts(data: bytes, where: str) -> Iterator[tuple[str, bytes | str]]:
    try:
        notebook = json.loads(data)
        cells = list(notebook["cells"])
    except (ValueError, KeyError, TypeError):
        yield where, "not a notebook"
        return
    for number, cell in enumerate(cells, start=1):
        if not isinstance(cell, dict):
            yield where, "not a notebook"
            continue
        place = _join(where, f"cell {number} ({cell.get('id', 'no id')})")
        for key in ("source", *sorted(set(cell) - {"source", "cell_type", "id"})):
            if cell.get(key):
                title = place if key == "source" else f"{place}, {key}"
                yield title, _flat(cell[key])
    rest = {key: value for key, value in notebook.items() if key != "cells"}
    yield _join(where, "notebook metadata"), _flat(rest)


def _flat(node: Any) -> bytes:
    """All texts of a JSON value in order, and the value itself as JSON for its numbers."""
    texts: list[str] = []
    _collect(node, texts)
    as_json = "" if isinstance(node, str) else "\n" + json.dumps(node, ensure_ascii=False)
    return ("\n".join(texts) + as_json).encode("utf-8", "replace")


def _collect(node: Any, texts: list[str]) -> None:
    if isinstance(node, str):
        texts.append(node)
    elif isinstance(node, list) and all(isinstance(item, str) for item in node):
        # A text in lines, as notebooks keep it.
        texts.append("".join(node))
    elif isinstance(node, list):
        for item in node:
            _collect(item, texts)
    elif isinstance(node, dict):
        for key, value in node.items():
            texts.append(str(key))
            _collect(value, texts)


def _join(where: str, part: str) -> str:
    return f"{where}, {part}" if where else part
