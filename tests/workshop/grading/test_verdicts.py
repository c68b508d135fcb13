from __future__ import annotations

from typing import Any

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_output

from workshop.grading.verdicts import VERDICTS_MIME, VerdictError, read_verdicts


def verdict(**changes: Any) -> dict[str, Any]:
    return {"check": "c", "status": "PASSED", "score": 1.0, "weight": 2.0, **changes}


def cell_with(*payloads: object) -> NotebookNode:
    outputs = [new_output("display_data", {VERDICTS_MIME: payload}) for payload in payloads]
    return new_code_cell("1", outputs=outputs)


def payload(**changes: Any) -> dict[str, Any]:
    return {"grade_id": "t", "points": 3.0, "verdicts": [verdict()], **changes}


def test_a_table_is_read() -> None:
    half = verdict(score=0.5, status="failed", weight=1)
    table = read_verdicts(cell_with(payload(verdicts=[verdict(), half])), "t")
    assert table is not None
    assert table.earned == 2.5
    assert [each.passed for each in table.verdicts] == [True, False]


def test_no_table_is_none() -> None:
    assert read_verdicts(cell_with(), "t") is None


def test_a_table_of_another_cell_is_not_ours() -> None:
    assert read_verdicts(cell_with(payload(grade_id="other")), "t") is None


def test_two_tables_are_refused() -> None:
    with pytest.raises(VerdictError, match="2 tables"):
        read_verdicts(cell_with(payload(), payload()), "t")


@pytest.mark.parametrize(
    "broken",
    [
        [],
        "text",
        payload(points=-1),
        payload(verdicts=[verdict(score=1.01)]),
        payload(verdicts=[verdict(score=float("nan"))]),
        payload(verdicts=[verdict(status="great")]),
        payload(verdicts=[verdict(weight="2")]),
        payload(verdicts=[verdict(rationale="x" * 10_001)]),
        payload(verdicts=[verdict()] * 201),
    ],
)
def test_malformed_tables_are_refused(broken: object) -> None:
    with pytest.raises(VerdictError, match="malformed"):
        read_verdicts(cell_with(broken), "t")
