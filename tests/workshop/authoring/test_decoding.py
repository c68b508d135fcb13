from __future__ import annotations

import base64
import bz2
import codecs
import gzip
import json
import lzma
import random
import urllib.parse
import zlib
from collections.abc import Callable

import pytest

from workshop.authoring import decoding
from workshop.authoring.decoding import TooMuchError, View, unescape, views

SECRET = b"the accuracy of the reference solution"

ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "base64": base64.b64encode,
    "urlsafe base64": lambda data: base64.urlsafe_b64encode(b"\xfb\xff\xfe" + data),
    "base64 without padding": lambda data: base64.b64encode(data).rstrip(b"="),
    "base64 in lines": lambda data: base64.encodebytes(data * 3),
    "base64 twice": lambda data: base64.b64encode(base64.b64encode(data)),
    "base32": base64.b32encode,
    "base85": base64.b85encode,
    "Ascii85": lambda data: base64.a85encode(data, adobe=True),
    "hex": lambda data: data.hex().encode(),
    "upper hex": lambda data: data.hex().upper().encode(),
    "hex with blanks": lambda data: data.hex(" ").encode(),
    "hex with colons": lambda data: data.hex(":").encode(),
    "hex with 0x": lambda data: ", ".join(f"0x{byte:02x}" for byte in data).encode(),
    "bytes literal": lambda data: "".join(f"\\x{byte:02x}" for byte in data).encode(),
    "zlib": zlib.compress,
    "zlib level 1": lambda data: zlib.compress(data, 1),
    "zlib level 9": lambda data: zlib.compress(data, 9),
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "base64 of zlib": lambda data: base64.b64encode(zlib.compress(data)),
    "hex of gzip": lambda data: gzip.compress(data).hex().encode(),
    "base85 of zlib": lambda data: base64.b85encode(zlib.compress(data)),
    "repr of zlib": lambda data: repr(zlib.compress(data)).encode(),
    "reversed": lambda data: data[::-1],
    "reversed base64": lambda data: base64.b64encode(data)[::-1],
    "base64 of reversed": lambda data: base64.b64encode(data[::-1]),
    "rot13": lambda data: codecs.encode(data.decode(), "rot13").encode(),
    "UTF-16": lambda data: data.decode().encode("utf-16"),
    "UTF-32": lambda data: data.decode().encode("utf-32-be"),
    "percent": lambda data: urllib.parse.quote(data.decode()).encode(),
    "HTML": lambda data: "".join(f"&#{byte};" for byte in data).encode(),
    "character codes": lambda data: str(list(data)).encode(),
    "unicode escapes": lambda data: "".join(f"\\u{byte:04x}" for byte in data).encode(),
    "octal escapes": lambda data: "".join(f"\\{byte:03o}" for byte in data).encode(),
    "escapes in JSON": lambda data: json.dumps("".join(f"\\u{byte:04x}" for byte in data)).encode(),
    "string in pieces": lambda data: b'x = "' + b'" + "'.join([data[:9], data[9:]]) + b'"',
    "quoted-printable": lambda data: b"".join(b"=%02X" % byte for byte in data),
}


@pytest.mark.parametrize("name", ENCODINGS)
def test_wrapped_data_are_unwrapped(name: str) -> None:
    data = b'value = "' + ENCODINGS[name](SECRET) + b'"\nprint("more")\n'
    found = [view for view in views(data) if SECRET in view.data]
    assert found
    # xz stores what it cannot make smaller.
    assert (found[0].encoding == "plain") == (name in ("plain", "xz"))


@pytest.mark.parametrize("before", range(5))
def test_base64_and_hex_are_found_at_every_place_in_a_longer_run(before: int) -> None:
    for encoded in (base64.b64encode(SECRET), SECRET.hex().encode()):
        data = b"a" * before + encoded
        assert any(SECRET[2:-2] in view.data for view in views(data))


def test_the_data_come_first_as_they_are() -> None:
    assert next(iter(views(SECRET))).encoding == "plain"
    assert next(iter(views(SECRET))).data == SECRET


def test_each_content_comes_once() -> None:
    contents = [view.data for view in views(base64.b64encode(SECRET) * 2)]
    assert len(contents) == len(set(contents))


def test_what_unfolds_without_end_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "MAX_BYTES", 1000)
    seen: list[View] = []
    with pytest.raises(TooMuchError):
        seen.extend(views(zlib.compress(SECRET * 100)))
    assert seen


def test_a_bomb_is_not_inflated_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "MAX_INFLATED", 1_000_000)
    sizes = [len(view.data) for view in views(zlib.compress(bytes(30_000_000), 9))]
    assert max(sizes) == 1_000_000


def test_noise_is_read_in_few_ways_and_without_error() -> None:
    noise = random.Random(0).randbytes(200_000)
    assert len(list(views(noise))) < 50


def test_a_picture_with_a_caption_is_read_in_few_ways() -> None:
    picture = random.Random(0).randbytes(300_000) + b"tEXtSoftware: drawn with care, version 1.0"
    seen = list(views(picture * 3))
    assert sum(len(view.data) for view in seen[1:]) < 1_000_000


def test_broken_wrappings_are_passed_over() -> None:
    for data in (zlib.compress(SECRET)[:8], b"\x1f\x8b\x08junk", b"BZh9junk", b"\xfd7zXZ\x00junk"):
        assert next(iter(views(data))).data == data
        assert list(views(data))


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (r"a\nb\tc", "a\nb\tc"),
        (r"\x41\u0042\U00000043\104", "ABCD"),
        (r"\"quoted\"", '"quoted"'),
        (r"\ud83d\ude00", "\U0001f600"),
        (r"\UFFFFFFFF", r"\UFFFFFFFF"),
        (r"\ud83d alone", "\ufffd alone"),
        ("nothing", "nothing"),
    ],
)
def test_escapes(text: str, plain: str) -> None:
    assert unescape(text) == plain
