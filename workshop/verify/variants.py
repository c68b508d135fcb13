"""Wrong and right solutions, kept as small patches of the reference solution.

They stand in ``source/<assignment>/<notebook>/variants.yaml``::

    wrong:
      head_frozen_too:
        exercise: freeze_backbone          # whose solution cell is patched
        catches: freezing.trainable        # the check that must fail
        loses: {test_freeze_backbone: 2}   # the points that it costs, and no others
        may_lose: {test_train: 3}          # but for these: it spoils a training, or it does not
        replace:
          - old: "parameter.requires_grad = True"
            new: "parameter.requires_grad = False"
    right:
      requires_grad_method:
        exercise: freeze_backbone
        replace: [...]
"""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Annotated, Any

from nbformat import NotebookNode
from pydantic import BaseModel, ConfigDict, Field

from workshop.errors import WorkshopError
from workshop.yaml_files import load_yaml

_REMEDY = "the keys and their meaning stand at the top of workshop/verify/variants.py"
_SOLUTION = re.compile(r"^[ \t]*### (?:BEGIN|END) SOLUTION[ \t]*\n?", re.MULTILINE)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Replacement(_Strict):
    """One piece of the solution's text and what stands there instead."""

    old: Annotated[str, Field(min_length=1)]
    new: str
    cell: str | None = None


class Variant(_Strict):
    """A solution other than the reference one."""

    exercise: str
    replace: Annotated[tuple[Replacement, ...], Field(min_length=1)]
    catches: str | None = None
    loses: dict[str, float] = Field(default_factory=dict)
    may_lose: dict[str, float] = Field(default_factory=dict)


class WrongVariant(Variant):
    """A wrong solution: it has to say what it costs."""

    catches: Annotated[str, Field(min_length=1)]
    loses: Annotated[dict[str, float], Field(min_length=1)]


class Variants(_Strict):
    """All variants of one notebook, by name."""

    wrong: dict[str, WrongVariant] = Field(default_factory=dict)
    right: dict[str, Variant] = Field(default_factory=dict)


def load_variants(path: Path) -> Variants:
    """The variants in a file; none if there is no such file.

    Raises:
        WorkshopError: the file is no YAML, or has a key that is unknown, missing or of the wrong
            type; names the line.
    """
    return load_yaml(path, Variants, remedy=_REMEDY) if path.exists() else Variants()


def patched(notebook: NotebookNode, variant: Variant) -> NotebookNode:
    """A copy of the solved notebook with the variant's replacements made.

    Raises:
        WorkshopError: the text to replace does not stand exactly once in the solution cell, so the
            patch is out of date.
    """
    result = copy.deepcopy(notebook)
    for replacement in variant.replace:
        cell = _solution_cell(result, replacement.cell or variant.exercise)
        # The markers are only for the author: a patch may reach from one side of them to the other.
        source = without_markers(cell.source)
        if source.count(replacement.old) != 1:
            raise WorkshopError(
                f"the text to replace stands {source.count(replacement.old)} times in the solution"
                f" of {replacement.cell or variant.exercise}: {replacement.old!r}",
                where="variants.yaml",
                remedy="bring the patch up to date with the solution",
            )
        cell.source = source.replace(replacement.old, replacement.new)
    return result


def without_markers(source: str) -> str:
    """A solution cell's text as a learner would have written it."""
    return _SOLUTION.sub("", source)


def _solution_cell(notebook: NotebookNode, grade_id: str) -> Any:
    for cell in notebook.cells:
        meta = cell.metadata.get("nbgrader", {})
        if meta.get("grade_id") == grade_id and meta.get("solution"):
            return cell
    raise WorkshopError(
        f"no solution cell {grade_id!r}",
        where="variants.yaml",
        remedy="name the exercise as in its # %% solution=... line",
    )
