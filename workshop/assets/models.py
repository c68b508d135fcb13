"""Source models by name."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from workshop.assets import torchvision_models, vision
from workshop.assets._errors import is_whole_number, unexpected
from workshop.assets._names import (
    EFFICIENTNET_LITE0,
    HUB_PREFIX,
    MINILM,
    TIMM_ONLINE,
    TORCHVISION_PREFIX,
)


def load_source_model(
    name: str = EFFICIENTNET_LITE0,
    *,
    pretrained: bool = True,
    num_classes: int | None = None,
    seed: int | None = None,
    revision: str | None = None,
) -> nn.Module:
    """Give a source model, on the CPU and in training mode, as PyTorch's own constructors do.

    Args:
        name: ``efficientnet_lite0`` or ``minilm`` (installed with the workshop); or, downloaded at
            first use, ``efficientnet_b0`` (module names as in ``efficientnet_lite0``) or
            ``resnet18``, both of timm with torchvision's weights; ``torchvision/resnet18`` and
            other classifiers of torchvision, with its module names; or ``hf/`` and a repository of
            the Hugging Face Hub.
        pretrained: with its published weights; otherwise with random ones.
        num_classes: replace the head by a new, random one with so many outputs. Without it, images
            get the head that the model was published with, and language models have none.
        seed: decides the random weights, and leaves the global random numbers as they were. If
            None, the global random number generator decides: it gives exactly one number when
            something is random, none otherwise.
        revision: of the Hub's models only: the commit, tag or branch to take.

    Returns:
        A model of its own: changing it changes no other.

    Raises:
        ValueError: no such model, or no such number of classes.
        AssetUnavailable: the model is not on this machine and cannot be fetched.
        AssetCorrupted: its file does not have the published content.
    """
    if num_classes is not None and (not is_whole_number(num_classes) or num_classes < 1):
        raise unexpected("num_classes", "a positive whole number or None", num_classes)
    build = _builder(name, revision)
    with _random_weights(seed, any_random=not pretrained or num_classes is not None):
        model = build(pretrained=pretrained, num_classes=num_classes)
    # The same numbers in another order in memory, with a pixel's channels side by side: networks of
    # convolutions train about twice as fast on a CPU, and faster in mixed precision on a GPU.
    to: Any = model.to  # its types know no memory format without a device
    channels_last: nn.Module = to(memory_format=torch.channels_last)
    return channels_last


def load_tokenizer(name: str = MINILM, *, revision: str | None = None) -> Any:
    """Give the tokenizer that belongs to a language model.

    Args:
        name: ``minilm``, or ``hf/`` and a repository of the Hugging Face Hub.
        revision: of the Hub's models only: the commit, tag or branch to take.

    Returns:
        A tokenizer of transformers: ``tokenizer(texts, padding=True, return_tensors="pt")``.

    Raises:
        ValueError: no such language model.
        AssetUnavailable: it is not on this machine and cannot be fetched.
        AssetCorrupted: a file does not have the published content.
    """
    if name.startswith(HUB_PREFIX):
        from workshop.assets import hub  # noqa: PLC0415 - imports transformers, which takes seconds

        return hub.load_tokenizer(name, revision)
    _refuse_revision(name, revision)
    if name == MINILM:
        from workshop.assets import language  # noqa: PLC0415 - as above

        return language.tokenizer_from_folder(language.minilm_folder())
    raise unexpected("name", f"{MINILM!r} or '{HUB_PREFIX}<repo id>'", name)


def _builder(name: str, revision: str | None) -> Callable[..., nn.Module]:
    if name.startswith(HUB_PREFIX):
        from workshop.assets import hub  # noqa: PLC0415 - as above

        return functools.partial(hub.load, name, revision=revision)
    _refuse_revision(name, revision)
    if name == EFFICIENTNET_LITE0:
        return vision.efficientnet_lite0
    if name in TIMM_ONLINE:
        return functools.partial(vision.with_torchvision_weights, name)
    if name == MINILM:
        from workshop.assets import language  # noqa: PLC0415 - as above

        return language.minilm
    if torchvision_models.is_known(name):
        return functools.partial(torchvision_models.load, name)
    raise unexpected(
        "name",
        f"{EFFICIENTNET_LITE0!r}, {MINILM!r}, {', '.join(map(repr, TIMM_ONLINE))}, "
        f"'{TORCHVISION_PREFIX}<model>' or '{HUB_PREFIX}<repo id>'",
        name,
    )


def _refuse_revision(name: str, revision: str | None) -> None:
    if revision is not None:
        raise unexpected("revision", f"left out, since {name} has only one", revision)


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
