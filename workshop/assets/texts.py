"""Labelled texts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch


@dataclass(frozen=True, eq=False)
class TextData:
    """Texts with labels, always in the same order.

    Attributes:
        texts: the texts, ``N`` of them.
        labels: int64 ``[N]``, indexes into ``class_names``.
        ids: one name for each text, made of its content: equal texts have equal ids.
        class_names: what each label means.
    """

    texts: list[str]
    labels: torch.Tensor
    ids: list[str]
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.texts)


def text_id(prefix: str, text: str) -> str:
    """A name made of a text: 12 hexadecimal digits after the prefix."""
    return f"{prefix}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
