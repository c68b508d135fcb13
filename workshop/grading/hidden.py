"""What hidden tests call, inside the notebook that is being graded.

A hidden test is a few lines: it names the checks and how many points each is worth. Thresholds,
held-out images and pristine models come from here, so that none of them stands in a notebook.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import torch

import checks
from checks.verdict import to_html, to_text
from workshop.assets import ImageData, load_source_model
from workshop.course import Course
from workshop.errors import WorkshopError
from workshop.grading.held_out import load_held_out

VERDICTS_MIME = "application/vnd.transfer-learning.verdicts+json"

Graded = checks.Verdict | Callable[[], checks.Verdict]


def grade(grade_id: str, *weighted: tuple[float, Graded]) -> float:
    """Run the checks of one grade cell, show their verdicts and return the points earned.

    Args:
        grade_id: the cell's id, as in its metadata.
        weighted: for each check the points that it is worth and either its verdict or a function
            without arguments that gives it. A function is called under guard: an exception in the
            learner's code fails that check alone.

    Returns:
        The sum of points times score, a built-in float: nbgrader gives full marks for any value
        that is not a built-in number.

    Raises:
        checks.CheckCrashed: a check itself crashed. That is our error and must not cost points,
            so the cell gets no score at all and the instructor is told.
    """
    verdicts = []
    for points, item in weighted:
        with _captured_stderr():
            verdict = item if isinstance(item, checks.Verdict) else checks.guard(grade_id, item)
        verdicts.append((float(points), verdict))
    _publish(grade_id, verdicts)
    crashed = [verdict for _, verdict in verdicts if verdict.status is checks.Status.ERROR]
    if crashed:
        raise checks.CheckCrashed("; ".join(f"{each.check}: {each.rationale}" for each in crashed))
    return float(sum(points * verdict.score for points, verdict in verdicts))


def threshold(notebook: str, grade_id: str) -> float:
    """The calibrated accuracy that a grade cell asks for on this kind of device.

    Args:
        notebook: the notebook's name, without its ending.
        grade_id: the grade cell.

    Raises:
        WorkshopError: the notebook has no such threshold; the text says how to calibrate one.
    """
    for path in sorted(Course.find().root.glob(f"source/*/{notebook}/calibration.json")):
        thresholds = json.loads(path.read_text(encoding="utf-8"))["thresholds"]
        if grade_id in thresholds:
            return float(thresholds[grade_id]["threshold"])
    raise WorkshopError(
        f"no threshold for {grade_id}",
        where=f"source/*/{notebook}/calibration.json",
        remedy=f"run: python benchmarks/calibrate.py {notebook}",
    )


@functools.cache
def held_out(part: str = "held_out", *, domain: str = "mono", size: int = 96) -> ImageData:
    """Solar cells that no learner has labels for.

    Args:
        part: ``held_out``, or ``reserve`` for the images that a close result is measured on again.
        domain: ``mono``, ``poly`` or ``both``.
        size: edge length of the images in pixels.
    """
    return load_held_out("solar_cells", part, task="defect", domain=domain, size=size)


def reference_features(inputs: torch.Tensor, batch_size: int = 16) -> torch.Tensor:
    """The pristine source model's features of the inputs, ``[N, 1280]``, measured here and now.

    Args:
        inputs: ``[N, 3, S, S]``, normalised as the source model wants them.
        batch_size: inputs at a time.
    """
    model: Any = load_source_model("efficientnet_lite0").eval()  # timm's methods have no types
    with torch.no_grad():
        return torch.cat(
            [
                model.forward_head(model.forward_features(batch), pre_logits=True)
                for batch in torch.split(inputs, batch_size)
            ]
        )


@contextlib.contextmanager
def _captured_stderr() -> Iterator[None]:
    """Keep a library's warnings out of the cell: nbgrader scores any stderr output 0."""
    kept = io.StringIO()
    with contextlib.redirect_stderr(kept):
        yield
    if kept.getvalue():
        sys.stdout.write(kept.getvalue())


def _publish(grade_id: str, verdicts: list[tuple[float, checks.Verdict]]) -> None:
    from IPython.display import publish_display_data  # noqa: PLC0415 - only a kernel needs it

    publish_display_data(  # type: ignore[no-untyped-call] # IPython has types for half of it
        {
            VERDICTS_MIME: {
                "grade_id": grade_id,
                "points": float(sum(points for points, _ in verdicts)),
                "verdicts": [
                    {**verdict.to_dict(), "weight": points} for points, verdict in verdicts
                ],
            },
            "text/html": to_html([verdict for _, verdict in verdicts]),
            "text/plain": to_text([verdict for _, verdict in verdicts]),
        }
    )
