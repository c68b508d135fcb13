"""Hashes that tell whether a submission, or the assignment that it is graded by, has changed."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from dataclasses import asdict
from pathlib import Path

from nbgrader.api import Gradebook

from workshop.course import Course
from workshop.grading.gradebook import load_master

_NO_WORK = ".ipynb_checkpoints"  # JupyterLab's, whenever somebody looks at a notebook


def hash_of_files(folder: Path) -> str:
    """The hash of everything below a folder, or of a file: names and contents, links not followed.

    What cannot be read counts with its name: it is for the grading to say so.
    """
    digest = hashlib.sha256()
    paths = [folder] if not folder.is_dir() or folder.is_symlink() else sorted(folder.rglob("*"))
    for path in paths:
        relative = path.relative_to(folder)
        if _NO_WORK not in relative.parts:
            digest.update(_line(str(relative), _content(path)))
    return digest.hexdigest()


def hash_of_assignment(course: Course, gradebook: Gradebook, assignment: str) -> str:
    """The hash of what a submission is graded by.

    That is the instructor's notebooks as the gradebook holds them, hidden tests and points
    included, the thresholds, and the further files that are copied over a student's own. Neither
    time limits nor other settings are in it.
    """
    digest = hashlib.sha256()
    entry = gradebook.find_assignment(assignment)
    for name in sorted(each.name for each in entry.notebooks):
        master = load_master(gradebook, assignment, name)
        digest.update(_line(name, json.dumps(asdict(master), sort_keys=True).encode()))
        digest.update(_line("calibration", _content(course.calibration(assignment, name))))
    folder = course.source_notebooks / assignment
    for path in sorted(folder.rglob("*")):
        if path.suffix != ".ipynb" and path.is_file() and _NO_WORK not in path.parts:
            digest.update(_line(str(path.relative_to(folder)), _content(path)))
    return digest.hexdigest()


def _line(name: str, content: bytes) -> bytes:
    # The digest of each part: lengths cannot be shifted between names and contents.
    return hashlib.sha256(os.fsencode(name)).digest() + hashlib.sha256(content).digest()


def _content(path: Path) -> bytes:
    try:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            return b"link " + os.fsencode(path.readlink())
        if not stat.S_ISREG(mode):
            return b"folder" if stat.S_ISDIR(mode) else b"special"
        with path.open("rb") as file:
            return b"file " + hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        return b"unreadable " + str(error.errno).encode()
