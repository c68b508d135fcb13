"""What runs on a node of a cluster: look whether it can grade at all, then grade."""

from __future__ import annotations

import functools
import os
import socket
from collections.abc import Hashable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from distributed import get_worker

from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.grading.failures import NotGraded
from workshop.grading.nbgrader_steps import ExecuteSubmission
from workshop.grading.sandbox.levels import require
from workshop.grading.worker import Answer, Request, grade_submission

# What decides points; packages of other versions may score the same work otherwise.
_DECISIVE = (
    *("transfer-learning-workshop", "nbgrader", "torch", "torchvision", "timm", "transformers"),
    *("peft", "numpy", "scikit-learn"),
)


@dataclass(frozen=True)
class Run:
    """What every node must have to take part in a grading.

    Attributes:
        folder: made for this run in a file system that all nodes share; None on one machine.
        versions: of the packages that decide points, by name.
    """

    folder: Path | None
    versions: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Told:
    """What a node tells of a request.

    Attributes:
        answer: what came of it.
        unfit: the name of the worker, if it can grade nothing at all; else None.
    """

    answer: Answer
    unfit: Hashable = None


def decisive_versions() -> tuple[tuple[str, str], ...]:
    """The packages that decide points, and their versions in this process."""
    return tuple((name, _version(name)) for name in _DECISIVE)


def grade_on_node(request: Request, run: Run) -> Told:
    """Grade a submission in a worker of a cluster. Whatever fails is told with the host's name."""
    host = socket.gethostname()
    try:
        _check(request.root, run)
    except (WorkshopError, OSError) as error:
        where, remedy = getattr(error, "where", None), getattr(error, "remedy", None)
        what = error.what if isinstance(error, WorkshopError) else str(error)
        failure = NotGraded(f"{host} cannot grade: {what}", where=where, remedy=remedy)
        return Told(Answer(None, failure), unfit=get_worker().name)
    try:
        return Told(grade_submission(request))
    except Exception as error:  # noqa: BLE001 - it is told, and the others go on
        failure = NotGraded(
            f"grading stopped on {host} with {type(error).__name__}: {error}",
            remedy="see whether it also does here:"
            f" workshop grade {request.assignment} --student {request.student}",
        )
        return Told(Answer(None, failure))


@functools.cache  # remembers success only
def _check(root: Path, run: Run) -> None:
    """Whether this process can grade.

    Raises:
        WorkshopError: it cannot.
    """
    course = _shared(root, run)
    for name, expected in run.versions:
        if _version(name) != expected:
            raise WorkshopError(
                f"it has {name} {_version(name)}, and the machine that asks {expected}",
                remedy="let both use one environment, in a folder that they share",
            )
    os.chdir(root)  # as for grading: the sandbox hides the course that it is in
    require(ExecuteSubmission(config=course.nbgrader_config()).confinement)


def _shared(root: Path, run: Run) -> Course:
    missing = [each for each in (root, run.folder) if each is not None and not each.is_dir()]
    if missing:
        raise WorkshopError(
            "there is no such folder",
            where=missing[0],
            remedy="keep the course in a file system that all nodes have, under the same path",
        )
    return Course.at(root)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "no version"
