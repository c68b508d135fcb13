"""Features of frozen source models, computed once and kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from workshop.learn.cache import cached
from workshop.learn.running import progress


def image_features(
    model: nn.Module, inputs: torch.Tensor, *, batch_size: int = 16, label: str = "features"
) -> torch.Tensor:
    """The pooled features before the head, in evaluation mode, without gradients.

    Args:
        model: of timm; left in the mode that it was in.
        inputs: ``[N, 3, H, W]``, normalised as the model wants them.
        batch_size: images at a time; few, since larger batches are slower on a CPU.
        label: stands left of the progress bar.

    Returns:
        ``[N, D]`` on the CPU; on another run of the same content, from the disk.
    """

    def compute() -> torch.Tensor:
        timm_model: Any = model  # timm's methods have no types
        return torch.cat(
            [
                timm_model.forward_head(
                    timm_model.forward_features(batch.to(_device(model))), pre_logits=True
                ).cpu()
                for batch in progress(torch.split(inputs, batch_size), label)
            ]
        )

    return _frozen("image_features", model, compute, inputs)


def text_features(
    model: nn.Module,
    tokenizer: Any,
    texts: Sequence[str],
    *,
    batch_size: int = 32,
    max_length: int = 48,
) -> torch.Tensor:
    """The mean over each text's tokens of the encoder's last hidden states (Reimers et al. 2019).

    Args:
        model: an encoder of transformers, without a head; left in the mode that it was in.
        tokenizer: the one that belongs to it.
        texts: ``N`` of them.
        batch_size: texts at a time; those of similar length together, so that little is padded.
        max_length: tokens that are read of each.

    Returns:
        ``[N, D]`` on the CPU, in the order of the texts; on another run of the same content, from
        the disk.
    """

    def compute() -> torch.Tensor:
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        found = torch.zeros(len(texts), 0)
        for start in progress(range(0, len(texts), batch_size), "features"):
            rows = order[start : start + batch_size]
            tokens = tokenizer(
                [texts[row] for row in rows],
                padding=True,
                truncation=True,
                max_length=max_length,
                return_tensors="pt",
            ).to(_device(model))
            hidden = model(**tokens).last_hidden_state
            mask = tokens["attention_mask"].unsqueeze(-1)
            means = (hidden * mask).sum(dim=1) / mask.sum(dim=1)
            if not found.shape[1]:
                found = torch.zeros(len(texts), means.shape[1])
            found[rows] = means.float().cpu()
        return found

    vocabulary = repr(tokenizer)
    return _frozen("text_features", model, compute, vocabulary, tuple(texts), max_length)


def _frozen(name: str, model: nn.Module, compute: Any, *content: Any) -> torch.Tensor:
    """Compute in evaluation mode without gradients, and leave every mode as it was."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad():
            return cached(name, compute, model, *content)
    finally:
        for module, training in modes.items():
            module.training = training


def _device(model: nn.Module) -> torch.device:
    return next(model.parameters()).device
