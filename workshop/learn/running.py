"""Seeds, devices and progress bars."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable
from typing import TypeVar

import numpy as np
import torch
from tqdm.auto import tqdm

Item = TypeVar("Item")

DEVICE = "WORKSHOP_DEVICE"
"""The variable that names a device to use instead of the one that would be picked."""
PRECISION = "WORKSHOP_PRECISION"
"""The variable that says how exactly a GPU multiplies: one of ``PRECISIONS``."""
PRECISIONS = ("float32", "tf32")
GPU_MEMORY = "WORKSHOP_GPU_MEMORY_MB"
"""The variable that says how much of a GPU's memory this process may use."""
# What makes cuBLAS add up in the same order each time; PyTorch's notes on reproducibility name it.
_WORKSPACE = ("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and PyTorch, so that running a cell again gives the same numbers.

    The same seed gives bit-identical weights only with the same number of threads, or on the same
    kind of GPU: sums are formed in another order otherwise. On a GPU, algorithms are chosen that
    give the same numbers each time; trying which one is fastest (``cudnn.benchmark``) is off.
    """
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False


def pick_device() -> torch.device:
    """The device to compute on: a GPU if PyTorch can use one, else the CPU.

    The variable ``WORKSHOP_DEVICE`` names another one, ``cpu`` or ``cuda:1`` for example. A GPU
    multiplies numbers of 32 bits as exactly as a CPU does; with ``WORKSHOP_PRECISION=tf32`` it
    rounds them to 10 bits of mantissa first, which is faster.

    On a cluster the number of threads follows what Slurm granted: PyTorch would otherwise start
    one for every core of the node and be slower for it.

    Raises:
        ValueError: a variable names a device or a precision that there is not.
    """
    granted = os.environ.get("SLURM_CPUS_PER_TASK", "")
    if granted.isdigit() and 0 < int(granted) < torch.get_num_threads():
        torch.set_num_threads(int(granted))
    device = _named_device(os.environ.get(DEVICE, ""))
    if device.type == "cuda":
        _prepare_gpu(device)
    return device


def precision() -> str:
    """How exactly a GPU is to multiply: ``float32``, or what ``WORKSHOP_PRECISION`` says.

    Raises:
        ValueError: there is no such precision.
    """
    chosen = os.environ.get(PRECISION) or PRECISIONS[0]
    if chosen not in PRECISIONS:
        raise ValueError(
            f"Expected the variable {PRECISION} to be {' or '.join(PRECISIONS)}, but got {chosen!r}"
        )
    return chosen


def _named_device(name: str) -> torch.device:
    if not name:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(
            f"The variable {DEVICE} names the device {name!r}, which PyTorch cannot use here "
            f"({str(error).splitlines()[0]}). Name another one, cpu for example, or unset it."
        ) from error
    return device


def _prepare_gpu(device: torch.device) -> None:
    """Make its numbers repeatable and as exact as was asked for, and keep to its memory."""
    os.environ.setdefault(*_WORKSPACE)  # read when the first matrix is multiplied
    chosen = "ieee" if precision() == "float32" else "tf32"
    torch.backends.fp32_precision = chosen  # type: ignore[attr-defined] # missing in PyTorch's stubs
    megabytes = os.environ.get(GPU_MEMORY, "")
    if megabytes.isdigit():
        # One that takes more than its share finds no memory; its neighbours do.
        whole = torch.cuda.get_device_properties(device).total_memory
        torch.cuda.set_per_process_memory_fraction(
            min(1.0, int(megabytes) * (1 << 20) / whole), device
        )


def progress(items: Iterable[Item], description: str, total: int | None = None) -> Iterable[Item]:
    """Go through ``items`` with a progress bar that shows the time left.

    Args:
        items: anything that a ``for`` loop takes.
        description: what is going on, shown left of the bar.
        total: how many items there are, where ``len(items)`` cannot tell.
    """
    bar: Iterable[Item] = tqdm(items, desc=description, total=total, leave=True)
    return bar
