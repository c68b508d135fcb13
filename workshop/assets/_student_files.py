"""Where the students' data files lie, and how one is read.

Each data set is one NumPy archive without pickled objects. A manifest beside them holds their
checksums; a file that does not match is never used.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import site
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from workshop.assets._errors import AssetCorrupted, AssetUnavailable

FOLDER_NAME = "transfer-learning-workshop"
MANIFEST = "manifest.json"
FORMAT = 1
Arrays = dict[str, npt.NDArray[np.generic]]

_REMEDY = (
    "As a student: install the student package again (pip install --force-reinstall). "
    "As an instructor: python -m workshop.grading.student_data. "
    "Or set WORKSHOP_DATA to the folder that holds the files."
)

_decoded: dict[str, Arrays] = {}


def installed_folder() -> Path:
    """The folder of this Python environment that the data files are installed into."""
    return Path(sys.prefix) / "share" / FOLDER_NAME


def student_folder() -> Path:
    """The folder that the data files are read from.

    ``WORKSHOP_DATA`` decides if it is set. Otherwise it is the first that exists of: this
    environment, the user's own installation, and the folder of ``pip install --target``.
    """
    chosen = os.environ.get("WORKSHOP_DATA")
    if chosen:
        return Path(chosen).expanduser()
    for folder in _candidates():
        if (folder / MANIFEST).is_file():
            return folder
    return installed_folder()


def _candidates() -> Iterator[Path]:
    yield installed_folder()
    yield Path(site.getuserbase()) / "share" / FOLDER_NAME
    yield Path(__file__).resolve().parents[2] / "share" / FOLDER_NAME


def read_arrays(name: str) -> Arrays:
    """Read one data file, with its checksum verified.

    Args:
        name: the file's name without its ending, ``solar_cells`` for example.

    Returns:
        Arrays that cannot be written to: the next call for the same content gives them again.

    Raises:
        AssetUnavailable: the file or the manifest is not there.
        AssetCorrupted: the content is not what the manifest promises.
    """
    folder = student_folder()
    path = folder / f"{name}.npz"
    expected = _expected_checksum(folder, path.name)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise AssetUnavailable(
            f"the data file cannot be read ({error.strerror})", where=path, remedy=_REMEDY
        ) from error
    if hashlib.sha256(content).hexdigest() != expected:
        raise AssetCorrupted(
            f"the checksum is wrong ({len(content):,} bytes were read)", where=path, remedy=_REMEDY
        )
    # Notebooks load one part of a data set after the other.
    if expected not in _decoded:
        _decoded.clear()
        _decoded[expected] = _decode(content, path)
    return dict(_decoded[expected])


def _decode(content: bytes, path: Path) -> Arrays:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays: Arrays = {key: archive[key] for key in archive.files}
    except (ValueError, zipfile.BadZipFile) as error:
        raise AssetCorrupted(f"not a data file: {error}", where=path, remedy=_REMEDY) from error
    for each in arrays.values():
        each.flags.writeable = False
    return arrays


def _expected_checksum(folder: Path, file_name: str) -> str:
    path = folder / MANIFEST
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise AssetUnavailable(
            f"the list of data files cannot be read ({error.strerror})", where=path, remedy=_REMEDY
        ) from error
    try:
        manifest = json.loads(text)
        made_as = manifest["format"]
        checksum = manifest["files"][file_name]["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise AssetCorrupted(
            f"the list of data files says nothing of {file_name}", where=path, remedy=_REMEDY
        ) from error
    if made_as != FORMAT:
        raise AssetCorrupted(
            f"the data files have format {made_as}, this version reads {FORMAT}",
            where=path,
            remedy=_REMEDY,
        )
    return str(checksum)
