"""The tiny course of the grading tests, watched."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.workshop.grading.conftest import TinyCourse, built, make_tiny, tiny
from tests.workshop.grading.durable import without_kernels
from workshop.watch.passes import Pass
from workshop.watch.stopping import Stop
from workshop.watch.watcher import Watcher

__all__ = ["built", "make_tiny", "tiny"]
COURSE = "transfer_learning"


@dataclass
class Watched:
    """A course without kernels, and a watch that looks when it is told to."""

    tiny: TinyCourse
    inbound: Path
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Begin anew, as another process would."""
        self.stop = Stop(self.said.append)
        self.watcher = Watcher(
            self.tiny.course, "ps1", pool=None, stop=self.stop, say=self.said.append
        )

    def look(self, times: int = 2) -> Pass:
        """Look so often; what is put down by hand is graded at the second look."""
        for _ in range(times - 1):
            self.watcher.once()
        return self.watcher.once()

    def settings(self, text: str) -> None:
        (self.tiny.course.root / "watch.yaml").write_text(text)

    def send(self, student: str, points: float, moment: str, **files: str) -> Path:
        """Hand in by the exchange, as nbgrader's submit does it."""
        folder = self.inbound / f"{student}+ps1+{moment}+abc"
        folder.mkdir(parents=True)
        answer = f"# {points} points"
        notebook = self.tiny.answered({"square": answer, "cube": answer})
        about = {
            "p1.ipynb": json.dumps(notebook),
            "timestamp.txt": moment,
            "submission_secret.txt": f"secret {student} {moment}",
            **{name.replace("_txt", ".txt"): text for name, text in files.items()},
        }
        for name, text in about.items():
            (folder / name).write_text(text)
        return folder

    def feedback(self, student: str) -> dict[str, str]:
        folder = self.tiny.course.feedback / student / "ps1"
        return {path.name: path.read_text() for path in sorted(folder.glob("*.html"))}

    def released(self, secret: str) -> str | None:
        """What a student with this secret can fetch."""
        from nbgrader.utils import notebook_hash  # noqa: PLC0415 - slow to import

        name = notebook_hash(secret=secret, notebook_id="p1")
        path = self.inbound.parent / "feedback" / f"{name}.html"
        return path.read_text() if path.exists() else None


@pytest.fixture
def watched(
    tiny: TinyCourse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Watched]:
    """Makes a watched course; with an exchange if that is asked for."""

    def make(*, exchange: bool = False) -> Watched:
        root = tmp_path / "exchange"
        monkeypatch.setenv("WORKSHOP_EXCHANGE", str(root))
        monkeypatch.chdir(tiny.course.root)
        inbound = root / COURSE / "inbound"
        if exchange:
            inbound.mkdir(parents=True)
            root.chmod(0o777)
        without_kernels(tiny.course)
        return Watched(tiny, inbound)

    return make
