"""What the grader has computed, kernels read, and cannot change."""

from __future__ import annotations

from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests.workshop.grading.exercises import code, graded_cell, notebook_of
from workshop.course import Course
from workshop.grading.execution import Limits
from workshop.grading.sandbox.levels import ConfinementUnavailable, require
from workshop.grading.shared_features import shared_features
from workshop.grading.verification import run_verified

# By chance, so that equal numbers were computed once.
SETUP = """import os, pathlib, torch
from torch import nn
import checks
from workshop import learn
def features_of(inputs):
    return learn.cached('by_chance', lambda: torch.rand(3), inputs)
shown = features_of(torch.ones(2))"""
POISON = """shared = pathlib.Path(os.environ['WORKSHOP_SHARED_CACHE'])
(file,) = shared.glob('*')
print(shown.tolist())
for attack in (
    lambda: file.write_bytes(b'poison'),
    lambda: file.unlink(),
    lambda: file.chmod(0o777),
    lambda: (shared / 'more').write_bytes(b'poison'),
    lambda: shared.rename('/tmp/away'),
    lambda: file.rename('/tmp/away'),
    lambda: os.utime(file, (0, 0)),
):
    try:
        attack()
    except OSError:
        pass
    else:
        print('it worked')"""
HIDDEN = """held_out = features_of(torch.zeros(2))
graded((2, checks.check_value('It', number, float(held_out[0] >= 0), tolerance=0.01)))"""


@pytest.fixture
def course(tmp_path: Path) -> Course:
    (tmp_path / "nbgrader_config.py").write_text("")
    return Course(tmp_path)


@pytest.mark.slow
def test_kernels_read_what_the_grader_computed_and_cannot_change_it(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        require("bubblewrap")
    except ConfinementUnavailable as error:
        pytest.skip(f"nothing can be confined here: {error}")
    monkeypatch.setenv("WORKSHOP_CACHE", str(tmp_path / "own"))
    folder = shared_features(course)
    assert folder is not None
    notebook = notebook_of(
        code("attack", POISON, solution=True),
        code("number", "number = 1.0", solution=True),
        graded_cell("test_number", HIDDEN),
        setup=SETUP,
    )
    (tmp_path / "work").mkdir()
    limits = Limits(cell_seconds=60, notebook_seconds=120)
    run_verified(notebook, tmp_path / "work", limits, thresholds={}, features=folder)
    (file,) = folder.glob("*")  # what the hidden part computed lies elsewhere
    expected = load_file(file)["values"].tolist()
    assert notebook.cells[1].outputs[0].text.strip() == str(expected)
    assert file.stat().st_mtime > 1
    assert notebook.cells[3].outputs[-1].data["text/plain"] == "2.0"


def test_the_folder_is_the_graders_own(course: Course) -> None:
    folder = shared_features(course)
    assert folder is not None
    assert folder.stat().st_mode & 0o077 == 0
    folder.chmod(0o777)
    assert shared_features(course) is None


def test_a_link_is_not_taken_for_it(course: Course, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    course.autograded.mkdir()
    (course.autograded / ".features").symlink_to(tmp_path / "elsewhere")
    assert shared_features(course) is None


def test_without_a_place_for_it_everything_is_computed(course: Course) -> None:
    course.autograded.write_text("a file")
    assert shared_features(course) is None
