"""What kernels compute on is found as they will find it, and said in records and thresholds."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from workshop.grading import devices
from workshop.grading.devices import ON_CPU, Device, Gpu, kernel_gpus, nth_visible, recorded
from workshop.grading.failures import NotGraded

TWO = [
    {"name": "Model A", "memory_mb": 40_000, "uuid": "GPU-1-a"},
    {"name": "Model B", "memory_mb": 80_000, "uuid": "GPU-2-b"},
]


@pytest.fixture(autouse=True)
def _asked_anew() -> Iterator[None]:
    devices._found.cache_clear()
    yield
    devices._found.cache_clear()


def answer(monkeypatch: pytest.MonkeyPatch, output: str, errors: str = "") -> list[object]:
    """Stand in for the confined process that asks PyTorch; returns what was asked."""
    asked: list[object] = []

    def run(command: object, view: object, **_: object) -> subprocess.CompletedProcess[str]:
        asked.append(view)
        return subprocess.CompletedProcess([], 0, output, errors)

    monkeypatch.setattr(devices, "run_confined", run)
    monkeypatch.setattr(devices, "gpu_devices", lambda: (Path("/dev/nvidia0"),))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return asked


def test_where_there_is_no_gpu_nothing_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answer(monkeypatch, "")
    monkeypatch.setattr(devices, "gpu_devices", lambda: (Path("/dev/dri"),))
    assert kernel_gpus() == ()
    assert not asked


def test_gpus_are_found_as_a_confined_kernel_sees_them_and_only_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = answer(monkeypatch, f"a warning\nGPUS {json.dumps(TWO)}\n")
    found = kernel_gpus()
    assert found == (
        Gpu(name="Model A", memory_mb=40_000, uuid="GPU-1-a"),
        Gpu(name="Model B", memory_mb=80_000, uuid="GPU-2-b"),
    )
    assert kernel_gpus() == found
    assert len(asked) == 1
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    kernel_gpus()
    assert len(asked) == 2


def test_a_gpu_that_no_kernel_can_use_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, "GPUS []\n")
    assert kernel_gpus() == ()


@pytest.mark.parametrize(
    ("output", "errors"),
    [
        ("", "ImportError: libcuda.so.1"),
        ("GPUS nonsense\n", ""),
        ('GPUS [{"name": "A", "memory_mb": 5, "uuid": "../x"}]\n', ""),
    ],
)
def test_no_answer_is_an_error_with_a_remedy(
    output: str, errors: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, output, errors)
    with pytest.raises(NotGraded) as caught:
        kernel_gpus()
    assert caught.value.stops  # the same would happen to every submission
    assert "CUDA_VISIBLE_DEVICES" in str(caught.value.remedy)
    assert not errors or errors in caught.value.what


def test_the_question_can_really_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here, where there may be no GPU, the answer is what PyTorch says outside as well."""
    monkeypatch.setattr(devices, "_may_have_gpus", lambda: True)
    expected = torch.cuda.device_count() if torch.cuda.is_available() else 0
    assert len(kernel_gpus("none")) == expected
    assert len(kernel_gpus("bubblewrap")) == expected


@pytest.mark.parametrize(
    ("visible", "expected"),
    [(None, "1"), ("2,3", "3"), ("GPU-aa, GPU-bb", "GPU-bb")],
)
def test_one_of_the_visible_gpus_is_chosen_by_the_name_that_it_has_there(
    visible: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert nth_visible(1) == expected


def test_records_are_read_back() -> None:
    device = Device("cuda", "tf32", "Model A", 8192)
    assert recorded(json.loads(json.dumps(device.to_dict()))) == device
    assert recorded(ON_CPU.to_dict()) == ON_CPU
    assert recorded(None) == ON_CPU
    with pytest.raises(ValueError, match="kind"):
        recorded({"kind": 3})


def test_thresholds_belong_to_a_kind_of_device_and_a_precision() -> None:
    assert ON_CPU.calibrated_as == "cpu"
    assert Device("cuda", "float32", "Model A", 1).calibrated_as == "cuda"
    assert Device("cuda", "tf32", "Model A", 1).calibrated_as == "cuda-tf32"
