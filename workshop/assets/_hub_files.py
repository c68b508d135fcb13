"""Files of repositories of the Hugging Face Hub, of models and of data, downloaded and verified.

huggingface_hub downloads them into its own cache (``HF_HOME``) and keeps the Hub's list of each
revision's checksums there. What lies in the cache is compared with that list at every load.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import constants, errors, snapshot_download

from workshop.assets._errors import AssetCorrupted, AssetError, AssetUnavailable, unexpected
from workshop.assets._integrity import digest_of
from workshop.assets._names import HUB_PREFIX
from workshop.assets._online import unavailable

_SKIPPED = ("*/*",)
_SHA256_DIGITS = 64


@dataclass(frozen=True)
class Repository:
    """What to take of the Hub.

    Attributes:
        name: what the asset is called here, for messages.
        repo_id: owner and name, as on the Hub.
        revision: a commit to stay with, a tag or a branch; ``main`` if None.
        files: patterns of the names of the files to take, of those that lie in no folder.
        embedded: the asset to use instead, for messages.
        kind: the Hub's word for it: ``model`` or ``dataset``.
    """

    name: str
    repo_id: str
    revision: str | None
    files: tuple[str, ...]
    embedded: str
    kind: str = "model"


def snapshot(repository: Repository) -> Path:
    """The folder of a repository's verified files, downloaded where they are not cached or damaged.

    Raises:
        ValueError: not a name of a repository.
        AssetUnavailable: nothing is cached and nothing can be downloaded, or there is no such
            repository or revision.
        AssetCorrupted: a file does not have the content that the Hub lists.
    """
    folder = _downloaded(repository, repository.revision)
    damaged = _damaged(folder)
    if not damaged:
        return folder
    for path in damaged:
        # Link and content: huggingface_hub takes what exists for whole.
        path.resolve().unlink(missing_ok=True)
        path.unlink(missing_ok=True)
    try:
        folder = _downloaded(repository, repository.revision or folder.name)
    except AssetError as error:
        raise AssetCorrupted(
            f"damaged files ({_named(damaged)}) were removed and cannot be downloaded again",
            where=folder,
            remedy=f"Try again where there is a network. Or use {repository.embedded!r}.",
        ) from error
    if still := _damaged(folder):
        raise AssetCorrupted(
            f"the server gives other files than it lists: {_named(still)}",
            where=repository.name,
            remedy=(
                "Try again; if it stays so, a mirror or a proxy is wrong. "
                f"Or use {repository.embedded!r}."
            ),
        )
    return folder


def cache_folder() -> Path:
    """The Hub's cache: ``HF_HUB_CACHE``, else ``HF_HOME/hub``, else what huggingface_hub chose.

    Asked each time, so that a notebook may set it after importing huggingface_hub.
    """
    if chosen := os.environ.get("HF_HUB_CACHE"):
        return Path(chosen).expanduser()
    if home := os.environ.get("HF_HOME"):
        return Path(home).expanduser() / "hub"
    return Path(constants.HF_HUB_CACHE)


def _downloaded(repository: Repository, revision: str | None) -> Path:
    cache = cache_folder()
    try:
        return Path(
            snapshot_download(
                repository.repo_id,
                repo_type=repository.kind,
                revision=revision,
                cache_dir=cache,
                endpoint=os.environ.get("HF_ENDPOINT") or None,
                allow_patterns=list(repository.files),
                ignore_patterns=list(_SKIPPED),
            )
        )
    except errors.HFValidationError as error:
        what = f"'{HUB_PREFIX}' and a repository such as 'owner/model'"
        raise unexpected("name", what, repository.name) from error
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError) as error:
        raise AssetUnavailable(
            f"the Hub has no such repository or revision ({revision or 'main'}), or it is private",
            where=repository.name,
            remedy=(
                "Look at its name on the Hub's page. "
                f"Or use {repository.embedded!r}, which is installed."
            ),
        ) from error
    except Exception as error:
        why = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise unavailable(repository.name, "HF_HOME", cache, repository.embedded, why) from error


def _damaged(folder: Path) -> list[Path]:
    """The files of a snapshot that are not what the Hub listed for that commit."""
    listed = _listed(folder)
    files = [path for path in sorted(folder.rglob("*")) if not path.is_dir()]
    return [path for path in files if not _intact(path, listed.get(_relative(path, folder)))]


def _listed(folder: Path) -> dict[str, str]:
    """The checksum of each file: a SHA-256 of large files, git's own for small ones.

    An older huggingface_hub wrote no list; then there is only what ``_intact`` finds.
    """
    listing = folder.parents[1] / "trees" / f"{folder.name}.json"
    try:
        files = json.loads(listing.read_text(encoding="utf-8"))["files"]
        return {
            path: str(each.get("lfs_sha256") or each["blob_id"]) for path, each in files.items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise AssetCorrupted(
            "the list of checksums cannot be read",
            where=listing,
            remedy=f"Remove {folder.parents[1]} and load it again where there is a network.",
        ) from error


def _intact(path: Path, checksum: str | None) -> bool:
    if not path.is_file():
        return False  # a link to nothing
    # Without a list, the cache itself names each content after the checksum that came with it.
    expected = checksum or path.resolve().name
    if len(expected) == _SHA256_DIGITS:
        return digest_of(path, "sha256") == expected
    # Git puts this before a content when it makes a checksum of it.
    header = b"blob %d\0" % path.stat().st_size
    return digest_of(path, "sha1", start=header) == expected


def _relative(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _named(paths: Sequence[Path]) -> str:
    return ", ".join(path.name for path in paths)
