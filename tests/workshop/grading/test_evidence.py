"""What the grader refuses of what a kernel sends, before it looks at it."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
import torch
from safetensors.torch import save

from workshop.grading import evidence as module
from workshop.grading.evidence import Evidence, EvidenceError

NOTHING = save({})


def content(portrait: Any = None, **more: Any) -> dict[str, Any]:
    portraits = {} if portrait is None else {"x": portrait}
    return {"nonce": "n", "portraits": portraits, **more}


def value(thing: Any) -> dict[str, Any]:
    return {"kind": "value", "value": thing}


def deep(levels: int) -> dict[str, Any]:
    portrait = value(1)
    for _ in range(levels):
        portrait = {"kind": "sequence", "type": "list", "items": [portrait]}
    return portrait


def refused(sent: Any, buffers: list[bytes] | None = None) -> str:
    with pytest.raises(EvidenceError) as caught:
        Evidence(sent, [NOTHING] if buffers is None else buffers, "n")
    return str(caught.value)


def test_sound_evidence_is_read() -> None:
    tensors = {"0": torch.arange(3)}
    evidence = Evidence(content(value(2.5)), [save(tensors)], "n")
    assert list(evidence.portraits) == ["x"]
    assert torch.equal(evidence.tensor("0"), tensors["0"])
    with pytest.raises(EvidenceError, match="missing"):
        evidence.tensor("1")


@pytest.mark.parametrize(
    "sent",
    [
        None,
        [],
        "text",
        {},
        {"nonce": "n"},
        {"portraits": {}},
        content(nonce=1),
        content(score=2.0),
        content(portraits=[]),
        content(b"bytes"),
        content({"kind": "score", "value": 2}),
        content({"value": 2}),
        content({**value(2), "verdict": "PASSED"}),
        content(value([1])),
        content(value({"a": 1})),
        content(value(float("nan"))),
        content(value(float("inf"))),
        content(value(-(10**4000))),
        content(value("x" * 2001)),
        content({"kind": "number", "value": "1.0"}),
        content({"kind": "number", "value": 1.0}),
        content({"kind": "object", "type": "a\0b"}),
        content({"kind": "object", "type": "x" * 301}),
        content({"kind": "tensor", "tensor": "0", "requires_grad": 1}),
        content({"kind": "tensor", "tensor": 0, "requires_grad": True}),
        content({"kind": "sequence", "type": "dict", "items": []}),
        content({"kind": "sequence", "type": "list", "items": {}}),
        content({"kind": "failure", "rationale": "x" * 2001}),
        content({"kind": "failure"}),
        content({"kind": "crash", "error": "", "traceback": "x" * 1_000_000}),
        content({"kind": "facts", "type": "LoopFacts", "fields": {"a": 1}}),
        content({"kind": "module", "modules": {}, "parameters": {}}),
        content({"kind": "optimizer", "type": "a\0b", "groups": []}),
        content({"kind": "optimizer", "type": "SGD", "groups": [{"parameters": [["a"]]}]}),
        content(
            {
                "kind": "optimizer",
                "type": "SGD",
                "groups": [{"parameters": [], "options": {"lr": "fast"}}],
            }
        ),
        content(
            {
                "kind": "module",
                "modules": {},
                "parameters": {},
                "buffers": {str(i): {"tensor": "0"} for i in range(20_001)},
            }
        ),
    ],
    ids=lambda each: str(each)[:60],
)
def test_malformed_content_is_refused(sent: Any) -> None:
    assert "malformed" in refused(sent)


@pytest.mark.parametrize("levels", [150, 400, 5_000, 100_000])
def test_deep_nesting_is_refused_without_harm(levels: int) -> None:
    assert "malformed" in refused(content(deep(levels)))


def test_nesting_as_deep_as_a_kernel_sends_is_read() -> None:
    assert Evidence(content(deep(20)), [NOTHING], "n").portraits


def test_answer_to_another_question_is_refused() -> None:
    assert "another question" in refused(content(value(1), nonce="m"))


@pytest.mark.parametrize("buffers", [[], [NOTHING, NOTHING]])
def test_other_than_one_set_of_tensors_is_refused(buffers: list[bytes]) -> None:
    assert "one set" in refused(content(), buffers)


def test_tensors_that_are_too_large_are_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_TENSORS", 100)
    assert "too large" in refused(content(), [save({"0": torch.zeros(100)})])


def header(text: bytes, data: bytes = b"", size: int | None = None) -> bytes:
    return struct.pack("<Q", len(text) if size is None else size) + text + data


def one(**changes: Any) -> bytes:
    entry = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}
    return header(json.dumps({"0": entry}).encode(), bytes(8))


SOUND = save({"0": torch.zeros(4)})
BOMBS: dict[str, bytes] = {
    "empty": b"",
    "short": b"\0\0",
    "no header": header(b""),
    "no JSON": header(b"{"),
    "a list": header(b"[]"),
    "not text": header(b"\xff\xfe"),
    "header longer than the file": header(b"{}", size=1 << 62),
    "header of 2^64": header(b"{}", size=(1 << 64) - 1),
    "truncated": SOUND[:-1],
    "cut in the header": SOUND[:20],
    "more than announced": SOUND + b"\0",
    "huge shape": one(shape=[1 << 40]),
    "shape that overflows": one(shape=[1 << 62, 1 << 62]),
    "negative shape": one(shape=[-2]),
    "offsets beyond the end": one(data_offsets=[0, 1 << 40]),
    "offsets backwards": one(data_offsets=[8, 0]),
    "unknown type": one(dtype="PICKLE"),
    "too few bytes": one(shape=[3]),
    "deep": header(b"[" * 100_000),
    "overlap": header(
        b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},'
        b'"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}',
        bytes(8),
    ),
    "pickle": b"\x80\x04cos\nsystem\n(S'true'\ntR.",
}


@pytest.mark.parametrize("sent", BOMBS.values(), ids=BOMBS)
def test_file_that_is_no_sound_set_of_tensors_is_refused(sent: bytes) -> None:
    assert "cannot be read" in refused(content(), [sent])


@pytest.mark.parametrize("position", range(0, len(SOUND), 3))
def test_damaged_file_is_refused_or_read_but_never_harmful(position: int) -> None:
    damaged = bytearray(SOUND)
    damaged[position] ^= 0x41
    try:
        evidence = Evidence(content(), [bytes(damaged)], "n")
    except EvidenceError:
        return
    assert all(isinstance(each, torch.Tensor) for each in evidence.tensors.values())
