"""A course with secrets in it, and submissions that are after them, after points, or after harm."""

from __future__ import annotations

import fcntl
import json
import os
import pickle
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import nbformat
import torch
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.coursedir import CourseDirectory

from workshop.authoring.generate import generate
from workshop.course import Course
from workshop.grading import hidden
from workshop.grading.execution import Limits
from workshop.grading.grade import grade
from workshop.grading.gradebook import open_gradebook
from workshop.grading.results import SubmissionResult

ASSIGNMENT, NOTEBOOK = "ps1", "p1"
CONFIG = Path(__file__).parents[2] / "nbgrader_config.py"
LIMITS = Limits(
    cell_seconds=120,
    notebook_seconds=240,
    interrupt_seconds=2,
    memory_mb=1500,
    processes=40,
    scratch_mb=32,
    output_mb=1,
    notebook_output_mb=4,
    evidence_mb=32,
)

# Each stands in a place that no learner may see, and has no other way out.
CANARIES = {
    "threshold": "0.9531902468",
    "hidden test": "canary-hidden-9c1",
    "source folder": "canary-source-4e7",
    "gradebook": "canary-gradebook-2b5",
    "other student": "canary-neighbour-8d3",
    "environment": "canary-environment-6f0",
    "home": "canary-home-1a9",
}

SETUP = """\
import torch
from torch import nn
import checks

def new_model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))

def examples(seed, count=200):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 2, (count,), generator=generator)
    inputs = torch.randn(count, 3, generator=generator)
    inputs[:, 0] += 5 * labels - 2.5
    return inputs, labels

inputs, labels = examples(1)
few_inputs, few_labels = inputs[:32], labels[:32]"""

# Name, points, stub, solution, and what decides.
EXERCISES = (
    (
        "count",
        1,
        "def count(model):\n    raise NotImplementedError",
        "def count(model):\n    return sum(each.numel() for each in model.parameters())",
        "(1, checks.check_value('The count', count(new_model()), 66))",
    ),
    (
        "freeze",
        2,
        "def freeze(model):\n    raise NotImplementedError",
        "def freeze(model):\n    model.requires_grad_(False)\n    model[2].requires_grad_(True)\n"
        "    return model",
        "(2, checks.check_trainable(freeze(new_model()), '2')), like=new_model",
    ),
    (
        "groups",
        2,
        "def groups(model):\n    raise NotImplementedError",
        "def groups(model):\n    return torch.optim.AdamW([\n"
        "        {'params': [*model[0].parameters(), *model[1].parameters()], 'lr': 3e-5},\n"
        "        {'params': model[2].parameters(), 'lr': 1e-3}])",
        "(1, checks.check_coverage(groups(whole), whole)),"
        " (1, checks.check_learning_rates(groups(whole), whole, head='2'))",
    ),
    (
        "train",
        3,
        "model = new_model()",
        "model = new_model()\noptimizer = torch.optim.Adam(model.parameters(), lr=0.02)\n"
        "for _ in range(60):\n    optimizer.zero_grad()\n"
        "    nn.functional.cross_entropy(model(inputs), labels).backward()\n    optimizer.step()",
        "(3, checks.check_accuracy(model, held_out(), threshold())), like=new_model",
    ),
    (
        "loop",
        2,
        "def loop(model, inputs, labels, epochs):\n    raise NotImplementedError",
        "def loop(model, inputs, labels, epochs):\n"
        "    optimizer, seen = torch.optim.SGD(model[2].parameters(), lr=0.1), []\n"
        "    for _ in range(epochs):\n        model.eval()\n        model[2].train()\n"
        "        for rows in torch.randperm(len(inputs)).split(8):\n"
        "            optimizer.zero_grad()\n"
        "            nn.functional.cross_entropy(model(inputs[rows]), labels[rows]).backward()\n"
        "            optimizer.step()\n        seen.append(0.5)\n    return seen",
        "(1, checks.check_loop_mode(seen)), (1, checks.check_loop_epochs(seen))",
    ),
)
STATEMENTS = {
    "groups": "whole = new_model()\n",
    "loop": "seen = checks.observe_loop(loop, new_model(), few_inputs, few_labels, trained='2')\n",
}
POINTS = {name: points for name, points, *_ in EXERCISES}
STUBS = {name: stub for name, _, stub, _, _ in EXERCISES}
SOLUTIONS = {name: solution for name, _, _, solution, _ in EXERCISES}
HONEST: dict[str, float | None] = {name: float(points) for name, points in POINTS.items()}
NOTHING: dict[str, float | None] = dict.fromkeys(POINTS, 0.0)
# What an attacker really solves, so that an attack can also be seen to lose nothing.
OWN_WORK: dict[str, float | None] = {**NOTHING, "count": 1.0}


