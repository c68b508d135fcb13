"""Every exercise of the real course: stubs fail, solutions pass, wrong solutions are caught.

Of each exercise one wrong and one right solution: `make verify` proves all, and that a wrong
solution costs nothing elsewhere.
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from workshop.authoring.build import load_cells
from workshop.authoring.cells import Kind
from workshop.course import Course
from workshop.verify import load_variants

Command = Callable[..., subprocess.CompletedProcess[str]]

LEAST_WRONG, LEAST_RIGHT = 6, 2


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_every_exercise_is_proved(course: Course, run: Command, tmp_path: Path) -> None:
    output = tmp_path / "verify.json"
    done = run("workshop", "verify", "--fast", "--most", "1", "--json", str(output), check=False)
    assert output.exists(), done.stderr
    report = json.loads(output.read_text(encoding="utf-8"))
    exercises = report["exercises"]
    assert {each["assignment"] for each in exercises} == set(course.assignments())
    problems = [
        f"{exercise['name']}: {each.get('name', '')} {each['problem']}"
        for exercise in exercises
        for each in (exercise, *exercise["mutants"], *exercise["alternatives"])
        if each["problem"]
    ]
    assert not problems + report["messages"], done.stderr
    assert done.returncode == 0
    for exercise in exercises:
        assert exercise["stub_fails"] and exercise["solution_passes"]
        assert exercise["mutants"], f"{exercise['name']} has no wrong solution"
        assert all(each["caught"] for each in exercise["mutants"])
        assert all(each["passes"] for each in exercise["alternatives"])


def test_every_exercise_has_wrong_and_right_solutions_enough(course: Course) -> None:
    few = []
    for assignment in course.assignments():
        for notebook in course.notebooks(assignment):
            folder = course.instructor_folder(assignment, notebook)
            variants = load_variants(folder / "variants.yaml")
            wrong = Counter(each.exercise for each in variants.wrong.values())
            right = Counter(each.exercise for each in variants.right.values())
            few += [
                f"{assignment}/{notebook}: {cell.name}: {wrong[cell.name]}, {right[cell.name]}"
                for cell in load_cells(course, assignment, notebook)
                if cell.kind is Kind.TEST and cell.name and not cell.origin
                if wrong[cell.name] < LEAST_WRONG or right[cell.name] < LEAST_RIGHT
            ]
    assert few == []
