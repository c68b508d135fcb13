"""What the attacks of tests/security gain from stock nbgrader, as a table for the docs.

Run: python -m benchmarks.attacks_on_stock_nbgrader [WORD ...]

The same notebook, with ordinary asserts in its hidden tests and nbgrader's own configuration. Each
submission is graded in a copy of the machine that is thrown away: its files are read-only, but for
the course and a home folder, and all that was started ends. Nothing else is taken from an attack.
What would take the machine's memory or processes is left out. Words choose attacks by name.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat

from tests.security import (
    attacks_on_cells,
    attacks_on_files,
    attacks_on_secrets,
    attacks_on_the_machine,
)
from tests.security.attacks_on_objects import (
    ACCURATE,
    COVERED,
    HONEST,
    LIES,
    TRAINABLE,
    Lie,
    notebook_of_lies,
)
from tests.security.lab import (
    ASSIGNMENT,
    CANARIES,
    NOTEBOOK,
    POINTS,
    SOLUTIONS,
    Attack,
    source_notebook,
    submission,
)
from workshop.grading.sandbox.bubblewrap import bwrap_binary

SECONDS = 120
ALL_POINTS = sum(POINTS.values())
FREE = (
    "named = {}.named_parameters()\n"
    "assert [name for name, each in named if each.requires_grad] == ['2.weight', '2.bias']"
)
ALL_HELD = (
    "whole = new_model()\nheld = [id(p) for g in {}.param_groups for p in g['params']]\n"
    "assert sorted(held) == sorted(map(id, whole.parameters()))"
)
RIGHT = (
    "points, wanted = examples(24301)\nassert ({}(points).argmax(1) == wanted).float().mean()"
    f" >= {CANARIES['threshold']}"
)
# What decides the exercises of tests/security/lab.py, written as nbgrader's users write it.
TESTS = {
    "count": "assert count(new_model()) == 66",
    "freeze": FREE.format("freeze(new_model())"),
    "groups": ALL_HELD.format("groups(whole)"),
    "train": "model.eval()\n" + RIGHT.format("model"),
    "loop": "assert len(loop(new_model(), few_inputs, few_labels, 2)) == 2",
}
GROUPS: dict[str, tuple[Attack, ...]] = {
    "test_cells": attacks_on_cells.ATTACKS,
    "test_files": attacks_on_files.ATTACKS,
    "test_secrets": attacks_on_secrets.ATTACKS,
    "test_machine": (*attacks_on_the_machine.ATTACKS, *attacks_on_the_machine.ENDLESS),
}


def assertion(lie: Lie) -> str:
    if lie.check is TRAINABLE:
        return FREE.format("made(new_model())")
    if lie.check is COVERED:
        return ALL_HELD.format("made(whole)")
    if lie.check is ACCURATE:
        return "found = made(new_model())\nfound.eval()\n" + RIGHT.format("found")
    return "assert abs(made() - 0.25) < 0.01"


@dataclass(frozen=True)
class Disposable:
    """A course without any configuration of ours, and the machine that grades it."""

    root: Path

    @classmethod
    def made(cls, root: Path) -> Disposable:
        course, home = cls(root), root.parent / "home"
        home.mkdir()
        (home / "notes.txt").write_text(CANARIES["home"])
        for assignment, notebook in (
            (ASSIGNMENT, source_notebook(lambda n: f"# {CANARIES['hidden test']}\n{TESTS[n]}")),
            ("lies", notebook_of_lies(assertion)),
        ):
            folder = root / "source" / assignment
            folder.mkdir(parents=True)
            nbformat.write(notebook, folder / f"{NOTEBOOK}.ipynb")
        (root / "nbgrader_config.py").write_text("c = get_config()\n")
        course.nbgrader("generate_assignment", ASSIGNMENT)
        course.nbgrader("generate_assignment", "lies", "--force")
        # A file in an assignment's folder would be released with it.
        (root / "source" / ASSIGNMENT / "solution.txt").write_text(CANARIES["source folder"])
        course.nbgrader("db", "student", "add", "victim", "--last-name", CANARIES["gradebook"])
        secret = root / "submitted" / "victim" / ASSIGNMENT
        secret.mkdir(parents=True)
        (secret / f"{NOTEBOOK}.ipynb").write_text(CANARIES["other student"])
        return course

    def nbgrader(self, *arguments: str) -> bool:
        """Whether the command ended in time; its output does not matter."""
        top = str(self.root.parent)
        machine = [
            *(str(bwrap_binary()), "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"),
            *("--tmpfs", "/dev/shm", "--tmpfs", "/tmp", "--bind", top, top),  # noqa: S108
            *("--unshare-pid", "--die-with-parent", "--new-session", "--chdir", str(self.root)),
        ]
        environment = {
            **os.environ,
            # A new gradebook asks for the program `alembic`, which stands beside this Python.
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": f"{top}/home",
            "GRADER_TOKEN": CANARIES["environment"],
        }
        try:
            subprocess.run(  # noqa: S603 - our own arguments
                [*machine, sys.executable, "-m", "nbgrader", *arguments],
                env=environment,
                capture_output=True,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return False
        return True

    def release(self, assignment: str = ASSIGNMENT) -> nbformat.NotebookNode:
        return nbformat.read(self.root / "release" / assignment / f"{NOTEBOOK}.ipynb", as_version=4)

    def hand_in(
        self, student: str, notebook: nbformat.NotebookNode, assignment: str = ASSIGNMENT
    ) -> Path:
        folder = self.root / "submitted" / student / assignment
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / f"{NOTEBOOK}.ipynb")
        return folder

    def points(self, student: str) -> dict[str, float]:
        """The points by cell that stand in the gradebook."""
        query = (
            "select b.name, coalesce(g.manual_score, g.auto_score, 0) from grade g"
            " join base_cell b on g.cell_id = b.id"
            " join submitted_notebook n on g.notebook_id = n.id"
            " join submitted_assignment a on n.assignment_id = a.id where a.student_id = ?"
        )
        with sqlite3.connect(self.root / "gradebook.db") as database:
            return dict(database.execute(query, (student,)).fetchall())

    def outputs(self, student: str) -> str:
        path = self.root / "autograded" / student / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
        if not path.is_file():
            return ""
        notebook = nbformat.read(path, as_version=4)
        return repr([cell.get("outputs") for cell in notebook.cells])


def seen_anyway(course: Disposable) -> set[str]:
    """The secrets that a submission gets to see by doing nothing: its tests' text, as they fail."""
    idle = Attack("does nothing", "nothing")
    course.hand_in("idle", idle.notebook(course.release()))
    course.nbgrader("autograde", ASSIGNMENT, "--student", "idle")
    shown = course.outputs("idle")
    return {place for place, canary in CANARIES.items() if canary in shown}


