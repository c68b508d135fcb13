"""A learner answers the quizzes in a real JupyterLab, in a real browser."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from checks.quiz import QuestionType
from tests.jupyterlab import PATIENCE, answer, form_of, jupyterlab, needs_chromium
from workshop.authoring.build import build
from workshop.course import Course
from workshop.grading.grade import grade
from workshop.grading.records import is_graded
from workshop.quiz.answers import wrong_answers
from workshop.quiz.asked import Asked, asked
from workshop.quiz.items import load_quizzes

ASSIGNMENT, NOTEBOOK = "module1_concepts", "quiz"
EXTENSION = Path(__file__).parents[2] / "packaging" / "labextension"
pytestmark = [pytest.mark.slow, needs_chromium]


@pytest.fixture(scope="module")
def released(course: Course) -> Path:
    build(course, [ASSIGNMENT])
    return course.release_notebook(ASSIGNMENT, NOTEBOOK)


@pytest.fixture(scope="module")
def questions(course: Course) -> dict[str, Asked]:
    return {item.id: asked(item) for item in load_quizzes(course.quizzes)[ASSIGNMENT].items}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A running JupyterLab: its address and its folder."""
    home = tmp_path_factory.mktemp("home")
    folder = tmp_path_factory.mktemp("work")
    # The forms of this checkout, whatever is installed.
    forms = home / "share" / "labextensions" / "transfer-learning-workshop"
    forms.parent.mkdir(parents=True)
    shutil.copytree(EXTENSION, forms)
    with jupyterlab(home, folder, JUPYTER_PATH=str(home / "share")) as address:
        yield address, folder


@pytest.fixture(scope="module")
def page(browser: Browser) -> Page:
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(PATIENCE)
    return page


def opened(page: Page, lab: tuple[str, Path], name: str) -> None:
    page.goto(f"{lab[0]}/lab/tree/{name}?reset")
    page.locator("fieldset.tlw-quiz").first.wait_for()


def opened_copy(page: Page, lab: tuple[str, Path], released: Path, name: str) -> Path:
    """A learner's own file of the released notebook, open in JupyterLab."""
    path = lab[1] / name
    shutil.copy(released, path)
    opened(page, lab, name)
    return path


def command(page: Page, name: str, **arguments: str) -> None:
    """Run one of JupyterLab's commands."""
    page.evaluate("([name, args]) => jupyterapp.commands.execute(name, args)", [name, arguments])


def saved(page: Page, path: Path) -> Any:
    """The notebook's file after Ctrl+S."""
    before = path.stat().st_mtime_ns
    page.keyboard.press("Control+s")
    for _ in range(100):
        if path.stat().st_mtime_ns != before:
            break
        page.wait_for_timeout(100)
    return nbformat.read(path, as_version=4)


def test_clicked_answers_are_kept_and_earn_their_points(
    course: Course,
    released: Path,
    questions: dict[str, Asked],
    lab: tuple[str, Path],
    page: Page,
) -> None:
    path = opened_copy(page, lab, released, "quiz.ipynb")
    for name, question in questions.items():
        answer(form_of(page, name), question)
    notebook = saved(page, path)
    written = {cell.id: cell.source for cell in notebook.cells if cell.id in questions}
    assert not [name for name, source in written.items() if source.endswith("None")]

    page.goto("about:blank")
    opened(page, lab, path.name)
    for name in (*questions,)[:3]:
        expect(form_of(page, name)).to_have_attribute("data-answered", "true")
    first = next(iter(questions.values()))
    chosen = form_of(page, first.item.id).locator(f'input[value="{first.answer}"]')
    expect(chosen).to_be_checked()

    folder = course.submitted / "clicks" / ASSIGNMENT
    folder.mkdir(parents=True)
    shutil.copy(path, folder / f"{NOTEBOOK}.ipynb")
    assert_full_marks(course, "clicks", released)


def assert_full_marks(course: Course, student: str, released: Path) -> None:
    """Grade a quiz that was handed in alone: what its questions earn."""
    report = grade(course, ASSIGNMENT, [student])
    cells = nbformat.read(released, as_version=4).cells
    graded = {cell.metadata.nbgrader.grade_id for cell in cells if is_graded(cell)}
    found = [each for each in report.results[0].cells if each.grade_id in graded]
    assert len(found) == len(graded) > 0
    assert not [each for each in found if each.score != each.max_score]


def test_typed_answers_earn_the_same_without_a_browser(
    course: Course, released: Path, questions: dict[str, Asked]
) -> None:
    notebook = nbformat.read(released, as_version=4)
    for cell in notebook.cells:
        if cell.id in questions:
            cell.source = f"{cell.id} = {questions[cell.id].answer!r}"
    folder = course.submitted / "types" / ASSIGNMENT
    folder.mkdir(parents=True)
    (folder / f"{NOTEBOOK}.ipynb").write_text(json.dumps(notebook))
    assert_full_marks(course, "types", released)


