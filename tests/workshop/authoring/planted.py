"""Secrets of the tiny course, and its release to plant them in."""

from __future__ import annotations

import json
import random
from typing import Any

import nbformat
from nbformat import NotebookNode

from workshop.authoring.confidential import LeakKind
from workshop.authoring.leaks import Leak, scan_release
from workshop.authoring.notebook import dumps
from workshop.course import Course

v4: Any = nbformat.v4

LABELS = random.Random(3).choices([0, 1], k=200)
KEY = "quiz 1, question 4: b and d"

SECRETS = {
    LeakKind.SOLUTION: "    twice_the_value = value * 2",
    LeakKind.HIDDEN_TEST: (
        'scores = {"double.small": double(2) == 4, "double.negative": double(-7) == -14}'
    ),
    LeakKind.MARK_SCHEME: "Two points for the counterexample with the number five.",
    LeakKind.THRESHOLD: "passes from 0.8137 on",
    LeakKind.LABELS: json.dumps(LABELS[30:130]),
    LeakKind.SECRET: KEY,
}


def write(course: Course, notebook: NotebookNode) -> None:
    path = course.release_notebook("small", "doubling")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dumps(notebook), encoding="utf-8")


def scan(course: Course) -> list[Leak]:
    return scan_release(course, labels={"held out": LABELS}, secrets={"quiz 1": KEY})


def kinds(leaks: list[Leak]) -> set[LeakKind]:
    return {leak.kind for leak in leaks}


def in_code(notebook: NotebookNode, text: str) -> None:
    notebook.cells[3].source += f"\n# {text}"


def in_prose(notebook: NotebookNode, text: str) -> None:
    notebook.cells[0].source += f"\n\n<!-- {text} -->"


def release_files(course: Course, files: dict[str, bytes]) -> None:
    folder = course.source / "small"
    (folder / "release.txt").write_text("\n".join(files) + "\n")
    for name, content in files.items():
        (folder / name).write_bytes(content)
        (course.release / "small" / name).write_bytes(content)
