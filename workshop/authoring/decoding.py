"""Every plain reading of a piece of data that someone could have wrapped.

A leak need not stand in clear: an output may hold a pickled blob in base64, a cell may show a
string in pieces. :func:`views` yields the data itself and what it becomes when unwrapped, again
and again, up to a depth.
"""

from __future__ import annotations

import base64
import binascii
import bz2
import codecs
import gzip
import hashlib
import html
import lzma
import quopri
import re
import sys
import urllib.parse
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

ROT13 = "rot13"
MAX_DEPTH = 4
MAX_VIEWS = 600
MAX_BYTES = 400_000_000
MAX_INFLATED = 50_000_000
_MAX_STREAMS = 64
_LARGEST_BYTE = 255
_SHORTEST = 8

# Between two literals that Python or JSON would join: "a" "b", "a" + "b", ["a", "b"].
_SEAM = re.compile(r"""["'][\s\\]*[+,]?[\s\\]*[rbfuRBFU]{0,2}["']""")
_BETWEEN_HEX = re.compile(r"(?<![0-9a-zA-Z])0x|\\x|[\s,:;\"']")
_BASE64_RUN = re.compile(r"[A-Za-z0-9+/]{16,}")
_HEX_RUN = re.compile(r"[0-9a-fA-F]{24,}")
_CODES_RUN = re.compile(r"(?:\b\d{1,3}\b[\s,;]+){11,}\d{1,3}\b")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|x[0-9a-fA-F]{2}|[0-7]{3}|[nrt\"'/\\])")
_SIMPLE = {"n": "\n", "r": "\r", "t": "\t"}
_BASE32_RUN = re.compile(r"[A-Z2-7]{24,}")
_BASE85_RUN = re.compile(r"[0-9A-Za-z!#$%&()*+\-;<=>?@^_`{|}~]{20,}")
_ASCII85_RUN = re.compile(r"<~[!-uz\s]+~>")
_QUOTED_CODE = re.compile(r"=[0-9A-Fa-f]{2}")
# Below this a "=10" is more likely part of a program than a code of quoted-printable.
_FEWEST_QUOTED = 8
# Random bytes hardly ever hold so many printable characters in a row; text always does.
_CHARACTER = rb"(?:[\t\n\r\x20-\x7e]|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2})"
_LEGIBLE = re.compile(_CHARACTER + rb"{16,}")
_LEGIBLE_IF_SMALL = re.compile(_CHARACTER + rb"{10,}")
_SMALL = 2000
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x78\x01", "zlib"),
    (b"\x78\x5e", "zlib"),
    (b"\x78\x9c", "zlib"),
    (b"\x78\xda", "zlib"),
    (b"\x1f\x8b\x08", "gzip"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\x00", "xz"),
)


class TooMuchError(Exception):
    """The data unfolds into more than will be looked at; what came before was looked at."""


@dataclass(frozen=True)
class View:
    """One reading of the data.

    Attributes:
        data: the bytes.
        chain: what was undone, outermost first; empty for the data as they are.
    """

    data: bytes
    chain: tuple[str, ...]

    @property
    def encoding(self) -> str:
        """The chain for people, e.g. ``base64 > zlib``, or ``plain``."""
        return " > ".join(self.chain) or "plain"


def views(data: bytes, depth: int = MAX_DEPTH) -> Iterator[View]:
    """The data and all that it unfolds into, breadth first, each content once.

    Args:
        data: the bytes.
        depth: how many wrappings are undone, one within the other.

    Raises:
        TooMuchError: after the last view, if a limit on number or size was reached.
    """
    queue = deque([View(data, ())])
    seen = {_digest(data)}
    count = size = 0
    while queue:
        view = queue.popleft()
        count, size = count + 1, size + len(view.data)
        if count > MAX_VIEWS or size > MAX_BYTES:
            raise TooMuchError
        yield view
        if len(view.chain) >= depth or not _promising(view.data):
            continue
        for name, child in _children(view):
            digest = _digest(child)
            if child and digest not in seen:
                seen.add(digest)
                queue.append(View(child, (*view.chain, name)))


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


def _promising(data: bytes) -> bool:
    """Whether unwrapping further can be worth it: noise from a wrong alignment is not."""
    return bool(_legible(data).search(data)) or any(magic in data[:64] for magic, _ in _MAGIC)


def _legible(data: bytes) -> re.Pattern[bytes]:
    return _LEGIBLE_IF_SMALL if len(data) < _SMALL else _LEGIBLE


def _children(view: View) -> Iterator[tuple[str, bytes]]:
    yield from _inflated(view.data)
    if view.data.count(b"\0") * 8 > len(view.data):
        yield "wide characters", view.data.replace(b"\0", b"")
    text = _text(view.data)
    if not text:
        return
    for name, undo in _TEXT_STEPS:
        # Doing these twice gives the text itself.
        if name in (ROT13, "reversed") and name in view.chain:
            continue
        result = undo(text)
        if result != text:
            yield name, result.encode()
        if name == "escapes" and not result.isascii():
            # A literal of bytes: its characters are bytes and not code points.
            yield "bytes literal", result.encode("latin-1", "replace")
    yield from _unpacked(text)
    yield from _unpacked_rarely_used(text)


