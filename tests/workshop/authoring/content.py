"""What a folder holds, to see that nothing changed."""

from __future__ import annotations

import hashlib
from pathlib import Path


def content_of(folder: Path) -> dict[str, str]:
    """The hash of each file below a folder, by its path."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
