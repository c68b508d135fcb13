"""What a GPU brings: time of every notebook, a class graded 1, 4 and 8 at a time, use and memory.

Run: python -m benchmarks.gpu [--quick] [--students N] [--assignment A --notebook NAME] [--out DIR]

Without a GPU it measures the CPU alone, and says so. ``--quick`` takes one notebook and a class of
four, to see that it works. Beside the times stands a floor: the multiplications of the reference
solution's training, counted by PyTorch, over what this GPU was measured to do in a second.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.classes import class_course, run
from benchmarks.output import save
from workshop import assets, learn
from workshop.authoring.build import compile_notebook
from workshop.course import Course
from workshop.grading.devices import VISIBLE, kernel_gpus
from workshop.grading.run import execute_notebook
from workshop.grading.verification import load_thresholds

WORKERS = (1, 4, 8)
_QUERY = "--query-gpu=utilization.gpu,memory.used"
_BATCH, _SIZE, _STEPS, _ROUNDS = 32, 96, 5, 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--students", type=int, default=32)
    parser.add_argument("--assignment", default="module2_implementing")
    parser.add_argument("--notebook", default="feature_extraction_and_fine_tuning")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    chosen = (given.assignment, given.notebook)
    course = Course.find()
    every = [chosen] if given.quick else list(_notebooks(course))
    workers = WORKERS[:2] if given.quick else WORKERS
    results: dict[str, Any] = {
        "gpus": [each.model_dump() for each in kernel_gpus()],
        "notebooks": {
            name: notebook_times(course, *name.split("/")) for name in map("/".join, every)
        },
        "training_step": {device: training_step(device) for device in _devices()},
        "class": class_times(course, *chosen, 4 if given.quick else given.students, workers),
    }
    save("gpu", results, picture(results), given.out)


def _notebooks(course: Course) -> Iterator[tuple[str, str]]:
    for assignment in course.assignments():
        for notebook in course.notebooks(assignment):
            if notebook != "quiz":
                yield assignment, notebook


def _devices() -> list[str]:
    return ["cpu", "cuda"] if kernel_gpus() else ["cpu"]


@contextlib.contextmanager
def on(device: str) -> Iterator[None]:
    """Let what is started meanwhile see the GPU, or none."""
    before = os.environ.get(VISIBLE)
    if device == "cpu":
        os.environ[VISIBLE] = ""
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(VISIBLE, None)
        else:
            os.environ[VISIBLE] = before


def notebook_times(course: Course, assignment: str, notebook: str) -> dict[str, Any]:
    """Wall time of the reference solution's cells on each device, run twice: once to warm up."""
    content = compile_notebook(course, assignment, notebook)
    calibration = course.calibration(assignment, notebook)
    times: dict[str, Any] = {}
    for device in _devices():
        with on(device):
            thresholds = load_thresholds(calibration, device)
            for when in ("first", "again"):
                executed = execute_notebook(content, thresholds=thresholds)
                times[f"{device}_{when}"] = executed.seconds
        print(f"{assignment}/{notebook} on {device}: {executed.seconds:.1f} s", flush=True)
    return times


def training_step(device: str) -> dict[str, float]:
    """Seconds of a full training step of the vision model in several ways, and of its floor."""
    torch.cuda.empty_cache() if device == "cuda" else None
    images = torch.randn(_BATCH, 3, _SIZE, _SIZE, device=device)
    labels = torch.randint(2, (_BATCH,), device=device)
    learn.pick_device()

    def fresh() -> tuple[nn.Module, torch.optim.Optimizer]:
        model = assets.load_source_model("efficientnet_lite0", num_classes=2, seed=0).to(device)
        return model, torch.optim.AdamW(model.parameters(), lr=1e-3)

    def seconds(*, autocast: bool = False, compiled: bool = False) -> float:
        model, optimizer = fresh()
        called: Any = torch.compile(model) if compiled else model
        bits = torch.autocast(device, dtype=torch.bfloat16, enabled=autocast)

        def step() -> None:
            with bits:
                loss = nn.functional.cross_entropy(called(images), labels)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call] # PyTorch left it untyped
            optimizer.step()

        return _timed(step, device)

    model, _ = fresh()
    with FlopCounterMode(display=False) as counter:
        nn.functional.cross_entropy(model(images), labels).backward()  # type: ignore[no-untyped-call]
    found = {
        "float32": seconds(),
        "bfloat16": seconds(autocast=True),
        "floor": counter.get_total_flops() / _flops_per_second(device),
    }
    if device == "cuda":
        torch.backends.cudnn.deterministic = False
        found["not_deterministic"] = seconds()
        torch.backends.cudnn.deterministic = True
        found["compiled"] = seconds(compiled=True)
    return found


