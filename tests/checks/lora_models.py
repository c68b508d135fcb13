"""A tiny model of attention that peft can adapt, and peft's own adapters for it."""

from __future__ import annotations

from typing import Any

import torch
from peft import LoraConfig, TaskType, get_peft_model
from torch import nn
from transformers import PretrainedConfig

TARGETS = ("query", "value")


class Block(nn.Module):
    """One layer whose parts are called as in MiniLM."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(6, 6)
        self.key = nn.Linear(6, 6)
        self.value = nn.Linear(6, 4)
        self.dense = nn.Linear(4, 6)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        mixed = self.query(rows) * torch.sigmoid(self.key(rows))
        return rows + torch.as_tensor(self.dense(self.value(mixed)))


class TinyEncoder(nn.Module):
    """``[B, L]`` token ids go in, logits ``[B, 3]`` come out."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 6)
        self.layers = nn.Sequential(Block(), Block())
        self.classifier = nn.Linear(6, 3)
        self.config = PretrainedConfig()
        self.register_buffer("positions", torch.arange(5))

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **_: object
    ) -> torch.Tensor:
        rows = self.layers(self.embedding(input_ids))
        counted = attention_mask[..., None].float()
        answers: torch.Tensor = self.classifier((rows * counted).sum(1) / counted.sum(1))
        return answers


def tiny(seed: int = 0) -> TinyEncoder:
    """A new model; the seed decides all weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return TinyEncoder()


def config(**changes: Any) -> LoraConfig:
    """The configuration that the tests ask for, with changes."""
    settings: dict[str, Any] = {
        "task_type": TaskType.SEQ_CLS,
        "r": 3,
        "lora_alpha": 12,
        "lora_dropout": 0.1,
        "target_modules": [*TARGETS],
        "modules_to_save": ["classifier"],
    }
    return LoraConfig(**(settings | changes))


def with_lora(seed: int = 0, **changes: Any) -> Any:
    """A model with adapters that have learned something."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = get_peft_model(tiny(), config(**changes))
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if "lora_B" in name or "modules_to_save" in name:
                    parameter.copy_(torch.randn(parameter.shape))
    return model


def batch(rows: int = 7) -> dict[str, torch.Tensor]:
    """Tokens, and a mask that leaves different numbers of them."""
    generator = torch.Generator().manual_seed(rows)
    mask = (torch.arange(5) < torch.randint(1, 6, (rows, 1), generator=generator)).long()
    return {
        "input_ids": torch.randint(0, 11, (rows, 5), generator=generator),
        "attention_mask": mask,
    }