@dataclass(frozen=True)
class HeldOut:
    """Examples that the kernel never sees."""

    labels: torch.Tensor
    points: torch.Tensor

    def inputs(self) -> torch.Tensor:
        return self.points


def held_out() -> HeldOut:
    names: dict[str, Any] = {}
    exec(SETUP + f"\nmade = examples({0x5EED})", names)  # noqa: S102 - the cell above
    points, labels = names["made"]
    return HeldOut(labels, points)


def _cell(name: str, source: str, **more: object) -> NotebookNode:
    base = {"grade": False, "solution": False, "locked": False, "task": False}
    meta = {**base, "schema_version": 3, "cell_type": "code", "grade_id": name, **more}
    return new_code_cell(source, id=name, metadata={"nbgrader": meta})


def hidden_text(name: str) -> str:
    """The hidden part that decides an exercise outside the kernel."""
    decides = next(each[-1] for each in EXERCISES if each[0] == name)
    return f"# {CANARIES['hidden test']}\n{STATEMENTS.get(name, '')}graded({decides})"


def source_notebook(hidden_text: Callable[[str], str] = hidden_text) -> NotebookNode:
    """The instructor's notebook."""
    cells = [_cell("setup", SETUP, locked=True)]
    for name, points, stub, solution, _ in EXERCISES:
        text = stub if name == "train" else stub.split("\n")[0]
        answer = f"### BEGIN SOLUTION\n{solution}\n### END SOLUTION"
        cells += [
            _cell(name, answer, solution=True),
            _cell(
                f"test_{name}",
                f"print('{text[:3]}')\n### BEGIN HIDDEN TESTS\n{hidden_text(name)}\n"
                "### END HIDDEN TESTS",
                grade=True,
                locked=True,
                points=points,
            ),
        ]
    kernelspec = {"name": "python3", "display_name": "P", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernelspec})


def cell_of(notebook: NotebookNode, name: str) -> NotebookNode:
    """A cell by its grade id."""
    return next(
        cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == name
    )


def submission(release: NotebookNode, answers: Mapping[str, str]) -> NotebookNode:
    """The released notebook with these answers."""
    notebook = nbformat.from_dict(json.loads(json.dumps(release)))
    for name, source in answers.items():
        cell_of(notebook, name).source = source
    return notebook


@dataclass(frozen=True)
class Attack:
    """A submission that wants something which is not its due.

    Attributes:
        name: what it does.
        aim: points, secrets, harm or blocking.
        answers: cells of its own; the rest are stubs, except for the exercise that it solves.
        edit: changes its notebook further.
        files: puts files into its folder.
        earns: the exact scores that are its due; those of its own work if nothing is said.
        outcome: how its grading ends.
        said: what its messages hold; nothing particular if empty.
        harmless: whether it may be tried against stock nbgrader on a real machine.
    """

    name: str
    aim: str
    answers: Mapping[str, str] = field(default_factory=dict)
    edit: Callable[[NotebookNode], None] | None = None
    files: Callable[[Path], None] | None = None
    earns: Mapping[str, float | None] = field(default_factory=dict)
    outcome: str = "COMPLETED"
    said: str = ""
    harmless: bool = True

    def notebook(self, release: NotebookNode) -> NotebookNode:
        """What is handed in."""
        answers = {**STUBS, "count": SOLUTIONS["count"], **self.answers}
        notebook = submission(release, answers)
        if self.edit is not None:
            self.edit(notebook)
        return notebook

    @property
    def due(self) -> dict[str, float | None]:
        """The exact scores that it may get; none where a person has to decide."""
        if self.outcome == "REJECTED":
            return dict.fromkeys(POINTS)
        return {**OWN_WORK, **self.earns}


@dataclass(frozen=True)
class Graded:
    """What came of one submission.

    Attributes:
        result: as ``workshop grade`` reports it.
        shown: all outputs, messages and file names that someone may get to see.
    """

    outcome: str
    scores: dict[str, float | None]
    messages: str
    shown: str


