"""Whole files or none: checksums and atomic writes."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

_CHUNK = 1 << 20


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content, as 64 hexadecimal digits."""
    return digest_of(path, "sha256")


def digest_of(path: Path, algorithm: str, *, start: bytes = b"") -> str:
    """The checksum of a file's content in hexadecimal digits.

    Args:
        path: the file.
        algorithm: one that ``hashlib`` knows.
        start: what is taken as lying before the content.
    """
    # Damage is looked for, not malice, where a publisher gives nothing better than MD5.
    digest = hashlib.new(algorithm, start, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def write_atomically(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a file so that nobody ever sees half of it under its name.

    The temporary file lies in the same folder, because a rename is atomic only within a file
    system. It is removed when anything fails.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files that only the owner reads; shared caches and installations need more.
        part.chmod(0o644)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
