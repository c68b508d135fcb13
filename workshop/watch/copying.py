"""Copying a folder whose owner may be changing it at this moment, into one that is ours.

Whoever owns the folder may put a link where a file was between looking and opening, to be handed
what only the reader may read; may keep files coming; or may give them modes that nobody can undo.
So everything is opened inside folders that are open already, no link is followed, what is copied is
counted, and no mode is taken over.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection
from pathlib import Path

_CHUNK = 1 << 20
MOST_ENTRIES = 10_000

Ignore = Callable[[str, list[str]], Collection[str]]


def copy_untrusted(
    source: Path, target: Path, *, ignore: Ignore, most_bytes: int, owner: int | None
) -> None:
    """Copy files and folders; links stay links.

    Args:
        source: a folder.
        target: is made; it and all in it have the usual modes of what this process makes.
        ignore: which names of a folder are left out, as for ``shutil.copytree``.
        most_bytes: of all files together.
        owner: the account that has to own the folder; None for anyone.

    Raises:
        OSError: something cannot be read or written.
        ValueError: it is not as it should be; says what.
    """
    left, entries, began = most_bytes, 0, False
    for place, folders, files, descriptor in os.fwalk(source, onerror=_raise):
        if not began and owner is not None and os.fstat(descriptor).st_uid != owner:
            raise ValueError("it was exchanged while it was read")
        began = True
        ours = target / Path(place).relative_to(source)
        ours.mkdir()
        ignored = set(ignore(place, [*folders, *files]))
        folders[:] = [each for each in folders if each not in ignored]
        names = [*folders, *(each for each in files if each not in ignored)]
        entries += len(names)
        if entries > MOST_ENTRIES:
            raise ValueError(f"it holds more than {MOST_ENTRIES} files")
        for name in names:
            mode = os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode
            if stat.S_ISLNK(mode):
                (ours / name).symlink_to(os.readlink(name, dir_fd=descriptor))
                folders[:] = [each for each in folders if each != name]
            elif stat.S_ISREG(mode):
                left -= _copy_file(name, descriptor, ours / name, left)
            elif not stat.S_ISDIR(mode):
                raise ValueError(f"{name!r} is neither a file nor a folder")
    if not began:
        raise ValueError("it was exchanged while it was read")


def _copy_file(name: str, folder: int, target: Path, most: int) -> int:
    """Copy one file; returns how many bytes it has."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    copied = 0
    descriptor = os.open(name, flags, dir_fd=folder)
    with open(descriptor, "rb") as file, target.open("xb") as ours:  # noqa: PTH123 - a descriptor
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError(f"{name!r} is neither a file nor a folder")
        while chunk := file.read(_CHUNK):
            copied += len(chunk)
            if copied > most:
                raise ValueError("it is larger than c.CourseDirectory.max_dir_size allows")
            ours.write(chunk)
    return copied


def _raise(error: OSError) -> None:
    raise error
