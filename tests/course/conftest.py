"""The real course, in a copy: nothing that these tests write lands in the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from workshop.course import CONFIG_NAME, Course

ROOT = Path(__file__).resolve().parents[2]
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    folder = tmp_path_factory.mktemp("course")
    shutil.copy(ROOT / CONFIG_NAME, folder)
    shutil.copytree(ROOT / "source", folder / "source", ignore=shutil.ignore_patterns("notebooks"))
    shutil.copytree(ROOT / "quizzes", folder / "quizzes")
    return Course.at(folder)


@pytest.fixture(scope="module")
def run(course: Course) -> Command:
    """Run one of this environment's commands in the course folder."""

    def command(
        *arguments: str, check: bool = True, folder: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        scripts = str(Path(sys.executable).parent)
        path = os.pathsep.join([scripts, os.environ.get("PATH", "")])
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=folder or course.root,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode != 0:
            pytest.fail(f"{arguments} ended with {done.returncode}:\n{done.stderr[-4000:]}")
        return done

    return command
