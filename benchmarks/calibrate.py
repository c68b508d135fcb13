"""Set a notebook's accuracy thresholds from seeds, or try them on new seeds.

``python benchmarks/calibrate.py NOTEBOOK`` trains the reference solution with 20 seeds, puts each
threshold where a right solution falls below it once in a thousand times, tries it on the named
wrong solutions and writes ``calibration.json`` beside the notebook's text. With ``--check`` it
takes 40 other seeds, applies the thresholds as the hidden tests do, and notes there how many pass.
If one fails, ``--again`` sets the thresholds from all seeds, and ``--check`` takes yet others. All
renew ``docs/instructor/thresholds.md``. With a GPU the thresholds are those for GPUs, and stand
beside those for CPUs. The course is the one that the current folder lies in, or that the variable
``WORKSHOP_COURSE`` names.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import torch
from nbformat import NotebookNode
from torch import nn

import checks
from checks.accuracy import Encode, inputs_of
from workshop import learn
from workshop.analysis import thresholds
from workshop.analysis.calibration import Summary, set_anew, threshold_of
from workshop.authoring.build import compile_notebook
from workshop.authoring.uncalibrated import PLANS
from workshop.authoring.uncalibrated import plans as plans_of
from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.grading.devices import device_class
from workshop.grading.hidden import held_out, held_out_texts, public_test
from workshop.grading.trusted import locked_sources, trusted_names
from workshop.learn.running import precision
from workshop.verify.seeds import SeededReplay
from workshop.verify.variants import Variants, load_variants, patched

T = TypeVar("T")
Plan = Mapping[str, Any]
"""From ``calibration.yaml``: which cells run again, which model they leave, what it is measured on,
and which wrong solutions must not reach the threshold."""
Examples = Callable[[str], Any]
"""Gives the labelled examples of a part, ``held_out`` or ``reserve``."""
SEEDS, FRESH_SEEDS = 20, 40
FIRST_CALIBRATION_SEED, FIRST_FRESH_SEED = 1, 101


class Measure(Protocol):
    """What the models of one plan are measured on, and how a hidden test judges them."""

    @property
    def below(self) -> bool:
        """Whether a right solution stays below the threshold."""

    def accuracies(self, model: nn.Module) -> tuple[float, float]:
        """Accuracy at the first look, and after the second one that a close result gets."""

    def passes(self, model: nn.Module, threshold: float) -> bool:
        """As the hidden test decides."""

    def majority(self) -> float:
        """The accuracy of always giving the more frequent class."""


@dataclass(frozen=True)
class WholeAccuracy:
    """On held-out examples, and on the reserve where it is close: ``check_accuracy``.

    Attributes:
        data: the examples.
        encode: for a model of texts: turns them into what it takes; None for images.
    """

    data: Examples
    encode: Encode | None
    below = False

    def accuracies(self, model: nn.Module) -> tuple[float, float]:
        first, second = (
            checks.measure(model, inputs_of(self.data(part), self.encode), self.data(part).labels)
            for part in ("held_out", "reserve")
        )
        return first.accuracy, (first + second).accuracy

    def passes(self, model: nn.Module, threshold: float) -> bool:
        verdict = checks.check_accuracy(
            model,
            self.data("held_out"),
            threshold,
            reserve=self.data("reserve"),
            encode=self.encode,
        )
        return verdict.status is checks.Status.PASSED

    def majority(self) -> float:
        labels = torch.cat([self.data("held_out").labels, self.data("reserve").labels])
        return labels.bincount().max().item() / len(labels)


@dataclass(frozen=True)
class TaskAccuracy:
    """On held-out examples of one task of several: ``check_learned``, ``check_forgotten``.

    Attributes:
        data: the examples.
        classes: which of the model's outputs belongs to each label.
        below: whether the task is to be forgotten.
    """

    data: Examples
    classes: tuple[int, ...]
    below: bool

    def accuracies(self, model: nn.Module) -> tuple[float, float]:
        found = checks.measure_task(model, self.data("held_out"), self.classes).accuracy
        return found, found

    def passes(self, model: nn.Module, threshold: float) -> bool:
        judged = (model, self.data("held_out"), self.classes)
        if self.below:
            verdict = checks.check_forgotten(*judged, most=threshold)
        else:
            verdict = checks.check_learned(*judged, least=threshold)
        return verdict.status is checks.Status.PASSED

    def majority(self) -> float:
        labels: torch.Tensor = self.data("held_out").labels
        return labels.bincount().max().item() / len(labels)


def examples_of(plan: Plan) -> Examples:
    """What a plan's models are measured on: as the hidden part of its cell has it."""

    def examples(part: str) -> Any:
        if "data" in plan:
            return public_test(
                plan["data"], part, per_class=plan["per_class"], size=plan.get("size")
            )
        if "encode" in plan:
            return held_out_texts(part)
        return held_out(part, domain=plan.get("domain", "mono"))

    source_model = plan.get("source_model")
    return examples if source_model is None else lambda part: examples(part).for_model(source_model)


