"""What goes wrong with an asset, said so that a learner can put it right."""

from __future__ import annotations

from pathlib import Path


class AssetError(Exception):
    """An asset cannot be given; the text says what, where, and what to do.

    Attributes:
        what: what is wrong, without a full stop.
        where: the file, folder or asset concerned.
        remedy: what to do about it.
    """

    def __init__(self, what: str, *, where: str | Path, remedy: str) -> None:
        super().__init__(what, where, remedy)
        self.what = what
        self.where = str(where)
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.where}: {self.what}\n  {self.remedy}"


class AssetUnavailable(AssetError):
    """The asset is not on this machine and could not be fetched."""


class AssetCorrupted(AssetError):
    """A file does not have the content that it was published with, and could not be repaired."""


def is_whole_number(value: object) -> bool:
    """Whether a value is a whole number; True and False are not meant as 1 and 0."""
    return isinstance(value, int) and not isinstance(value, bool)


def unexpected(argument: str, allowed: object, got: object) -> ValueError:
    """The error for an argument outside its allowed values."""
    return ValueError(f"Expected argument `{argument}` to be {allowed}, but got {got!r}.")