def _flops_per_second(device: str) -> float:
    """What a large multiplication of matrices reaches here."""
    size = 4096 if device == "cuda" else 1024
    matrix = torch.randn(size, size, device=device)
    return 2 * size**3 / _timed(lambda: matrix @ matrix, device)


def _timed(step: Any, device: str) -> float:
    """Seconds of a step: the fastest of some rounds, since others may compute here too."""
    rounds = []
    for _ in range(1 + _ROUNDS):  # the first one warms up
        began = time.perf_counter()
        for _ in range(_STEPS):
            step()
        if device == "cuda":
            torch.cuda.synchronize()
        rounds.append((time.perf_counter() - began) / _STEPS)
    return min(rounds[1:])


def class_times(
    course: Course, assignment: str, notebook: str, students: int, workers: Sequence[int]
) -> dict[str, Any]:
    """A class graded by more and more workers; how busy the GPU was, and what memory it used."""
    found: dict[str, Any] = {"students": students}
    with tempfile.TemporaryDirectory(prefix="workshop-benchmark-") as name:
        made = class_course(course, Path(name) / "course", assignment, students, [notebook])
        for device in _devices():
            for count in workers:
                command = (
                    "-m",
                    "workshop",
                    "grade",
                    assignment,
                    "--force",
                    "--workers",
                    str(count),
                )
                with on(device), _watched() as use:
                    seconds = run(made.root, *command).seconds
                found[f"{device}_{count}"] = {"seconds": seconds, **use}
                print(f"{students} submissions, {count} at a time on {device}: {seconds:.0f} s")
                if device == "cpu" and count >= len(os.sched_getaffinity(0)):
                    break
    return found


@contextlib.contextmanager
def _watched() -> Iterator[dict[str, float]]:
    """Mean use in percent and most memory in MB of the first GPU; nothing without its tool."""
    tool, over, use = shutil.which("nvidia-smi"), threading.Event(), dict[str, float]()
    seen: list[tuple[float, float]] = []

    def watch() -> None:
        while tool is not None and not over.wait(0.5):
            command = [tool, _QUERY, "--format=csv,noheader,nounits", "--id=0"]
            answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603
            with contextlib.suppress(ValueError):
                busy, memory = map(float, answer.strip().split(","))
                seen.append((busy, memory))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield use
    finally:
        over.set()
        thread.join()
        if seen:
            use["use_percent"] = sum(busy for busy, _ in seen) / len(seen)
            use["memory_mb"] = max(memory for _, memory in seen)


def picture(results: dict[str, Any]) -> Figure:
    names, figure = (
        list(results["notebooks"]),
        Figure(figsize=(7, 1 + 0.5 * len(results["notebooks"]))),
    )
    axes = figure.subplots()
    for offset, device in enumerate(_devices()):
        seconds = [results["notebooks"][name][f"{device}_again"] for name in names]
        places = [row + 0.4 * offset for row in range(len(names))]
        bars = axes.barh(places, seconds, height=0.36, label=device)
        axes.bar_label(bars, fmt="%.0f s", padding=3)
    axes.set_yticks([row + 0.2 * (len(_devices()) - 1) for row in range(len(names))], names)
    axes.invert_yaxis()
    axes.set_xlabel("wall time of all cells in seconds")
    axes.legend()
    axes.margins(x=0.15)
    return figure


if __name__ == "__main__":
    main()