def test_formulas_in_options_are_set(
    released: Path, questions: dict[str, Asked], lab: tuple[str, Path], page: Page
) -> None:
    opened_copy(page, lab, released, "formulas.ipynb")
    form = form_of(page, "parts_of_a_domain")
    expect(form.locator("label mjx-container").first).to_be_visible()
    expect(form).not_to_contain_text("$P(X)$")


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_nothing_serious_for_those_who_do_not_see_well_or_at_all(
    released: Path, questions: dict[str, Asked], lab: tuple[str, Path], page: Page, theme: str
) -> None:
    opened_copy(page, lab, released, "seen.ipynb")
    command(page, "apputils:change-theme", theme=theme)
    page.locator(f'body[data-jp-theme-name="{theme}"]').wait_for(state="attached")
    # JupyterLab's body has no height of its own, and axe takes what overflows it for invisible.
    page.add_style_tag(content="body { width: 100vw; height: 100vh; }")
    kinds = {question.form.type: name for name, question in questions.items()}
    for name in kinds.values():
        form = form_of(page, name)
        expect(form).to_be_visible()
        said = Axe().run(page, context=f'[data-question="{name}"]').response
        found = [each for each in said["violations"] if each["impact"] in ("serious", "critical")]
        assert not found
        assert "color-contrast" in {each["id"] for each in said["passes"]}
    command(page, "apputils:change-theme", theme="JupyterLab Light")


def test_a_question_is_answered_with_the_keyboard_alone(
    released: Path, questions: dict[str, Asked], lab: tuple[str, Path], page: Page
) -> None:
    opened_copy(page, lab, released, "keyboard.ipynb")
    single = (each for each in questions.values() if each.form.letters)
    name = next(each.item.id for each in single if each.form.type is QuestionType.SINGLE_CHOICE)
    form = form_of(page, name)
    form.get_by_role("radio").first.focus()
    page.keyboard.press("ArrowDown")
    expect(form).to_have_attribute("data-answered", "true")
    expect(form.get_by_role("status")).to_contain_text("B")


def test_a_self_check_tells_at_once_and_allows_another_try(
    released: Path, questions: dict[str, Asked], lab: tuple[str, Path], page: Page
) -> None:
    path = opened_copy(page, lab, released, "self_check.ipynb")
    ids = {cell.id for cell in nbformat.read(path, as_version=4).cells}
    checked = next(each for each in questions.values() if f"check_{each.item.id}" in ids)
    form = form_of(page, checked.item.id)
    verdict = page.locator(".jp-Notebook .jp-OutputArea-output", has_text="ight")
    for chosen in (wrong_answers(checked)[0], checked.answer):
        form.locator(f'input[value="{chosen}"]').check()
        form.get_by_role("button", name="Check my answer").click()
        said = checked.key.feedback[str(chosen)][:30]
        expect(verdict.filter(has_text=said).first).to_be_visible()
        is_right, is_wrong = re.compile(r"Right\."), re.compile(r"Not right\.")
        now, before = (is_right, is_wrong) if chosen == checked.answer else (is_wrong, is_right)
        expect(verdict.filter(has_text=now).first).to_be_visible()
        # What was said of the last try is gone.
        expect(verdict.filter(has_text=before)).to_have_count(0)


def test_the_overview_shows_what_is_answered(
    released: Path, questions: dict[str, Asked], lab: tuple[str, Path], page: Page
) -> None:
    path = lab[1] / "overview.ipynb"
    notebook = nbformat.read(released, as_version=4)
    graded = (cell.id for cell in notebook.cells if is_graded(cell))
    counted = [grade_id.removeprefix("test_") for grade_id in graded]
    for cell in notebook.cells:
        if cell.id in counted[:2]:
            cell.source = f"{cell.id} = {questions[cell.id].answer!r}"
    nbformat.write(notebook, path)
    opened(page, lab, path.name)
    page.get_by_text("| Idle").wait_for()
    command(page, "notebook:run-all-cells")
    command(page, "docmanager:save")
    last = next(c for c in nbformat.read(path, as_version=4).cells if c.id == "overview")
    shown = [each.data["text/plain"] for each in last.outputs if "data" in each]
    assert shown, last.outputs
    lines = [line for line in shown[0].splitlines() if "Question" in line]
    assert len(lines) == len(counted)
    assert [("not yet" not in line) for line in lines] == [name in counted[:2] for name in counted]


def test_each_learner_has_an_order_of_options_that_stays(
    released: Path, questions: dict[str, Asked], lab: tuple[str, Path], page: Page
) -> None:
    path = lab[1] / "shuffled.ipynb"
    notebook = nbformat.read(released, as_version=4)
    for cell in notebook.cells:
        if "quiz" in cell.metadata.get("workshop", {}):
            cell.metadata["workshop"]["quiz"]["shuffle"] = True
    nbformat.write(notebook, path)
    single = (each for each in questions.values() if len(each.form.letters) == 4)
    first = next(each for each in single if each.form.type is QuestionType.SINGLE_CHOICE)
    orders = []
    browser = page.context.browser
    assert browser is not None
    for learner in ("ada", "ada", "blaise", "chien", "dorothy"):
        with browser.new_context() as context:
            other = context.new_page()
            other.set_default_timeout(PATIENCE)
            key = "transfer-learning-workshop:learner"
            other.add_init_script(f"localStorage.setItem('{key}', '{learner}')")
            opened(other, lab, path.name)
            form = form_of(other, first.item.id)
            inputs = form.get_by_role("radio")
            orders.append([each.get_attribute("value") for each in inputs.all()])
            shown = dict(first.options)
            for each in inputs.all():
                letter = str(each.get_attribute("value"))
                label = form.locator(f'label[for="{each.get_attribute("id")}"]')
                expect(label).to_contain_text(f"{letter})")
                expect(label).to_contain_text(shown[letter].split("`")[0][:20].strip())
    assert orders[0] == orders[1]
    assert len({tuple(order) for order in orders}) > 1
    assert all(sorted(map(str, order)) == [*first.form.letters] for order in orders)