def measure_of(notebook: NotebookNode, plan: Plan) -> Measure:
    """``encode: NAME`` in a plan names the function of a locked cell, as a hidden part does."""
    if "classes" in plan:
        return TaskAccuracy(examples_of(plan), tuple(plan["classes"]), plan.get("below", False))
    names = trusted_names(locked_sources(notebook)) if "encode" in plan else {}
    return WholeAccuracy(examples_of(plan), names.get(plan.get("encode", "")))


def seen(
    notebook: NotebookNode,
    plans: Mapping[str, Plan],
    seeds: Sequence[int],
    look: Callable[[str, nn.Module], T],
) -> dict[str, list[T]]:
    """What is seen of each plan's model, for one seed after another.

    Plans that run the same cells again share the runs.

    Args:
        notebook: a solution.
        plans: by their names.
        seeds: for the cells that run again.
        look: takes a plan's name and its model.
    """
    found: dict[str, list[T]] = {name: [] for name in plans}
    for again in dict.fromkeys(tuple(plan["again"]) for plan in plans.values()):
        alike = [name for name, plan in plans.items() if tuple(plan["again"]) == again]
        variables = [plans[name]["model"] for name in alike]
        runs = SeededReplay(notebook, again).models(variables, seeds)
        for models in learn.progress(runs, "seeds", total=len(seeds)):
            for name, model in zip(alike, models, strict=True):
                found[name].append(look(name, model.cpu()))  # where graders measure
    return found


def seen_of_wrong(
    notebook: NotebookNode,
    variants: Variants,
    plans: Mapping[str, Plan],
    seeds: Sequence[int],
    look: Callable[[str, nn.Module], T],
) -> dict[str, dict[str, list[T]]]:
    """For each plan, what is seen of each of its wrong solutions."""
    found: dict[str, dict[str, list[T]]] = {name: {} for name in plans}
    for wrong in dict.fromkeys(wrong for plan in plans.values() for wrong in plan["wrong"]):
        against = {name: plan for name, plan in plans.items() if wrong in plan["wrong"]}
        solution = patched(notebook, variants.wrong[wrong])
        for name, values in seen(solution, against, seeds, look).items():
            found[name][wrong] = values
    return found


def calibrated(
    notebook: NotebookNode, variants: Variants, plans: Mapping[str, Plan], seeds: Sequence[int]
) -> dict[str, Any]:
    """A threshold for each plan."""
    measures = {name: measure_of(notebook, plan) for name, plan in plans.items()}

    def look(name: str, model: nn.Module) -> tuple[float, float]:
        return measures[name].accuracies(model)

    right = seen(notebook, plans, seeds, look)
    wrong = seen_of_wrong(notebook, variants, plans, seeds, look)
    # A right solution that fails the first measurement gets the second; a wrong one that passes the
    # first needs no second. So each is judged by the figure that is worse for the threshold.
    return {
        name: threshold_of(
            name,
            Summary.of([both for _, both in right[name]]),
            {
                each: Summary.of([max(pair) for pair in pairs])
                for each, pairs in wrong[name].items()
            },
            below=measures[name].below,
            majority=measures[name].majority(),
        )
        for name in plans
    }


