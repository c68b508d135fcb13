"""Devices are picked as the machine and the variables say; seeds give the same numbers again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from workshop import learn
from workshop.learn.running import precision


@pytest.fixture(autouse=True)
def _own_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WORKSHOP_DEVICE", "WORKSHOP_PRECISION", "WORKSHOP_GPU_MEMORY_MB"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, float]]:
    """As if there were a GPU of 10 GB; gives the share of its memory that was asked for."""
    asked: dict[str, float] = {}
    properties = SimpleNamespace(total_memory=10_000 << 20)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: properties)
    monkeypatch.setattr(
        torch.cuda,
        "set_per_process_memory_fraction",
        lambda fraction, device: asked.update({str(device): fraction}),
    )
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # put back afterwards
    before = torch.backends.fp32_precision  # type: ignore[attr-defined]
    yield asked
    torch.backends.fp32_precision = before  # type: ignore[attr-defined]


def test_without_a_gpu_it_is_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert learn.pick_device() == torch.device("cpu")


def test_a_gpu_is_picked_unless_another_device_is_named(
    gpu: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert learn.pick_device() == torch.device("cuda")
    monkeypatch.setenv("WORKSHOP_DEVICE", "cpu")
    assert learn.pick_device() == torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda:99", "no such device"])
def test_a_device_that_is_not_there_is_named_in_the_error(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKSHOP_DEVICE", name)
    with pytest.raises(ValueError, match=f"WORKSHOP_DEVICE.*{name}"):
        learn.pick_device()


def test_a_gpu_multiplies_as_exactly_as_was_asked_for(
    gpu: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    learn.pick_device()
    assert torch.backends.cudnn.conv.fp32_precision == "ieee"  # type: ignore[attr-defined]
    assert torch.backends.cuda.matmul.fp32_precision == "ieee"
    monkeypatch.setenv("WORKSHOP_PRECISION", "tf32")
    learn.pick_device()
    assert precision() == "tf32"
    assert torch.backends.cudnn.conv.fp32_precision == "tf32"  # type: ignore[attr-defined]
    monkeypatch.setenv("WORKSHOP_PRECISION", "half")
    with pytest.raises(ValueError, match="WORKSHOP_PRECISION"):
        learn.pick_device()


def test_a_process_keeps_to_its_share_of_the_gpu(
    gpu: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    learn.pick_device()
    assert gpu == {}
    monkeypatch.setenv("WORKSHOP_GPU_MEMORY_MB", "2500")
    learn.pick_device()
    assert gpu == {"cuda": 0.25}
    monkeypatch.setenv("WORKSHOP_GPU_MEMORY_MB", "99999")
    learn.pick_device()
    assert gpu == {"cuda": 1.0}


def test_a_seed_gives_the_same_numbers_again() -> None:
    def drawn() -> tuple[float, float, list[float]]:
        learn.seed_everything(3)
        return random.random(), float(np.random.rand()), torch.rand(3).tolist()

    assert drawn() == drawn()
    assert torch.backends.cudnn.deterministic
    assert not torch.backends.cudnn.benchmark
