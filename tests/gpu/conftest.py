"""A GPU for the tests that need one. Where there is none they are skipped, and say so."""

from __future__ import annotations

import os

import pytest
import torch

from workshop.grading.devices import Gpu, kernel_gpus


@pytest.fixture(scope="session")
def gpu() -> Gpu:
    """The first GPU that a kernel can use; ``WORKSHOP_REQUIRE_GPU=1`` demands one."""
    found = kernel_gpus() if torch.cuda.is_available() else ()
    if not found:
        said = "NOT TESTED on a GPU: PyTorch finds none here. With one, run: make test-gpu"
        if os.environ.get("WORKSHOP_REQUIRE_GPU"):
            pytest.fail(said)
        pytest.skip(said)
    return found[0]