@dataclass(frozen=True)
class Lab:
    """A course folder with planted secrets."""

    course: Course

    @property
    def release(self) -> NotebookNode:
        """The released notebook."""
        path = self.course.release_notebook(ASSIGNMENT, NOTEBOOK)
        return nbformat.read(path, as_version=4)

    def hand_in(self, student: str, notebook: NotebookNode | str) -> Path:
        """Puts a notebook into the student's folder, and gives the folder."""
        folder = self.course.submitted / student / ASSIGNMENT
        folder.mkdir(parents=True)
        text = notebook if isinstance(notebook, str) else json.dumps(notebook)
        (folder / f"{NOTEBOOK}.ipynb").write_text(text, encoding="utf-8")
        return folder

    def grade(self, students: Sequence[str], limits: Limits = LIMITS) -> dict[str, Graded]:
        """Grades them as ``workshop grade`` does, secrets in place."""
        home = self.course.root.parent / "home"
        home.mkdir(exist_ok=True)
        (home / "notes.txt").write_text(CANARIES["home"])
        environment = {"HOME": str(home), "GRADER_TOKEN": CANARIES["environment"]}
        with (
            mock.patch.dict(os.environ, environment),
            mock.patch.object(hidden, "held_out", held_out),
        ):
            report = grade(self.course, ASSIGNMENT, students, limits=limits)
        return {each.student: self._graded(each) for each in report.results}

    def _graded(self, result: SubmissionResult) -> Graded:
        messages = "\n".join([result.message, *(cell.message for cell in result.cells)])
        path = self.course.autograded / result.student / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
        shown = messages
        if path.is_file():
            notebook = nbformat.read(path, as_version=4)
            shown += json.dumps([cell.get("outputs", []) for cell in notebook.cells])
        scores = {each.grade_id.removeprefix("test_"): each.score for each in result.cells}
        outcome = result.outcome.value if result.outcome else ""
        return Graded(outcome, scores, messages, shown)


def build(root: Path) -> Lab:
    """A course with a released assignment, and a secret in each place where one could lie."""
    root.mkdir(parents=True)
    shutil.copy(CONFIG, root)
    course = Course.at(root)
    path = course.source_notebook(ASSIGNMENT, NOTEBOOK)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(source_notebook()), encoding="utf-8")
    generate(
        course, {ASSIGNMENT: (NOTEBOOK,)}, source=course.source_notebooks, release=course.release
    )
    calibration = course.calibration(ASSIGNMENT, NOTEBOOK)
    calibration.parent.mkdir(parents=True)
    thresholds = {"test_train": {"threshold": float(CANARIES["threshold"])}}
    calibration.write_text(json.dumps({"thresholds": thresholds}), encoding="utf-8")
    (course.source / ASSIGNMENT / "solution.txt").write_text(CANARIES["source folder"])
    coursedir = CourseDirectory(config=course.nbgrader_config())
    with open_gradebook(coursedir) as gradebook:
        gradebook.update_or_create_student("victim", last_name=CANARIES["gradebook"])
    lab = Lab(course)
    neighbour = submission(lab.release, SOLUTIONS)
    neighbour.cells.append(new_code_cell(f"# {CANARIES['other student']}", id="own"))
    lab.hand_in("victim", neighbour)
    return lab


def graded_once(
    folder: Path, name: str, attacks: Sequence[Attack], limits: Limits = LIMITS
) -> dict[str, Graded]:
    """The attacks' results and, as ``honest``, that of an honest submission graded after them.

    Workers of one test run share the result: whoever comes first does the work.
    """
    stored = folder / f"{name}.pickle"
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stored.exists():
            lab = build(folder / name / "course")
            students = {}
            for number, attack in enumerate(attacks):
                student = f"{number:02d}"
                students[student] = attack.name
                handed_in = lab.hand_in(student, attack.notebook(lab.release))
                if attack.files is not None:
                    attack.files(handed_in)
            lab.hand_in("honest", submission(lab.release, SOLUTIONS))
            students["honest"] = "honest"
            graded = lab.grade([*students], limits)
            stored.write_bytes(
                pickle.dumps({students[each]: found for each, found in graded.items()})
            )
    found: dict[str, Graded] = pickle.loads(stored.read_bytes())  # noqa: S301 - our own
    return found


def assert_in_vain(attack: Attack, graded: Mapping[str, Graded]) -> None:
    """It got exactly its due and saw no secret; the submission after it got its due, too."""
    found = graded[attack.name]
    wanted = (attack.outcome, attack.due)
    assert (found.outcome, found.scores) == wanted, f"{found.scores}\n{found.messages}"
    for place, canary in CANARIES.items():
        assert canary not in found.shown, place
    assert attack.said in found.messages
    assert graded["honest"].outcome == "COMPLETED"
    assert graded["honest"].scores == HONEST, graded["honest"].messages
