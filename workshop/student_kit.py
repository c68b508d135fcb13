"""Build the package that students install: checks, assets and data, without the engine.

The packed files are chosen by a list of what may go out, never by a list of what may not, and the
finished wheel is compared with that list again.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from workshop.assets._student_files import FOLDER_NAME
from workshop.errors import WorkshopError
from workshop.grading.student_data import prepare_student_data

ROOT = Path(__file__).resolve().parents[1]
PROJECT = Path("packaging") / "student"
CARDS = Path("docs") / "data"
# All that students' notebooks import. Each is a folder or a file of this repository.
PACKED = ("checks", "workshop/__init__.py", "workshop/assets", "workshop/learn")
EXTENSION = Path("packaging") / "labextension"
_EXTENSION_FILES = tuple(
    f"data/share/jupyter/labextensions/transfer-learning-workshop/{name}"
    for name in ("package.json", "static/quiz.js")
)
_CODE = (".py", ".typed")
_DATA = (".npz", ".json", ".md")


def build(output: Path) -> Path:
    """Build the students' wheel, with freshly made data files.

    The same commit and source data give the same wheel, byte for byte.

    Args:
        output: the folder to put it into; made if it is not there.

    Returns:
        The path of the wheel.

    Raises:
        WorkshopError: this is not a checkout of the project, the source data are missing, or the
            wheel could not be built.
    """
    if not (ROOT / PROJECT / "pyproject.toml").is_file():
        raise WorkshopError(
            "the student package's project file is not there",
            where=ROOT / PROJECT,
            remedy="Build it in a checkout of the project, after make setup.",
        )
    with tempfile.TemporaryDirectory(prefix="student-kit-") as temporary:
        staging, built = Path(temporary) / "project", Path(temporary) / "built"
        _stage(staging)
        prepare_student_data(staging / "data")
        wheel = _wheel(staging, built)
        refuse_foreign_members(wheel)
        try:
            output.mkdir(parents=True, exist_ok=True)
            return Path(shutil.copy(wheel, output))
        except OSError as error:
            raise WorkshopError(
                f"cannot be written to ({error.strerror})",
                where=output,
                remedy="Give another folder with --out.",
            ) from error


def refuse_foreign_members(wheel: Path) -> None:
    """Raise a WorkshopError unless a wheel holds nothing but what students may have."""
    with zipfile.ZipFile(wheel) as archive:
        foreign = [name for name in archive.namelist() if not _may_go_out(name)]
    if foreign:
        raise WorkshopError(
            f"holds what students must not get: {', '.join(foreign)}",
            where=wheel,
            remedy="Look at PACKED in workshop/student_kit.py and at packaging/student/.",
        )


def _may_go_out(member: str) -> bool:
    top, _, rest = member.partition("/")
    if top.endswith(".dist-info"):
        return True
    if top.endswith(".data"):
        data = rest.startswith(f"data/share/{FOLDER_NAME}/") and rest.endswith(_DATA)
        return data or rest in _EXTENSION_FILES
    chosen = any(member == each or member.startswith(f"{each}/") for each in PACKED)
    return chosen and member.endswith(_CODE)


def _stage(staging: Path) -> None:
    """Copy what is packed, and nothing else, to where it is built."""
    shutil.copytree(ROOT / PROJECT, staging)
    shutil.copytree(ROOT / EXTENSION, staging / EXTENSION.name)
    shutil.copy(ROOT / "LICENSE", staging)
    for name in PACKED:
        source, target = ROOT / name, staging / name
        files = [source] if source.is_file() else sorted(source.rglob("*"))
        for path in files:
            if path.suffix in _CODE:
                copy = target / path.relative_to(source) if source.is_dir() else target
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, copy)
    # The licence of the solar cells asks that its terms and authors travel with them.
    cards = staging / "data" / "cards"
    cards.mkdir(parents=True)
    for card in sorted((ROOT / CARDS).glob("*.md")):
        shutil.copy(card, cards)


def _wheel(staging: Path, built: Path) -> Path:
    # A process of its own: the builder reads the current folder and the environment.
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(built)]
    done = subprocess.run(  # noqa: S603 - nothing in it comes from outside
        command, cwd=staging, capture_output=True, text=True, check=False
    )
    wheels = sorted(built.glob("*.whl")) if done.returncode == 0 else []
    if len(wheels) != 1:
        raise WorkshopError(
            f"the wheel could not be built: {(done.stderr or done.stdout).strip()[-500:]}",
            where=PROJECT,
            remedy="Is hatchling installed? Run make setup and try again.",
        )
    return wheels[0]
