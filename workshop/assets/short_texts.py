"""The short texts with sentiments: the students' file of them, and how a selection is joined.

The engine uses ``as_text_data`` for held-out texts too, so that they differ from the students' in
nothing but which texts they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from workshop.assets._errors import AssetCorrupted, unexpected
from workshop.assets._student_files import Arrays, read_arrays, student_folder
from workshop.assets.images import Labels, balanced_count, choose_rows
from workshop.assets.texts import TextData, text_id

NAME = "short_texts"
CLASS_NAMES = ("negative", "neutral", "positive")
STUDENT_SPLITS = ("train", "validation")


def packed(texts: Sequence[str]) -> Arrays:
    """Store texts as two arrays, since NumPy's own text arrays waste space or need pickling.

    Returns:
        ``bytes``: uint8, all texts in UTF-8 one after the other; ``ends``: int64 ``[N]``, where
        each text ends in it.
    """
    encoded = [text.encode() for text in texts]
    return {
        "bytes": np.frombuffer(b"".join(encoded), dtype=np.uint8),
        "ends": np.cumsum([len(each) for each in encoded], dtype=np.int64),
    }


def unpacked(stored: Arrays, rows: Sequence[int] | npt.NDArray[np.intp]) -> list[str]:
    """The texts of some rows, from what ``packed`` gave."""
    content, ends = stored["bytes"].tobytes(), [0, *stored["ends"].tolist()]
    return [content[ends[row] : ends[row + 1]].decode() for row in rows]


def as_text_data(texts: list[str], labels: Labels) -> TextData:
    """Join chosen texts and their labels, int64 ``[N]``, to text data."""
    return TextData(
        texts=texts,
        labels=torch.from_numpy(labels),
        ids=[text_id("text", text) for text in texts],
        class_names=CLASS_NAMES,
    )


def load_short_texts(split: str, *, per_class: int | None, balanced: bool) -> TextData:
    """Read a selection from the students' file; see ``load_target_data``."""
    if split not in STUDENT_SPLITS:
        raise unexpected("split", f"one of {', '.join(STUDENT_SPLITS)}", split)
    stored = _checked(read_arrays(NAME))
    rows = np.flatnonzero(stored["split"] == STUDENT_SPLITS.index(split))
    labels = stored["label"][rows].astype(np.int64)
    where = f"the {split} split of {NAME}"
    if per_class is None and balanced:
        per_class = balanced_count(labels, CLASS_NAMES, where=where)
    chosen = choose_rows(labels, CLASS_NAMES, per_class, where=where)
    return as_text_data(unpacked(stored, rows[chosen]), labels[chosen])


def _checked(arrays: Arrays) -> dict[str, npt.NDArray[Any]]:
    """Make sure that the arrays belong together, before anything indexes into them."""
    count = len(arrays["ends"]) if "ends" in arrays else 0
    expected = {
        "bytes": (None, np.uint8),
        "ends": (count, np.int64),
        "split": (count, np.uint8),
        "label": (count, np.uint8),
    }
    for key, (length, kind) in expected.items():
        found = arrays.get(key)
        fits = found is not None and found.ndim == 1 and found.dtype == kind
        if not fits or (length is not None and found is not None and len(found) != length):
            raise _other_version(f"the array {key!r} is not {np.dtype(kind)} {[length or 'B']}")
    ends = arrays["ends"].astype(np.int64)
    total = len(arrays["bytes"])
    if count and (np.any(np.diff(ends, prepend=0) < 0) or ends[-1] != total):
        raise _other_version("the texts do not fill the array 'bytes'")
    return dict(arrays)


def _other_version(what: str) -> AssetCorrupted:
    return AssetCorrupted(
        what,
        where=student_folder() / f"{NAME}.npz",
        remedy="The file is from another version: install the student package again.",
    )