def tried(values: Sequence[tuple[bool, float]]) -> dict[str, Any]:
    """How many passed."""
    passed = sum(passes for passes, _ in values)
    return {"passed": passed, **Summary.of([accuracy for _, accuracy in values]).to_dict()}


def checked(
    notebook: NotebookNode,
    variants: Variants,
    plans: Mapping[str, Plan],
    seeds: Sequence[int],
    goals: Mapping[str, float],
) -> dict[str, Any]:
    """Seeds that the calibration did not see; for each wrong solution half of them."""
    measures = {name: measure_of(notebook, plan) for name, plan in plans.items()}

    def look(name: str, model: nn.Module) -> tuple[bool, float]:
        return measures[name].passes(model, goals[name]), measures[name].accuracies(model)[1]

    half = seeds[: (len(seeds) + 1) // 2]
    right = seen(notebook, plans, seeds, look)
    wrong = seen_of_wrong(notebook, variants, plans, half, look)
    return {
        name: {
            "reference": tried(right[name]),
            "wrong": {each: tried(values) for each, values in wrong[name].items()},
        }
        for name in plans
    }


def part_for(whole: dict[str, Any], device: str) -> dict[str, Any]:
    """The part of ``calibration.json`` that tells of one kind of device."""
    if device == "cpu":
        return whole
    part: dict[str, Any] = whole.setdefault("devices", {}).setdefault(device, {})
    return part


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("notebook", help="the notebook's name, without its ending")
    parser.add_argument("--check", action="store_true", help="try the thresholds on new seeds")
    parser.add_argument(
        "--again",
        action="store_true",
        help="set the thresholds anew from all that was measured, the seeds of --check included",
    )
    parser.add_argument(
        "--seeds",
        type=int,
        help=f"how many seeds: {SEEDS}, or {FRESH_SEEDS} new ones, if not given; fewer give a lower"
        " threshold, since less is known of the spread",
    )
    arguments = parser.parse_args()
    course = Course.find()
    found = sorted(course.root.glob(f"source/*/{arguments.notebook}.py"))
    if not found:
        sys.exit(f"no notebook text source/*/{arguments.notebook}.py")
    folder = found[0].with_suffix("")
    notebook = compile_notebook(course, folder.parent.name, arguments.notebook)
    plans = plans_of(course, folder.parent.name, arguments.notebook)
    if not plans:
        sys.exit(f"{arguments.notebook} asks for no accuracy: it has no {PLANS}")
    variants = load_variants(folder / "variants.yaml")
    output = folder / "calibration.json"
    device = device_class(learn.pick_device().type, precision())
    whole = json.loads(output.read_text(encoding="utf-8")) if output.exists() else {}
    evidence = part_for(whole, device)
    known = evidence.get("thresholds", {})
    if (arguments.check or arguments.again) and not known.keys() >= plans.keys():
        sys.exit(f"calibrate first on this kind of device, {device}: without --check and --again")
    if arguments.again:
        evidence["thresholds"] = {name: set_anew(name, each) for name, each in known.items()}
    elif arguments.check:
        # Seeds that a threshold was set from cannot try it.
        used = max(known[name]["reference"]["seeds"] for name in plans) - SEEDS
        first = FIRST_FRESH_SEED + max(0, used)
        seeds = range(first, first + (arguments.seeds or FRESH_SEEDS))
        goals = {name: known[name]["threshold"] for name in plans}
        for name, fresh in checked(notebook, variants, plans, seeds, goals).items():
            known[name]["fresh"] = fresh
    else:
        seeds = range(FIRST_CALIBRATION_SEED, FIRST_CALIBRATION_SEED + (arguments.seeds or SEEDS))
        evidence |= {
            "made_by": "benchmarks/calibrate.py",
            "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
            "torch": torch.__version__,
            "thresholds": calibrated(notebook, variants, plans, seeds),
        }
    output.write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")
    page = course.root / thresholds.PAGE
    page.parent.mkdir(parents=True, exist_ok=True)  # a course of its own has no pages yet
    page.write_text(thresholds.page(course), encoding="utf-8")
    print(f"wrote {output} and {thresholds.PAGE}")


if __name__ == "__main__":
    try:
        main()
    except WorkshopError as error:
        sys.exit(str(error))
