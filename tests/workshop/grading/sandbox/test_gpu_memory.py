"""What a sandbox holds of a GPU, as the driver's tool would say; the tool is a stand-in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from workshop.grading.sandbox import gpu_memory, watchdog
from workshop.grading.sandbox.bubblewrap import MEGABYTE, View
from workshop.grading.sandbox.launch import Bounds, launch
from workshop.grading.sandbox.watchdog import GPU_MEMORY, Watchdog, describe

SLEEPS = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Says what stands in the file that is returned."""
    script = tmp_path / "bin" / gpu_memory.TOOL
    script.parent.mkdir()
    told = tmp_path / "told"
    script.write_text(f"#!/bin/sh\ncat {told}\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:/usr/bin:/bin")
    monkeypatch.setattr(watchdog, "gpu_devices", lambda: (Path("/dev/nvidia0"),))
    return told


def test_only_the_sandboxs_own_processes_count(tool: Path) -> None:
    bounds = Bounds(gpu_memory=100 * MEGABYTE)
    with launch(SLEEPS, View(), bounds) as sandbox, subprocess.Popen(SLEEPS) as other:
        tool.write_text(f"{sandbox.init_pid}, 300\n{other.pid}, 5000\n1, [N/A]\nnonsense\n")
        assert gpu_memory.used_by(sandbox.init_pid) == 300 * MEGABYTE
        other.kill()


def test_without_a_tool_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert not gpu_memory.can_be_told()
    assert gpu_memory.used_by(1) == 0


def test_who_holds_more_than_its_share_is_stopped_and_told_why(tool: Path) -> None:
    bounds = Bounds(gpu_memory=100 * MEGABYTE)
    with launch(SLEEPS, View(), bounds) as sandbox:
        tool.write_text(f"{sandbox.init_pid}, 1000\n")
        dog = Watchdog(sandbox)
        dog.start()
        with pytest.raises(subprocess.TimeoutExpired):
            sandbox.process.wait(4)  # within its share, and what CUDA takes besides
        tool.write_text(f"{sandbox.init_pid}, 9000\n")
        sandbox.process.wait(45)
        dog.close()
    assert sandbox.reason == GPU_MEMORY
    assert "100 MB of the GPU" in describe(sandbox.reason, bounds)
