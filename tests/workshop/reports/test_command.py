"""``workshop report`` from the gradebook to the files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.workshop.reports.conftest import SECRETS
from workshop.cli import app
from workshop.course import Course
from workshop.errors import WorkshopError


@pytest.fixture
def in_course(graded: Course, monkeypatch: pytest.MonkeyPatch) -> Course:
    monkeypatch.delenv("WORKSHOP_COURSE", raising=False)
    monkeypatch.chdir(graded.root)
    return graded


@pytest.mark.usefixtures("in_course")
def test_the_report_is_written_and_named(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["report", "ps1", "--out", str(tmp_path), "--mastered", "0.5"])
    assert done.exit_code == 0, done.output
    assert str(tmp_path / "class.html") in done.output.replace("\n", "")
    found = json.loads((tmp_path / "report.json").read_text())
    assert found["submissions"]["complete"] == 40
    assert found["submissions"]["rejected"] == 1
    assert found["mastered"] == 0.5
    assert len(found["failed_checks"]) > 0
    assert found["grading_time"]["submissions"] == 41
    for path in tmp_path.iterdir():
        text = path.read_text()
        assert not [secret for secret in SECRETS if secret in text]


@pytest.mark.usefixtures("in_course")
def test_keys_come_with_a_warning(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["report", "ps1", "--out", str(tmp_path), "--keys"])
    assert "keys" in done.output
    assert (tmp_path / "options.csv").exists()


@pytest.mark.usefixtures("in_course")
def test_an_unknown_assignment_writes_nothing(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["report", "ps9", "--out", str(tmp_path / "out")])
    assert isinstance(done.exception, WorkshopError)
    assert not (tmp_path / "out").exists()


def test_nothing_of_the_course_is_changed(in_course: Course, tmp_path: Path) -> None:
    def stamps() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in in_course.root.rglob("*")}

    before = stamps()
    CliRunner().invoke(app, ["report", "ps1", "--out", str(tmp_path)])
    assert stamps() == before
