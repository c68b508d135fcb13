"""A newcomer does what the pages say, line by line: release, collect and grade a class of three."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import QUICKSTART, ROOT, Block, blocks
from workshop.course import CONFIG_NAME

# Lines that begin so are left out, each for its reason.
LEFT_OUT = {
    "jupyter lab": "waits for somebody at a browser: test_screenshots.py opens it",
    ".venv/bin/jupyter lab": "the same",
    "make demo": "tests/course/test_demo.py runs it",
    "make test": "runs this",
    "python3 -m venv": "installs gigabytes: test_student_kit.py looks at that package",
    "env/bin/": "needs what the line above installs",
}
# What the tests run in is set up already.
MAKEFILE = "setup:\n\t@echo installed already\n"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The project as a newcomer has it, as far as the commands need it."""
    folder = tmp_path / "project"
    folder.mkdir()
    shutil.copy(ROOT / CONFIG_NAME, folder)
    for name in ("source", "quizzes"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("notebooks"))
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "Makefile").write_text(MAKEFILE, encoding="utf-8")
    return folder


def walk(folder: Path, steps: list[Block]) -> str:
    """Run the blocks in one shell, as they would be typed; what they print."""
    script = ["set -euo pipefail"]
    for step in steps:
        script += [f"echo '--- {step.where}'", _without_left_out(step.text)]
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=folder,
        env={**os.environ, "HOME": str(folder.parent), "COLUMNS": "120"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    return done.stdout


def _without_left_out(text: str) -> str:
    lines = text.splitlines()
    return "\n".join(line for line in lines if not line.startswith((*LEFT_OUT,)))


def table(page: str) -> list[list[str]]:
    """The rows of a table of grades as the terminal shows it."""
    rows = (re.split(r"\s*[│┃]\s*", line.strip(" │┃")) for line in page.splitlines())
    return [row for row in rows if len(row) > 3 and row[1] in ("COMPLETED", "REJECTED")]


def test_a_class_of_three_is_released_collected_and_graded(clone: Path) -> None:
    *steps, tidy_up = blocks(QUICKSTART, "console")
    assert "rm -r trial" in tidy_up.text
    said = walk(clone, steps)
    trial = clone / "trial"
    with (trial / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        grades = {row["student"]: float(row["score"]) for row in csv.DictReader(file)}
    assert [*grades] == ["ada", "blaise", "chien"]
    assert grades["ada"] > grades["blaise"] > grades["chien"] == 0
    for student in grades:
        assert (trial / f"feedback/{student}/module1_concepts/feedback.html").is_file()
    assert (trial / "reports/class.html").is_file()
    # What the page shows of the grades is what the newcomer sees, but for the seconds.
    shown = [row for each in blocks(QUICKSTART, "text") for row in table(each.text)]
    assert [row[:4] for row in shown] == [row[:4] for row in table(said)]
    walk(trial, [tidy_up])
    assert not trial.exists()


def test_the_first_page_releases_and_grades(clone: Path) -> None:
    steps = [*blocks(ROOT / "README.md", "console")]
    before = next(number for number, each in enumerate(steps) if "workshop grade" in each.text)
    walk(clone, steps[:before])
    assert [*clone.glob("dist/*.whl")]
    # "When their notebooks lie in submitted/": the quickest of them, not answered.
    handed_in = clone / "submitted" / "ada" / "module2_implementing"
    handed_in.mkdir(parents=True)
    shutil.copy(clone / "release" / "module2_implementing" / "quiz.ipynb", handed_in)
    walk(clone, [steps[before]])
    assert (clone / "grades.csv").is_file()
    assert [*clone.glob("feedback/ada/module2_implementing/*.html")]
    assert (clone / "reports" / "class.html").is_file()
