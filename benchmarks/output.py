"""Where benchmarks leave what they measured: JSON and a picture of the same name."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure

FOLDER = Path("build") / "benchmarks"


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "processors": len(os.sched_getaffinity(0)),
        "architecture": platform.machine(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def save(name: str, data: Mapping[str, Any], figure: Figure, folder: Path | None = None) -> None:
    """Write both below a folder, ``build/benchmarks`` for None, and say where."""
    chosen = folder or FOLDER
    chosen.mkdir(parents=True, exist_ok=True)
    path = chosen / f"{name}.json"
    text = json.dumps({"machine": machine(), **data}, indent=2)
    path.write_text(f"{text}\n", encoding="utf-8")
    figure.savefig(path.with_suffix(".png"), dpi=120, bbox_inches="tight")
    print(f"wrote {path} and {path.with_suffix('.png')}")
