from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from workshop.authoring.build import build, compile_notebook
from workshop.authoring.files import write_atomic
from workshop.authoring.generate import generate
from workshop.authoring.notebook import dumps
from workshop.course import Course
from workshop.errors import WorkshopError

pytestmark = pytest.mark.usefixtures("quick_gradebooks")


def write_source(course: Course, folder: Path) -> None:
    notebook = compile_notebook(course, "small", "doubling")
    write_atomic(folder / "small" / "doubling.ipynb", dumps(notebook).encode())


def test_a_gradebook_elsewhere_leaves_the_courses_own_alone(
    tiny_course: Course, tmp_path: Path
) -> None:
    write_source(tiny_course, tmp_path / "source")
    generate(
        tiny_course,
        {"small": ("doubling",)},
        source=tmp_path / "source",
        release=tmp_path / "release",
        db_url=f"sqlite:///{tmp_path / 'other.db'}",
    )
    assert (tmp_path / "release" / "small" / "doubling.ipynb").is_file()
    assert (tmp_path / "other.db").is_file()
    assert not tiny_course.gradebook.exists()


def test_only_named_notebooks_are_made(tiny_course: Course, tmp_path: Path) -> None:
    write_source(tiny_course, tmp_path / "source")
    write_atomic(tmp_path / "source" / "small" / "stray.ipynb", b"{}")
    generate(
        tiny_course,
        {"small": ("doubling",)},
        source=tmp_path / "source",
        release=tmp_path / "release",
        db_url=f"sqlite:///{tmp_path / 'other.db'}",
    )
    assert [path.name for path in (tmp_path / "release" / "small").iterdir()] == ["doubling.ipynb"]


def test_nbgraders_refusal_is_told_with_its_reason(tiny_course: Course, tmp_path: Path) -> None:
    write_atomic(tmp_path / "source" / "small" / "doubling.ipynb", b"this is no notebook")
    with pytest.raises(WorkshopError, match="nbgrader could not make the release: ") as caught:
        generate(
            tiny_course,
            {"small": ("doubling",)},
            source=tmp_path / "source",
            release=tmp_path / "release",
            db_url=f"sqlite:///{tmp_path / 'other.db'}",
        )
    assert "Traceback" not in caught.value.what
    assert caught.value.where == str(tiny_course.source / "small")


def test_cells_cannot_go_while_grades_hang_on_them(tiny_course: Course) -> None:
    build(tiny_course)
    from nbgrader.api import Gradebook  # noqa: PLC0415 - slow to import

    with Gradebook(tiny_course.db_url) as gradebook:
        gradebook.add_student("ada")
        gradebook.add_submission("small", "ada")
    path = tiny_course.text("small", "doubling")
    text = path.read_text(encoding="utf-8")
    start, end = text.index('# %% solution="total"'), text.index("# %% [markdown] reflection")
    path.write_text(text[:start] + text[end:], encoding="utf-8")
    before = tiny_course.release_notebook("small", "doubling").read_bytes()
    with pytest.raises(WorkshopError, match="could not make the release") as caught:
        build(tiny_course)
    assert "another name" in str(caught.value.remedy)
    assert tiny_course.release_notebook("small", "doubling").read_bytes() == before
    with sqlite3.connect(tiny_course.gradebook) as database:
        assert database.execute("select count(*) from grade_cells").fetchone() == (3,)
    database.close()
