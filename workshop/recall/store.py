"""Tensors that only those can read who ask the question that they answer.

A file's name and the key that it is encrypted with both follow from the question. Who has not come
to the same question can neither find the answer nor read it, although the files lie open
(convergent encryption: Douceur et al. 2002, "Reclaiming space from duplicate files").
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import torch
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

Tensors = dict[str, torch.Tensor | None]

_NONCE_BYTES, _TAG_BYTES = 12, 16
_ALIGNED = 64


class Store(Protocol):
    """Where answers are kept by the question that they answer."""

    def get(self, question: bytes) -> Tensors | None:
        """The answer; None if there is none."""

    def put(self, question: bytes, tensors: Mapping[str, torch.Tensor | None]) -> None:
        """Keep an answer, if there is room."""


class MemoryStore:
    """Answers in this process's memory.

    Args:
        room: how many bytes at most; the oldest go first.
        largest: how many bytes one of them may take. What layers give for a batch is kept so, a
            model's gradients are not.
    """

    def __init__(self, room: int = 256 << 20, largest: int = 4 << 20) -> None:
        self._kept: dict[bytes, Tensors] = {}
        self._room, self._largest = room, largest
        self._used = 0

    def get(self, question: bytes) -> Tensors | None:
        """The answer, which may be changed; None if there is none."""
        found = self._kept.get(question)
        return None if found is None else _cloned(found)

    def put(self, question: bytes, tensors: Mapping[str, torch.Tensor | None]) -> None:
        """Keep an answer that is not too large."""
        if _size(tensors) > self._largest or question in self._kept:
            return
        self._kept[question] = _cloned(tensors)
        self._used += _size(tensors)
        while self._used > self._room:
            self._used -= _size(self._kept.pop(next(iter(self._kept))))


class SealedStore:
    """A folder of sealed answers.

    Args:
        folder: where they lie.
        room: how many bytes may be added; none for a folder that is only read.
    """

    def __init__(self, folder: Path, room: int = 0) -> None:
        self._folder = folder
        self._room = room

    def get(self, question: bytes) -> Tensors | None:
        """The answer; None if there is none, or its file is damaged."""
        name, key = _name_and_key(question)
        try:
            sealed = memoryview((self._folder / name).read_bytes())
            # What tensors then lie in, without another copy.
            plain = bytearray(max(0, len(sealed) - _NONCE_BYTES - _TAG_BYTES))
            nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
            AESGCM(key).decrypt_into(nonce, rest, None, plain)
        except (OSError, InvalidTag, ValueError):
            return None
        return _unpacked(plain)

    def put(self, question: bytes, tensors: Mapping[str, torch.Tensor | None]) -> None:
        """Keep an answer while there is room; on a disk that is full, nothing is kept."""
        name, key = _name_and_key(question)
        plain = _packed(tensors)
        if len(plain) > self._room:
            return
        self._room -= len(plain)
        nonce = os.urandom(_NONCE_BYTES)
        with contextlib.suppress(OSError):
            handle, temporary = tempfile.mkstemp(dir=self._folder, suffix=".part")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(nonce + AESGCM(key).encrypt(nonce, plain, None))
                Path(temporary).replace(self._folder / name)
            finally:
                Path(temporary).unlink(missing_ok=True)


def _size(tensors: Mapping[str, torch.Tensor | None]) -> int:
    return sum(each.nbytes for each in tensors.values() if each is not None)


def _cloned(tensors: Mapping[str, torch.Tensor | None]) -> Tensors:
    return {name: None if each is None else each.detach().clone() for name, each in tensors.items()}


def _name_and_key(question: bytes) -> tuple[str, bytes]:
    name = hashlib.sha256(b"name " + question).hexdigest()[:32]
    return name, hashlib.sha256(b"key " + question).digest()


def _packed(tensors: Mapping[str, torch.Tensor | None]) -> bytes:
    """What is known of each tensor as JSON, then their numbers as they lie in memory."""
    entries: list[list[object]] = []
    parts, offset = list[bytes](), 0
    for name, tensor in tensors.items():
        if tensor is None:
            entries.append([name, None])
            continue
        numbers, strides = _as_it_lies(tensor)
        dtype = str(tensor.dtype).removeprefix("torch.")
        entries.append([name, [dtype, [*tensor.shape], [*strides], offset]])
        parts.append(numbers + bytes(-len(numbers) % _ALIGNED))
        offset += len(parts[-1])
    head = json.dumps(entries).encode()
    head += b" " * (-(len(head) + 8) % _ALIGNED)
    return b"".join([len(head).to_bytes(8, "little"), head, *parts])


def _as_it_lies(tensor: torch.Tensor) -> tuple[bytes, tuple[int, ...]]:
    """A tensor's numbers in the order of its memory, and its strides; dense if it is not."""
    dense = torch.empty_like(tensor, memory_format=torch.preserve_format).copy_(tensor.detach())
    flat = dense.as_strided((dense.numel(),), (1,))
    return flat.view(torch.uint8).numpy().tobytes(), dense.stride()


def _unpacked(plain: bytearray) -> Tensors:
    begin = 8 + int.from_bytes(plain[:8], "little")
    entries = json.loads(plain[8:begin])
    found: Tensors = {}
    for name, about in entries:
        if about is None:
            found[name] = None
            continue
        dtype: torch.dtype = getattr(torch, about[0])
        _, shape, strides, offset = about
        tensor = found[name] = torch.empty(0, dtype=dtype)
        count = torch.Size(shape).numel()
        if count:
            # A storage and a version of its own: no view of a tensor that others share.
            numbers = torch.frombuffer(plain, dtype=dtype, count=count, offset=begin + offset)
            tensor.set_(numbers.untyped_storage(), 0, shape, strides)
        else:
            tensor.resize_(shape)
    return found
