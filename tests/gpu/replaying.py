"""Start replays, each in a process of its own, and read what they found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from workshop.course import Course

ROOT = Path(__file__).resolve().parents[2]
QUIZ = "quiz"


def notebooks() -> list[tuple[str, str]]:
    """Assignment and name of each notebook in which something is computed."""
    course = Course.at(ROOT)
    return [
        (assignment, notebook)
        for assignment in course.assignments()
        for notebook in course.notebooks(assignment)
        if notebook != QUIZ
    ]


def replayed(assignment: str, notebook: str, device: str, *options: str) -> dict[str, Any]:
    """What a replay found: numbers of exercises and wrong solutions, and what is not right."""
    command = [sys.executable, "-m", "tests.gpu.replay", assignment, notebook, device, *options]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ.copy(), capture_output=True, text=True, check=False
    )
    for line in done.stdout.splitlines():
        if line.startswith("REPLAYED "):
            found: dict[str, Any] = json.loads(line.removeprefix("REPLAYED "))
            return found
    raise AssertionError(f"the replay ended with {done.returncode}:\n{done.stderr[-4000:]}")
