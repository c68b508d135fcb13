"""Wrong and right solutions, kept as small patches of the reference solution.

They stand in ``source/<assignment>/<notebook>/variants.yaml``::

    wrong:
      head_frozen_too:
        exercise: freeze_backbone          # whose solution cell is patched
        catches: freezing.trainable        # the check that must fail
        loses: {test_freeze_backbone: 2}   # the points that it costs, and no others
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

import yaml
from nbformat import NotebookNode
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workshop.errors import WorkshopError

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


class Variants(_Strict):
    """All variants of one notebook, by name."""

    wrong: dict[str, Variant] = Field(default_factory=dict)
    right: dict[str, Variant] = Field(default_factory=dict)


def load_variants(path: Path) -> Variants:
    """The variants in a file; none if there is no such file.

    Raises:
        WorkshopError: the file is no YAML, or has a key that is unknown, missing or of the wrong
            type; names the line.
    """
    if not path.exists():
        return Variants()
    text = path.read_text(encoding="utf-8")
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        variants = Variants.model_validate(yaml.safe_load(text) or {})
    except yaml.YAMLError as error:
        raise WorkshopError(
            f"not valid YAML: {error}", where=str(path), remedy="correct the line named above"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        keys = ".".join(str(part) for part in first["loc"])
        raise WorkshopError(
            f"{keys}: {first['msg']}",
            where=f"{path}:{_line_of(tree, first['loc'])}",
            remedy="the keys and their meaning stand at the top of workshop/verify/variants.py",
        ) from error
    for name, variant in variants.wrong.items():
        if not variant.catches or not variant.loses:
            raise WorkshopError(
                f"wrong.{name} does not say what it costs",
                where=f"{path}:{_line_of(tree, ('wrong', name))}",
                remedy="add catches: CHECK and loses: {GRADE_ID: POINTS}",
            )
    return variants


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


def _line_of(tree: yaml.Node | None, keys: tuple[int | str, ...]) -> int:
    """The line of the deepest of the keys that the file has, counted from 1."""
    line, node = 1, tree
    for key in keys:
        if isinstance(node, yaml.MappingNode):
            found = [(name, value) for name, value in node.value if name.value == str(key)]
            if not found:
                break
            line, node = found[0][0].start_mark.line + 1, found[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
            line = node.start_mark.line + 1
    return line
