"""What a graded cell puts out: verdicts as data and as something to read, and one score."""

from __future__ import annotations

import json
from collections.abc import Sequence

from nbformat import NotebookNode
from nbformat.v4 import new_output

from checks.verdict import Verdict, to_html, to_text
from workshop.grading.devices import Device
from workshop.grading.verdicts import VERDICTS_MIME


def verdict_outputs(
    grade_id: str, decided: Sequence[tuple[float, Verdict]], device: Device
) -> list[NotebookNode]:
    """What a graded cell puts out: its verdicts for readers and programs, and its score.

    Args:
        grade_id: the cell's.
        decided: each verdict with the points that it is about.
        device: what the learner's code computed on.
    """
    verdicts = [verdict for _, verdict in decided]
    table = {
        "grade_id": grade_id,
        "points": float(sum(points for points, _ in decided)),
        "verdicts": [{**verdict.to_dict(), "weight": points} for points, verdict in decided],
        "device": device.to_dict(),
    }
    data = {
        VERDICTS_MIME: json.loads(json.dumps(table)),
        "text/html": to_html(verdicts),
        "text/plain": to_text(verdicts),
    }
    score = float(sum(points * verdict.score for points, verdict in decided))
    return [
        new_output("display_data", data=data),
        new_output("execute_result", data={"text/plain": repr(score)}, execution_count=None),
    ]


def claims_a_score(output: NotebookNode) -> bool:
    """Whether an output could be taken for a score or for verdicts of ours."""
    return output.output_type == "execute_result" or VERDICTS_MIME in output.get("data", {})
