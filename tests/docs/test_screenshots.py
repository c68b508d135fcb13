"""The pictures in the documentation: taken of what they show, which has to be there.

`make screenshots` keeps them in docs/images. Without it the same is done, and the pictures go.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import nbformat
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from tests.docs.pages import PICTURE, ROOT, pages
from tests.jupyterlab import PATIENCE, jupyterlab
from tests.workshop.reports.classroom import Classroom, in_memory
from workshop.authoring.build import load_cells
from workshop.course import Course
from workshop.grading.gradebook import CellGrade
from workshop.reports.class_page import class_page
from workshop.reports.class_report import class_report
from workshop.reports.graded_items import describe_items

IMAGES = ROOT / "docs" / "images"
TAKEN = {"check.png", "quiz.png", "class_report.png"}
LARGEST = 150_000  # bytes
ASSIGNMENT = "module1_concepts"
# Right but for one thing: a part without parameters is counted, too.
NOT_YET_RIGHT = """\
def count_by_part(model: nn.Module) -> dict[str, int]:
    counts = {}
    for name, part in model.named_children():
        counts[name] = sum(tensor.numel() for tensor in part.parameters())
    return counts
"""

slow = pytest.mark.slow


def keep(page: Page, name: str, shown: list[Locator], margin: int = 8) -> None:
    """Take the picture of everything from the first to the last of what is shown."""
    shown[0].evaluate("each => { each.style.scrollMarginTop = '2em'; each.scrollIntoView(); }")
    page.wait_for_timeout(500)  # JupyterLab draws what has come into sight
    boxes = [each.bounding_box() for each in shown]
    found = [each for each in boxes if each is not None]
    assert len(found) == len(boxes)
    left, top = (min(each[side] for each in found) - margin for side in ("x", "y"))
    right = max(each["x"] + each["width"] for each in found) + margin
    bottom = max(each["y"] + each["height"] for each in found) + margin
    clip = {"x": max(left, 0), "y": max(top, 0), "width": right - left, "height": bottom - top}
    picture = Image.open(BytesIO(page.screenshot(clip=clip)))  # type: ignore[arg-type]
    # Few colours, so a palette of them: a third of the bytes. Rare ones are kept.
    few = picture.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    small = BytesIO()
    few.save(small, "PNG", optimize=True)
    assert name in TAKEN
    assert small.tell() < LARGEST
    folder = os.environ.get("WORKSHOP_SCREENSHOTS")
    if folder:
        (ROOT / folder / name).write_bytes(small.getvalue())


def test_each_picture_that_is_shown_is_taken_here_and_small() -> None:
    shown = {
        (page.parent / each["target"]).resolve()
        for page in pages()
        for each in PICTURE.finditer(page.read_text(encoding="utf-8"))
    }
    assert shown == {IMAGES / name for name in TAKEN} == {*IMAGES.iterdir()}
    assert all(path.stat().st_size < LARGEST for path in shown)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A running JupyterLab: its address and its folder."""
    home = tmp_path_factory.mktemp("home")
    folder = tmp_path_factory.mktemp("work")
    # JupyterLab asks whether it may show news, over what is to be seen.
    asks = home / "settings" / "@jupyterlab" / "apputils-extension"
    asks.mkdir(parents=True)
    (asks / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
    with jupyterlab(home, folder, JUPYTERLAB_SETTINGS_DIR=str(home / "settings")) as address:
        yield address, folder


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    # Two dots a pixel would be sharper, and too large a file.
    page = browser.new_page(viewport={"width": 1100, "height": 1400}, color_scheme="light")
    page.set_default_timeout(PATIENCE)
    yield page
    page.close()


def opened(page: Page, lab: tuple[str, Path], notebook: str, cells: slice) -> None:
    """Open some cells of a released notebook, with room around them."""
    content = nbformat.read(Course.at(ROOT).release_notebook(ASSIGNMENT, notebook), as_version=4)
    content.cells = content.cells[cells]
    for cell in content.cells:
        if cell.id == "count_by_part":
            cell.source = NOT_YET_RIGHT
    nbformat.write(content, lab[1] / f"{notebook}.ipynb")
    page.goto(f"{lab[0]}/lab/tree/{notebook}.ipynb?reset")
    page.get_by_text("| Idle").wait_for()
    command(page, "application:toggle-left-area")


def command(page: Page, name: str) -> None:
    """Run one of JupyterLab's commands."""
    page.evaluate("name => jupyterapp.commands.execute(name)", name)


@slow
def test_a_check(lab: tuple[str, Path], page: Page) -> None:
    opened(page, lab, "what_trains", slice(1, 7))
    command(page, "notebook:run-all-cells")
    cells = page.locator(".jp-Notebook .jp-Cell")
    verdicts = cells.last.locator(".jp-OutputArea-output").last
    expect(verdicts).to_contain_text("Passed")
    expect(verdicts).to_contain_text("Not yet")
    expect(page.get_by_text("| Idle")).to_be_visible()
    solution = cells.filter(has_text="def count_by_part").locator(".jp-InputArea").first
    keep(page, "check.png", [solution, verdicts])


@slow
def test_a_quiz_question(lab: tuple[str, Path], page: Page) -> None:
    opened(page, lab, "quiz", slice(None))
    name = "low_rate_protects"
    form = page.locator(f'fieldset[data-question="{name}"]')
    for _ in range(60):
        if form.count():
            break
        page.locator(".jp-WindowedPanel-outer").evaluate("each => each.scrollBy(0, 500)")
        page.wait_for_timeout(200)
    form.locator('input[value="A"]').check()
    line = page.locator(".jp-Cell", has=page.get_by_text(f"{name} = ")).last
    expect(line).to_contain_text(f'{name} = "A"')
    question = page.locator(".jp-Cell", has_text="training pretrained layers with a low").first
    keep(page, "quiz.png", [question, line])


@slow
def test_a_class_report(page: Page, tmp_path: Path) -> None:
    course = Course.at(ROOT)
    grades = [
        CellGrade(name, cell.grade_id, None, None, None, cell.points, needs_manual_grade=False)
        for name in course.notebooks(ASSIGNMENT)
        for cell in load_cells(course, ASSIGNMENT, name)
        if cell.points is not None and cell.grade_id is not None
    ]
    items, _ = describe_items(course, ASSIGNMENT, grades)
    figures = class_report(in_memory(ASSIGNMENT, items, Classroom(students=60)))
    (tmp_path / "class.html").write_text(class_page(figures), encoding="utf-8")
    page.goto((tmp_path / "class.html").as_uri())
    page.wait_for_selector("html[data-charts=drawn]")
    chart = page.locator("section#scores .chart")
    expect(chart.locator("svg")).to_be_visible()
    expect(page.locator("section#review table")).to_be_visible()
    keep(page, "class_report.png", [page.locator("h1"), chart])