def _text(data: bytes) -> str:
    """The data as text; of binary data what is legible in it, without the noise between."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        runs = _legible(data).findall(data)
        return b"\n".join(runs).decode("utf-8", "replace")


def unescape(text: str) -> str:
    """Undo backslash escapes as in Python and JSON strings, one level of them."""

    def plain(match: re.Match[str]) -> str:
        body = match[1]
        if body[0] in "uUx" and len(body) > 1:
            code = int(body[1:], 16)
            return chr(code) if code <= sys.maxunicode else match[0]
        return chr(int(body, 8)) if body.isdigit() else _SIMPLE.get(body, body)

    # Characters beyond the basic plane are two escapes in JSON.
    joined = _ESCAPE.sub(plain, text)
    return joined.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _unquote(text: str) -> str:
    if len(_QUOTED_CODE.findall(text)) < _FEWEST_QUOTED:
        return text
    return quopri.decodestring(text.encode()).decode("utf-8", "replace")


_TEXT_STEPS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("escapes", unescape),
    ("HTML entities", html.unescape),
    ("percent encoding", urllib.parse.unquote),
    ("quoted-printable", _unquote),
    ("joined strings", lambda text: _SEAM.sub("", text)),
    ("reversed", lambda text: text[::-1]),
    (ROT13, lambda text: codecs.encode(text, "rot13")),
)


def _unpacked(text: str) -> Iterator[tuple[str, bytes]]:
    joined = _SEAM.sub("", text)
    for variant in dict.fromkeys((text, re.sub(r"[\s\"'\\,]", "", joined))):
        runs = _BASE64_RUN.findall(variant.replace("-", "+").replace("_", "/"))
        for shift in range(4):
            yield "base64", b"\n".join(_from_base64(run[shift:]) for run in runs)
        # A lone run of a secret may be cut by the shorter of two alphabets: "-" is also a minus.
        runs = _HEX_RUN.findall(_BETWEEN_HEX.sub("", variant))
        for shift in range(2):
            yield "hex", b"\n".join(_from_hex(run[shift:]) for run in runs)
    codes = [re.findall(r"\d+", run) for run in _CODES_RUN.findall(text)]
    decoded = [
        bytes(int(code) for code in run) for run in codes if max(map(int, run)) <= _LARGEST_BYTE
    ]
    yield "character codes", b"\n".join(decoded)


def _unpacked_rarely_used(text: str) -> Iterator[tuple[str, bytes]]:
    joined = _SEAM.sub("", text)
    runs = _BASE32_RUN.findall(joined)
    yield "base32", b"\n".join(_from_base32(run) for run in runs)
    runs = _BASE85_RUN.findall(joined)
    yield "base85", b"\n".join(_from_base85(run) for run in runs)
    runs = _ASCII85_RUN.findall(joined)
    yield "Ascii85", b"\n".join(_or_nothing(_from_ascii85, run) for run in runs)


def _from_base32(run: str) -> bytes:
    padded = run + "=" * (-len(run) % 8)
    return _or_nothing(base64.b32decode, padded) or base64.b32decode(run[: len(run) // 8 * 8])


def _from_base85(run: str) -> bytes:
    # The whole run if it can be, else without what follows the last whole group.
    return _or_nothing(base64.b85decode, run) or _or_nothing(
        base64.b85decode, run[: len(run) // 5 * 5]
    )


def _from_ascii85(run: str) -> bytes:
    return base64.a85decode(run, adobe=True)


def _or_nothing(decode: Callable[[str], bytes], run: str) -> bytes:
    try:
        return decode(run)
    except ValueError:
        return b""


def _from_base64(run: str) -> bytes:
    return base64.b64decode(run[: len(run) // 4 * 4] + _padded(run[len(run) // 4 * 4 :]))


def _padded(rest: str) -> str:
    return rest + "=" * (4 - len(rest)) if len(rest) > 1 else ""


def _from_hex(run: str) -> bytes:
    return binascii.unhexlify(run[: len(run) // 2 * 2])


def _inflated(data: bytes) -> Iterator[tuple[str, bytes]]:
    """What compressed streams in the data hold, wherever they start."""
    found = 0
    for magic, name in _MAGIC:
        start = data.find(magic)
        while start >= 0 and found < _MAX_STREAMS:
            content = _inflate(name, data[start:])
            if len(content) >= _SHORTEST:
                found += 1
                yield name, content
            start = data.find(magic, start + 1)


def _inflate(name: str, data: bytes) -> bytes:
    try:
        if name == "zlib":
            return zlib.decompressobj().decompress(data, MAX_INFLATED)
        if name == "gzip":
            return zlib.decompressobj(wbits=31).decompress(data, MAX_INFLATED)
        if name == "bz2":
            return bz2.BZ2Decompressor().decompress(data, MAX_INFLATED)
        return lzma.LZMADecompressor().decompress(data, MAX_INFLATED)
    except (zlib.error, OSError, EOFError, lzma.LZMAError, gzip.BadGzipFile, ValueError):
        return b""
