"""As many submissions share a GPU as have room there; who found none beside others runs alone."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from workshop.errors import WorkshopError
from workshop.grading.devices import Gpu
from workshop.grading.gpu_sharing import CONTEXT_MB, Place, alone, place, places_on

SMALL = Gpu(name="small", memory_mb=6_000, uuid="GPU-s")
LARGE = Gpu(name="large", memory_mb=40_000, uuid="GPU-l")
SHARE = 8_192

HOLDS = """
import sys, time
from pathlib import Path
from workshop.grading.devices import Gpu
from workshop.grading.gpu_sharing import place
with place([Gpu(name="small", memory_mb=6_000, uuid="GPU-s")], 8_192, Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize(
    ("memory_mb", "share_mb", "expected"),
    [(40_000, SHARE, 4), (6_000, SHARE, 1), (40_000, 0, 1), (140_000, SHARE, 15)],
)
def test_shares_and_what_cuda_takes_besides_fit_into_the_memory(
    memory_mb: int, share_mb: int, expected: int
) -> None:
    count = places_on(Gpu(name="x", memory_mb=memory_mb, uuid="u"), share_mb)
    assert count == expected
    assert count == 1 or count * (share_mb + CONTEXT_MB) < memory_mb


def test_places_are_given_until_there_are_no_more(tmp_path: Path) -> None:
    gpus = [LARGE, SMALL]
    with place(gpus, SHARE, tmp_path) as first, place(gpus, SHARE, tmp_path) as second:
        assert first == Place(0, SHARE, shared=True)
        # The small one is empty, the large one is not.
        assert second.index == 1
        assert not second.shared
        assert second.memory_mb < SMALL.memory_mb - CONTEXT_MB
        with place(gpus, SHARE, tmp_path) as third:
            assert third == Place(0, SHARE, shared=True)


def test_who_finds_no_place_waits_for_one(tmp_path: Path) -> None:
    got: list[float] = []

    def wait_for_it() -> None:
        with place([SMALL], SHARE, tmp_path):
            got.append(time.monotonic())

    with place([SMALL], SHARE, tmp_path):
        waiting = threading.Thread(target=wait_for_it)
        waiting.start()
        waiting.join(1)
        assert not got
        freed = time.monotonic()
    waiting.join(30)
    assert got[0] >= freed


def test_a_grader_that_is_killed_leaves_no_place_taken(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDS, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        got = threading.Event()

        def wait_for_it() -> None:
            with place([SMALL], SHARE, tmp_path):
                got.set()

        waiting = threading.Thread(target=wait_for_it)
        waiting.start()
        assert not got.wait(1)
        other.kill()
        assert got.wait(30)
        waiting.join()


def test_who_is_alone_waits_for_all_and_lets_nobody_in(tmp_path: Path) -> None:
    entered, release, third = threading.Event(), threading.Event(), threading.Event()

    def be_alone() -> None:
        with alone([LARGE], SHARE, tmp_path) as here:
            assert here == Place(0, SHARE, shared=False)
            entered.set()
            release.wait(30)

    def be_beside() -> None:
        with place([LARGE], SHARE, tmp_path):
            third.set()

    with place([LARGE], SHARE, tmp_path):
        waiting = threading.Thread(target=be_alone)
        waiting.start()
        assert not entered.wait(1)
    assert entered.wait(30)
    beside = threading.Thread(target=be_beside)
    beside.start()
    assert not third.wait(1)
    release.set()
    assert third.wait(30)
    waiting.join(30)
    beside.join(30)


def test_locks_lie_where_nobody_else_can_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    with place([SMALL], SHARE):
        (folder,) = tmp_path.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)
    with pytest.raises(WorkshopError, match="write"), place([SMALL], SHARE):
        pass
