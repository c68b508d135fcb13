"""Let models recall what they compute: all of timm's EfficientNets in this process."""

from __future__ import annotations

import contextlib
import functools
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from timm.models.efficientnet import EfficientNet
from torch import nn

from workshop.recall.parts import Parts
from workshop.recall.question import question_about
from workshop.recall.steps import Memory, Step
from workshop.recall.store import SealedStore, Store

Method = Callable[..., torch.Tensor]

# Each is a function of weights, modes and one tensor, [N, ...] to [N, ...].
_METHODS = ("forward", "forward_features")
_inside = threading.local()


def recalled_from(folder: str | os.PathLike[str]) -> None:
    """From now on, recall what lies in a folder, and compute what does not.

    Args:
        folder: it is only read.
    """
    _remember(Memory(SealedStore(Path(folder)), recording=False))


def recorded_to(folder: str | os.PathLike[str], room: int) -> None:
    """From now on, keep what is computed.

    Args:
        folder: where; it exists.
        room: how many bytes at most.
    """
    _remember(Memory(SealedStore(Path(folder), room), recording=True))


@contextlib.contextmanager
def kept_in(store: Store) -> Iterator[None]:
    """Meanwhile, keep what is computed, and recall it when it is asked for again."""
    before = {name: getattr(EfficientNet, name) for name in _METHODS}
    _remember(Memory(store, recording=True))
    try:
        yield
    finally:
        for name, method in before.items():
            setattr(EfficientNet, name, method)


def _remember(memory: Memory) -> None:
    for name in _METHODS:
        method = getattr(EfficientNet, name)
        original = getattr(method, "__wrapped__", method)
        setattr(EfficientNet, name, _remembering(original, memory))


def _remembering(method: Method, memory: Memory) -> Method:
    @functools.wraps(method)
    def call(self: nn.Module, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        if args or kwargs or getattr(_inside, "a_call", False):
            return method(self, x, *args, **kwargs)
        _inside.a_call = True
        try:
            parts, run = Parts.of(self), functools.partial(method, self, x)
            question = question_about(parts, method.__name__, x)
            return run() if question is None else Step(memory, parts, x, run, question).output()
        finally:
            _inside.a_call = False

    return call
