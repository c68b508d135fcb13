"""The verdicts on evidence that was decided before, bit for bit the same.

What a check says follows from the author's text and from what the learner's kernel showed, and from
nothing else. Right submissions show the same numbers, so that most of a class is decided once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from checks.verdict import Verdict

Decided = list[tuple[float, Verdict]]
"""Verdicts, each with the points that it is about."""


class KnownVerdicts:
    """Verdicts in this process's memory, by what :func:`key_of` gives.

    Args:
        count: of how many cells at most; the oldest go first.
    """

    def __init__(self, count: int = 10_000) -> None:
        self._kept: dict[bytes, Decided] = {}
        self._count = count

    def get(self, key: bytes) -> Decided | None:
        """What was decided; None if nothing was."""
        known = self._kept.get(key)
        return None if known is None else list(known)

    def put(self, key: bytes, decided: Decided) -> None:
        """Keep what was decided."""
        self._kept[key] = list(decided)
        if len(self._kept) > self._count:
            del self._kept[next(iter(self._kept))]


def key_of(
    author: Sequence[Any], content: Any, nonce: str, buffers: Sequence[bytes]
) -> bytes | None:
    """A digest of all that verdicts depend on.

    Args:
        author: the author's texts and numbers, as JSON-ready data.
        content: the evidence's JSON part, as it came.
        nonce: what the evidence has to carry; the digest is the same with any.
        buffers: the evidence's binary parts, as they came.

    Returns:
        None where nothing may be known before: the evidence does not answer this question, is no
        JSON, or too deep.
    """
    if not isinstance(content, dict) or content.get("nonce") != nonce:
        return None
    shown = {name: each for name, each in content.items() if name != "nonce"}
    try:
        # Order is part of it: it is the order in which things are looked at.
        told = json.dumps([*author, shown, [len(each) for each in buffers]])
    except (TypeError, ValueError, RecursionError):
        return None
    digest = hashlib.sha256(told.encode())
    for each in buffers:
        digest.update(each)
    return digest.digest()
