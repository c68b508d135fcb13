from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from workshop.grading.failures import NotGraded
from workshop.grading.journal import Entry, Journal, LoggedCell, Why
from workshop.grading.records import CellStatus, Outcome


def entry(student: str = "ada", score: float | None = 2.0) -> Entry:
    cell = LoggedCell("p1", "test", score, 3.0, CellStatus.PARTIAL, "half \ud800 a pair")
    return Entry(
        *("ps1", student, Why.FIRST, Outcome.COMPLETED, "", "me", "here", "v1", "0.1", "files"),
        *(("p1",), "2030-01-01T00:00:00+00:00", "2030-01-01T00:00:01+00:00", (cell,)),
    )


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "gradelog.jsonl")


def test_what_is_appended_is_read_again(journal: Journal) -> None:
    assert journal.read().entries == ()
    first, second = journal.append(entry()), journal.append(entry("bob", None))
    history = Journal(journal.path).read()
    assert history.entries == (first, second)
    assert history.entries == journal.read().entries
    assert [each.number for each in history.entries] == [1, 2]
    assert history.problems == ()
    assert (first.entry.score, second.entry.score) == (2.0, None)


def test_every_line_names_the_one_before(journal: Journal) -> None:
    first = journal.append(entry())
    journal.append(entry("bob"))
    lines = [json.loads(line) for line in journal.path.read_text().splitlines()]
    assert [line["previous"] for line in lines] == ["", first.digest]


@pytest.mark.parametrize(
    "damage",
    [
        lambda lines: [lines[0].replace(b'"score": 2.0', b'"score": 3.0'), *lines[1:]],
        lambda lines: lines[1:],
        lambda lines: [lines[0], *lines[2:]],
        lambda lines: [lines[0], lines[0], *lines[1:]],
        lambda lines: [lines[1], lines[0], *lines[2:]],
        lambda lines: [b"{}", *lines[1:]],
        lambda lines: [lines[0], b"\xff", *lines[2:]],
    ],
)
def test_a_changed_log_is_found(journal: Journal, damage: Any) -> None:
    for name in ("ada", "bob", "cy"):
        journal.append(entry(name))
    lines = journal.path.read_bytes().splitlines()
    journal.path.write_bytes(b"\n".join(damage(lines)) + b"\n")
    fresh = Journal(journal.path)
    assert fresh.read().problems
    fresh.append(entry("dan"))  # grading goes on; the damage stays visible
    assert Journal(journal.path).read().problems
    assert Journal(journal.path).read().entries[-1].entry.student == "dan"


@pytest.mark.parametrize("cut", [1, 40, 200])
def test_a_torn_line_is_set_aside(journal: Journal, cut: int) -> None:
    journal.append(entry())
    whole = journal.path.read_bytes()
    journal.append(entry("bob"))
    journal.path.write_bytes(journal.path.read_bytes()[:-cut])
    fresh = Journal(journal.path)
    assert fresh.read().torn
    assert "gradelog.torn" in fresh.set_torn_line_aside()
    assert journal.path.read_bytes() == whole
    assert journal.path.with_suffix(".torn").read_bytes()
    assert fresh.set_torn_line_aside() == ""
    fresh.append(entry("bob"))
    assert Journal(journal.path).read().problems == ()


@pytest.mark.parametrize("written", [0, 50])
def test_a_full_disk_leaves_the_log_as_it_was(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    journal.append(entry())
    whole, real, calls = journal.path.read_bytes(), os.write, []

    def full(descriptor: int, data: bytes) -> int:
        calls.append(data)
        if len(calls) == 1 and written:
            return real(descriptor, data[:written])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(NotGraded, match="disk is full") as caught:
            journal.append(entry("bob"))
    assert caught.value.stops
    assert caught.value.remedy
    assert journal.path.read_bytes() == whole
    assert journal.append(entry("bob")).number == 2
    assert Journal(journal.path).read().problems == ()


def test_an_error_of_ours_is_not_final() -> None:
    assert entry().is_final
    crashed = LoggedCell("p1", "test", None, 3.0, CellStatus.ERROR)
    assert not Entry(**{**vars(entry()), "cells": (crashed,)}).is_final
    assert not Entry(**{**vars(entry()), "outcome": Outcome.NOT_GRADED}).is_final
