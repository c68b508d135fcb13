"""Source models by name."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import nn

from workshop.assets import vision
from workshop.assets._errors import unexpected


def load_source_model(
    name: str = vision.NAME,
    *,
    pretrained: bool = True,
    num_classes: int | None = None,
    seed: int | None = None,
) -> nn.Module:
    """Give a source model, on the CPU and in training mode, as PyTorch's own constructors do.

    Args:
        name: ``efficientnet_lite0`` (embedded).
        pretrained: with its published weights; otherwise with random ones.
        num_classes: replace the head by a new, random one with so many outputs.
        seed: decides the random weights, and leaves the global random numbers as they were. If
            None, the global random number generator decides: it gives exactly one number when
            something is random, none otherwise.

    Returns:
        A model of its own: changing it changes no other.

    Raises:
        ValueError: no such model, or no such number of classes.
        AssetUnavailable: the model is not on this machine and cannot be fetched.
        AssetCorrupted: its file does not have the published content.
    """
    if num_classes is not None and (isinstance(num_classes, bool) or num_classes < 1):
        raise unexpected("num_classes", "a positive whole number or None", num_classes)
    if name != vision.NAME:
        raise unexpected("name", vision.NAME, name)
    with _random_weights(seed, any_random=not pretrained or num_classes is not None):
        return vision.efficientnet_lite0(pretrained=pretrained, num_classes=num_classes)


@contextlib.contextmanager
def _random_weights(seed: int | None, *, any_random: bool) -> Iterator[None]:
    """Draw random weights from a seed, and keep the global generator out of it.

    How many numbers a constructor draws depends on the architecture and on library versions; what
    the learner's seed gives afterwards should not.
    """
    if seed is None and any_random:
        seed = int(torch.randint(2**62, (1,)).item())
    with torch.random.fork_rng(devices=[]):
        if seed is not None:
            torch.manual_seed(seed)
        yield
