"""Text that repeats what only instructors may see: hidden tests and mark schemes."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from workshop.grading.hiding import hidden_part, visible_part

_TERMINAL_CODE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_TAG = re.compile(r"<[^>]*>")
_WHITESPACE = re.compile(r"\s+")
# A shorter line ('return x') may stand in anybody's code; alone it gives nothing away.
_TELLING = 12


@dataclass(frozen=True)
class Censor:
    """Finds the lines of hidden tests and mark schemes that nobody else would have written.

    Attributes:
        lines: these lines, without white space.
    """

    lines: tuple[str, ...]

    @classmethod
    def of(cls, sources: Iterable[str]) -> Censor:
        """For the cells of one notebook, by their texts."""
        cells = list(sources)
        visible = "\n".join(map(visible_part, cells)).split("\n")
        hidden = "\n".join(map(hidden_part, cells)).split("\n")
        only_hidden = {_squeezed(line) for line in hidden} - {_squeezed(line) for line in visible}
        return cls(tuple(sorted(line for line in only_hidden if len(line) >= _TELLING)))

    def finds(self, text: str) -> bool:
        """Whether a text repeats one, as it stands or as a browser shows it, drawings included."""
        forms = [_squeezed(form) for form in (text, _as_shown(text), _as_shown(unquote(text)))]
        return any(line in form for line in self.lines for form in forms)


def _squeezed(text: str) -> str:
    """Text without colours, escapes and white space, to be compared."""
    text = _WHITESPACE.sub("", _TERMINAL_CODE.sub("", text))
    return text.replace("\\n", "").replace("\\", "")


def _as_shown(text: str) -> str:
    return html.unescape(_TAG.sub("", text))
