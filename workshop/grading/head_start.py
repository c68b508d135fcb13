"""Processes that import libraries for some seconds, started before this one imports its own."""

from __future__ import annotations

import os
from multiprocessing import forkserver
from unittest import mock

from traitlets.config import Config

from workshop.grading.memory import FASTER_TRAINING
from workshop.grading.sandbox import warm
from workshop.grading.sandbox.levels import Confinement

_OF_WORKERS = ["workshop.grading.worker", "workshop.grading.verification"]


def head_start(config: Config, workers: int) -> None:
    """Start what kernels are forked from, and what workers are forked from if there are several.

    Nothing waits for them here. They end with this process.

    Args:
        config: that of ``nbgrader_config.py``.
        workers: how many processes are going to grade.
    """
    settings = config.ExecuteSubmission
    confined = settings.get("confinement", Confinement.BUBBLEWRAP) == Confinement.BUBBLEWRAP
    if confined and settings.get("warm_kernels", True):
        warm.prepare()
    if workers > 1:
        start_forkserver()


def start_forkserver() -> None:
    """Start the process that workers are forked from; it imports the libraries for all of them."""
    forkserver.set_forkserver_preload(_OF_WORKERS)
    with mock.patch.dict(os.environ, FASTER_TRAINING):  # read when a process starts
        forkserver.ensure_running()
