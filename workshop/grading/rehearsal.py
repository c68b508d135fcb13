"""Compute once, with the author's solution, the steps of training that right submissions repeat.

The author's solution runs in a process of its own and keeps what its models compute; see
``workshop.recall``. Kernels find these files read-only, and can read of them what they have come to
themselves.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from nbformat import NotebookNode

from workshop.course import Course
from workshop.grading.memory import FASTER_TRAINING
from workshop.grading.shared_features import shared_features

WORTH_IT = 4
"""From how many submissions on the time of running the solution is saved again."""

_STEPS = "steps"
_DONE, _CLAIM = "done", "claim"
# What `workshop.recall` knows; and training, which is what takes time.
_WORTH_RECALLING = ("efficientnet", ".backward(")
# Where seconds are shown, everybody's are to be those of computing.
_CLOCKS = re.compile(r"\b(perf_counter|monotonic|process_time|timeit|time\.time)\b")


def rehearse(
    course: Course, assignment: str, notebook: str, *, seconds: float, megabytes: int
) -> None:
    """Run the author's solution, unless that was done, or another process is at it.

    Nobody waits for it: what is not there, submissions compute.

    Args:
        course: the course.
        assignment: the assignment's name.
        notebook: one of its notebooks; one that measures time is left alone, and one that trains
            nothing that could be recalled.
        seconds: after which it is given up.
        megabytes: of disk, at most.
    """
    folder = _folder(course, assignment, notebook)
    if folder is None or megabytes <= 0 or (folder / _DONE).exists():
        return
    with contextlib.suppress(OSError), _claimed(folder) as ours:
        if not ours or (folder / _DONE).exists():
            return
        for part in folder.glob("*.part"):  # of one that was killed
            part.unlink()
        if _run(_solution(course, assignment, notebook), folder, seconds, megabytes):
            (folder / _DONE).touch()
            _keep_newest(folder.parent)


def recalled(course: Course, assignment: str, notebook: str) -> Path | None:
    """Where the steps of a notebook lie, within the course's shared features; None for nowhere.

    They can be used while others are being computed: each is there as a whole or not at all.
    """
    folder = _folder(course, assignment, notebook)
    if folder is None or not folder.exists():
        return None
    return folder.relative_to(folder.parents[3])


def record(solution: Path, folder: Path, room: int) -> None:
    """Run the cells of a notebook in this process, and keep what models compute.

    Args:
        solution: the author's notebook, hidden tests included.
        folder: where; it exists.
        room: how many bytes at most.
    """
    import nbformat  # noqa: PLC0415 - slow, and only for this

    from workshop.grading.verification import Verification  # noqa: PLC0415 - PyTorch
    from workshop.recall import recorded_to  # noqa: PLC0415

    notebook: NotebookNode = nbformat.read(solution, as_version=4)
    # What kernels are asked about after a graded cell is computed as well.
    verification = Verification(notebook, {}, seconds=0)
    verification.begin()
    recorded_to(folder, room)
    names: dict[str, object] = {"__name__": "__main__"}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            with contextlib.suppress(Exception):  # as in a kernel, the next cell runs all the same
                exec(compile(cell.source, "<cell>", "exec"), names)  # noqa: S102 - the author's
                verification.look(cell, names)


def _folder(course: Course, assignment: str, notebook: str) -> Path | None:
    """Of this very text, on a machine that adds up in this order."""
    features = shared_features(course)
    try:
        text = _solution(course, assignment, notebook).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    if features is None or not all(each in text for each in _WORTH_RECALLING):
        return None
    if _CLOCKS.search(text):
        return None
    from workshop.recall.question import machine  # noqa: PLC0415 - PyTorch

    name = hashlib.sha256((machine() + text).encode()).hexdigest()[:32]
    return features / _STEPS / assignment / notebook / name


def _solution(course: Course, assignment: str, notebook: str) -> Path:
    return course.source_notebooks / assignment / f"{notebook}.ipynb"


@contextlib.contextmanager
def _claimed(folder: Path) -> Iterator[bool]:
    """Whether nobody else has it; it is given back at the latest when this process ends."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / _CLAIM).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True


def _run(solution: Path, folder: Path, seconds: float, megabytes: int) -> bool:
    """Whether it ran as far as it can: one that somebody stopped is to be tried again."""
    with tempfile.TemporaryDirectory(prefix="workshop-") as scratch:
        environment = {
            **os.environ,
            **FASTER_TRAINING,
            "MPLBACKEND": "Agg",
            "WORKSHOP_DEVICE": "cpu",
            # Features lie open; these steps are sealed.
            "WORKSHOP_CACHE": scratch,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
        command = [sys.executable, "-m", __name__, str(solution), str(folder), str(megabytes << 20)]
        process = subprocess.Popen(  # noqa: S603 - our own arguments
            command,
            cwd=scratch,
            env=environment,
            stdin=subprocess.PIPE,  # its end is how the other process notices ours
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            return process.wait(seconds) >= 0
        except subprocess.TimeoutExpired:
            return True
        finally:
            process.kill()
            process.communicate()


def _keep_newest(folder: Path, count: int = 2) -> None:
    """Remove what was computed with earlier texts of a notebook, but for the last one."""
    found = sorted(folder.iterdir(), key=lambda each: each.stat().st_mtime, reverse=True)
    for each in found[count:]:
        shutil.rmtree(each, ignore_errors=True)


def _end_with_parent() -> None:
    def wait_for_it() -> None:
        sys.stdin.read()
        os._exit(1)

    threading.Thread(target=wait_for_it, daemon=True).start()


if __name__ == "__main__":
    _end_with_parent()
    record(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
