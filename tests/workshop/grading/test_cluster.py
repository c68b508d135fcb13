"""Dask's workers grade as this process does, losing one harms nobody, and no stranger may join."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest
from distributed import Client, Security

from tests.workshop.grading.conftest import TinyCourse
from tests.workshop.grading.durable import gradebook_of, hand_in, lines_of, scores
from tests.workshop.grading.test_pool import MARK, SPARED, EndsItsProcess
from workshop.grading import cluster, cluster_worker
from workshop.grading.cluster import Cluster, DaskPool, Notify, local
from workshop.grading.grade import grade
from workshop.grading.history import read_log
from workshop.grading.records import Outcome
from workshop.grading.worker import Request

pytestmark = pytest.mark.slow


def pool(workers: int = 2) -> DaskPool:
    return DaskPool(local(workers), lambda _: None)


def test_a_cluster_gives_the_same_grades_as_this_process(fast: TinyCourse) -> None:
    for number in range(2):
        hand_in(fast, f"student{number}", number / 2)
    fast.submit("broken", "no notebook")
    alone = grade(fast.course, "ps1")
    before = gradebook_of(fast.course)
    seen: list[tuple[int, int]] = []
    together = grade(
        fast.course,
        "ps1",
        force=True,
        pool=pool(),
        progress=lambda done, total, _: seen.append((done, total)),
    )
    assert gradebook_of(fast.course) == before
    assert seen == [(done, 6) for done in range(1, 7)]
    facts = [
        [(each.student, each.outcome, each.score, each.message) for each in report.results]
        for report in (alone, together)
    ]
    assert facts[0] == facts[1]
    assert read_log(fast.course, "ps1").ok
    assert grade(fast.course, "ps1", pool=pool()).stored  # and no cluster is started for nothing


def test_kernels_are_forked_in_workers_too(tiny: TinyCourse) -> None:
    code = "import os, sys\nprint('torch' in sys.modules)\ncubed = int"
    for student in ("ada", "bob"):
        tiny.submit(student, tiny.answered({"cube": code}))
    alone = grade(tiny.course, "ps1")
    here, seen = psutil.Process(), set[psutil.Process]()
    before = set(here.children(recursive=True))
    together = grade(
        *(tiny.course, "ps1"),
        force=True,
        pool=pool(1),
        progress=lambda *_: seen.update(here.children(recursive=True)),
    )
    assert len(seen - before) >= 2  # the worker, and what its kernels were forked from
    left = psutil.wait_procs(seen - before, timeout=10)[1]
    # Python's own, which ends with this process.
    assert not [each for each in left if "resource_tracker" not in " ".join(each.cmdline())]
    assert [each.score for each in together.results] == [each.score for each in alone.results]
    for student in ("ada", "bob"):
        page = tiny.course.autograded / student / "ps1" / "p1.ipynb"
        assert '"True\\n"' in page.read_text(encoding="utf-8")


@pytest.fixture
def dangerous(fast: TinyCourse) -> TinyCourse:
    """A course in which one submission ends the process that grades it."""
    step = f"{EndsItsProcess.__module__}.{EndsItsProcess.__name__}"
    with fast.course.config_path.open("a") as file:
        file.write(f"\nc.Autograde.autograde_preprocessors.insert(0, {step!r})\n")
    fast.submit("bob", fast.answered({"square": f"# {MARK}"}))
    return fast


def test_a_submission_that_ends_two_workers_is_set_aside(dangerous: TinyCourse) -> None:
    report = grade(dangerous.course, "ps1", pool=pool())
    bob = {each.student: each for each in report.results}["bob"]
    assert bob.outcome is Outcome.NOT_GRADED
    assert bob.score is None
    assert "--student bob" in bob.message
    assert report.not_graded == ("bob",)
    assert [scores(dangerous.course)[name, "test_square"] for name in ("ada", "cy")] == [1, 0]


def test_a_worker_that_ends_once_costs_a_second_try(
    dangerous: TinyCourse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SPARED, str(tmp_path / "spared"))
    report = grade(dangerous.course, "ps1", pool=pool())
    assert (tmp_path / "spared").exists()
    assert {each.outcome for each in report.results} == {Outcome.COMPLETED}
    assert len(lines_of(dangerous.course)) == 3


def test_workers_with_other_packages_grade_nothing(
    fast: TinyCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "decisive_versions", lambda: (("torch", "0.1"),))
    report = grade(fast.course, "ps1", pool=pool())
    assert report.not_graded == ("ada", "bob", "cy")
    assert any(f"{socket.gethostname()} cannot grade" in each.message for each in report.results)
    assert all("torch" in each.message for each in report.results)
    assert scores(fast.course) == {}


def spoil() -> None:
    cluster_worker._version = lambda name: "another"


def test_what_a_bad_node_is_given_goes_to_another(fast: TinyCourse) -> None:
    @contextlib.contextmanager
    def start(requests: Sequence[Request], notify: Notify) -> Iterator[Cluster]:
        with local(2)(requests, notify) as started:
            with contextlib.closing(Client(started.dask, set_as_default=False)) as client:
                client.run(spoil, workers=[min(cluster.workers_of(started.dask))])
            yield started

    report = grade(fast.course, "ps1", pool=DaskPool(start, lambda _: None))
    assert {each.outcome for each in report.results} == {Outcome.COMPLETED}


class Unreadable:
    """Can be read by this process alone: stands in for a module that a node lacks."""

    def __reduce__(self) -> tuple[object, ...]:
        return read_here, (os.getpid(),)


def read_here(pid: int) -> Unreadable:
    if pid != os.getpid():
        raise ValueError("no such module")
    return Unreadable()


def test_workers_that_cannot_even_begin_are_named(fast: TinyCourse) -> None:
    request = Request(fast.course.root, "ps1", "ada", ("p1",), {"x": Unreadable()})  # type: ignore[dict-item] # on purpose
    [(_, answer)] = pool(1)([request])
    assert answer.work is None
    assert "127.0.0.1" in str(answer.failure)
    assert "no such module" in str(answer.failure)
    assert answer.failure is not None
    assert answer.failure.remedy
    assert getattr(answer.failure, "stops", False)  # there is no other worker


def test_nobody_without_the_keys_may_join(fast: TinyCourse) -> None:
    request = Request(fast.course.root, "ps1", "ada", ("p1",))
    with local(1)([request], lambda _: None) as started:
        scheduler = cluster.scheduler_of(started.dask)
        here = psutil.Process()
        own = {
            each for process in (here, *here.children(recursive=True)) for each in ports(process)
        }
        addresses = [scheduler.address, *cluster.workers_of(started.dask)]
        assert {int(each.rpartition(":")[2]) for each in addresses} <= {port for _, port in own}
        assert {host for host, _ in own} == {"127.0.0.1"}
        for address in addresses:
            plain = address.replace("tls://", "tcp://")
            for where, keys in ((plain, Security()), (address, Security.temporary())):
                with pytest.raises((OSError, RuntimeError)):
                    Client(where, security=keys, timeout="2s", set_as_default=False)
        for host, port in own:
            said = http_get(host, port)
            assert said == b"" or b" 404 " in said.splitlines()[0], said


def ports(process: psutil.Process) -> list[tuple[str, int]]:
    """Where a process listens."""
    found = process.net_connections("tcp")
    return [each.laddr for each in found if each.status == psutil.CONN_LISTEN]


def http_get(host: str, port: int) -> bytes:
    with contextlib.suppress(OSError), socket.create_connection((host, port), 2) as connection:
        connection.sendall(b"GET /info/main/workers.html HTTP/1.0\r\n\r\n")
        return connection.recv(1000)
    return b""


def test_each_worker_has_its_share_of_the_processors(
    fast: TinyCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    requests = [Request(fast.course.root, "ps1", name, ("p1",)) for name in ("ada", "bob")]
    with (
        local(2)(requests, lambda _: None) as started,
        contextlib.closing(Client(started.dask, set_as_default=False)) as client,
    ):
        told = client.run(os.environ.get, "OMP_NUM_THREADS")
    assert set(told.values()) == {str(max(1, len(os.sched_getaffinity(0)) // 2))}
