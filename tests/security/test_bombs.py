"""Evidence that would take the grader's own memory or time. No kernel: it is made here."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
import torch
from safetensors.torch import save
from torch import nn

from checks.guard import LearnerError
from checks.portraits import Portrayer
from workshop.grading.evidence import Evidence, EvidenceError
from workshop.grading.rebuild import Rebuilder

NONCE = "n"


def source() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))


def rebuilt(model: nn.Module) -> Any:
    portrayer = Portrayer()
    content = {"nonce": NONCE, "portraits": {"it": portrayer.portray(model)}}
    evidence = Evidence(content, [save(portrayer.tensors)], NONCE)
    return Rebuilder(evidence, source, {}).rebuild("it")


def test_head_for_a_few_more_classes_is_no_bomb() -> None:
    model = source()
    model[2] = nn.Linear(8, 1000)  # type: ignore[operator]
    assert rebuilt(model)[2].out_features == 1000
    model[2] = nn.Linear(1280, 1000)  # type: ignore[operator] # ImageNet's
    assert rebuilt(model)[2].out_features == 1000


@pytest.mark.parametrize(
    "layer",
    [lambda: nn.Linear(8, 1 << 19), lambda: nn.Linear(1 << 22, 2)],
    ids=["half a million classes", "four million features"],
)
def test_layers_far_larger_than_the_source_models_are_refused(layer: Callable[[], Any]) -> None:
    model = source()
    model[2] = layer()  # type: ignore[operator]
    with pytest.raises(LearnerError, match="far more than in the source model"):
        rebuilt(model)


def test_statistics_far_larger_than_the_source_models_are_refused() -> None:
    model = source()
    model[1].running_mean = torch.zeros(1 << 20)  # type: ignore[index]
    with pytest.raises(LearnerError, match="far more than in the source model"):
        rebuilt(model)


def packed(header: bytes, data: bytes = b"") -> bytes:
    return len(header).to_bytes(8, "little") + header + data


def described(shape: list[int], end: int = 0, dtype: str = "F32") -> bytes:
    return packed(
        json.dumps({"0": {"dtype": dtype, "shape": shape, "data_offsets": [0, end]}}).encode()
    )


@pytest.mark.parametrize(
    "tensors",
    [
        b"",
        b"\xff" * 8,
        (1 << 60).to_bytes(8, "little") + b"{}",
        packed(b"{}", b"more than the header tells"),
        packed(b"[" * 1_000_000),
        packed(b'{"__metadata__": {"a": ' + b"[" * 100_000),
        described([1 << 40], 1 << 42),
        described([1 << 62, 4]),
        described([-1]),
        described([2], 8),
        described([1], 4, "Q3"),
    ],
    ids=lambda each: f"{each[:12]!r} and so on",
)
def test_tensors_that_are_none_are_refused_at_once(tensors: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(EvidenceError):
            Evidence({"nonce": NONCE, "portraits": {}}, [tensors], NONCE)
        assert tracemalloc.get_traced_memory()[1] < 100_000_000
    finally:
        tracemalloc.stop()


def nested(kind: Callable[[Any], Any], depth: int) -> Any:
    made: Any = {"kind": "value", "value": 1}
    for _ in range(depth):
        made = kind(made)
    return made


@pytest.mark.parametrize(
    "portrait",
    [
        nested(lambda inner: {"kind": "sequence", "type": "list", "items": [inner]}, 100_000),
        nested(lambda inner: [inner], 500),
        {"kind": "value", "value": float("nan")},
        {"kind": "value", "value": "x" * 5_000},
        {"kind": "number", "value": "1e999"},
        {"kind": "value", "value": 1, "score": 1},
        {"kind": "tensor", "tensor": "0", "requires_grad": 1},
        {"kind": "facts", "type": "Ver\0dict", "fields": {}},
        {"kind": "facts", "type": "x" * 1_000, "fields": {}},
        "value",
        None,
    ],
    ids=lambda each: type(each).__name__,
)
def test_portraits_that_are_none_are_refused(portrait: Any) -> None:
    content = {"nonce": NONCE, "portraits": {"it": portrait}}
    with pytest.raises(EvidenceError):
        Evidence(content, [save({})], NONCE)


def test_facts_of_a_class_that_is_not_among_ours_are_refused() -> None:
    portrait = {"kind": "facts", "type": "Verdict", "fields": {}}
    evidence = Evidence({"nonce": NONCE, "portraits": {"it": portrait}}, [save({})], NONCE)
    with pytest.raises(EvidenceError, match="no facts"):
        Rebuilder(evidence, source, {}).rebuild("it")
