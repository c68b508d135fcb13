"""Every exercise of the real course: stubs fail, solutions pass, wrong solutions are caught.

That a wrong solution costs nothing elsewhere takes longer to prove: `make verify` does.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from workshop.course import Course

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_every_exercise_is_proved(course: Course, run: Command, tmp_path: Path) -> None:
    output = tmp_path / "verify.json"
    done = run("workshop", "verify", "--fast", "--json", str(output), check=False)
    assert output.exists(), done.stderr
    exercises = json.loads(output.read_text(encoding="utf-8"))["exercises"]
    assert {each["assignment"] for each in exercises} == set(course.assignments())
    problems = [
        f"{exercise['name']}: {each.get('name', '')} {each['problem']}"
        for exercise in exercises
        for each in (exercise, *exercise["mutants"], *exercise["alternatives"])
        if each["problem"]
    ]
    assert not problems, done.stderr
    assert done.returncode == 0
    for exercise in exercises:
        assert exercise["stub_fails"] and exercise["solution_passes"]
        assert exercise["mutants"], f"{exercise['name']} has no wrong solution"
        assert all(each["caught"] for each in exercise["mutants"])
        assert all(each["passes"] for each in exercise["alternatives"])
