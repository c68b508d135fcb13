from __future__ import annotations

import os
import sysconfig
from pathlib import Path

import pytest

from workshop.course import ROOT_VARIABLE, Course, scripts_on_path
from workshop.errors import WorkshopError


def test_a_course_is_found_from_any_folder_in_it(tiny_course: Course) -> None:
    assert Course.find(tiny_course.source / "small") == tiny_course
    assert Course.find(tiny_course.root) == tiny_course


def test_without_a_start_the_current_folder_counts(
    tiny_course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny_course.source)
    assert Course.find() == tiny_course


def test_the_environment_may_name_the_course(
    tiny_course: Course, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(ROOT_VARIABLE, str(tiny_course.root))
    assert Course.find() == tiny_course
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    with pytest.raises(WorkshopError, match="not a course folder"):
        Course.find()


def test_a_folder_outside_every_course(tmp_path: Path) -> None:
    with pytest.raises(WorkshopError, match="no course here") as caught:
        Course.find(tmp_path)
    assert caught.value.where == str(tmp_path)
    assert ROOT_VARIABLE in str(caught.value.remedy)


def test_assignments_are_folders_with_texts(tiny_course: Course) -> None:
    for name in ("notebooks", ".hidden", "__pycache__", "empty"):
        (tiny_course.source / name).mkdir()
        if name != "empty":
            (tiny_course.source / name / "a.py").write_text("")
    assert tiny_course.assignments() == ("small",)
    assert tiny_course.notebooks("small") == ("doubling",)


def test_a_course_without_source_has_no_assignments(empty_course: Course) -> None:
    assert empty_course.assignments() == ()
    with pytest.raises(WorkshopError, match="no assignment to work on"):
        empty_course.select(None)
    with pytest.raises(WorkshopError, match="no assignment 'a'") as caught:
        empty_course.require("a")
    assert "no assignment yet" in str(caught.value.remedy)


def test_names_are_suggested(tiny_course: Course) -> None:
    with pytest.raises(WorkshopError) as caught:
        tiny_course.require("smal")
    assert caught.value.remedy == "did you mean small?"
    with pytest.raises(WorkshopError) as caught:
        tiny_course.require("unlike")
    assert caught.value.remedy == "this course has: small"


def test_selected_assignments_are_sorted_and_each_once(tiny_course: Course) -> None:
    other = tiny_course.text("another", "a")
    other.parent.mkdir()
    other.write_text("")
    assert tiny_course.select(None) == ("another", "small")
    assert tiny_course.select(["small", "another", "small"]) == ("another", "small")


@pytest.mark.parametrize("name", ["with blank", "[a]", "a+b", "ä"])
def test_names_that_nbgrader_cannot_work_with(tiny_course: Course, name: str) -> None:
    path = tiny_course.text("small", name)
    path.write_text("")
    with pytest.raises(WorkshopError, match="cannot be the name of a notebook") as caught:
        tiny_course.notebooks("small")
    assert caught.value.where == str(path)
    path.unlink()
    folder = tiny_course.source / name
    folder.mkdir()
    (folder / "a.py").write_text("")
    with pytest.raises(WorkshopError, match=r"cannot be the name"):
        tiny_course.assignments()


def test_places_in_the_course(tiny_course: Course) -> None:
    root = tiny_course.root
    assert tiny_course.source_notebook("a", "b") == root / "source/notebooks/a/b.ipynb"
    assert tiny_course.release_notebook("a", "b") == root / "release/a/b.ipynb"
    assert tiny_course.calibration("a", "b") == root / "source/a/b/calibration.json"
    assert tiny_course.submitted == root / "submitted"
    assert tiny_course.autograded == root / "autograded"
    assert tiny_course.feedback == root / "feedback"
    assert tiny_course.db_url == f"sqlite:///{root / 'gradebook.db'}"


def test_the_configuration_is_that_of_the_course_alone(tiny_course: Course) -> None:
    config = tiny_course.nbgrader_config()
    assert config.CourseDirectory.root == str(tiny_course.root)
    assert config.CourseDirectory.source_directory == "source/notebooks"


@pytest.mark.parametrize(
    ("text", "line"), [("x = 1\ny = 1 / 0\n", 2), ("x = 1\n\ny = = 2\n", 3), ("import nosuch", 1)]
)
def test_a_fault_in_the_configuration_is_named_with_its_line(
    tiny_course: Course, text: str, line: int
) -> None:
    tiny_course.config_path.write_text(text)
    with pytest.raises(WorkshopError, match="cannot be read") as caught:
        tiny_course.nbgrader_config()
    assert caught.value.where == f"{tiny_course.config_path}:{line}"


def test_the_environments_commands_are_found_while_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with scripts_on_path():
        assert os.environ["PATH"].split(os.pathsep) == [sysconfig.get_path("scripts"), "/nowhere"]
    assert os.environ["PATH"] == "/nowhere"
