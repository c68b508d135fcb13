"""What the attacks of tests/security gain from stock nbgrader, as a table for the docs.

Run: python -m benchmarks.attacks_on_stock_nbgrader [WORD ...]

The same notebook, with ordinary asserts in its hidden tests and nbgrader's own configuration. What
could harm this machine is left out: there is no confinement here. Words choose attacks by name.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat

from tests.security import (
    attacks_on_cells,
    attacks_on_files,
    attacks_on_secrets,
    attacks_on_the_machine,
)
from tests.security.lab import (
    ASSIGNMENT,
    CANARIES,
    HONEST,
    NOTEBOOK,
    Attack,
    source_notebook,
    submission,
)

SECONDS = 240
TESTS = {
    "count": "assert count(new_model()) == 66",
    "freeze": "named = freeze(new_model()).named_parameters()\n"
    "assert [name for name, each in named if each.requires_grad] == ['2.weight', '2.bias']",
    "groups": "whole = new_model()\nheld = [id(p) for g in groups(whole).param_groups"
    " for p in g['params']]\nassert sorted(held) == sorted(map(id, whole.parameters()))",
    "train": "points, wanted = examples(24301)\nmodel.eval()\n"
    f"assert (model(points).argmax(1) == wanted).float().mean() >= {CANARIES['threshold']}",
    "loop": "assert len(loop(new_model(), few_inputs, few_labels, 2)) == 2",
}
GROUPS: dict[str, tuple[Attack, ...]] = {
    "test_cells": attacks_on_cells.ATTACKS,
    "test_files": attacks_on_files.ATTACKS,
    "test_secrets": attacks_on_secrets.ATTACKS,
    "test_machine": attacks_on_the_machine.ATTACKS,
}


def nbgrader(root: Path, *arguments: str) -> bool:
    """Whether the command ended in time; its output does not matter."""
    command = [sys.executable, "-m", "nbgrader", *arguments]
    try:
        subprocess.run(  # noqa: S603 - our own arguments
            command, cwd=root, capture_output=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return True


def stock_course(root: Path) -> None:
    folder = root / "source" / ASSIGNMENT
    folder.mkdir(parents=True)
    (root / "nbgrader_config.py").write_text("c = get_config()\n")
    notebook = source_notebook(lambda name: f"# {CANARIES['hidden test']}\n{TESTS[name]}")
    nbformat.write(notebook, folder / f"{NOTEBOOK}.ipynb")
    nbgrader(root, "generate_assignment", ASSIGNMENT)
    # A script beside the notebook would reach the release; one folder up it does not.
    (root / "source" / "notes.txt").write_text(CANARIES["source folder"])
    secret = root / "submitted" / "victim" / ASSIGNMENT
    secret.mkdir(parents=True)
    (secret / f"{NOTEBOOK}.ipynb").write_text(CANARIES["other student"])


def points(root: Path, student: str) -> float | None:
    """The points in the gradebook; None if nothing was graded."""
    query = (
        "select sum(coalesce(g.manual_score, g.auto_score, 0)) from grade g"
        " join submitted_notebook n on g.notebook_id = n.id"
        " join submitted_assignment a on n.assignment_id = a.id where a.student_id = ?"
    )
    with sqlite3.connect(root / "gradebook.db") as database:
        found: float | None = database.execute(query, (student,)).fetchone()[0]
    return found


def outputs(root: Path, student: str) -> str:
    path = root / "autograded" / student / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    if not path.is_file():
        return ""
    notebook = nbformat.read(path, as_version=4)
    return repr([cell.get("outputs") for cell in notebook.cells])


def tried(root: Path, number: int, attack: Attack) -> str:
    """What the attack achieves, in words; empty if it achieves nothing."""
    student = f"s{number}"
    folder = root / "submitted" / student / ASSIGNMENT
    folder.mkdir(parents=True)
    release = nbformat.read(root / "release" / ASSIGNMENT / f"{NOTEBOOK}.ipynb", as_version=4)
    nbformat.write(attack.notebook(release), folder / f"{NOTEBOOK}.ipynb")
    if attack.files is not None:
        attack.files(folder)
    if not nbgrader(root, "autograde", ASSIGNMENT, "--student", student):
        return f"grading hangs (stopped after {SECONDS} s)"
    shown, earned = outputs(root, student), points(root, student)
    due = sum(score or 0 for score in attack.due.values())
    found = [place for place, canary in CANARIES.items() if canary in shown]
    effects = []
    if earned is not None and earned > due:
        effects.append(
            f"{earned:g} of {sum(v or 0 for v in HONEST.values()):g} points, {due:g} due"
        )
    if found:
        effects.append(f"reads: {', '.join(found)}")
    effects += [f"{word.lower()}" for word in ("IMPORTED", "CONNECTED", "WRITTEN") if word in shown]
    if not shown:
        effects.append("no grade: the submission is dropped")
    return "; ".join(effects)


def rows(words: list[str]) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "course"
        stock_course(root)
        release = nbformat.read(root / "release" / ASSIGNMENT / f"{NOTEBOOK}.ipynb", as_version=4)
        assert submission(release, {})  # noqa: S101 - the release was made
        number = 0
        for test, attacks in GROUPS.items():
            for attack in attacks:
                if words and not any(word in attack.name for word in words):
                    continue
                number += 1
                effect = tried(root, number, attack) if attack.harmless else "not tried: harmful"
                yield f"| {attack.name} | {attack.aim} | {effect or 'nothing'} | {test} |"
                shutil.rmtree(root / "submitted" / f"s{number}", ignore_errors=True)


def main() -> None:
    print("| attack | is after | stock nbgrader 0.9.6 | test here |\n| --- | --- | --- | --- |")
    for row in rows(sys.argv[1:]):
        print(row, flush=True)


if __name__ == "__main__":
    main()
