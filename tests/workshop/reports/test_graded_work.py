"""Graded notebooks are read as data, whatever stands in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

from workshop.grading.verdicts import VERDICTS_MIME
from workshop.reports.graded_items import GradedItem
from workshop.reports.graded_work import Work, read_work


def cell(name: str, source: str = "", *, graded: bool = False, **more: Any) -> dict[str, Any]:
    meta = {"grade_id": name, "grade": graded, "solution": not graded}
    record = more.pop("record", {})
    return {
        "cell_type": "code",
        "metadata": {"nbgrader": meta, "workshop": record},
        "source": source,
        "outputs": more.pop("outputs", []),
    }


def verdicts(name: str, *tables: dict[str, Any]) -> dict[str, Any]:
    outputs = [{"output_type": "display_data", "data": {VERDICTS_MIME: each}} for each in tables]
    return cell(name, graded=True, outputs=outputs)


def table(name: str, **more: Any) -> dict[str, Any]:
    verdict = {"check": "c", "status": "FAILED", "score": 0.5, "weight": 2.0, **more}
    return {"grade_id": name, "points": 2.0, "verdicts": [verdict]}


def read(folder: Path, items: tuple[GradedItem, ...], *cells: dict[str, Any]) -> Work:
    (folder / "p1.ipynb").write_text(json.dumps({"cells": cells}))
    return read_work(folder, items)


def test_verdicts_are_found(tmp_path: Path, items: tuple[GradedItem, ...]) -> None:
    work = read(tmp_path, items, verdicts("test_double", table("test_double")))
    assert [(each.check, each.score) for each in work.verdicts["double"]] == [("c", 0.5)]
    assert work.stopped == {}


@pytest.mark.parametrize(
    "found",
    [
        [table("test_double"), table("test_double")],
        [table("test_double", score=2.0)],
        [table("test_double", status="GREAT")],
    ],
    ids=["two tables", "too many points", "no such status"],
)
def test_a_table_that_grading_does_not_accept_is_not_shown(
    tmp_path: Path, items: tuple[GradedItem, ...], found: list[dict[str, Any]]
) -> None:
    work = read(tmp_path, items, verdicts("test_double", *found))
    assert work.verdicts == {}
    assert "double" in work.stopped


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"state": "raised", "error": {"ename": "NameError"}}, "raised NameError"),
        ({"state": "raised", "error": {"ename": "<b>me</b>"}}, "raised an exception"),
        ({"state": "raised", "error": {"ename": "E" * 1000}}, "raised an exception"),
        ({"state": "timed_out"}, "ran out of time"),
        ({"state": "died"}, "ended the kernel"),
        ({"state": "completed"}, "gave less than all points"),
        ({"deleted": True, "state": "completed"}, "was deleted"),
        ({}, "was not run"),
    ],
)
def test_what_came_to_no_verdict_says_why(
    tmp_path: Path, items: tuple[GradedItem, ...], record: dict[str, Any], expected: str
) -> None:
    work = read(tmp_path, items, cell("test_double", graded=True, record=record))
    assert work.stopped == {"double": expected}


def test_all_points_without_a_verdict_are_nothing_to_tell(
    tmp_path: Path, items: tuple[GradedItem, ...]
) -> None:
    record = {"state": "completed", "status": "passed"}
    assert read(tmp_path, items, cell("test_double", graded=True, record=record)).stopped == {}


@pytest.mark.parametrize(
    ("name", "source", "expected"),
    [
        ("single", "single = 'a'", {"A"}),
        ("single", "single = 'A'\nsingle = 'B'", {"B"}),
        ("several", "several = ['B', 'C']", {"B", "C"}),
        ("several", "several = {'B'}", {"B"}),
        ("truth", "truth = False", {"False"}),
        ("single", "single = None", None),
        ("single", "single = 'AB'", None),
        ("single", "other = 'A'", None),
        ("single", "single = open('/etc/passwd').read()", None),
        ("single", "single = {[]: 1}", None),
        ("single", "single = '\\d'", None),
        ("single", "single = (", None),
        ("single", "single = " + "(" * 900 + ")" * 900, None),
        ("single", "single = " + "-" * 1900 + "1", None),
        ("single", "single = 'A' # " + "x" * 10_000, None),
        ("single", "single = '\0'", None),
    ],
)
def test_an_answer_is_read_where_it_stands_as_it_is(
    tmp_path: Path,
    items: tuple[GradedItem, ...],
    name: str,
    source: str,
    expected: set[str] | None,
) -> None:
    work = read(tmp_path, items, cell(name, source))
    assert work.choices == {name: expected}


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b'{"cells": [3]}', b'{"cells": [{}]}', b"\xff\xfe", b"[" * 100_000],
)
def test_a_broken_notebook_is_named_and_stops_nothing(
    tmp_path: Path, items: tuple[GradedItem, ...], content: bytes
) -> None:
    (tmp_path / "p1.ipynb").write_bytes(content)
    work = read_work(tmp_path, items)
    assert len(work.unread) == 1
    assert work.unread[0].startswith("p1.ipynb: ")


def test_a_missing_notebook_is_no_problem(tmp_path: Path, items: tuple[GradedItem, ...]) -> None:
    assert read_work(tmp_path / "nobody", items) == Work()


def test_answers_are_found_in_a_file_as_jupyter_writes_it(
    tmp_path: Path, items: tuple[GradedItem, ...]
) -> None:
    """Its texts are lists of lines."""
    written = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell(
                '# mine\nsingle = "B"\n',
                metadata={"nbgrader": {"grade_id": "single", "solution": True, "grade": False}},
            )
        ]
    )
    nbformat.write(written, tmp_path / "p1.ipynb")
    assert isinstance(json.loads((tmp_path / "p1.ipynb").read_text())["cells"][0]["source"], list)
    assert read_work(tmp_path, items).choices["single"] == frozenset({"B"})
