"""A class on JupyterHub: everybody's way in a browser, as docs/instructor/jupyterhub.md tells it.

The tests tell one story and stand in its order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, FrameLocator, Locator, expect

from tests.journeys.hub import INSTRUCTOR, Hub
from tests.jupyterlab import Screen, answer, eventually, form_of, needs_chromium, scrolled_to
from workshop.course import Course
from workshop.grading.export import export_grades
from workshop.quiz.asked import Asked, asked
from workshop.quiz.items import load_quizzes

pytestmark = [pytest.mark.slow, needs_chromium]
ASSIGNMENT = "module1_concepts"
# What the browser's console says although nothing of ours is wrong.
KNOWN = {
    "(?i)mathjax": "the formgrader takes it from elsewhere, and there may be no way out here",
    "glyphicons": "nbgrader's style sheet names icons that a feedback page shows none of",
}

NEW_STEM = "Which gain comes from training pretrained layers with a low learning rate?"
RUBRIC = "Few labels: the fewer parameters train, the less they overfit."
WRITTEN_QUESTION = f"""
# %% [markdown]
# ## 3. Think about it
#
# Why is it often enough to train the head, a thousandth of the network? (Two sentences.)

# %% [markdown] reflection="why_so_few" points=2 objective="evaluate" topic="freezing"
# === BEGIN MARK SCHEME ===
# One point each:
# * The features of the backbone serve the new task too.
# * {RUBRIC}
# === END MARK SCHEME ===
# ### BEGIN SOLUTION
# The features serve the new task as well, and with few labels a small head overfits less.
# ### END SOLUTION
"""
# Passes what students see, and counts no frozen parameter, which a hidden test minds.
ADAS_SOLUTION = """\
def count_by_part(model: nn.Module) -> dict[str, int]:
    counts = {}
    for name, part in model.named_children():
        count = sum(each.numel() for each in part.parameters() if each.requires_grad)
        if count:
            counts[name] = count
    return counts"""
ADAS_ANSWER = "Because the features of the backbone are good already."
HIDDEN = "nested_network"
COMMENT = "Right. What has the number of labels to do with it?"
WHY_OVERRIDDEN = "One point for what you told me in the lab."


@pytest.fixture(scope="module")
def course(site: Hub) -> Course:
    """The instructor's course, as the page sets it up, short enough for a walk."""
    site.documented(f"course, as {INSTRUCTOR}")
    course = Course.at(site.home(INSTRUCTOR) / "course")
    text = course.text(ASSIGNMENT, "what_trains")
    short, *_ = text.read_text(encoding="utf-8").split("#\n# ## 3. A learning rate")
    text.write_text(short, encoding="utf-8")
    return course


@pytest.fixture(scope="module")
def questions(course: Course) -> dict[str, Asked]:
    return {item.id: asked(item) for item in load_quizzes(course.quizzes)[ASSIGNMENT].items}


@pytest.fixture(scope="module")
def instructor(site: Hub, browser: Browser, course: Course) -> Iterator[Screen]:
    # The course is there first: the formgrader reads where it is when the server starts.
    screen = Screen(browser, "instructor", KNOWN)
    log_in(screen, site, course.root.parent.name)
    yield screen
    screen.close()


@pytest.fixture(scope="module")
def ada(site: Hub, browser: Browser) -> Iterator[Screen]:
    screen = Screen(browser, "student", KNOWN)
    log_in(screen, site, "ada")
    yield screen
    screen.close()


def log_in(screen: Screen, site: Hub, user: str) -> None:
    screen.page.goto(site.address)
    screen.picture("log_in")
    screen.page.get_by_label("Username").fill(user)
    screen.page.get_by_label("Password").fill(site.password)
    screen.page.get_by_role("button", name="Sign in").click()
    screen.page.locator(".jp-Launcher").wait_for()
    screen.picture("launcher")


def in_terminal(screen: Screen, script: str, done: Path) -> None:
    """Type a script into a terminal of JupyterLab, and wait for the file that it makes."""
    screen.menu("File", "New", "Terminal")
    terminal = screen.page.locator(".jp-Terminal:not(.lm-mod-hidden) .xterm")
    terminal.wait_for()
    terminal.click()
    for line in script.splitlines():
        screen.page.keyboard.type(line)
        screen.page.keyboard.press("Enter")
    eventually(screen.page, done.exists, script)


def formgrader(screen: Screen) -> FrameLocator:
    screen.menu("Nbgrader", "Formgrader")
    return screen.page.frame_locator("iframe")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def scores(course: Course, student: str) -> dict[str, float | None]:
    """What a student has for each cell by now."""
    table = export_grades(course, ASSIGNMENT).to_dict()["students"]
    (found,) = (each["cells"] for each in table if each["student"] == student)
    return {str(name).rpartition("/")[2]: score for name, score in found.items()}


