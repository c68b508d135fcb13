"""Parts of a model, given by name, and the phrases that name what is wrong in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Sized

PartNames = str | Iterable[str]
"""One module name, or several. ``""`` is the whole model, ``()`` is no part of it."""


def parts_of(selection: PartNames) -> tuple[str, ...]:
    """The module names of a selection, without closing dots.

    Raises:
        TypeError: the selection is neither a name nor a collection of names.
    """
    names: tuple[object, ...] = (selection,) if isinstance(selection, str) else tuple(selection)
    wrong = [name for name in names if not isinstance(name, str)]
    if wrong:
        raise TypeError(f"Expected parts of a model to be module names, but got {wrong[0]!r}")
    return tuple(str(name).rstrip(".") for name in names)


def belongs(name: str, parts: Iterable[str]) -> bool:
    """Whether a dotted name lies in one of the parts.

    Whole components count: ``blocks.5`` holds ``blocks.5.0.bn1`` but not ``blocks.55``.
    """
    return any(part in ("", name) or name.startswith(f"{part}.") for part in parts)


def any_belongs(names: Iterable[str], parts: Sequence[str]) -> bool:
    """Whether at least one of a tensor's names lies in one of the parts.

    A shared tensor has several names; when one of them is to be trained, the tensor is trained.
    """
    return any(belongs(name, parts) for name in names)


def listing(words: Sequence[str], *, most: int = 6) -> str:
    """``a, b and c``; after ``most`` words the rest is counted."""
    if len(words) > most:
        words = [*words[: most - 1], f"{len(words) - most + 1} more"]
    if len(words) < 2:  # noqa: PLR2004 - 'and' needs two
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def describe(parts: Sequence[str]) -> str:
    """The parts in words: ``classifier``, ``blocks.6 and classifier``, ``the model``."""
    return "the model" if "" in parts else listing(parts)


def outside(parts: Sequence[str]) -> str:
    """What to call the parameters outside the parts, as an adjective before a noun."""
    if len(parts) == 1:
        return "backbone "
    return "" if not parts else "other "


def share(offenders: Sized, total: int) -> str:
    """``12 of 147``, or ``all 147``."""
    return f"all {total}" if len(offenders) == total else f"{len(offenders)} of {total}"


def first(offenders: Sequence[str]) -> str:
    """``, first: NAME`` where there are several, else ``: NAME``."""
    return f", first: {offenders[0]}" if len(offenders) > 1 else f": {offenders[0]}"


def plural(count: int, noun: str) -> str:
    """``1 group``, ``2 groups``, ``2 batches``, ``2 epochs``."""
    ending = "es" if noun.endswith(("ch", "s", "x")) and noun != "epoch" else "s"
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}{ending}"
