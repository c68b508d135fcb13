"""The author's solution runs first, and nobody can tell but by the time."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from nbformat import NotebookNode

from tests.workshop.grading.exercises import code, graded_cell, notebook_of
from workshop.course import Course
from workshop.grading import rehearsal
from workshop.grading.execution import Execution, Limits
from workshop.grading.rehearsal import recalled, rehearse
from workshop.grading.sandbox.levels import ConfinementUnavailable, require
from workshop.grading.shared_features import shared_features
from workshop.grading.verification import run_verified

ASSIGNMENT, NOTEBOOK = "ps1", "p1"
SETUP = """import torch
from torch import nn
import checks
from workshop import assets, learn
convolutions, original = [], nn.functional.conv2d
def counting(*args, **kwargs):
    convolutions.append(1)
    return original(*args, **kwargs)
nn.functional.conv2d = counting
def new_model():
    return assets.load_source_model("efficientnet_lite0", num_classes=2)
learn.seed_everything(0)
inputs, labels = torch.rand(2, 3, 32, 32), torch.tensor([0, 1])"""
TRAINING = """model = new_model()
optimizer = torch.optim.SGD(model.parameters(), lr={rate})
for _ in range(2):
    model.train()
    loss = nn.functional.cross_entropy(model(inputs), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(len(convolutions), loss.item())"""
HIDDEN = """pristine = checks.snapshot(new_model())
graded((2, checks.check_moved(model, pristine, "classifier")), like=new_model)"""
ATTACK = """import os, pathlib
(folder,) = pathlib.Path(os.environ["WORKSHOP_SHARED_CACHE"]).glob("steps/*/*/*")
files = [each for each in folder.iterdir() if each.stat().st_size]
print(len(files))
for attack in (
    lambda: files[0].write_bytes(b"poison"),
    lambda: files[0].unlink(),
    lambda: (folder / "more").write_bytes(b"poison"),
    lambda: folder.rename("/tmp/away"),
):
    try:
        attack()
    except OSError:
        pass
    else:
        print("it worked")"""
LIMITS = Limits(cell_seconds=60, notebook_seconds=120)
MEGABYTES = 500


def notebook(rate: float = 1e-3, *more: NotebookNode) -> NotebookNode:
    cells = (code("train", TRAINING.format(rate=rate), solution=True), graded_cell("test", HIDDEN))
    return notebook_of(*more, *cells, setup=SETUP)


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    (tmp_path / "nbgrader_config.py").write_text("")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr("torch.get_num_threads", lambda: 1)
    course = Course(tmp_path)
    write(course, notebook())
    return course


def write(course: Course, content: NotebookNode) -> None:
    path = course.source_notebooks / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def run_it(course: Course, megabytes: int = MEGABYTES) -> None:
    rehearse(course, ASSIGNMENT, NOTEBOOK, seconds=120, megabytes=megabytes)


def where(course: Course) -> Path | None:
    return recalled(course, ASSIGNMENT, NOTEBOOK)


def steps(course: Course) -> Path:
    found, features = where(course), shared_features(course)
    assert found is not None
    assert features is not None
    return features / found


def graded(course: Course, content: NotebookNode, tmp_path: Path) -> tuple[Execution, list[str]]:
    (tmp_path / "work").mkdir(exist_ok=True)
    execution = run_verified(
        content,
        tmp_path / "work",
        LIMITS,
        thresholds={},
        env={"OMP_NUM_THREADS": "1"},
        features=shared_features(course),
        recalled=where(course),
    )
    return execution, [str(cell.outputs) for cell in content.cells]


def printed(content: NotebookNode, index: int) -> list[str]:
    return str(content.cells[index].outputs[0].text).split()


@pytest.mark.slow
def test_submissions_recall_what_the_solution_computed_with_the_same_result(
    course: Course, tmp_path: Path
) -> None:
    try:
        require("bubblewrap")
    except ConfinementUnavailable as error:
        pytest.skip(f"nothing can be confined here: {error}")
    computed = notebook()
    graded(course, computed, tmp_path)
    run_it(course)
    same, other = notebook(1e-3, code("attack", ATTACK, solution=True)), notebook(2e-3)
    graded(course, same, tmp_path)
    graded(course, other, tmp_path)
    (before, loss), (after, same_loss) = printed(computed, 1), printed(same, 2)
    assert loss == same_loss
    assert int(before) > 50
    assert int(after) == 0
    # The first step is the same with any rate, the second is not.
    assert int(printed(other, 1)[0]) == int(before) / 2
    count, *attacks = str(same.cells[1].outputs[0].text).split("\n")
    assert int(count) >= 4
    assert attacks == [""]
    verdicts = [str(each.cells[-1].outputs) for each in (computed, same, other)]
    assert all("PASSED" in each for each in verdicts)


@pytest.mark.slow
def test_it_is_done_once_and_again_for_another_text(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert where(course) is None
    run_it(course)
    first = steps(course)
    kept = [each for each in first.iterdir() if each.stat().st_size > 100]
    assert len(kept) >= 4  # two steps, each with its gradients
    assert sum(each.stat().st_size for each in kept) <= MEGABYTES << 20
    with monkeypatch.context() as patch:
        patch.setattr(rehearsal, "_run", lambda *_: pytest.fail("it was done"))
        run_it(course)
    write(course, notebook(2e-3))
    assert where(course) is None
    monkeypatch.setattr(rehearsal, "_run", lambda *_: True)
    run_it(course)
    assert steps(course) != first
    for rate in (3e-3, 4e-3):
        write(course, notebook(rate))
        run_it(course)
    assert len([*first.parent.iterdir()]) == 2  # not more than the last texts'


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("efficientnet", "minilm"),
        lambda text: text.replace(".backward(", ".nothing("),
        lambda text: text.replace("import torch", "import time; time.perf_counter()", 1),
        None,
    ],
)
def test_some_notebooks_are_left_alone(
    course: Course, monkeypatch: pytest.MonkeyPatch, change: Callable[[str], str] | None
) -> None:
    path = course.source_notebooks / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    if change is None:
        path.unlink()
    else:
        path.write_text(change(path.read_text()))
    monkeypatch.setattr(rehearsal, "_run", lambda *_: pytest.fail("nothing is gained"))
    run_it(course)
    assert where(course) is None


def test_no_room_is_no_rehearsal(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal, "_run", lambda *_: pytest.fail("there is no room"))
    run_it(course, megabytes=0)


def test_nobody_waits_for_another_process_that_is_at_it(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsal, "_run", lambda *_: False)
    run_it(course)
    features = shared_features(course)
    assert features is not None
    (claim,) = features.glob("steps/*/*/*/claim")
    monkeypatch.setattr(rehearsal, "_run", lambda *_: pytest.fail("another one is at it"))
    with claim.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        run_it(course)
        # What the other one has computed so far can be used.
        assert steps(course) == claim.parent


def test_one_that_was_stopped_is_tried_again(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = iter([False, True])
    monkeypatch.setattr(rehearsal, "_run", lambda *_: next(ended))
    run_it(course)
    kept, half_written = steps(course) / "kept", steps(course) / "tmp.part"
    kept.touch()
    half_written.touch()
    run_it(course)
    assert kept.exists()
    assert not half_written.exists()
    run_it(course)
    assert next(ended, None) is None


def test_it_ends_with_the_process_that_asked(course: Course, tmp_path: Path) -> None:
    source = course.source_notebooks / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    asking = f"""from pathlib import Path
from workshop.grading.rehearsal import _run
print("started", flush=True)
_run(Path({str(source)!r}), Path({str(tmp_path)!r}), 60, 1)"""
    process = subprocess.Popen([sys.executable, "-c", asking], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        process.stdout.readline()
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not children.exists():
        process.kill()
        pytest.skip("this system does not tell a process's children")
    deadline = time.monotonic() + 30
    while not (child := children.read_text().split()) and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(1)  # until it listens
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 30
    while Path(f"/proc/{child[0]}/cmdline").read_bytes() if _exists(child[0]) else b"":
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _exists(pid: str) -> bool:
    return Path(f"/proc/{pid}/cmdline").exists()


def test_a_time_limit_keeps_what_there_is(course: Course, tmp_path: Path) -> None:
    source = course.source_notebooks / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    assert rehearsal._run(source, tmp_path, 0.01, 1)


@pytest.mark.parametrize("code", [1, -signal.SIGINT])
def test_a_notebook_that_fails_is_done_and_one_that_is_killed_is_not(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    source = course.source_notebooks / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    ending = (
        f"import os; os._exit({code})" if code > 0 else f"import os; os.kill(os.getpid(), {-code})"
    )
    stand_in = tmp_path / "python"
    stand_in.write_text(f"#!{sys.executable}\nimport os\n{ending}\n")
    stand_in.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(stand_in))
    assert rehearsal._run(source, tmp_path, 30, 1) is (code > 0)
