"""The accuracy thresholds that were measured for a notebook, for each kind of device."""

from __future__ import annotations

import json
from pathlib import Path

from workshop.errors import WorkshopError


def by_device(path: Path) -> dict[str, dict[str, float]]:
    """The thresholds by grade id, for each kind of device; nothing if there is no file.

    A course that is graded on GPUs may have been calibrated there alone.

    Args:
        path: ``calibration.json``.

    Raises:
        WorkshopError: the file is not what ``benchmarks/calibrate.py`` writes.
    """
    if not path.exists():
        return {}
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        parts = dict(data.get("devices", {}))
        if "thresholds" in data or not parts:
            parts["cpu"] = data
        return {
            device: {name: float(each["threshold"]) for name, each in part["thresholds"].items()}
            for device, part in parts.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WorkshopError(
            "no list of calibrated thresholds",
            where=path,
            remedy="write it again: python benchmarks/calibrate.py NOTEBOOK",
        ) from error


def calibrated_names(path: Path) -> frozenset[str]:
    """The thresholds that were measured on any kind of device.

    Args:
        path: ``calibration.json``.

    Raises:
        WorkshopError: as :func:`by_device`.
    """
    return frozenset(name for found in by_device(path).values() for name in found)