# ------------------------------------------------------------------------- the assignment


def test_an_instructor_changes_texts_and_releases_them(
    site: Hub, course: Course, instructor: Screen
) -> None:
    edit(
        course.quizzes / f"{ASSIGNMENT}.yaml",
        "What do you gain by training pretrained layers with a low learning rate?",
        NEW_STEM,
    )
    with course.text(ASSIGNMENT, "what_trains").open("a", encoding="utf-8") as text:
        text.write(WRITTEN_QUESTION)
    done = site.home(INSTRUCTOR) / "released"
    in_terminal(instructor, site.page[f"release, as {INSTRUCTOR}"] + f"touch ~/{done.name}\n", done)
    instructor.picture("release")

    released = "".join(
        course.release_notebook(ASSIGNMENT, name).read_text(encoding="utf-8")
        for name in ("quiz", "what_trains")
    )
    assert NEW_STEM in released
    assert "YOUR ANSWER HERE" in released
    for secret in (RUBRIC, HIDDEN, "less they overfit"):
        assert secret not in released
    assert instructor.errors == []


def test_an_instructor_looks_at_what_students_get(instructor: Screen) -> None:
    line = formgrader(instructor).locator("tr", has_text=ASSIGNMENT)
    line.wait_for()
    instructor.picture("formgrader")
    line.locator(".preview a").click()
    files = instructor.page.locator(".jp-DirListing-content")
    files.get_by_text("quiz.ipynb").dblclick()
    panel = instructor.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
    question = panel.locator(".jp-MarkdownOutput", has_text=NEW_STEM)
    expect(scrolled_to(instructor.page, question)).to_be_visible()
    instructor.picture("preview")
    assert instructor.errors == []


def test_students_see_what_they_may(site: Hub) -> None:
    closed = f"/home/{INSTRUCTOR}/course /home/blaise {Path(__file__).parents[2]}/source"
    for folder in closed.split():
        assert "Permission denied" in site.run("ada", f"ls {folder}", check=False)
    for module in ("workshop.grading", "workshop.authoring", "elpv_dataset"):
        said = site.run("ada", f"python -c 'import {module}'", check=False)
        assert "ModuleNotFoundError" in said
    assert ASSIGNMENT in site.run("ada", "nbgrader list")


# ----------------------------------------------------------------------------- the student


def assignments(screen: Screen) -> None:
    """Open the assignment list, and read it again if it was open."""
    screen.menu("Nbgrader", "Assignment List")
    screen.page.locator("#refresh_assignments_list").click()
    expect(screen.page.locator("#released_assignments_list_loading")).to_be_hidden()
    expect(screen.page.locator("#fetched_assignments_list_loading")).to_be_hidden()


def open_notebook(screen: Screen, name: str) -> Locator:
    """Open a fetched notebook from the assignment list; its panel."""
    fetched = screen.page.locator("#fetched_assignments_list")
    if not fetched.get_by_role("link", name=name, exact=True).is_visible():
        fetched.locator("a.assignment-notebooks-link", has_text=ASSIGNMENT).click()
    fetched.get_by_role("link", name=name, exact=True).click()
    panel = screen.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
    panel.locator(".jp-Cell").first.wait_for()
    return panel


def test_a_student_fetches_an_assignment(ada: Screen) -> None:
    assignments(ada)
    ada.picture("assignment_list")
    released = ada.page.locator("#released_assignments_list")
    released.get_by_role("button", name="Fetch").click()
    fetched = ada.page.locator("#fetched_assignments_list")
    fetched.locator("a.assignment-notebooks-link", has_text=ASSIGNMENT).click()
    expect(fetched.get_by_role("link", name="what_trains", exact=True)).to_be_visible()
    ada.picture("fetched")
    # What only instructors have is not offered.
    ada.menu("Nbgrader")
    expect(ada.page.get_by_role("menuitem", name="Formgrader")).to_have_count(0)
    ada.page.keyboard.press("Escape")


def test_a_student_answers_questions_by_clicking(
    site: Hub, ada: Screen, questions: dict[str, Asked]
) -> None:
    panel = open_notebook(ada, "quiz")
    panel.locator("fieldset.tlw-quiz").first.wait_for()
    ada.picture("quiz")
    check = questions["sign_of_efficiency"]
    form = form_of(ada.page, check.item.id)
    answer(form, check)
    # At once, as people do: the kernel is still starting.
    form.get_by_role("button", name="Check my answer").click()
    expect(panel.get_by_text("Right.").first).to_be_visible()
    ada.picture("self_check")
    for name in ("transfer_needs_more", "pretraining_gain"):
        answer(form_of(ada.page, name), questions[name])
    ada.picture("answered")
    ada.save()
    path = site.home("ada") / ASSIGNMENT / "quiz.ipynb"
    sources = {cell.id: cell.source for cell in nbformat.read(path, as_version=4).cells}
    assert sources["transfer_needs_more"] == "transfer_needs_more = False"


