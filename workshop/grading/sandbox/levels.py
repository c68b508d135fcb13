"""How strictly students' code is confined, chosen by name."""

from __future__ import annotations

import functools
import sys
from enum import StrEnum
from pathlib import Path

from workshop.errors import WorkshopError
from workshop.grading.sandbox.bubblewrap import bwrap_binary
from workshop.grading.sandbox.launch import run_confined

_WEAKER = 'or choose to do without: c.ExecuteSubmission.confinement = "none" in nbgrader_config.py'
# Settings of Linux that forbid what bubblewrap does: file, the value that forbids, the remedy.
_SETTINGS = (
    (
        "/proc/sys/kernel/unprivileged_userns_clone",
        "0",
        "run: sudo sysctl kernel.unprivileged_userns_clone=1",
    ),
    ("/proc/sys/user/max_user_namespaces", "0", "run: sudo sysctl user.max_user_namespaces=15000"),
    (
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "give {bwrap} an AppArmor profile with the rule 'userns,'"
        " or run: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0",
    ),
)
_OTHERWISE = (
    "let this account make user namespaces; in a container, start it with"
    " --security-opt seccomp=unconfined --security-opt apparmor=unconfined"
    " --security-opt systempaths=unconfined"
)


class Confinement(StrEnum):
    """What a submission's kernel can reach.

    Attributes:
        BUBBLEWRAP: Python, the data and its own work.
        NONE: everything that the grader can, as with nbgrader itself.
    """

    BUBBLEWRAP = "bubblewrap"
    NONE = "none"


class ConfinementUnavailable(WorkshopError):
    """This machine cannot confine, and nobody has chosen to grade without."""


def require(level: str) -> Confinement:
    """The level by its name, if this machine can do it; it is tried once per process.

    Raises:
        ConfinementUnavailable: it cannot; says why and what to do.
        WorkshopError: there is no such level.
    """
    try:
        chosen = Confinement(level)
    except ValueError:
        raise WorkshopError(
            f"no level of confinement is called {level!r}",
            where="ExecuteSubmission.confinement",
            remedy=f"choose one of: {', '.join(Confinement)}",
        ) from None
    if chosen is Confinement.BUBBLEWRAP:
        _try_bubblewrap()
    return chosen


@functools.cache  # remembers success only
def _try_bubblewrap() -> None:
    if sys.platform != "linux":
        raise ConfinementUnavailable(
            "students' code can be confined on Linux only", remedy=f"grade on Linux, {_WEAKER}"
        )
    try:
        tried = run_confined(["/bin/true"])
    except WorkshopError as error:
        raise ConfinementUnavailable(
            f"students' code cannot be confined here: {error.what}",
            where=error.where,
            remedy=remedy(),
        ) from error
    if tried.returncode != 0:
        raise ConfinementUnavailable(
            "students' code cannot be confined here:"
            f" {tried.stderr or f'bubblewrap ended with {tried.returncode}'}",
            remedy=remedy(),
        )


def remedy() -> str:
    """What to do so that user namespaces can be made."""
    try:
        binary = str(bwrap_binary())
    except WorkshopError as error:
        return f"{error.remedy}; {_WEAKER}"
    for name, forbids, advice in _SETTINGS:
        path = Path(name)
        if path.is_file() and path.read_text(encoding="ascii").strip() == forbids:
            return f"{advice.format(bwrap=binary)}; {_WEAKER}"
    return f"{_OTHERWISE}; {_WEAKER}"
