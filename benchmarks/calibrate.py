"""Set a notebook's accuracy thresholds from seeds, or try them on new seeds.

``python benchmarks/calibrate.py NOTEBOOK`` trains the reference solution with 20 seeds, puts each
threshold where a right solution falls below it once in a thousand times, tries it on the named
wrong solutions and writes ``calibration.json`` beside the notebook's text. With ``--check`` it
takes 20 other seeds, applies the thresholds as the hidden tests do, and reports how many pass.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import yaml
from nbformat import NotebookNode
from scipy import stats
from torch import nn

import checks
from workshop import learn
from workshop.authoring.build import compile_notebook
from workshop.course import Course
from workshop.grading.hidden import held_out
from workshop.verify.seeds import SeededReplay
from workshop.verify.variants import load_variants, patched

CALIBRATION_SEEDS = range(1, 21)
FRESH_SEEDS = range(101, 121)
# Learners choose other rates, epochs and batches than the reference: their accuracies spread more
# than those of seeds alone. No standard deviation below this is believed.
LEAST_SPREAD = 0.01
RIGHT_REJECTED = 0.001
WRONG_ACCEPTED = 0.05


def measured(notebook: NotebookNode, plan: dict[str, Any], seeds: Sequence[int]) -> list[nn.Module]:
    replay = SeededReplay(notebook, plan["again"])
    return list(learn.progress(replay.models(plan["model"], seeds), "seeds", total=len(seeds)))


def accuracies(model: nn.Module) -> tuple[float, float]:
    """Accuracy on the held-out images, and on these and the reserve together."""
    first, second = (
        checks.measure(model, held_out(part).inputs(), held_out(part).labels)
        for part in ("held_out", "reserve")
    )
    return first.accuracy, (first + second).accuracy


def lower_limit(values: Sequence[float], rate: float) -> float:
    """What one more value of this group falls below with probability ``rate`` (t distribution)."""
    return statistics.mean(values) + float(stats.t.ppf(rate, df=len(values) - 1)) * spread(values)


def exceeds(values: Sequence[float], threshold: float) -> float:
    """The probability that one more value of this group reaches the threshold (t distribution)."""
    distance = (threshold - statistics.mean(values)) / spread(values)
    return float(stats.t.sf(distance, df=len(values) - 1))


def spread(values: Sequence[float]) -> float:
    """The standard deviation of one more value around the mean of these."""
    return max(statistics.stdev(values), LEAST_SPREAD) * math.sqrt(1 + 1 / len(values))


def summary(values: Sequence[float]) -> dict[str, Any]:
    return {
        "seeds": len(values),
        "mean": round(statistics.mean(values), 4),
        "sd": round(statistics.stdev(values), 4),
        "min": round(min(values), 4),
        "max": round(max(values), 4),
    }


def majority() -> float:
    """The accuracy of always giving the more frequent class."""
    labels = torch.cat([held_out("held_out").labels, held_out("reserve").labels])
    return labels.bincount().max().item() / len(labels)


def calibrated(notebook: NotebookNode, variants: Any, plan: dict[str, Any]) -> dict[str, Any]:
    # A right solution that fails the first measurement gets the second; a wrong one that passes the
    # first needs no second. So each is judged by the figure that is worse for the threshold.
    right = [accuracies(model)[1] for model in measured(notebook, plan, CALIBRATION_SEEDS)]
    wrong = {
        name: [
            max(accuracies(model))
            for model in measured(patched(notebook, variants.wrong[name]), plan, CALIBRATION_SEEDS)
        ]
        for name in plan["wrong"]
    }
    threshold = math.floor(1000 * lower_limit(right, RIGHT_REJECTED)) / 1000
    accepted = {name: exceeds(values, threshold) for name, values in wrong.items()}
    if max(accepted.values()) > WRONG_ACCEPTED or majority() >= threshold:
        sys.exit(f"a threshold of {threshold} does not tell right from wrong: {accepted}")
    return {
        "threshold": threshold,
        "device": str(learn.pick_device()),
        "reference": summary(right),
        "wrong": {name: summary(values) for name, values in wrong.items()},
        "majority_guess": round(majority(), 4),
        "right_solution_rejected": RIGHT_REJECTED,
        "wrong_solution_accepted": {name: round(rate, 6) for name, rate in accepted.items()},
    }


def passes(model: nn.Module, threshold: float) -> bool:
    verdict = checks.check_accuracy(
        model, held_out("held_out"), threshold, reserve=held_out("reserve")
    )
    return verdict.status is checks.Status.PASSED


def checked(notebook: NotebookNode, variants: Any, plan: dict[str, Any], threshold: float) -> None:
    fresh = measured(notebook, plan, FRESH_SEEDS)
    values = [accuracies(model)[1] for model in fresh]
    passed = sum(passes(model, threshold) for model in fresh)
    print(f"  reference: {passed} of {len(fresh)} pass; {summary(values)}")
    for name in plan["wrong"]:
        models = measured(patched(notebook, variants.wrong[name]), plan, FRESH_SEEDS)
        passed = sum(passes(model, threshold) for model in models)
        values = [accuracies(model)[1] for model in models]
        print(f"  {name}: {passed} of {len(models)} pass; {summary(values)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("notebook", help="the notebook's name, without its ending")
    parser.add_argument("--check", action="store_true", help="try the thresholds on new seeds")
    arguments = parser.parse_args()
    course = Course.find()
    found = sorted(course.root.glob(f"source/*/{arguments.notebook}.py"))
    if not found:
        sys.exit(f"no notebook text source/*/{arguments.notebook}.py")
    folder = found[0].with_suffix("")
    notebook = compile_notebook(course, folder.parent.name, arguments.notebook)
    plans = yaml.safe_load((folder / "calibration.yaml").read_text(encoding="utf-8"))
    variants = load_variants(folder / "variants.yaml")
    output = folder / "calibration.json"
    if arguments.check:
        thresholds = json.loads(output.read_text(encoding="utf-8"))["thresholds"]
        for grade_id, plan in plans.items():
            print(f"{grade_id}, 20 seeds that the calibration did not see:")
            checked(notebook, variants, plan, thresholds[grade_id]["threshold"])
        return
    thresholds = {name: calibrated(notebook, variants, plan) for name, plan in plans.items()}
    write(output, thresholds)


def write(output: Path, thresholds: dict[str, Any]) -> None:
    evidence = {
        "made_by": "benchmarks/calibrate.py",
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
        "torch": torch.__version__,
        "thresholds": thresholds,
    }
    output.write_text(json.dumps(evidence, indent=2) + "\n", encoding="utf-8")
    print(f"wrote {output}")


if __name__ == "__main__":
    main()
