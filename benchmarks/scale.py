"""What limits a large class: the one process that writes, Dask's scheduler, and room on the disk.

Run: python -m benchmarks.scale [--submissions N] [--tasks N]

One light submission is graded for real; what came of it is then written for many students by the
real writer, so that log and gradebook grow as they would. Dask's scheduler gives out tasks of the
same size that compute nothing. Both run in the process that the instructor starts: together their
times say how many submissions a second it can take in, and so how many workers it can feed. Writes
JSON and a picture to ``build/benchmarks``, and prints a table.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pickle
import shutil
import statistics
import tempfile
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from distributed import Client
from matplotlib.figure import Figure
from rich.progress import track

from benchmarks.output import save
from tests.security.lab import ASSIGNMENT, NOTEBOOK, SOLUTIONS, build, submission
from workshop.course import Course
from workshop.grading.cluster import local
from workshop.grading.cluster_worker import Told
from workshop.grading.grade import grade
from workshop.grading.ledger import STAGED
from workshop.grading.worker import Answer, Request, grade_submission

WINDOW = 50
MODEL = "model"
UNCHANGED = 100


@dataclass
class Written:
    """What writing took: for each submission in order, and bytes and files of them all."""

    seconds: list[float] = field(default_factory=list)
    processor_seconds: list[float] = field(default_factory=list)
    first_request_after: float = 0.0
    gradebook_bytes: int = 0
    log_bytes: int = 0
    notebook_bytes: int = 0
    files: int = 0


class Copies:
    """A pool that grades nothing: everyone's work is what came of the model's."""

    def __init__(self, model: Answer, notebooks: Path, written: Written) -> None:
        self.model, self.notebooks, self.written = model, notebooks, written

    def __call__(
        self, requests: Sequence[Request]
    ) -> Generator[tuple[Request, Answer], None, None]:
        assert self.model.work is not None  # noqa: S101 - for the type checker
        for request in track(requests, "writing"):
            staged = request.root / "autograded" / STAGED / request.student / ASSIGNMENT
            shutil.copytree(self.notebooks, staged)
            entry = replace(self.model.work.entry, student=request.student)
            answer = Answer(replace(self.model.work, entry=entry), None)
            began, processor_began = time.perf_counter(), time.process_time()
            yield request, answer
            self.written.seconds.append(time.perf_counter() - began)
            self.written.processor_seconds.append(time.process_time() - processor_began)


def graded_model(root: Path) -> tuple[Course, Answer, Path, str, float]:
    """Grade one submission: the course, what came of it, its notebooks, its text, its seconds."""
    lab = build(root)
    text = json.dumps(submission(lab.release, SOLUTIONS))
    lab.hand_in(MODEL, text)
    request = Request(lab.course.root, ASSIGNMENT, MODEL, (NOTEBOOK,))
    seconds = []
    for _ in range(4):
        began = time.perf_counter()
        answer = grade_submission(request)
        seconds.append(time.perf_counter() - began)
    assert answer.failure is None, answer.failure  # noqa: S101
    notebooks = root.parent / "notebooks"
    shutil.copytree(lab.course.autograded / STAGED / MODEL / ASSIGNMENT, notebooks)
    shutil.rmtree(lab.course.submitted)
    return lab.course, answer, notebooks, text, statistics.median(seconds[1:])


def write_many(course: Course, model: Answer, notebooks: Path, text: str, count: int) -> Written:
    """Hand in and write down many copies of one submission."""
    for number in range(count):
        folder = course.submitted / f"student{number:05}" / ASSIGNMENT
        folder.mkdir(parents=True)
        (folder / f"{NOTEBOOK}.ipynb").write_text(text, encoding="utf-8")
    written = Written()
    before = course.gradebook.stat().st_size
    began = time.perf_counter()
    grade(course, ASSIGNMENT, pool=Copies(model, notebooks, written))
    written.first_request_after = time.perf_counter() - began - sum(written.seconds)
    written.gradebook_bytes = course.gradebook.stat().st_size - before
    written.log_bytes = course.gradelog.stat().st_size
    files = [each for each in course.autograded.rglob("*") if each.is_file()]
    written.files = len(files)
    written.notebook_bytes = sum(each.stat().st_size for each in files)
    return written


def answered(_: Request, size: int) -> bytes:
    """A task whose request and answer are as large as real ones."""
    return os.urandom(size)


def seconds_per_task(request: Request, told: Told, tasks: int) -> float:
    """Seconds of this process's processor for each task: scheduler, client, and encryption."""
    size = len(pickle.dumps(told))
    with (
        local(2)([request] * 2, lambda _: None) as started,
        contextlib.closing(Client(started.dask, set_as_default=False)) as client,
    ):
        client.gather([client.submit(answered, request, size, pure=False) for _ in range(20)])
        began = time.process_time()
        for _ in track(range(tasks), "scheduling"):
            client.submit(answered, request, size, pure=False).result()
        return (time.process_time() - began) / tasks


def drawn(seconds: Sequence[float]) -> Figure:
    """The writer's time for a submission, as the gradebook grows."""
    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.subplots()
    axes.plot(range(1, len(seconds) + 1), [1000 * each for each in seconds], ".", ms=2, alpha=0.4)
    starts = range(0, len(seconds), WINDOW)
    medians = [1000 * statistics.median(seconds[start : start + WINDOW]) for start in starts]
    axes.plot([start + WINDOW / 2 for start in starts], medians, label=f"median of {WINDOW}")
    axes.set(xlabel="submissions in the gradebook", ylabel="milliseconds to write one")
    axes.set_ylim(0, 3 * max(medians))
    axes.legend()
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--submissions", type=int, default=1500)
    parser.add_argument("--tasks", type=int, default=500)
    options = parser.parse_args()
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        course, model, notebooks, text, seconds = graded_model(Path(name) / "course")
        request = Request(course.root, ASSIGNMENT, MODEL, (NOTEBOOK,))
        per_task = seconds_per_task(request, Told(model), options.tasks)
        written = write_many(course, model, notebooks, text, options.submissions)
        began = time.perf_counter()
        some = [f"student{number:05}" for number in range(min(UNCHANGED, options.submissions))]
        again = grade(course, ASSIGNMENT, some)
        idle = (time.perf_counter() - began) / len(again.results)
        assert len(again.stored) == len(some)  # noqa: S101
        os.chdir(before)
    count = options.submissions
    per_write = [
        statistics.median(part) for part in (written.seconds[:100], written.seconds[-100:])
    ]
    rate = 1 / (per_write[1] + per_task)
    figures = {
        "submissions": count,
        "seconds to grade one": seconds,
        "seconds to write one, first 100": per_write[0],
        "seconds to write one, last 100": per_write[1],
        "processor seconds to write one": statistics.median(written.processor_seconds),
        "seconds to look at one before": written.first_request_after / count,
        "seconds for one that has not changed": idle,
        "processor seconds of scheduler and client for one": per_task,
        "submissions a second that one process takes in": rate,
        "workers that it can feed": rate * seconds,
        "bytes of a request": len(pickle.dumps(request)),
        "bytes of an answer": len(pickle.dumps(Told(model))),
        "bytes of the gradebook for one": written.gradebook_bytes / count,
        "bytes of the log for one": written.log_bytes / count,
        "bytes of graded notebooks for one": written.notebook_bytes / count,
        "files of graded notebooks for one": written.files / count,
    }
    print("| what | measured |\n| --- | --- |")
    for what, value in figures.items():
        print(f"| {what} | {value:.4g} |")
    save("scale", {**figures, "writing": written.seconds}, drawn(written.seconds))


if __name__ == "__main__":
    main()
