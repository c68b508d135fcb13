from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from workshop.cli import app
from workshop.errors import WorkshopError
from workshop.grading.sandbox import doctor, launch, levels, warm
from workshop.grading.sandbox.bubblewrap import bwrap_binary, hidden_folders


def _not_bubblewrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bwrap that says what it does where user namespaces are forbidden."""
    stand_in = tmp_path / "bwrap"
    stand_in.write_text("#!/bin/sh\necho 'setting up uid map: Permission denied' >&2\nexit 1\n")
    stand_in.chmod(0o755)
    monkeypatch.setattr(launch, "bwrap_binary", lambda: stand_in)
    levels._try_bubblewrap.cache_clear()


@pytest.mark.usefixtures("_restored")
def test_grading_is_refused_with_remedies_where_it_cannot_be_confined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _not_bubblewrap(tmp_path, monkeypatch)
    with pytest.raises(levels.ConfinementUnavailable, match="Permission denied") as caught:
        levels.require("bubblewrap")
    assert 'confinement = "none"' in str(caught.value)
    assert levels.require("none") is levels.Confinement.NONE
    findings = doctor.examine()
    assert doctor.refuses(findings)
    assert CliRunner().invoke(app, ["doctor"]).exit_code == 1


@pytest.fixture
def _restored() -> object:
    yield
    levels._try_bubblewrap.cache_clear()


def test_the_setting_that_forbids_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    setting = tmp_path / "restrict"
    setting.write_text("1\n")
    monkeypatch.setattr(levels, "_SETTINGS", ((str(setting), "1", "AppArmor for {bwrap}"),))
    assert f"AppArmor for {bwrap_binary()}" in levels.remedy()


def test_unknown_levels_are_refused() -> None:
    with pytest.raises(WorkshopError, match="'strong'") as caught:
        levels.require("strong")
    assert "bubblewrap, none" in str(caught.value)


def test_the_doctor_proves_each_claim() -> None:
    findings = doctor.examine()
    assert not doctor.refuses(findings), findings
    assert len(findings) >= 9
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 0, result.output


def test_the_doctor_tells_whether_kernels_can_be_forked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert doctor._warm().holds
    broken = tmp_path / "zygote.py"
    broken.write_text("raise SystemExit('no such thing here')")
    monkeypatch.setattr(warm, "_ZYGOTE", broken)
    finding = doctor._warm()
    assert finding.holds is False
    assert finding.remedy
    assert not doctor.refuses([finding])


def test_a_course_inside_the_visible_trees_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKSHOP_COURSE", "/usr/share/doc")
    assert Path("/usr/share/doc") in hidden_folders()
