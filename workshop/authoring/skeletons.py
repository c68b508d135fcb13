"""What remains of a text however it is cut into strings, lines or cells."""

from __future__ import annotations

import re

_NO_LETTERS = bytes(code for code in range(128) if not chr(code).isalnum())


def skeleton(text: str) -> str:
    """The letters and digits of a text in lower case.

    Quotes, commas, blanks, line ends and comment signs do not count, so a text cut into strings or
    cells still has the same skeleton.
    """
    if text.isascii():  # as below, and twenty times faster
        return text.encode().translate(None, _NO_LETTERS).decode().lower()
    return re.sub(r"[\W_]+", "", text).casefold()