def tried(course: Disposable, number: int, attack: Attack, known: set[str]) -> str:
    """What the attack achieves, in words; empty if it achieves nothing.

    ``known`` are secrets that everyone gets to see.
    """
    student = f"s{number}"
    folder = course.hand_in(student, attack.notebook(course.release()))
    if attack.files is not None:
        attack.files(folder)
    if not course.nbgrader("autograde", ASSIGNMENT, "--student", student):
        return f"blocks: grading does not end (stopped after {SECONDS} s)"
    shown, earned = course.outputs(student), sum(course.points(student).values())
    due = sum(score or 0 for score in attack.due.values())
    effects = [f"{earned:g} of {ALL_POINTS:g} points, {due:g} due"] if earned > due else []
    found = [place for place in CANARIES if CANARIES[place] in shown and place not in known]
    if found:
        effects.append(f"reads: {', '.join(found)}")
    effects += [said for word, said in SAID.items() if word in shown]
    if not shown:
        effects.append("no grade, no reason: the submission is dropped")
    return "; ".join(effects)


HEAD = "| attack | is after | with stock nbgrader | here: in vain |\n| --- | --- | --- | --- |"
SAID = {
    "IMPORTED": "imports the instructor's packages",
    "CONNECTED": "reaches the network",
    "WRITTEN": "writes into the gradebook",
}


def lies(course: Disposable) -> Iterator[str]:
    release = course.release("lies")
    by_name = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in release.cells}
    solved = notebook_of_lies(assertion)
    for cell in solved.cells:
        name = cell.metadata.nbgrader.grade_id
        if cell.metadata.nbgrader.solution:
            by_name[name].source = cell.source
    course.hand_in("liar", release, "lies")
    course.nbgrader("autograde", "lies", "--student", "liar")
    points = course.points("liar")
    for number, lie in enumerate((*LIES, HONEST)):
        if lie is HONEST:
            # Else nothing below would mean anything.
            assert points.get(f"test_{number}") == 1, points  # noqa: S101
            continue
        gained = points.get(f"test_{number}", 0) > (lie.due or 0)
        yield row(lie.name, "points", "the point" if gained else "", "test_objects")


def row(name: str, aim: str, effect: str, test: str) -> str:
    return f"| {name} | {aim} | {effect or 'nothing'} | {test} |"


def rows(words: list[str]) -> Iterator[str]:
    with tempfile.TemporaryDirectory(dir=Path.home(), prefix="attacks-") as name:
        course = Disposable.made(Path(name) / "course")
        # Honest work gets its points: else what an attack does not get would mean nothing.
        course.hand_in("honest", submission(course.release(), SOLUTIONS))
        course.nbgrader("autograde", ASSIGNMENT, "--student", "honest")
        found = course.points("honest")
        assert sum(found.values()) == ALL_POINTS, found  # noqa: S101
        number, known = 0, seen_anyway(course)
        print(
            f"What every submission reads in the tracebacks of failed tests: {', '.join(known)}.\n"
        )
        print(HEAD)
        for test, attacks in GROUPS.items():
            for attack in attacks:
                if words and not any(word in attack.name for word in words):
                    continue
                number += 1
                effect = (
                    tried(course, number, attack, known) if attack.harmless else "not tried there"
                )
                yield row(attack.name, attack.aim, effect, test)
                shutil.rmtree(course.root / "submitted" / f"s{number}", ignore_errors=True)
        if not words:
            yield from lies(course)


def main() -> None:
    for each in rows(sys.argv[1:]):
        print(each, flush=True)


if __name__ == "__main__":
    main()
