"""Copying what somebody else may be changing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from workshop.watch import copying
from workshop.watch.copying import copy_untrusted


def copied(source: Path, *, most: int = 1000, owner: int | None = None) -> Path:
    target = source.with_name("copy")
    shutil.rmtree(target, ignore_errors=True)
    copy_untrusted(source, target, ignore=lambda *_: (), most_bytes=most, owner=owner)
    return target


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "p1.ipynb").write_text("work")
    (folder / "deep/er/data.csv").write_text("1,2")
    return folder


def test_files_and_folders_are_copied_and_links_stay_links(source: Path, tmp_path: Path) -> None:
    (tmp_path / "private").mkdir()
    (tmp_path / "private/key").write_text("ours")
    for name, to in (("file", "private/key"), ("folder", "private"), ("nothing", "nowhere")):
        (source / name).symlink_to(tmp_path / to)
    target = copied(source)
    assert (target / "deep/er/data.csv").read_text() == "1,2"
    assert all((target / name).is_symlink() for name in ("file", "folder", "nothing"))
    files = [path for path in target.rglob("*") if path.is_file() and not path.is_symlink()]
    assert {path.name for path in files} == {"p1.ipynb", "data.csv"}


def test_what_is_ignored_is_left_out(source: Path) -> None:
    def ignore(_: str, names: list[str]) -> list[str]:
        return [name for name in names if name == "deep"]

    target = source.with_name("copy")
    copy_untrusted(source, target, ignore=ignore, most_bytes=100, owner=os.getuid())
    assert [path.name for path in target.iterdir()] == ["p1.ipynb"]


@pytest.mark.parametrize("name", ["p1.ipynb", "deep"])
def test_a_link_put_there_after_looking_is_not_followed(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    private = tmp_path / "private"
    private.mkdir()
    (private / "er").mkdir()
    (private / "er/data.csv").write_text("ours")
    real = os.stat

    def swapped(path: Any, **how: Any) -> Any:
        found = real(path, **how)
        if path == name and not (source / name).is_symlink():
            (source / name).rename(source / "aside")
            (source / name).symlink_to(private / "er/data.csv" if "." in name else private)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(os, "stat", swapped)
        try:
            target = copied(source)
        except OSError:
            target = source.with_name("copy")
    assert (source / name).is_symlink()
    found = [path for path in target.rglob("*") if path.is_file() and not path.is_symlink()]
    assert all(path.read_text() != "ours" for path in found)


def test_modes_are_ours(source: Path) -> None:
    (source / "p1.ipynb").chmod(0o400)
    (source / "deep/er").chmod(0o555)
    target = copied(source)
    assert (target / "p1.ipynb").stat().st_mode & 0o600 == 0o600
    assert (target / "deep/er").stat().st_mode & 0o700 == 0o700


def test_another_owner_is_refused(source: Path) -> None:
    with pytest.raises(ValueError, match="exchanged"):
        copied(source, owner=os.getuid() + 1)


def test_too_much_is_refused(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied(source, most=7)
    (source / "deep/big").write_text("x")
    with pytest.raises(ValueError, match="max_dir_size"):
        copied(source, most=7)
    monkeypatch.setattr(copying, "MOST_ENTRIES", 3)
    with pytest.raises(ValueError, match="more than 3"):
        copied(source)


def test_what_is_no_file_is_refused(source: Path) -> None:
    os.mkfifo(source / "pipe")
    with pytest.raises(ValueError, match="neither a file nor a folder"):
        copied(source)
