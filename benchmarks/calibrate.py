"""Set a notebook's accuracy thresholds from seeds, or try them on new seeds.

``python benchmarks/calibrate.py NOTEBOOK`` trains the reference solution and the named wrong
solutions with 20 seeds each, puts each threshold between them and writes ``calibration.json``
beside the notebook's text. With ``--check`` it takes 20 other seeds, applies the thresholds as the
hidden tests do, and reports how many pass.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
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


def measured(notebook: NotebookNode, plan: dict[str, Any], seeds: Sequence[int]) -> list[nn.Module]:
    replay = SeededReplay(notebook, plan["again"])
    return list(learn.progress(replay.models(plan["model"], seeds), "seeds", total=len(seeds)))


def accuracy(model: nn.Module) -> float:
    """Accuracy on all held-out images, the reserve included."""
    parts = [held_out("held_out"), held_out("reserve")]
    inputs = torch.cat([part.inputs() for part in parts])
    labels = torch.cat([part.labels for part in parts])
    return checks.measure(model, inputs, labels).accuracy


def between(right: Sequence[float], wrong: Sequence[float]) -> float:
    """The value that lies equally many standard deviations from both groups."""
    spread_right = max(statistics.stdev(right), LEAST_SPREAD)
    spread_wrong = max(statistics.stdev(wrong), LEAST_SPREAD)
    distance = statistics.mean(right) - statistics.mean(wrong)
    return statistics.mean(right) - spread_right * distance / (spread_right + spread_wrong)


def error_rate(values: Sequence[float], threshold: float, *, below: bool) -> float:
    """The chance that one more value of this group lies beyond the threshold (t distribution)."""
    n = len(values)
    spread = max(statistics.stdev(values), LEAST_SPREAD) * float(np.sqrt(1 + 1 / n))
    distance = (threshold - statistics.mean(values)) / spread
    return float(stats.t.cdf(distance if below else -distance, df=n - 1))


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
    right = [accuracy(model) for model in measured(notebook, plan, CALIBRATION_SEEDS)]
    wrong = {
        name: [
            accuracy(model)
            for model in measured(patched(notebook, variants.wrong[name]), plan, CALIBRATION_SEEDS)
        ]
        for name in plan["wrong"]
    }
    hardest = max(wrong.values(), key=statistics.mean)
    threshold = round(between(right, hardest), 3)
    return {
        "threshold": threshold,
        "device": str(learn.pick_device()),
        "reference": summary(right),
        "wrong": {name: summary(values) for name, values in wrong.items()},
        "majority_guess": round(majority(), 4),
        "right_solution_rejected": round(error_rate(right, threshold, below=True), 6),
        "wrong_solution_accepted": round(error_rate(hardest, threshold, below=False), 6),
    }


def passes(model: nn.Module, threshold: float) -> bool:
    verdict = checks.check_accuracy(
        model, held_out("held_out"), threshold, reserve=held_out("reserve")
    )
    return verdict.status is checks.Status.PASSED


def checked(notebook: NotebookNode, variants: Any, plan: dict[str, Any], threshold: float) -> None:
    fresh = measured(notebook, plan, FRESH_SEEDS)
    values = [accuracy(model) for model in fresh]
    passed = sum(passes(model, threshold) for model in fresh)
    print(f"  reference: {passed} of {len(fresh)} pass; {summary(values)}")
    for name in plan["wrong"]:
        models = measured(patched(notebook, variants.wrong[name]), plan, FRESH_SEEDS)
        passed = sum(passes(model, threshold) for model in models)
        print(f"  {name}: {passed} of {len(models)} pass; {summary([accuracy(m) for m in models])}")


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
