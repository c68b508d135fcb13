from __future__ import annotations

import base64
import random
import struct

import numpy as np
import pytest

from workshop.authoring import decoding
from workshop.authoring.confidential import (
    LeakKind,
    Secrets,
    TextSecret,
    label_secret,
    number_secret,
)
from workshop.authoring.decoding import TooMuchError
from workshop.authoring.matching import Match, Matcher

LABELS = random.Random(5).choices(["ok", "cracked", "dark"], k=120)


@pytest.fixture
def matcher() -> Matcher:
    return Matcher(
        Secrets(
            texts=(TextSecret(LeakKind.SOLUTION, "solution of a", "modelclassifierlinear"),),
            numbers=(number_secret("threshold of a", 0.8137), number_secret("coarse", 0.5)),
            labels=(label_secret("held out", LABELS),),
        )
    )


def test_a_secret_is_reported_once_and_least_hidden(matcher: Matcher) -> None:
    text = b"model.classifier = linear"
    assert list(matcher.find(base64.b64encode(text) + b"\n" + text)) == [
        Match(LeakKind.SOLUTION, "solution of a", "plain")
    ]


def test_nothing_is_found_in_nothing(matcher: Matcher) -> None:
    assert list(matcher.find(b"")) == []
    assert list(matcher.find(b"model.classifier of another kind, 0.5")) == []


def test_a_threshold_is_found_as_a_number_in_binary(matcher: Matcher) -> None:
    assert list(matcher.find(bytes(7) + struct.pack("<d", 0.8137) + bytes(5))) == [
        Match(LeakKind.THRESHOLD, "threshold of a", "plain")
    ]
    assert list(matcher.find(np.full(10, 0.5).tobytes())) == []


@pytest.mark.parametrize(
    "text",
    [
        repr(LABELS),
        "\n".join(LABELS),
        "\n".join(f"cell{n}.png;{label};{n % 7}" for n, label in enumerate(LABELS)),
        "{" + ", ".join(f'"cell{n}": "{label}"' for n, label in enumerate(LABELS)) + "}",
        "\n".join(f"{n:4d}    {label}" for n, label in enumerate(LABELS)),
    ],
)
def test_named_labels_are_found_in_lists_tables_and_records(matcher: Matcher, text: str) -> None:
    assert [match.kind for match in matcher.find(text.encode())] == [LeakKind.LABELS]


def test_too_much_is_told_after_what_was_found(
    matcher: Matcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "MAX_VIEWS", 2)
    found: list[Match] = []
    with pytest.raises(TooMuchError):
        found.extend(matcher.find(b"model.classifier = linear, and more text to unfold"))
    assert found