def test_a_student_solves_an_exercise_and_writes_an_answer(ada: Screen) -> None:
    assignments(ada)
    panel = open_notebook(ada, "what_trains")
    ada.page.get_by_text("| Idle").wait_for()
    ada.picture("notebook")
    ada.write(panel.locator(".jp-CodeCell", has_text="def count_by_part"), ADAS_SOLUTION)
    ada.page.get_by_text("| Idle").wait_for()
    written = scrolled_to(ada.page, panel.locator(".jp-MarkdownCell").last)
    expect(written).to_contain_text("YOUR ANSWER HERE")
    written.locator(".jp-MarkdownOutput").dblclick()
    written.locator(".cm-content").fill(ADAS_ANSWER)
    ada.page.keyboard.press("Shift+Enter")
    expect(written.locator(".jp-MarkdownOutput")).to_contain_text(ADAS_ANSWER)
    ada.picture("written_answer")
    ada.run_all()
    passed = scrolled_to(ada.page, panel.locator("table", has_text="2 of 2 checks passed"))
    expect(passed).to_be_visible()
    ada.picture("check_passed")
    open_one = scrolled_to(ada.page, panel.locator("table", has_text="0 of 2 checks passed"))
    expect(open_one).to_contain_text("Not yet")
    ada.picture("check_not_passed")


def test_validate_tells_what_is_open_and_nothing_else(ada: Screen) -> None:
    ada.page.get_by_role("button", name="Validate", exact=True).last.click()
    dialog = ada.page.locator(".jp-Dialog")
    expect(dialog).to_contain_text("train_only")
    ada.picture("validate")
    expect(dialog).to_contain_text("This exercise still waits for you")
    expect(dialog).not_to_contain_text("count_by_part")
    expect(dialog).not_to_contain_text("Traceback")
    dialog.get_by_role("button", name="Ok").click()


def test_a_student_submits(ada: Screen) -> None:
    ada.save()
    assignments(ada)
    fetched = ada.page.locator("#fetched_assignments_list")
    fetched.get_by_role("button", name="Submit").click()
    submitted = ada.page.locator("#submitted_assignments_list")
    expect(submitted).to_contain_text(ASSIGNMENT)
    ada.picture("submitted")
    assert ada.errors == []


def test_another_student_does_it_all_in_a_terminal(site: Hub, course: Course) -> None:
    site.run("blaise", f"nbgrader fetch_assignment {ASSIGNMENT}")
    for name in ("quiz", "what_trains"):
        path = site.home("blaise") / ASSIGNMENT / f"{name}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        solved = nbformat.read(course.source_notebook(ASSIGNMENT, name), as_version=4)
        by_id = {cell.id: cell.source for cell in solved.cells}
        for cell in notebook.cells:
            if cell.metadata.get("nbgrader", {}).get("solution"):
                is_code = cell.cell_type == "code"
                cell.source = by_id[cell.id] if is_code else "A small head overfits less."
        path.write_text(json.dumps(notebook), encoding="utf-8")
    site.run("blaise", f"nbgrader submit {ASSIGNMENT}")
    inbound = "/srv/nbgrader/exchange/transfer_learning/inbound"
    for other in ("ada", "blaise"):
        assert "Permission denied" in site.run(other, f"ls {inbound}", check=False)


# -------------------------------------------------------------------------- the instructor


def close_message(frame: FrameLocator) -> str:
    """Close the message that the formgrader shows when something is done; what it says."""
    shown = frame.locator(".modal.in")
    shown.wait_for()
    text = shown.inner_text()
    shown.get_by_role("button").last.click()
    shown.wait_for(state="detached")
    frame.locator(".modal-backdrop").wait_for(state="detached")
    return text


def test_an_instructor_collects_and_grades_by_buttons(course: Course, instructor: Screen) -> None:
    frame = formgrader(instructor)
    line = frame.locator("tr", has_text=ASSIGNMENT)
    line.locator(".collect a").click()
    assert "Successfully" in close_message(frame)
    expect(line.locator(".num-submissions")).to_have_text("2")
    instructor.picture("collected")
    line.locator(".num-submissions a").click()
    ada = frame.locator("tr", has_text="ada")
    expect(ada).to_contain_text("needs autograding")
    instructor.picture("submissions")
    ada.locator(".autograde a").click()
    assert "Successfully" in close_message(frame)
    expect(ada).to_contain_text("needs manual grading")
    instructor.picture("autograded")
    found = scores(course, "ada")
    assert (found["test_count_by_part"], found["test_train_only"]) == (1, 0)
    assert (found["test_transfer_needs_more"], found["why_so_few"]) == (1, None)


