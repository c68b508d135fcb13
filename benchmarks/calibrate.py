"""Set a notebook's accuracy thresholds from seeds, or try them on new seeds.

``python benchmarks/calibrate.py NOTEBOOK`` trains the reference solution with 20 seeds, puts each
threshold where a right solution falls below it once in a thousand times, tries it on the named
wrong solutions and writes ``calibration.json`` beside the notebook's text. With ``--check`` it
takes 40 other seeds, applies the thresholds as the hidden tests do, and notes there how many pass.
Both renew ``docs/instructor/thresholds.md``.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import statistics
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import yaml
from nbformat import NotebookNode
from scipy import stats
from torch import nn

import checks
from checks.accuracy import Encode, inputs_of
from workshop import learn
from workshop.analysis import thresholds
from workshop.authoring.build import compile_notebook
from workshop.course import Course
from workshop.grading.hidden import held_out, held_out_texts
from workshop.grading.trusted import locked_sources, trusted_names
from workshop.verify.seeds import SeededReplay
from workshop.verify.variants import load_variants, patched

SEEDS, FRESH_SEEDS = 20, 40
FIRST_CALIBRATION_SEED, FIRST_FRESH_SEED = 1, 101
# Learners choose other rates, epochs and batches than the reference: their accuracies spread more
# than those of seeds alone. No standard deviation below this is believed.
LEAST_SPREAD = 0.01
RIGHT_REJECTED = 0.001
WRONG_ACCEPTED = 0.05


@dataclass(frozen=True)
class Measure:
    """What the models of one plan are measured on.

    Attributes:
        encode: for a model of texts: turns them into what it takes; None for images.
        domain: of the images.
    """

    encode: Encode | None
    domain: str

    def data(self, part: str) -> Any:
        return held_out_texts(part) if self.encode else held_out(part, domain=self.domain)

    def accuracies(self, model: nn.Module) -> tuple[float, float]:
        """Accuracy on the held-out data, and on these and the reserve together."""
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
        """The accuracy of always giving the more frequent class."""
        labels = torch.cat([self.data("held_out").labels, self.data("reserve").labels])
        return labels.bincount().max().item() / len(labels)


def measure_of(notebook: NotebookNode, plan: dict[str, Any]) -> Measure:
    """``encode: NAME`` in a plan names the function of a locked cell, as a hidden part does."""
    names = trusted_names(locked_sources(notebook)) if "encode" in plan else {}
    return Measure(names.get(plan.get("encode", "")), plan.get("domain", "mono"))


def models_of(
    notebook: NotebookNode, plan: dict[str, Any], seeds: Sequence[int]
) -> Iterable[nn.Module]:
    replay = SeededReplay(notebook, plan["again"])
    return learn.progress(replay.models(plan["model"], seeds), "seeds", total=len(seeds))


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


def calibrated(
    notebook: NotebookNode, variants: Any, plan: dict[str, Any], seeds: Sequence[int]
) -> dict[str, Any]:
    # A right solution that fails the first measurement gets the second; a wrong one that passes the
    # first needs no second. So each is judged by the figure that is worse for the threshold.
    measure = measure_of(notebook, plan)
    right = [measure.accuracies(each)[1] for each in models_of(notebook, plan, seeds)]
    wrong = {
        name: [
            max(measure.accuracies(each))
            for each in models_of(patched(notebook, variants.wrong[name]), plan, seeds)
        ]
        for name in plan["wrong"]
    }
    threshold = math.floor(1000 * lower_limit(right, RIGHT_REJECTED)) / 1000
    accepted = {name: exceeds(values, threshold) for name, values in wrong.items()}
    if max(accepted.values()) > WRONG_ACCEPTED or measure.majority() >= threshold:
        sys.exit(f"a threshold of {threshold} does not tell right from wrong: {accepted}")
    return {
        "threshold": threshold,
        "device": str(learn.pick_device()),
        "reference": summary(right),
        "wrong": {name: summary(values) for name, values in wrong.items()},
        "majority_guess": round(measure.majority(), 4),
        "right_solution_rejected": RIGHT_REJECTED,
        "wrong_solution_accepted": {name: round(rate, 6) for name, rate in accepted.items()},
    }


def tried(
    notebook: NotebookNode, plan: dict[str, Any], seeds: Sequence[int], threshold: float
) -> dict[str, Any]:
    """How many of the models pass, as the hidden test decides."""
    measure = measure_of(notebook, plan)
    passed, values = [], []
    for model in models_of(notebook, plan, seeds):
        passed.append(measure.passes(model, threshold))
        values.append(measure.accuracies(model)[1])
    return {"passed": sum(passed), **summary(values)}


def checked(
    notebook: NotebookNode,
    variants: Any,
    plan: dict[str, Any],
    seeds: Sequence[int],
    threshold: float,
) -> dict[str, Any]:
    """Seeds that the calibration did not see; for each wrong solution half of them."""
    half = seeds[: (len(seeds) + 1) // 2]
    return {
        "reference": tried(notebook, plan, seeds, threshold),
        "wrong": {
            name: tried(patched(notebook, variants.wrong[name]), plan, half, threshold)
            for name in plan["wrong"]
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("notebook", help="the notebook's name, without its ending")
    parser.add_argument("--check", action="store_true", help="try the thresholds on new seeds")
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
    plans = yaml.safe_load((folder / "calibration.yaml").read_text(encoding="utf-8"))
    variants = load_variants(folder / "variants.yaml")
    output = folder / "calibration.json"
    if arguments.check:
        evidence = json.loads(output.read_text(encoding="utf-8"))
        seeds = range(FIRST_FRESH_SEED, FIRST_FRESH_SEED + (arguments.seeds or FRESH_SEEDS))
        for grade_id, plan in plans.items():
            each = evidence["thresholds"][grade_id]
            each["fresh"] = checked(notebook, variants, plan, seeds, each["threshold"])
    else:
        seeds = range(FIRST_CALIBRATION_SEED, FIRST_CALIBRATION_SEED + (arguments.seeds or SEEDS))
        evidence = {
            "made_by": "benchmarks/calibrate.py",
            "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
            "torch": torch.__version__,
            "thresholds": {
                name: calibrated(notebook, variants, plan, seeds) for name, plan in plans.items()
            },
        }
    output.write_text(json.dumps(evidence, indent=2) + "\n", encoding="utf-8")
    (course.root / thresholds.PAGE).write_text(thresholds.page(course), encoding="utf-8")
    print(f"wrote {output} and {thresholds.PAGE}")


if __name__ == "__main__":
    main()
