"""Measure what the lessons of a notebook are worth, over seeds.

``python benchmarks/effects.py NOTEBOOK`` runs the cells that the notebook's ``effects.yaml`` names
with 20 seeds, writes the differences to ``effects.json`` beside it, and renews
``docs/instructor/effects.md``. Without a notebook it only renews the page.
"""

from __future__ import annotations

import argparse
import platform
import sys
from pathlib import Path

import torch

from workshop import learn
from workshop.analysis.effects import Effect, load_plan, page, write_effects
from workshop.authoring.build import compile_notebook
from workshop.course import Course
from workshop.verify.seeds import SeededReplay

PAGE = Path("docs") / "instructor" / "effects.md"


def measured(course: Course, folder: Path, seeds: int) -> dict[str, Effect]:
    """The effects of a notebook's lessons."""
    plan = load_plan(folder)
    if not plan:
        sys.exit(f"no lessons in {folder / 'effects.yaml'}")
    notebook = compile_notebook(course, folder.parent.name, folder.name)
    again = list(dict.fromkeys(cell for lesson in plan.values() for cell in lesson.again))
    replay = SeededReplay(notebook, again, [lesson.difference for lesson in plan.values()])
    rows = list(learn.progress(replay.values(range(1, seeds + 1)), folder.name, total=seeds))
    return {name: Effect.of([row[index] for row in rows]) for index, name in enumerate(plan)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("notebook", nargs="?", help="the notebook's name, without its ending")
    parser.add_argument("--seeds", type=int, default=20)
    arguments = parser.parse_args()
    course = Course.find()
    if arguments.notebook:
        found = sorted(course.root.glob(f"source/*/{arguments.notebook}.py"))
        if not found:
            sys.exit(f"no notebook text source/*/{arguments.notebook}.py")
        folder = found[0].with_suffix("")
        effects = measured(course, folder, arguments.seeds)
        machine = f"{platform.machine()}, {torch.get_num_threads()} threads"
        print(f"wrote {write_effects(folder, effects, machine=machine)}")
    path = course.root / PAGE
    path.parent.mkdir(parents=True, exist_ok=True)  # a course of its own has no pages yet
    path.write_text(page(course), encoding="utf-8")
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
