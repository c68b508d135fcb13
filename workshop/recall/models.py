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

from workshop.recall.parts import Parts
from workshop.recall.question import question_about
from workshop.recall.start import features, has_stages
from workshop.recall.steps import Memory, Step
from workshop.recall.store import SealedStore, Store

Method = Callable[..., torch.Tensor]

# Each is a function of weights, modes and one tensor, [N, ...] to [N, ...].
_FEATURES = "forward_features"
_METHODS = ("forward", _FEATURES)


class _Within(threading.local):
    """Whether this thread is computing a call, and may recall how that begins."""

    computing = False
    from_start = False


_within = _Within()


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
    def call(self: EfficientNet, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        if args or kwargs or _within.computing:
            # Whoever computes a model's output asks it for its features on the way.
            if _within.from_start and method.__name__ == _FEATURES and not (args or kwargs):
                return features(self, x, memory)
            return method(self, x, *args, **kwargs)
        parts = Parts.of(self)
        question = question_about(parts, method.__name__, x)
        known = question is not None and has_stages(self)
        run = functools.partial(_computed, call, method, self, x, from_start=known)
        return run() if question is None else Step(memory, parts, x, run, question).output()

    return call


def _computed(
    call: Method, method: Method, model: EfficientNet, x: torch.Tensor, *, from_start: bool
) -> torch.Tensor:
    before = _within.computing, _within.from_start
    _within.computing, _within.from_start = True, from_start
    try:
        return (call if method.__name__ == _FEATURES else method)(model, x)
    finally:
        _within.computing, _within.from_start = before
