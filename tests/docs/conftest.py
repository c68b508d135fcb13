"""A course in which what the docs say can be done."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Shell
from workshop.course import CONFIG_NAME, Course

# One module is enough for the commands that are about all assignments.
COPIED = (CONFIG_NAME, "quizzes", "benchmarks", "docs", "source/module1_concepts")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A copy of the course, with this environment as its ``.venv``."""
    folder = tmp_path_factory.mktemp("course")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name)
        else:
            shutil.copy(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(sys.prefix)
    return Course.at(folder)


@pytest.fixture(scope="module")
def environment(copy: Course) -> dict[str, str]:
    """What commands run with: this repository's code, and JupyterLab without a browser."""
    settings = copy.root / ".jupyter"
    settings.mkdir()
    # Tests may run as root, which JupyterLab does not by itself.
    (settings / "jupyter_server_config.json").write_text(
        '{"ServerApp": {"open_browser": false, "allow_root": true}}'
    )
    scripts = str(Path(sys.executable).parent)
    return {
        **{name: value for name, value in os.environ.items() if name != "WORKSHOP_COURSE"},
        "PATH": os.pathsep.join([scripts, os.environ.get("PATH", "")]),
        "PYTHONPATH": str(ROOT),
        "JUPYTER_CONFIG_DIR": str(settings),
    }


@pytest.fixture(scope="module")
def shell(copy: Course, environment: dict[str, str]) -> Shell:
    """Run a line as a reader would type it."""

    def run(line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", line],
            cwd=copy.root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )

    return run
