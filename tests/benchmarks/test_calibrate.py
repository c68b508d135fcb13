"""What a threshold is measured on is what its hidden test measures on."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from tests.workshop.conftest import empty_course, tiny_course  # noqa: F401 - fixtures
from workshop.assets import load_target_data
from workshop.course import Course
from workshop.grading.hidden import held_out, held_out_texts

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "calibrate.py"


@pytest.fixture(scope="module")
def calibrate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("calibrate", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


def test_examples_of_the_workshop_s_own_data(calibrate: ModuleType) -> None:
    assert calibrate.examples_of({})("reserve").ids == held_out("reserve").ids
    poly = calibrate.examples_of({"domain": "poly"})("held_out")
    assert poly.ids == held_out(domain="poly").ids
    texts = calibrate.examples_of({"encode": "encode"})("held_out")
    assert texts.texts == held_out_texts().texts


def test_examples_are_normalised_for_the_named_model(calibrate: ModuleType) -> None:
    found = calibrate.examples_of({"source_model": "resnet18"})("held_out")
    assert torch.equal(found.inputs(), held_out().inputs("resnet18"))


def test_examples_of_a_public_test_split(
    calibrate: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, ...]] = []

    def public_test(name: str, part: str, *, per_class: int, size: int | None) -> object:
        asked.append((name, part, per_class, size))
        return load_target_data(per_class=per_class, size=size)

    monkeypatch.setattr(calibrate, "public_test", public_test)
    plan = {"data": "theirs", "per_class": 2, "size": 16, "source_model": "resnet18"}
    assert calibrate.examples_of(plan)("reserve").source_model == "resnet18"
    assert asked == [("theirs", "reserve", 2, 16)]


@pytest.mark.slow
def test_the_course_is_found_from_where_it_runs(
    tiny_course: Course,  # noqa: F811 - the fixture
    tmp_path: Path,
) -> None:
    def run(folder: Path) -> str:
        done = subprocess.run(
            [sys.executable, str(SCRIPT), "doubling"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        return done.stderr

    assert "asks for no accuracy" in run(tiny_course.source / "small")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert "no course here" in run(elsewhere)
