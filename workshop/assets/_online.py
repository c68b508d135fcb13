"""Downloads that end with the right content or with an error that says what to do."""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tqdm.auto import tqdm

from workshop.assets._errors import AssetCorrupted, AssetUnavailable
from workshop.assets._integrity import digest_of, write_atomically

# A school's server that holds the files under the same names, instead of torchvision's own.
MIRROR = "WORKSHOP_TORCHVISION_MIRROR"
TIMEOUT_SECONDS = 30
_CHUNK = 1 << 20


class _WrongContent(Exception):
    """The server gave something else than what was published."""


def torch_home() -> Path:
    """PyTorch's cache folder: ``TORCH_HOME``, else ``XDG_CACHE_HOME/torch``, else ~/.cache/torch.

    Asked each time, so that a notebook may set it after importing PyTorch.
    """
    fallback = os.path.join(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "torch")  # noqa: PTH118
    return Path(os.environ.get("TORCH_HOME") or fallback).expanduser()


def mirrored(url: str) -> str:
    """The address to download from: the same file name below the mirror, if there is one."""
    mirror = os.environ.get(MIRROR)
    if not mirror:
        return url
    return f"{mirror.rstrip('/')}/{url.rpartition('/')[2]}"


def unavailable(
    name: str, folder_variable: str, folder: Path, default: str, why: str
) -> AssetUnavailable:
    """The error for an asset that is neither cached nor to be had, with both remedies."""
    return AssetUnavailable(
        f"not in the cache {folder}, and it cannot be downloaded ({why})",
        where=name,
        remedy=(
            f"Either load it once where there is a network, with {folder_variable} set to a folder "
            f"that this machine sees too, and set {folder_variable} to the same folder here; "
            f"or use {default!r}, which is installed with the workshop and needs no network."
        ),
    )


def cached_download(
    url: str, path: Path, *, expected: str, name: str, default: str, algorithm: str = "sha256"
) -> Path:
    """Give a file of the cache, downloaded if it is not there or not whole.

    Args:
        url: where it is published; a mirror is applied here.
        path: where it is kept.
        expected: how its checksum begins, in hexadecimal digits.
        name: the asset, for the message.
        default: the embedded asset to use instead, for the message.
        algorithm: which checksum was published.

    Raises:
        AssetUnavailable: nothing usable is cached and nothing can be downloaded.
        AssetCorrupted: what is cached is damaged and cannot be replaced, or what the server gives
            is not what was published.
    """
    damaged = path.is_file()
    if damaged and digest_of(path, algorithm).startswith(expected):
        return path
    address = mirrored(url)
    try:
        write_atomically(path, _downloaded(address, expected, algorithm))
    except _WrongContent as error:
        raise AssetCorrupted(
            f"{address} gave another file: {error}",
            where=name,
            remedy=f"Try again; if it stays so, a mirror or a proxy is wrong. Or use {default!r}.",
        ) from error
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
        reason = str(getattr(error, "reason", error)) or type(error).__name__
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # it holds the connection
        if damaged:
            raise AssetCorrupted(
                f"the file is damaged and cannot be downloaded again ({reason})",
                where=path,
                remedy=f"Remove it and try again where there is a network. Or use {default!r}.",
            ) from error
        raise unavailable(name, "TORCH_HOME", path.parent, default, reason) from error
    return path


def _downloaded(url: str, expected: str, algorithm: str) -> Iterator[bytes]:
    """The content of a URL; raises at its end if it was not the right one."""
    if urllib.parse.urlsplit(url).scheme not in {"http", "https"}:
        raise ValueError(f"{url} is not an address that starts with http or https")
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - see above
        length = int(answer.headers.get("Content-Length") or 0) or None
        with tqdm(total=length, unit="B", unit_scale=True, desc="downloading") as bar:
            while chunk := answer.read(_CHUNK):
                digest.update(chunk)
                bar.update(len(chunk))
                yield chunk
    if not digest.hexdigest().startswith(expected):
        raise _WrongContent(f"its checksum begins with {digest.hexdigest()[:16]}")
