"""Keep what is expensive and never changes, named by the content it was computed from.

A frozen backbone gives the same features for the same inputs every time. They are computed once and
kept in a folder, so that a notebook that is run again takes seconds. The name of a file is a digest
of the weights, the architecture and the inputs: another model or another image is another name, so
nothing can be out of date.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

Content = torch.Tensor | nn.Module | str | int | Sequence[str]

DEFAULT_MEGABYTES = 200
# Changes with the meaning of what is kept.
_FORMAT = "1"
# Only of these libraries' classes does the printed architecture tell what a model computes.
_KNOWN = ("timm", "torch", "torchvision", "transformers", "peft")


def cached(name: str, compute: Callable[[], torch.Tensor], *content: Content) -> torch.Tensor:
    """What ``compute`` returns; from the disk if it was computed before from the same content.

    A folder named by ``WORKSHOP_SHARED_CACHE`` is looked into first, and only read. Where the own
    folder cannot be written, a disk is full, or a model has layers that are not those of a
    library, it is simply computed.

    Args:
        name: what is computed, in a word: part of the file's name.
        compute: computes a tensor of nothing but the content.
        content: all that the result depends on.
    """
    if not all(map(_is_known, content)):
        return compute()
    file = f"{name}-{_digest(name, content)}.safetensors"
    shared, own = os.environ.get("WORKSHOP_SHARED_CACHE"), cache_folder() / file
    for path in (Path(shared) / file, own) if shared else (own,):
        kept = _read(path)
        if kept is not None:
            return kept
    computed = compute().detach().cpu().contiguous()
    _write(own, computed)
    return computed


def cache_folder() -> Path:
    """``WORKSHOP_CACHE`` if it is set, else a folder in the user's own cache.

    On a cluster with a small home quota, set it to a folder on the scratch disk.
    """
    chosen = os.environ.get("WORKSHOP_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "transfer-learning-workshop"


def _is_known(content: Content) -> bool:
    if not isinstance(content, nn.Module):
        return True
    return all(
        type(module).__module__.split(".")[0] in _KNOWN
        and "forward" not in vars(module)
        and not module._forward_hooks
        and not module._forward_pre_hooks
        for module in content.modules()
    )


def _digest(name: str, content: Sequence[Content]) -> str:
    digest = hashlib.sha256(f"{_FORMAT} {name} {torch.__version__}".encode())
    for each in content:
        if isinstance(each, torch.Tensor):
            _add(digest, each)
        elif isinstance(each, nn.Module):
            digest.update(f"{type(each).__qualname__} {each!r}".encode())
            modes = [module.training for module in each.modules()]
            digest.update(bytes(modes))
            for key, value in each.state_dict().items():
                digest.update(key.encode())
                _add(digest, value)
        else:
            digest.update(repr(each).encode())
    return digest.hexdigest()[:32]


def _add(digest: hashlib._Hash, tensor: torch.Tensor) -> None:
    values = tensor.detach().cpu().contiguous()
    digest.update(f"{values.dtype} {list(values.shape)}".encode())
    digest.update(values.reshape(-1).view(torch.uint8).numpy().data)


def _read(path: Path) -> torch.Tensor | None:
    """The tensor in a file; None if there is none, or it is damaged."""
    try:
        tensor = load_file(path)["values"]
    except (OSError, SafetensorError, KeyError):
        return None
    with contextlib.suppress(OSError):  # of a folder that can only be read
        os.utime(path)  # what was used last is removed last
    return tensor


def _write(path: Path, tensor: torch.Tensor) -> None:
    """Write a file as a whole or not at all."""
    with contextlib.suppress(OSError, SafetensorError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
        os.close(handle)
        try:
            save_file({"values": tensor}, temporary)
            Path(temporary).replace(path)
        finally:
            Path(temporary).unlink(missing_ok=True)
        _make_room(path.parent)


def _make_room(folder: Path) -> None:
    """Remove what was not used for longest, until the rest fits."""
    granted = os.environ.get("WORKSHOP_CACHE_MB", "")
    room = int(granted if granted.isdigit() else DEFAULT_MEGABYTES) * 1_000_000
    files = [(path, path.stat()) for path in folder.glob("*.safetensors")]
    for path, stat in sorted(files, key=lambda each: each[1].st_mtime, reverse=True):
        room -= stat.st_size
        if room < 0:
            path.unlink(missing_ok=True)
