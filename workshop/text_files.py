"""Text files that people write: one that cannot be read is an error that names it."""

from __future__ import annotations

from pathlib import Path

from workshop.errors import WorkshopError


def read_text(path: Path, *, save_as: str = "UTF-8", encoding: str = "utf-8") -> str:
    """What stands in a file.

    Args:
        path: the file.
        save_as: what a program calls the right encoding when it saves.
        encoding: that encoding.

    Raises:
        WorkshopError: it cannot be read, or is no such text.
    """
    try:
        return path.read_text(encoding=encoding)
    except OSError as error:
        raise WorkshopError(
            f"cannot be read: {error.strerror}", where=path, remedy="check the path and its rights"
        ) from error
    except UnicodeDecodeError as error:
        raise WorkshopError(
            "is not text in UTF-8", where=path, remedy=f"save it as {save_as}"
        ) from error
