"""Folders, files and notebooks that are not what they should be."""

from __future__ import annotations

import base64
import io
import zipfile
from pathlib import Path, PurePosixPath

import pytest
from nbformat import NotebookNode

from tests.workshop.authoring.planted import (
    SECRETS,
    in_code,
    in_prose,
    kinds,
    release_files,
    scan,
    v4,
    write,
)
from workshop.authoring.build import compile_notebook
from workshop.authoring.confidential import LeakKind, secrets_of
from workshop.authoring.leaks import scan_folder, scan_release
from workshop.authoring.notebook import dumps
from workshop.course import Course
from workshop.errors import WorkshopError


def test_a_marker_alone_is_a_leak(tiny_course: Course, released: NotebookNode) -> None:
    in_code(released, "## BEGIN HIDDEN TESTS")
    write(tiny_course, released)
    assert kinds(scan(tiny_course)) == {LeakKind.MARKER}


def test_the_source_notebook_in_place_of_the_release_is_found(tiny_course: Course) -> None:
    write(tiny_course, compile_notebook(tiny_course, "small", "doubling"))
    assert kinds(scan(tiny_course)) == {
        LeakKind.MARKER,
        LeakKind.SOLUTION,
        LeakKind.HIDDEN_TEST,
        LeakKind.MARK_SCHEME,
    }


def test_a_solution_of_another_assignment_is_found(
    tiny_course: Course, released: NotebookNode
) -> None:
    path = tiny_course.text("other", "tripling")
    path.parent.mkdir()
    path.write_text(
        '# %% solution="triple"\n### BEGIN SOLUTION\nthree_times_the_value = 3\n### END SOLUTION\n'
    )
    in_prose(released, "three_times_the_value = 3")
    write(tiny_course, released)
    (leak,) = scan(tiny_course)
    assert leak.kind is LeakKind.SOLUTION
    assert "triple" in leak.name


def test_a_solution_that_is_given_code_here_is_no_leak(
    tiny_course: Course, released: NotebookNode
) -> None:
    path = tiny_course.text("later", "given")
    path.parent.mkdir()
    given = "def double(value):\n    twice_the_value = value * 2\n    return twice_the_value"
    path.write_text(f'# %% locked="given"\n{given}\n')
    notebook = v4.new_notebook(cells=[v4.new_code_cell(given)])
    folder = tiny_course.release / "later"
    folder.mkdir()
    (folder / "given.ipynb").write_text(dumps(notebook))
    assert released.cells
    assert scan(tiny_course) == []


def test_a_file_that_nobody_named_is_found(tiny_course: Course, released: NotebookNode) -> None:
    assert released.cells
    (tiny_course.release / "small" / "notes.txt").write_text("hello")
    (tiny_course.release / "small" / "run.py").write_text("print(1)")
    (tiny_course.release / "top.txt").write_text("hello")
    leaks = scan(tiny_course)
    assert kinds(leaks) == {LeakKind.UNEXPECTED}
    assert [str(leak.path) for leak in leaks] == ["small/notes.txt", "small/run.py", "top.txt"]
    assert "script" in leaks[1].name


def test_a_link_is_not_followed_but_found(tiny_course: Course, released: NotebookNode) -> None:
    assert released.cells
    link = tiny_course.release / "small" / "link.txt"
    link.symlink_to(tiny_course.text("small", "doubling"))
    assert kinds(scan(tiny_course)) == {LeakKind.UNEXPECTED, LeakKind.UNREADABLE}


@pytest.mark.parametrize(
    "content", [b"", b"no notebook", b'{"cells": 3}', b'{"cells": [3]}', b"[]"]
)
def test_a_notebook_that_cannot_be_read_is_no_clean_one(
    tiny_course: Course, released: NotebookNode, content: bytes
) -> None:
    assert released.cells
    tiny_course.release_notebook("small", "doubling").write_bytes(content)
    assert LeakKind.UNREADABLE in kinds(scan(tiny_course))


def test_a_secret_in_a_broken_notebook_is_found_all_the_same(
    tiny_course: Course, released: NotebookNode
) -> None:
    assert released.cells
    path = tiny_course.release_notebook("small", "doubling")
    path.write_text('{"cells": [ "' + SECRETS[LeakKind.SOLUTION])
    assert LeakKind.SOLUTION in kinds(scan(tiny_course))


def test_an_encrypted_archive_is_reported(tiny_course: Course, released: NotebookNode) -> None:
    assert released.cells
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.txt", "x" * 20)
    content = bytearray(packed.getvalue())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.find(magic) + offset] |= 1  # the flag that says "encrypted"
    release_files(tiny_course, {"data.zip": bytes(content)})
    (leak,) = scan(tiny_course)
    assert leak.kind is LeakKind.UNREADABLE
    assert leak.where == "member a.txt"


def test_only_the_named_assignments_are_looked_at(
    tiny_course: Course, released: NotebookNode
) -> None:
    path = tiny_course.text("other", "tripling")
    path.parent.mkdir()
    path.write_text("# %%\nx = 1\n")
    in_prose(released, SECRETS[LeakKind.SOLUTION])
    write(tiny_course, released)
    assert scan_release(tiny_course, ["other"]) == []
    assert scan_release(tiny_course, ["small"])
    with pytest.raises(WorkshopError, match="no assignment 'smal'"):
        scan_release(tiny_course, ["smal"])


def test_a_course_without_a_release_has_no_leak(tiny_course: Course) -> None:
    assert scan(tiny_course) == []


def test_a_leak_says_where_and_what_but_not_the_secret(
    tiny_course: Course, released: NotebookNode
) -> None:
    in_code(released, base64.b64encode(SECRETS[LeakKind.SOLUTION].encode()).decode())
    write(tiny_course, released)
    (leak,) = scan(tiny_course)
    assert leak.where == "cell 4 (double-1)"
    assert leak.encoding == "base64"
    assert str(leak) == (
        "small/doubling.ipynb: cell 4 (double-1): solution:"
        " solution of double (source/small/doubling.py:13) [base64]"
    )
    assert "twice" not in str(leak)


def test_any_folder_can_be_scanned(tiny_course: Course, tmp_path: Path) -> None:
    (tmp_path / "kit").mkdir()
    (tmp_path / "kit" / "a.py").write_text(SECRETS[LeakKind.SOLUTION])
    (tmp_path / "kit" / "b.py").write_text("nothing")
    secrets = secrets_of(tiny_course)
    assert [str(leak.path) for leak in scan_folder(tmp_path / "kit", secrets)] == ["a.py"]
    assert scan_folder(tmp_path / "kit", secrets, only={PurePosixPath("b.py")}) == []
