"""Text files that people write in YAML: every mistake is an error that names the file and line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from workshop.errors import WorkshopError
from workshop.text_files import read_text

if TYPE_CHECKING:
    from yaml import SafeLoader as _SafeLoader
else:
    # The one in C is ten times faster; not every build of the package has it.
    _SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Model = TypeVar("Model", bound=BaseModel)


def load_yaml(
    path: Path,
    kind: type[Model],
    *,
    remedy: str,
    as_text: bool = False,
    context: dict[str, Any] | None = None,
) -> Model:
    """What stands in a file, validated.

    Args:
        path: a file in UTF-8.
        kind: what it has to hold; an empty file is an empty mapping.
        remedy: where a reader finds what may stand there.
        as_text: leave every key and value the text that stands there; YAML itself would make 83 of
            0123, and True of on.
        context: for the validators of ``kind``.

    Raises:
        WorkshopError: it cannot be read, is no YAML, has a key twice, or a key that is unknown,
            missing or of the wrong type; names the line.
    """
    tree, data = _read(path, _TextLoader if as_text else _StrictLoader)
    try:
        return kind.model_validate(data, context=context)
    except ValidationError as error:
        keys, said = first_fault(error)
        raise WorkshopError(said, where=f"{path}:{line_of(tree, keys)}", remedy=remedy) from error


def place_of(path: Path, keys: tuple[int | str, ...]) -> str:
    """File and line of what a valid file holds under these keys, for messages.

    Raises:
        WorkshopError: as :func:`load_yaml`.
    """
    return f"{path}:{line_of(_read(path, _StrictLoader)[0], keys)}"


def first_fault(error: ValidationError) -> tuple[tuple[int | str, ...], str]:
    """Where the fault is that tells the most, and what to say of it, the place included."""
    # A misspelt key is unknown, and the right one missing: the first tells more.
    first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    keys = ".".join(str(part) for part in first["loc"] if part != "[key]")
    said = first["msg"].removeprefix("Value error, ")
    return first["loc"], f"{keys}: {said}" if keys else said


def line_of(tree: yaml.Node | None, keys: tuple[int | str, ...]) -> int:
    """The line of the deepest of the keys that the file has, counted from 1.

    Keys that the file does not have are passed over: validators add names of their own.
    """
    line, node = 1, tree
    for key in keys:
        if isinstance(node, yaml.MappingNode):
            found = [(name, value) for name, value in node.value if name.value == str(key)]
            if found:
                line, node = found[0][0].start_mark.line + 1, found[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
            line = node.start_mark.line + 1
    return line


class _StrictLoader(_SafeLoader):
    """YAML's own loader takes the last of several values for one key."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key.value!r} stands here twice", problem_mark=key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


class _TextLoader(_StrictLoader):
    """Knows no numbers, dates or words for yes and no."""


_TextLoader.yaml_implicit_resolvers = {}


def _read(path: Path, kind: type[_StrictLoader]) -> tuple[yaml.Node | None, Any]:
    text = read_text(path)
    try:
        loader = kind(text)
        try:
            tree = loader.get_single_node()
            return tree, ({} if tree is None else loader.construct_document(tree)) or {}
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise WorkshopError(
            f"not valid YAML: {error.problem}",
            where=f"{path}:{line}",
            remedy="correct this line, or the one before",
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise WorkshopError(
            f"not valid YAML: {error}", where=path, remedy="write it anew, or correct what is named"
        ) from error
