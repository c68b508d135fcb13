"""Names of folders on the grader's machine, taken out of what students see."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import workshop


def path_hider(course: Path) -> Callable[[str], str]:
    """What shortens the paths of one machine in a text.

    Tracebacks and warnings name files of Python, of this project and of the course. The rest of a
    path says what a student needs: which file of which package.
    """
    names = {
        Path.home(): "~",
        course: "course",
        Path(workshop.__file__).parents[1]: "workshop",
        Path(sys.base_prefix): "python",
        Path(sys.prefix): "python",
    }
    roots = {str(form): name for path, name in names.items() for form in (path, path.resolve())}
    # `/` itself is nobody's folder. Longer ones first: one may lie inside another.
    known = sorted((root for root in roots if len(root) > 1), key=len, reverse=True)
    # Not within a longer path or a picture's letters; a colour code ends with an `m`.
    start = r"(?:(?<![\w+/.-])|(?<=m))"
    pattern = re.compile(start + f"({'|'.join(map(re.escape, known))})(?![\\w-])")
    return lambda text: pattern.sub(lambda found: roots[found[1]], text)
