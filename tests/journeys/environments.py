"""A student's environment, made in a second from the libraries that are here already.

``pip install`` of the student's wheel fetches gigabytes. What it would install is in this
environment too, so this links it: exactly the packages that the wheel asks for, and those that they
ask for, and nothing else. nbgrader, jupytext, the labels of the solar cells and the engine are not
there unless they are asked for.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterable, Iterator
from email.parser import Parser
from importlib.metadata import Distribution, distribution
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_SITE = PurePosixPath("lib", f"python{sys.version_info[0]}.{sys.version_info[1]}", "site-packages")
# Compiled for another place, or made by Python where it is needed.
_LEFT_OUT = ("__pycache__",)


def student_environment(
    folder: Path,
    wheel: Path,
    *extra: str,
    place: Path | None = None,
    libraries: Path = Path(sys.prefix),
) -> Path:
    """Make the environment of somebody who has installed the wheel, and perhaps a little more.

    Args:
        folder: where to make it; must not exist.
        wheel: what ``workshop student-kit`` built.
        extra: names of packages that are installed as well, with what they need.
        place: where it will be seen, if that is not ``folder``.
        libraries: where this environment will be seen, if that is not where it is.

    Returns:
        Its folder.
    """
    venv.create(folder, symlinks=True, with_pip=False)
    options = ("--prefix", str(folder), "--no-deps", "--no-index", "--quiet", "--ignore-installed")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", *options]
    subprocess.run([*command, "--no-warn-script-location", str(wheel)], check=True)
    place = place or folder
    wanted = [Requirement(each) for each in _requirements_of(wheel)]
    wanted += [Requirement(each) for each in extra]
    for installed in _closure(wanted):
        _link(installed, folder, place, libraries)
    return folder


def _requirements_of(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        name = next(each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
        about = Parser().parsestr(archive.read(name).decode())
    return about.get_all("Requires-Dist") or []


def _closure(wanted: Iterable[Requirement]) -> Iterator[Distribution]:
    """The packages that are asked for, and what they ask for, each once."""
    waiting = list(wanted)
    seen: set[tuple[str, str]] = set()
    given: set[str] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for extra in ("", *requirement.extras):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            installed = distribution(name)
            if name not in given:
                given.add(name)
                yield installed
            asked = (Requirement(each) for each in installed.requires or ())
            waiting += [
                each
                for each in asked
                if (each.marker.evaluate({"extra": extra}) if each.marker else not extra)
            ]


def _link(installed: Distribution, folder: Path, place: Path, libraries: Path) -> None:
    """Link a package's modules, copy its commands and what Jupyter reads of it."""
    packages: set[str] = set()
    for file in installed.files or ():
        path = _below_the_prefix(file)
        if path.is_relative_to(_SITE):
            packages.add(path.relative_to(_SITE).parts[0])
        elif (Path(sys.prefix) / path).is_file():
            _copy(path, folder, place)
    for name in packages.difference(_LEFT_OUT):
        link = folder / _SITE / name
        if not link.is_symlink():
            link.symlink_to(libraries / _SITE / name)


def _below_the_prefix(file: PurePosixPath) -> PurePosixPath:
    parts = list(_SITE.parts)
    for part in file.parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return PurePosixPath(*parts)


def _copy(path: PurePosixPath, folder: Path, place: Path) -> None:
    """Copy a file of the environment; a command gets the new environment's Python."""
    origin, target = Path(sys.prefix) / path, folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    start, end, rest = origin.read_bytes().partition(b"\n")
    if path.parts[0] == "bin" and start.startswith(b"#!") and b"python" in start:
        target.write_bytes(f"#!{place / 'bin' / 'python'}".encode() + end + rest)
        target.chmod(0o755)
    else:
        shutil.copy(origin, target)
