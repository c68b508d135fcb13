from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from workshop.assets._integrity import digest_of, sha256_of, write_atomically


def test_checksums_are_those_of_the_standard_library(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content" * 300_000)
    assert sha256_of(path) == hashlib.sha256(path.read_bytes()).hexdigest()
    expected = hashlib.sha1(b"before" + path.read_bytes(), usedforsecurity=False).hexdigest()
    assert digest_of(path, "sha1", start=b"before") == expected


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    write_atomically(path, [b"old"])

    def interrupted() -> Iterator[bytes]:
        yield b"new"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, interrupted())
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]
    write_atomically(path, [b"n", b"ew"])
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o044 == 0o044
