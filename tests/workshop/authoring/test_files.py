from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import pytest

from workshop.authoring.files import RELEASE_LIST, files_below, mirror, named_files, write_atomic
from workshop.course import Course
from workshop.errors import WorkshopError


def test_writing_makes_parents_and_says_whether_anything_changed(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.txt"
    assert write_atomic(path, b"one")
    assert path.read_bytes() == b"one"
    stamp = path.stat().st_mtime_ns
    assert not write_atomic(path, b"one")
    assert path.stat().st_mtime_ns == stamp
    assert write_atomic(path, b"two")
    assert [each.name for each in path.parent.iterdir()] == ["b.txt"]


def test_a_written_file_can_be_read_by_others_as_far_as_the_umask_lets(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomic(tmp_path / "a.txt", b"one")
    finally:
        os.umask(before)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o640


def test_writing_replaces_a_link_and_not_what_it_points_to(tmp_path: Path) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_bytes(b"kept")
    (tmp_path / "link.txt").symlink_to(kept)
    assert write_atomic(tmp_path / "link.txt", b"kept")
    assert not (tmp_path / "link.txt").is_symlink()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(WorkshopError, match="cannot be written") as caught:
        write_atomic(tmp_path / "file" / "a.txt", b"one")
    assert caught.value.where == str(tmp_path / "file" / "a.txt")


def test_files_below_a_folder(tmp_path: Path) -> None:
    for name in ("b/c.txt", "a.txt", ".hidden"):
        write_atomic(tmp_path / name, b"")
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "empty").mkdir()
    assert [str(path) for path in files_below(tmp_path)] == [".hidden", "a.txt", "b/c.txt", "link"]
    assert files_below(tmp_path / "missing") == ()


def test_a_mirror_holds_exactly_the_files_of_its_source(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    write_atomic(source / "a" / "b.txt", b"new")
    write_atomic(target / "a" / "b.txt", b"old")
    write_atomic(target / "stale" / "deep" / "c.txt", b"")
    assert mirror(source, target)
    assert files_below(target) == (PurePosixPath("a/b.txt"),)
    assert (target / "a" / "b.txt").read_bytes() == b"new"
    assert not (target / "stale").exists()
    assert not mirror(source, target)


def test_a_mirror_puts_a_file_where_a_folder_was(tmp_path: Path) -> None:
    write_atomic(tmp_path / "source" / "a", b"file")
    write_atomic(tmp_path / "target" / "a" / "b.txt", b"")
    assert mirror(tmp_path / "source", tmp_path / "target")
    assert (tmp_path / "target" / "a").read_bytes() == b"file"


@pytest.fixture
def listing(tiny_course: Course) -> Path:
    folder = tiny_course.source / "small"
    for name in ("figure.png", "data/cells.csv", "seen.db"):
        write_atomic(folder / name, b"data")
    return folder / RELEASE_LIST


def test_only_named_files_are_released(tiny_course: Course, listing: Path) -> None:
    assert named_files(tiny_course, "small") == ()
    listing.write_text("# for exercise 2\nfigure.png\n\ndata/cells.csv  # a table\nfigure.png\n")
    assert [str(path) for path in named_files(tiny_course, "small")] == [
        "data/cells.csv",
        "figure.png",
    ]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("missing.png", "does not exist"),
        ("data", "does not exist"),
        ("/etc/hosts", "outside"),
        ("../small/figure.png", "outside"),
        ("escape", "outside"),
        ("doubling/calibration.json", "instructors' folder"),
        ("./doubling/calibration.json", "instructors' folder"),
        ("doubling.py", "not a data file"),
        ("release.txt", "not a data file"),
        ("seen.db", "ignored by nbgrader"),
        ("link.json", "instructors' folder"),
    ],
)
def test_a_file_that_must_not_be_released_is_refused(
    tiny_course: Course, listing: Path, name: str, problem: str
) -> None:
    (listing.parent / "escape").symlink_to(tiny_course.config_path)
    (listing.parent / "link.json").symlink_to("doubling/calibration.json")
    listing.write_text(f"figure.png\n{name}\n")
    with pytest.raises(WorkshopError) as caught:
        named_files(tiny_course, "small")
    assert problem in caught.value.what
    assert caught.value.where == f"{listing}:2"
