"""Keys of self-checks, written so that nobody reads them by glancing at a file.

That is all: a notebook that checks itself holds its key, and whoever wants to can get at it, with
this very module. Questions that count have no key in the notebook at all.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from itertools import count

from checks.quiz import Key

_GROUP = 10


def seal(name: str, key: Key) -> str:
    """The key as short groups of letters and digits.

    Args:
        name: the question's; another one makes another text of the same key.
        key: what is right.
    """
    facts = {
        "right": list(key.right) if isinstance(key.right, tuple) else key.right,
        "tolerance": key.tolerance,
        "feedback": dict(key.feedback),
        "mistakes": [list(each) for each in key.mistakes],
    }
    packed = zlib.compress(json.dumps(facts, sort_keys=True).encode(), 9)
    text = base64.b32encode(_mixed(name, packed)).decode().rstrip("=").lower()
    return " ".join(text[start : start + _GROUP] for start in range(0, len(text), _GROUP))


def unseal(name: str, sealed: str) -> Key:
    """The key in what :func:`seal` gave.

    Raises:
        ValueError: it is not that, or belongs to another question.
    """
    try:
        text = "".join(sealed.split()).upper()
        packed = _mixed(name, base64.b32decode(text + "=" * (-len(text) % 8)))
        facts = json.loads(zlib.decompress(packed))
        right = facts["right"]
        return Key(
            tuple(right) if isinstance(right, list) else right,
            facts["tolerance"],
            facts["feedback"],
            tuple((value, said) for value, said in facts["mistakes"]),
        )
    except (ValueError, zlib.error, KeyError, TypeError) as error:
        raise ValueError(
            f"The key of the question {name} is damaged. Get a fresh copy of the notebook."
        ) from error


def _mixed(name: str, data: bytes) -> bytes:
    """The data with a stream of bytes that the name gives; doing it twice undoes it."""
    stream = b""
    for block in count():
        if len(stream) >= len(data):
            break
        stream += hashlib.sha256(f"{name} {block}".encode()).digest()
    return bytes(one ^ other for one, other in zip(data, stream, strict=False))
