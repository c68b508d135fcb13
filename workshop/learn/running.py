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


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and PyTorch, so that running a cell again gives the same numbers.

    The same seed gives bit-identical weights only with the same number of threads: sums are
    formed in another order otherwise.
    """
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def pick_device() -> torch.device:
    """The GPU if PyTorch can use one, else the CPU.

    On a cluster the number of threads follows what Slurm granted: PyTorch would otherwise start
    one for every core of the node and be slower for it.
    """
    granted = os.environ.get("SLURM_CPUS_PER_TASK", "")
    if granted.isdigit() and 0 < int(granted) < torch.get_num_threads():
        torch.set_num_threads(int(granted))
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def progress(items: Iterable[Item], description: str, total: int | None = None) -> Iterable[Item]:
    """Go through ``items`` with a progress bar that shows the time left.

    Args:
        items: anything that a ``for`` loop takes.
        description: what is going on, shown left of the bar.
        total: how many items there are, where ``len(items)`` cannot tell.
    """
    bar: Iterable[Item] = tqdm(items, desc=description, total=total, leave=True)
    return bar
