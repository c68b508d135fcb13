"""Fingerprints of texts and programs that survive other names, comments and formatting.

Winnowing: S. Schleimer, D. S. Wilkerson, A. Aiken, "Winnowing: local algorithms for document
fingerprinting", SIGMOD 2003. Of each run of :data:`WINDOW` overlapping groups of :data:`GROUP`
tokens the least hash is kept, so two texts that share :data:`CERTAIN` tokens in a row share a
fingerprint.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from pygments.lexer import Lexer  # type: ignore[import-untyped]
from pygments.lexers import PythonLexer  # type: ignore[import-untyped]
from pygments.token import (  # type: ignore[import-untyped]
    Comment,
    Keyword,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    _TokenType,
)

GROUP = 10
"""Tokens in a group: what is shorter is never found, since everybody writes it."""
WINDOW = 5
"""Groups of which one is kept."""
CERTAIN = GROUP + WINDOW - 1
"""Tokens in a row that are found for certain."""

_WORD = re.compile(r"\w+")
# Stand for every name, number and text. No token of Python looks like them.
_NAME, _NUMBER, _TEXT = "<name>", "<number>", "<text>"


@dataclass(frozen=True)
class Token:
    """One token, as it is compared.

    Attributes:
        text: the token; a stand-in for what may be renamed.
        start: where it begins in its text, in characters.
        end: where it ends.
    """

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Fingerprint:
    """One group that was kept.

    Attributes:
        hash: of its tokens.
        start: where its first token begins, in characters.
        end: where its last token ends.
    """

    hash: int
    start: int
    end: int


def word_tokens(text: str) -> list[Token]:
    """The words of a text in natural language, upper and lower case the same."""
    return [
        Token(found[0].casefold(), found.start(), found.end()) for found in _WORD.finditer(text)
    ]


def code_tokens(source: str) -> list[Token]:
    """The tokens of Python without comments, docstrings and layout; any text has some.

    Names stand for each other, except for Python's own and for attributes, which libraries name.
    Attributes that the source itself assigns are its own names, and so are numbers and texts.
    """
    told = [
        (start, kind, value)
        for start, kind, value in _lexer().get_tokens_unprocessed(source)
        if value.strip() and kind not in Comment and kind not in String.Doc and value != ";"
    ]
    own = {
        told[place][2]
        for place in range(1, len(told) - 1)
        if told[place - 1][2] == "." and told[place][1] in Name and told[place + 1][2] == "="
    }
    tokens: list[Token] = []
    for place, (start, kind, value) in enumerate(told):
        attribute = place > 0 and told[place - 1][2] == "." and value not in own
        text = _standing_for(kind, value, attribute=attribute)
        # A text with its quotes and its escapes is several tokens for the lexer.
        if text == _TEXT and tokens and tokens[-1].text == _TEXT:
            tokens[-1] = Token(_TEXT, tokens[-1].start, start + len(value))
        else:
            tokens.append(Token(text, start, start + len(value)))
    return tokens


def _standing_for(kind: _TokenType, value: str, *, attribute: bool) -> str:
    if kind in String and kind not in String.Interpol:
        return _TEXT
    if kind in Number:
        return _NUMBER
    if kind in Name and kind not in Name.Builtin and not attribute:
        return _NAME
    if kind in Name or kind in Keyword or kind in Operator or kind in Punctuation:
        return value
    return value.strip()


@cache
def _lexer() -> Lexer:
    # It has a token for everything, so that broken Python is no error.
    return PythonLexer(ensurenl=False, stripnl=False)


def groups(tokens: Sequence[Token]) -> list[Fingerprint]:
    """All overlapping groups of tokens."""
    texts = [token.text for token in tokens]
    return [
        Fingerprint(
            _hash(texts[place : place + GROUP]), tokens[place].start, tokens[place + GROUP - 1].end
        )
        for place in range(len(tokens) - GROUP + 1)
    ]


def winnow(all_groups: Sequence[Fingerprint]) -> list[Fingerprint]:
    """Those that are kept: of each window the least hash, the last one of several."""
    kept: list[Fingerprint] = []
    last = -1
    for begin in range(max(len(all_groups) - WINDOW + 1, min(len(all_groups), 1))):
        window = range(begin, min(begin + WINDOW, len(all_groups)))
        least = min(window, key=lambda place: (all_groups[place].hash, -place))
        if least != last:
            kept.append(all_groups[least])
            last = least
    return kept


def _hash(texts: Iterable[str]) -> int:
    """The same in every process, unlike Python's own."""
    data = "\0".join(texts).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest())
