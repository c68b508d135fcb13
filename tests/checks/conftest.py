"""Small models with named parts, standing in for a pretrained backbone with a head."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn


class SmallNet(nn.Module):
    """Two blocks with BatchNorm and dropout, and a head called ``classifier``.

    ``[B, 3, 8, 8]`` goes in, ``[B, 2]`` comes out; any other size of image works as well.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.blocks = nn.Sequential(
            nn.Sequential(nn.Conv2d(4, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU()),
            nn.Sequential(nn.Conv2d(6, 8, 3, padding=1), nn.BatchNorm2d(8), nn.Dropout(0.1)),
        )
        self.classifier = nn.Linear(8, 2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.blocks(self.stem(images)).mean(dim=(2, 3))
        answers: torch.Tensor = self.classifier(features)
        return answers


class TiedNet(nn.Module):
    """The embedding and the head share one weight, as in many language models."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(5, 3)
        self.body = nn.Linear(3, 3)
        self.head = nn.Linear(3, 5, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        answers: torch.Tensor = self.head(self.body(self.embedding(tokens)).mean(dim=1))
        return answers


class Blocks(nn.Module):
    """Modules ``blocks.5`` and ``blocks.55``, whose names begin alike."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleDict(
            {"5": nn.Sequential(nn.Linear(2, 2)), "55": nn.Sequential(nn.Linear(2, 2))}
        )

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        answers: torch.Tensor = self.blocks["55"](self.blocks["5"](rows))
        return answers


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """The tensors here are tiny: more threads would only wait for one another."""
    torch.set_num_threads(1)


def _seeded(kind: type[nn.Module]) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return kind()

    return make


@pytest.fixture
def small_net() -> Callable[[], nn.Module]:
    """Makes a new model with ``stem``, ``blocks`` and ``classifier``; always the same weights."""
    return _seeded(SmallNet)


@pytest.fixture
def tied_net() -> Callable[[], nn.Module]:
    """Makes a new model in which ``embedding.weight`` and ``head.weight`` are one tensor."""
    return _seeded(TiedNet)


@pytest.fixture
def numbered_blocks() -> nn.Module:
    """A model with ``blocks.5`` and ``blocks.55``."""
    return _seeded(Blocks)()


@pytest.fixture
def images() -> torch.Tensor:
    """``[20, 3, 8, 8]``: the last batch of 16 is not full."""
    return torch.randn(20, 3, 8, 8, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def labels() -> torch.Tensor:
    """``[20]``, twelve of class 0 and eight of class 1."""
    return torch.tensor([0, 1, 0, 0, 1] * 4)
