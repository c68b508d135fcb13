"""Features of frozen models, computed by the grader once and read by every submission's kernel.

What an assignment's locked cells compute of unchanged models and data is the same for everybody.
The grader runs these cells anyway and keeps what they compute; kernels see the folder read-only. So
no submission can put anything there for another one to find.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from workshop.course import Course

_FOLDER = ".features"
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def shared_features(course: Course) -> Path | None:
    """The course's folder for them.

    Returns:
        None where there can be none that only this user can write: then everything is computed.
    """
    folder = course.autograded / _FOLDER
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        return None
    return None if found.st_mode & _WRITABLE_BY_OTHERS else folder
