"""The frozen layers that a model begins with.

Who trains only what follows them, or puts another head on top, computes with them what everybody
else does, even where the model as a whole is one's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile

import torch
from timm.layers.conv2d_same import Conv2dSame
from timm.models._efficientnet_blocks import DepthwiseSeparableConv, InvertedResidual
from timm.models.efficientnet import EfficientNet
from torch import nn

from workshop.recall.parts import Parts
from workshop.recall.question import question_about
from workshop.recall.steps import OUTPUT, Memory, output_in

# These compute the same in training and in evaluation mode; of all others nothing is known.
_WITHOUT_MODES = {
    *(nn.Conv2d, Conv2dSame, nn.ReLU6, nn.Identity, nn.Sequential),
    *(DepthwiseSeparableConv, InvertedResidual),
}


def has_stages(model: EfficientNet) -> bool:
    """Whether its features are what its stages compute, one after the other."""
    return type(model.blocks) is nn.Sequential and not model.grad_checkpointing


def features(model: EfficientNet, x: torch.Tensor, memory: Memory) -> torch.Tensor:
    """What ``forward_features`` gives, the frozen start recalled where it is known.

    Args:
        model: one that has stages, and of which :func:`question_about` says that it can be known.
        x: the images.
        memory: where to look, and to keep.
    """
    stages: list[nn.Module] = [model.conv_stem, model.bn1, *model.blocks]
    stages += [model.conv_head, model.bn2]
    frozen = _length(stages, flags=True)
    # Without gradients flags decide nothing; the author's may be others.
    longest = frozen if torch.is_grad_enabled() else _length(stages, flags=False)
    for length in sorted({longest, frozen} - {0}, reverse=True):
        question = question_about(Parts.of(nn.ModuleList(stages[:length])), "start", x)
        answer = None if question is None else memory.store.get(question)
        if answer is not None:
            return _through(stages[length:], output_in(answer))
        if memory.recording and length == frozen and question is not None:
            x = _through(stages[:length], x)
            memory.store.put(question, {OUTPUT: x})
            return _through(stages[length:], x)
    return _through(stages, x)


def _length(stages: Sequence[nn.Module], *, flags: bool) -> int:
    """How many of the first stages are fixed: nothing in them moves or draws random numbers."""
    return sum(1 for _ in takewhile(lambda each: _is_fixed(each, flags=flags), stages))


def _is_fixed(stage: nn.Module, *, flags: bool) -> bool:
    if flags and any(each.requires_grad for each in stage.parameters()):
        return False
    return not any(each.training and type(each) not in _WITHOUT_MODES for each in stage.modules())


def _through(stages: Iterable[nn.Module], x: torch.Tensor) -> torch.Tensor:
    for stage in stages:
        x = stage(x)
    return x