def test_an_instructor_grades_the_others_in_a_terminal(site: Hub, course: Course) -> None:
    said = site.documented(f"collect, as {INSTRUCTOR}")
    assert "1 of 2 have not changed" in said
    found = scores(course, "blaise")
    assert found.pop("why_so_few") is None
    assert None not in found.values()
    assert (found["test_count_by_part"], found["test_train_only"]) == (2, 3)


def test_an_instructor_reads_an_answer_with_its_rubric(instructor: Screen) -> None:
    frame = instructor.page.frame_locator("iframe")
    frame.get_by_role("link", name="Manual Grading").click()
    frame.get_by_role("link", name=ASSIGNMENT).click()
    frame.get_by_role("link", name="what_trains").click()
    first = frame.get_by_role("link", name=re.compile("Submission #1"))
    first.wait_for()
    instructor.picture("manual_grading")
    first.click()
    written = frame.locator(".nbgrader_cell", has=frame.locator("#why_so_few"))
    written.scroll_into_view_if_needed()
    expect(frame.get_by_text(RUBRIC, exact=True)).to_be_visible()
    if not written.get_by_text(ADAS_ANSWER).count():
        # The order of submissions is nbgrader's: the other one is next.
        frame.get_by_role("link", name=re.compile("Next")).click()
    expect(written).to_contain_text(ADAS_ANSWER)
    # Before it has these, the formgrader saves nothing that is typed.
    for loaded in (".extra-credit[placeholder]", ".comment[placeholder]"):
        frame.locator(loaded).first.wait_for()
    written.scroll_into_view_if_needed()
    instructor.picture("rubric")
    fill(written.locator("#why_so_few"), "1.5")
    fill(written.locator("textarea"), COMMENT)
    instructor.picture("graded_by_hand")

    test = frame.locator(".nbgrader_cell", has=frame.locator("#test_train_only"))
    test.scroll_into_view_if_needed()
    fill(test.locator("#test_train_only"), "1")
    fill(frame.locator("#train_only-comment"), WHY_OVERRIDDEN)
    instructor.picture("overridden")


def fill(field: Locator, text: str) -> None:
    """Type, leave the field, and wait until the formgrader has saved it."""
    with field.page.expect_response(re.compile(r"/api/(grade|comment)/")):
        field.fill(text)
        field.press("Tab")


def test_a_corrected_test_is_graded_again_and_nothing_is_lost(
    site: Hub, course: Course, instructor: Screen
) -> None:
    assert scores(course, "ada")["why_so_few"] == 1.5
    # Frozen or not was never asked for: the test was wrong.
    text = course.text(ASSIGNMENT, "what_trains")
    edit(text, "nn.Linear(8, 5).requires_grad_(False)", "nn.Linear(8, 5)")
    site.documented(f"regrade, as {INSTRUCTOR}")
    found = scores(course, "ada")
    assert found["test_count_by_part"] == 2
    assert (found["test_train_only"], found["why_so_few"]) == (1, 1.5)
    assert instructor.errors == []


def test_feedback_comes_back_to_the_student(site: Hub, course: Course, ada: Screen) -> None:
    site.documented(f"feedback, as {INSTRUCTOR}")
    assert "ada" in (course.root / "grades.csv").read_text(encoding="utf-8")
    assignments(ada)
    submitted = ada.page.locator("#submitted_assignments_list")
    submitted.get_by_role("button", name="Fetch Feedback").click()
    submitted.get_by_text("(view feedback)").click()
    result = ada.page.locator(".jp-DirListing-content").get_by_text("what_trains.html")
    result.wait_for()
    ada.picture("feedback_fetched")
    result.dblclick()
    shown = ada.page.frame_locator(".jp-HTMLViewer iframe")
    for said in (COMMENT, WHY_OVERRIDDEN):
        comment = shown.get_by_text(said).first
        comment.scroll_into_view_if_needed()
        expect(comment).to_be_visible()
        ada.picture("feedback")
    texts = [
        path.read_text(encoding="utf-8")
        for path in (site.home("ada") / ASSIGNMENT / "feedback").rglob("*.html")
    ]
    assert len(texts) >= 2
    for secret in (RUBRIC, HIDDEN):
        assert not any(secret in text for text in texts)
    assert ada.errors == []
