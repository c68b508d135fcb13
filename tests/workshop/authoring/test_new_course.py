from __future__ import annotations

import json
from pathlib import Path

import pytest

from workshop.authoring.build import build
from workshop.authoring.drafts import template
from workshop.authoring.files import files_below
from workshop.authoring.new_course import new_course
from workshop.authoring.profiles import Profile, load_profile
from workshop.course import Course
from workshop.errors import WorkshopError

pytestmark = pytest.mark.usefixtures("quick_gradebooks")

REPLACE = "all:\n  - {old: Doubling, new: Twofold}\n"


@pytest.fixture
def full(tiny_course: Course) -> Course:
    """The tiny course with all that may lie beside a notebook, and with work that is nobody's."""
    folder = tiny_course.instructor_folder("small", "doubling")
    (folder / "calibration.yaml").write_text("test_double:\n  wrong: [forgets_the_sign]\n")
    (folder / "cohort.yaml").write_text("ada: solution\nbob: wrong/forgets_the_sign\n")
    (folder / "messages.yaml").write_text("messages: {}\n")
    (folder / "effects.yaml").write_text("{}\n")
    (folder / "effects.json").write_text("{}\n")
    (tiny_course.source / "small" / "release.txt").write_text("table.csv\n")
    (tiny_course.source / "small" / "table.csv").write_text("1,2\n")
    tiny_course.quizzes.mkdir()
    (tiny_course.quizzes / "mine.yaml").write_text(
        "title: Mine\nitems:\n" + template("items/true_false.yaml", id="mine_one")
    )
    (tiny_course.submitted / "ada").mkdir(parents=True)
    tiny_course.gradebook.write_bytes(b"grades")
    return tiny_course


def profile(course: Course, text: str = REPLACE) -> Profile:
    course.profiles.mkdir(exist_ok=True)
    (course.profiles / "other.yaml").write_text(f"title: Other\nnote: Other.\n{text}")
    return load_profile(course, "other")


def sources(course: Course) -> set[str]:
    return {str(path) for path in files_below(course.source)}


def test_without_a_profile_everything_is_copied(full: Course, tmp_path: Path) -> None:
    made = new_course(full, tmp_path / "new")
    assert sources(made.course) == sources(full)
    for path in (*files_below(full.source), Path("../quizzes/mine.yaml")):
        assert (made.course.source / path).read_bytes() == (full.source / path).read_bytes()
    assert made.course.config_path.read_bytes() == full.config_path.read_bytes()
    assert (made.changed, made.uncalibrated) == ((), ())


def test_work_and_grades_are_not_copied(full: Course, tmp_path: Path) -> None:
    made = new_course(full, tmp_path / "new").course
    assert not made.submitted.exists()
    assert not made.gradebook.exists()


def test_figures_of_other_models_are_left_out(full: Course, tmp_path: Path) -> None:
    made = new_course(full, tmp_path / "new", profile(full))
    assert made.changed == (("small", "doubling"),)
    gone = {f"small/doubling/{name}" for name in ("calibration.json", "effects.json")}
    gone |= {"small/doubling/messages.yaml", "profiles/other.yaml"}
    assert sources(full) - sources(made.course) == gone
    (missing,) = made.uncalibrated
    assert missing.names == ("test_double",)
    assert missing.command.endswith("calibrate.py doubling")


SETTINGS = "settings: |\n  c.ExecuteSubmission.memory_mb = 4321\n"


def test_a_profiles_settings_come_last_in_the_configuration(full: Course, tmp_path: Path) -> None:
    made = new_course(full, tmp_path / "new", profile(full, REPLACE + SETTINGS)).course
    assert made.nbgrader_config().ExecuteSubmission.memory_mb == 4321
    assert made.config_path.read_text().startswith(full.config_path.read_text().rstrip())


def test_settings_that_are_no_python_are_refused_by_the_profiles_name(
    full: Course, tmp_path: Path
) -> None:
    wrong = profile(full, REPLACE + "settings: c.Execute...Submission = (\n")
    with pytest.raises(WorkshopError, match="settings") as caught:
        new_course(full, tmp_path / "new", wrong)
    assert "other.yaml" in str(caught.value)
    assert not (tmp_path / "new").exists()


def test_the_new_course_builds(full: Course, tmp_path: Path) -> None:
    made = new_course(full, tmp_path / "new", profile(full)).course
    (built,) = build(made).notebooks
    notebook = json.loads(built.release.read_text())
    assert "Twofold" in "".join(notebook["cells"][0]["source"])
    assert "Other." in "".join(notebook["cells"][1]["source"])


@pytest.mark.parametrize("there", ["a file", "a folder with something"])
def test_nothing_that_is_there_is_replaced(full: Course, tmp_path: Path, there: str) -> None:
    place = tmp_path / "new"
    if there == "a file":
        place.write_text("mine")
    else:
        place.mkdir()
        (place / "mine").touch()
    with pytest.raises(WorkshopError, match="nothing is replaced"):
        new_course(full, place)
    assert place.is_file() or [*place.iterdir()] == [place / "mine"]


def test_an_empty_folder_may_be_there(full: Course, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    assert new_course(full, tmp_path / "new").course.assignments() == ("small",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("all:\n  - {old: 'return twice_the_value', new: 'return ('}\n", "doubling.py:"),
        ("all:\n  - {old: 'test=\"double\"', new: 'test=\"triple\"'}\n", "triple"),
        (
            "notebooks:\n  small/doubling:\n    files:\n      variants.yaml:\n"
            "        - {old: 'old: \"value * 2\"', new: 'old: \"value * 3\"'}\n",
            "forgets_the_sign",
        ),
        (
            "notebooks:\n  small/doubling:\n    replace: [{old: Doubling, new: x}]\n"
            "    without: {forgets_the_sign: why}\n",
            "no wrong solution 'forgets_the_sign'",
        ),
    ],
)
def test_what_would_not_work_is_told_and_leaves_nothing(
    full: Course, tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(WorkshopError, match="small/doubling does not work") as caught:
        new_course(full, tmp_path / "new", profile(full, text))
    assert said in str(caught.value)
    assert "other.yaml" in str(caught.value)
    assert ".new-course" not in str(caught.value)
    assert {path.name for path in tmp_path.iterdir()} == {"course"}


def test_a_sample_class_must_hand_in_what_there_is(full: Course, tmp_path: Path) -> None:
    (full.instructor_folder("small", "doubling") / "calibration.yaml").unlink()
    text = "notebooks:\n  small/doubling:\n    replace: [{old: Doubling, new: x}]\n"
    text += "    without: {forgets_the_sign: why}\n"
    with pytest.raises(WorkshopError, match="bob hands in wrong/forgets_the_sign"):
        new_course(full, tmp_path / "new", profile(full, text))
