from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.workshop.reports.classroom import Classroom, in_memory
from tests.workshop.reports.conftest import SECRETS
from workshop.errors import WorkshopError
from workshop.reports.class_report import class_report
from workshop.reports.files import write_report
from workshop.reports.gather import ClassData
from workshop.reports.graded_items import GradedItem

FILES = ["class.html", "report.json", "items.csv", "checks.csv", "objectives.csv", "review.csv"]


@pytest.fixture(scope="module")
def data(items: Sequence[GradedItem]) -> ClassData:
    room = Classroom(students=30, read_by_hand=0, hostile="\n=HYPERLINK(1)")
    return in_memory("ps1", items, room)


@pytest.fixture(scope="module")
def folder(data: ClassData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out") / "new" / "folder"
    write_report(class_report(data), data.matrix, folder)
    return folder


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))


def test_all_files_are_there(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == sorted([*FILES, "scores.csv"])


def test_numbers_are_the_reports_and_undefined_is_empty(folder: Path, data: ClassData) -> None:
    report = class_report(data)
    for row, each in zip(rows_of(folder / "items.csv"), report.items, strict=True):
        assert row["item"] == each.item.name
        expected = each.statistics.facility.value
        if expected is None:
            assert row["facility"] == ""
        else:
            assert float(row["facility"]) == pytest.approx(expected)
    waiting = next(row for row in rows_of(folder / "items.csv") if row["item"] == "why")
    assert (waiting["students"], waiting["undecided"]) == ("0", "30")


def test_json_says_the_same_with_reasons(folder: Path, data: ClassData) -> None:
    found = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert found == json.loads(json.dumps(class_report(data).to_dict()))
    why = next(each for each in found["items"] if each["name"] == "why")
    assert why["facility"]["value"] is None
    assert why["facility"]["reason"]


def test_only_the_scores_name_students_and_gaps_are_empty(folder: Path) -> None:
    for path in folder.iterdir():
        assert ("student0001" in path.read_text(encoding="utf-8")) == (path.name == "scores.csv")
    rows = rows_of(folder / "scores.csv")
    assert len(rows) == 31
    assert {row["why"] for row in rows} == {""}


def test_no_field_is_a_formula(folder: Path) -> None:
    for path in folder.glob("*.csv"):
        for row in rows_of(path):
            assert not any(value.startswith(("=", "+", "@", "\t", "\r")) for value in row.values())


def test_no_file_holds_a_secret(folder: Path) -> None:
    for path in folder.iterdir():
        text = path.read_text(encoding="utf-8")
        assert not [secret for secret in SECRETS if secret in text]
        assert "second option" not in text


def test_keys_that_were_asked_for_once_do_not_stay_behind(data: ClassData, tmp_path: Path) -> None:
    report = class_report(data)
    written = write_report(report, data.matrix, tmp_path, keys=True)
    assert tmp_path / "options.csv" in written
    options = rows_of(tmp_path / "options.csv")
    assert {row["key"] for row in options} == {"yes", "no"}
    write_report(report, data.matrix, tmp_path)
    assert not (tmp_path / "options.csv").exists()


def test_a_file_in_the_way_is_an_error(data: ClassData, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WorkshopError, match="cannot be written"):
        write_report(class_report(data), data.matrix, tmp_path / "file")
