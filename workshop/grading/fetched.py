"""Downloaded models and data, as the kernels of assignments that use them see them: read-only.

Confined kernels have no network. What an assignment needs was downloaded before, by whoever loaded
it first, and lies in caches outside the course. Kernels see these caches only if a cell that the
author has locked loads something that is downloaded.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from pathlib import Path

from nbformat import NotebookNode

from workshop.assets import list_assets, short_texts, solar_cells
from workshop.assets._hub_files import cache_folder
from workshop.assets._names import EFFICIENTNET_LITE0, HUB_PREFIX, MINILM, TORCHVISION_PREFIX
from workshop.assets._online import torch_home
from workshop.grading.records import nbgrader_of
from workshop.grading.sandbox.bubblewrap import HUB_CACHE, TORCH_HOME
from workshop.grading.trusted import locked_sources, trusted_names

# What else lies in PyTorch's cache may be code.
_OF_TORCH_HOME = ("hub/checkpoints", "datasets")
_INSTALLED = (EFFICIENTNET_LITE0, MINILM, solar_cells.NAME, short_texts.NAME)
# A cell that only tells of a model does not need it.
_LOADS = "assets.load_"


def fetched(notebook: NotebookNode) -> dict[Path, str]:
    """The caches' folders that a notebook's kernel may read, and where they lie inside.

    Args:
        notebook: restored, so that its locked cells are the author's.

    Returns:
        Nothing if no locked cell loads a model or data set that is downloaded.
    """
    if not _loads_online(notebook):
        return {}
    folders = {torch_home() / name: f"{TORCH_HOME}/{name}" for name in _OF_TORCH_HOME}
    folders[cache_folder()] = HUB_CACHE
    return {path.resolve(): inside for path, inside in folders.items() if path.is_dir()}


def fetch(notebook: NotebookNode, models: Iterable[str], features: Path | None = None) -> None:
    """Load what a notebook's kernel will, so that it lies in the caches before the kernel starts.

    Data are loaded by the locked cells, when the grader runs them; models when a test asks for one,
    which would be too late.

    Args:
        notebook: restored.
        models: expressions of functions of its locked cells, each of which makes a model.
        features: as for :func:`~workshop.grading.trusted.trusted_names`.

    Raises:
        WorkshopError: a locked cell stopped.
        AssetError: something cannot be fetched, or is damaged.
    """
    if _loads_online(notebook):
        _fetch(locked_sources(notebook), tuple(sorted(set(models))), features)


# As many as trusted_names keeps.
@functools.lru_cache(maxsize=12)
def _fetch(
    cells: tuple[tuple[str, str], ...], models: tuple[str, ...], features: Path | None
) -> None:
    names = dict(trusted_names(cells, features))
    for each in models:
        eval(each, names)()  # noqa: S307 - the author's own expression


def _loads_online(notebook: NotebookNode) -> bool:
    """Whether a cell that the author has locked loads a model or data that are downloaded."""
    known = [name for name in list_assets() if name.isidentifier() and name not in _INSTALLED]
    names = "|".join(map(re.escape, known))
    prefixes = "|".join(map(re.escape, (HUB_PREFIX, TORCHVISION_PREFIX)))
    pattern = re.compile(rf"""["'](?:(?:{names})["']|(?:{prefixes})\w)""")
    sources = [str(cell.source) for cell in notebook.cells if nbgrader_of(cell).get("locked")]
    return any(_LOADS in source and pattern.search(source) for source in sources)
