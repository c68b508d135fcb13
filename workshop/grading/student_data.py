"""Make the data files that students get: ``python -m workshop.grading.student_data [FOLDER]``.

They hold training and validation examples only. Neither held-out images nor their names nor
anything that tells how the parts were made is in them.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from workshop.assets import short_texts
from workshop.assets import solar_cells as cells
from workshop.assets._integrity import sha256_of, write_atomically
from workshop.assets._student_files import FORMAT, MANIFEST, installed_folder
from workshop.errors import WorkshopError
from workshop.grading.source_cells import source_cells
from workshop.grading.source_texts import source_texts


def prepare_student_data(out_dir: Path) -> list[Path]:
    """Write the students' data files and their manifest into a folder.

    The same source packages give the same content each time. Files are replaced whole, the
    manifest last, so an interrupted run leaves either the old files or a checksum error.

    Returns:
        The paths written: one file for each data set, and the manifest.

    Raises:
        WorkshopError: the source data are missing or changed, or the folder cannot be written to.
    """
    contents = {
        f"{cells.NAME}.npz": _solar_cells(),
        f"{short_texts.NAME}.npz": _short_texts(),
    }
    written = []
    try:
        for name, content in contents.items():
            write_atomically(out_dir / name, [content])
            written.append(out_dir / name)
        manifest = {
            "format": FORMAT,
            "files": {
                path.name: {"sha256": sha256_of(path), "bytes": path.stat().st_size}
                for path in written
            },
        }
        text = json.dumps(manifest, indent=2) + "\n"
        write_atomically(out_dir / MANIFEST, [text.encode()])
    except OSError as error:
        raise WorkshopError(
            f"cannot be written to ({error.strerror})",
            where=out_dir,
            remedy="Give another folder as argument and set WORKSHOP_DATA to it.",
        ) from error
    return [*written, out_dir / MANIFEST]


def _solar_cells() -> bytes:
    source = source_cells()
    rows = [row for row, part in enumerate(source.parts) if part in cells.STUDENT_SPLITS]
    known = source.subset(rows)
    return _archive(
        {
            "images": source.images(rows),
            "split": np.array(
                [cells.STUDENT_SPLITS.index(source.parts[row]) for row in rows], dtype=np.uint8
            ),
            "domain": known.domains,
            "thirds": known.thirds,
        }
    )


def _short_texts() -> bytes:
    source = source_texts()
    splits = short_texts.STUDENT_SPLITS
    rows = [row for row, part in enumerate(source.parts) if part in splits]
    return _archive(
        {
            **short_texts.packed(source.chosen(rows)),
            "split": np.array([splits.index(source.parts[row]) for row in rows], dtype=np.uint8),
            "label": source.labels[rows].astype(np.uint8),
        }
    )


def _archive(arrays: Mapping[str, npt.NDArray[np.generic]]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m workshop.grading.student_data",
        description="Make the data files that students get, without any held-out example.",
    )
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=installed_folder(),
        help="where to write (default: %(default)s)",
    )
    folder = parser.parse_args(arguments).folder
    try:
        written = prepare_student_data(folder)
    except WorkshopError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for path in written:
        sys.stdout.write(f"{path}  {path.stat().st_size / 1e6:.1f} MB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
