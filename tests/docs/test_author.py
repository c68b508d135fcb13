"""The author's page, done as it says: its commands, and the pieces that it has one write."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Block, blocks
from workshop.authoring.cells import Kind, SourceCell
from workshop.authoring.text import parse, render
from workshop.course import CONFIG_NAME, Course
from workshop.quiz.items import load_quiz
from workshop.verify import load_variants

PAGE = ROOT / "docs" / "author" / "README.md"
WALKED = "## An exercise is text"
TEXT = ("practice", "memory")
# They train 20 networks. Here they hear of a notebook that is not there, so no more than what they
# are called with is tried.
TOO_LONG = ("benchmarks/effects.py", "benchmarks/calibrate.py")
LEAST_WRONG, LEAST_RIGHT = 6, 2
SECONDS_TO_START = 120
SERVING = "/lab?token="
# One module is enough for the commands that are about all assignments.
COPIED = (CONFIG_NAME, "quizzes", "benchmarks", "docs", "source/module1_concepts")

Shell = Callable[[str], "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A copy of the course, with this environment as its ``.venv``."""
    folder = tmp_path_factory.mktemp("course")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name)
        else:
            shutil.copy(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(sys.prefix)
    return Course.at(folder)


@pytest.fixture(scope="module")
def environment(copy: Course) -> dict[str, str]:
    """What commands run with: this repository's code, and JupyterLab without a browser."""
    settings = copy.root / ".jupyter"
    settings.mkdir()
    # Tests may run as root, which JupyterLab does not by itself.
    (settings / "jupyter_server_config.json").write_text(
        '{"ServerApp": {"open_browser": false, "allow_root": true}}'
    )
    scripts = str(Path(sys.executable).parent)
    return {
        **{name: value for name, value in os.environ.items() if name != "WORKSHOP_COURSE"},
        "PATH": os.pathsep.join([scripts, os.environ.get("PATH", "")]),
        "PYTHONPATH": str(ROOT),
        "JUPYTER_CONFIG_DIR": str(settings),
    }


@pytest.fixture(scope="module")
def shell(copy: Course, environment: dict[str, str]) -> Shell:
    """Runs a line as a reader would type it."""

    def run(line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", line],
            cwd=copy.root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )

    return run


def commands(block: Block) -> list[tuple[int, str]]:
    """The lines of a console's block with their numbers in the page."""
    lines = enumerate(block.text.splitlines(), start=block.line)
    return [(number, line) for number, line in lines if line.strip()]


def same(one: SourceCell, other: SourceCell) -> bool:
    """Whether a reader would replace one by the other: the same name, or the same heading."""
    if one.kind is not other.kind:
        return False
    headings = [cell.source.split("\n", 1)[0] for cell in (one, other)]
    return one.name == other.name if one.name else headings[0] == headings[1]


def replace_cell(path: Path, block: Block) -> None:
    """Put a cell of the page into a notebook's text, where the same one stands."""
    text = parse(path.read_text(encoding="utf-8"), path)
    (new,) = parse(block.text, f"{PAGE}:{block.line}").cells
    (old,) = (cell for cell in text.cells if same(cell, new))
    cells = tuple(new if cell is old else cell for cell in text.cells)
    path.write_text(render(replace(text, cells=cells)), encoding="utf-8")


def open_for_a_moment(line: str, folder: Path, environment: dict[str, str]) -> str:
    """Start a command that goes on until it is ended, wait until it serves, and end it."""
    log = folder / "opened.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            ["bash", "-c", f"exec {line}"],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        until = time.monotonic() + SECONDS_TO_START
        while SERVING not in log.read_text() and time.monotonic() < until:
            assert process.poll() is None, log.read_text()
            time.sleep(0.2)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=60)
    return log.read_text()


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_the_page_can_be_followed(copy: Course, shell: Shell, environment: dict[str, str]) -> None:
    reference = PAGE.read_text(encoding="utf-8").split(WALKED)[0].count("\n")
    text = copy.text(*TEXT)
    variants = copy.instructor_folder(*TEXT) / "variants.yaml"
    written = 0
    for block in blocks(PAGE):
        if block.language == "console":
            for number, line in commands(block):
                follow(copy, shell, environment, f"{PAGE}:{number}", line)
        elif block.line < reference:
            written += 1
            if block.language == "python":
                replace_cell(text, block)
            else:
                variants.write_text(block.text, encoding="utf-8")
                found = load_variants(variants)
                assert len(found.wrong) >= LEAST_WRONG
                assert len(found.right) >= LEAST_RIGHT
    assert written == 4
    assert not text.exists()


def follow(copy: Course, shell: Shell, environment: dict[str, str], place: str, line: str) -> None:
    """Do what one line says, and see that it did it."""
    if "--open" in line:
        said = open_for_a_moment(line, copy.root, environment)
        assert SERVING in said, f"{place}: {line}\n{said}"
        return
    done = shell(line)
    said = f"{place}: {line}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    if any(script in line for script in TOO_LONG):
        assert done.returncode != 0, said
        assert "no notebook" in done.stderr, said
        return
    assert done.returncode == 0, said


def test_the_items_that_the_page_shows_are_right(tmp_path: Path) -> None:
    shown = [block for block in blocks(PAGE) if block.text.startswith("title:")]
    assert shown
    for block in shown:
        path = tmp_path / "quiz.yaml"
        path.write_text(block.text)
        assert load_quiz(path).items


def test_the_kinds_of_cells_that_the_page_lists_are_all_that_there_are() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for kind in Kind:
        if kind not in (Kind.PROSE, Kind.CODE):
            assert f"{kind.value}=" in page
