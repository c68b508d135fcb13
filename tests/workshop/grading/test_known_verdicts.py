"""Equal evidence is decided once, and nothing else is taken for equal."""

from __future__ import annotations

import copy
from typing import Any
from unittest import mock

import pytest

from checks.verdict import Status, Verdict
from tests.workshop.grading.test_verification import Desk
from workshop.grading import hidden_part, verification
from workshop.grading.known_verdicts import KnownVerdicts, key_of

AUTHOR = ["test_f", "graded(...)", [["setup", "import torch"]], {"test_f": 0.8}]
CONTENT = {"nonce": "n1", "portraits": {"f()": {"kind": "value", "value": 1}}}
HIDDEN = "graded((2, checks.check_value('It', number, 7)))"


def decided(score: float) -> list[tuple[float, Verdict]]:
    status = Status.PASSED if score else Status.FAILED
    return [(2.0, Verdict("a.check", status, score, "It is so."))]


def test_another_nonce_asks_the_same() -> None:
    other = {**CONTENT, "nonce": "n2"}
    assert key_of(AUTHOR, CONTENT, "n1", [b"ab"]) == key_of(AUTHOR, other, "n2", [b"ab"])


@pytest.mark.parametrize(
    ("author", "content", "nonce", "buffers"),
    [
        (["test_g", *AUTHOR[1:]], CONTENT, "n1", [b"ab"]),
        ([*AUTHOR[:3], {"test_f": 0.81}], CONTENT, "n1", [b"ab"]),
        ([*AUTHOR[:2], [], AUTHOR[3]], CONTENT, "n1", [b"ab"]),
        (AUTHOR, {**CONTENT, "portraits": {}}, "n1", [b"ab"]),
        (AUTHOR, {**CONTENT, "more": 1}, "n1", [b"ab"]),
        (
            AUTHOR,
            {"nonce": "n1", "portraits": {"f()": {"kind": "value", "value": True}}},
            "n1",
            [b"ab"],
        ),
        (
            AUTHOR,
            {"nonce": "n1", "portraits": {"f()": {"kind": "value", "value": 1.0}}},
            "n1",
            [b"ab"],
        ),
        (AUTHOR, CONTENT, "n1", [b"ac"]),
        (AUTHOR, CONTENT, "n1", [b"a", b"b"]),
        (AUTHOR, CONTENT, "n1", []),
    ],
)
def test_whatever_differs_is_another_question(
    author: Any, content: Any, nonce: str, buffers: Any
) -> None:
    assert key_of(author, content, nonce, buffers) != key_of(AUTHOR, CONTENT, "n1", [b"ab"])


@pytest.mark.parametrize(
    "content",
    [
        {**CONTENT, "nonce": "another"},
        {**CONTENT, "nonce": ""},
        {**CONTENT, "nonce": None},
        {"portraits": CONTENT["portraits"]},
        [CONTENT],
        None,
    ],
)
def test_what_answers_another_question_has_no_key(content: Any) -> None:
    assert key_of(AUTHOR, content, "n1", [b"ab"]) is None


def test_evidence_without_end_has_no_key() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert key_of(AUTHOR, {"nonce": "n1", "portraits": deep}, "n1", []) is None
    assert key_of(AUTHOR, {"nonce": "n1", "portraits": {1j}}, "n1", []) is None


def test_what_is_kept_cannot_be_changed_from_outside() -> None:
    known = KnownVerdicts()
    mine = decided(1.0)
    known.put(b"key", mine)
    mine.clear()
    found = known.get(b"key")
    assert found == decided(1.0)
    found.clear()
    assert known.get(b"key") == decided(1.0)


def test_the_oldest_go_first() -> None:
    known = KnownVerdicts(2)
    for key in (b"1", b"2", b"3"):
        known.put(key, decided(1.0))
    assert known.get(b"1") is None
    assert known.get(b"3") == decided(1.0)


@pytest.fixture
def checked() -> Any:
    """How often a check was called, from a memory that is empty at first."""
    called = mock.Mock(side_effect=hidden_part.called)
    with (
        mock.patch.object(verification, "_VERDICTS", KnownVerdicts()),
        mock.patch.object(verification, "called", called),
    ):
        yield called


def scored(desk: Desk) -> float | None:
    desk.answer()
    return desk.result().score


def test_equal_evidence_is_decided_once(checked: mock.Mock) -> None:
    first, second = Desk(HIDDEN, "number = 7"), Desk(HIDDEN, "number = 3 + 4")
    assert (scored(first), scored(second)) == (2.0, 2.0)
    assert checked.call_count == 1
    assert second.cell.outputs == first.cell.outputs


def test_other_evidence_is_decided_anew(checked: mock.Mock) -> None:
    assert scored(Desk(HIDDEN, "number = 7")) == 2.0
    assert scored(Desk(HIDDEN, "number = 8")) == 0.0
    assert scored(Desk(HIDDEN, "number = 7.0")) == 2.0
    assert checked.call_count == 3


def test_another_threshold_is_another_decision(checked: mock.Mock) -> None:
    hidden = "graded((2, checks.check_value('It', number, threshold())))"
    assert scored(Desk(hidden, "number = 0.5", {"test_f": 0.5})) == 2.0
    assert scored(Desk(hidden, "number = 0.5", {"test_f": 0.75})) == 0.0


@pytest.mark.parametrize("nonce", ["", None, "that of another question"])
def test_who_does_not_know_the_nonce_earns_nothing_with_evidence_that_is_known(
    checked: mock.Mock, nonce: str | None
) -> None:
    first, second = Desk(HIDDEN, "number = 7"), Desk(HIDDEN, "number = 8")
    content = first.answer()
    assert first.result().score == 2.0
    # Word for word what has earned points before, made by the learner's own code.
    second.question.answers.append(({**content, "nonce": nonce}, first.question.answers[0][1]))
    assert second.result().score == 0.0
    # And once more with what it has in store from elsewhere, nonce included.
    third = Desk(HIDDEN, "number = 8")
    third.question.answers.append((copy.deepcopy(content), first.question.answers[0][1]))
    assert third.result().score == 0.0


def test_what_stopped_is_tried_again(checked: mock.Mock) -> None:
    checked.side_effect = MemoryError
    first = Desk(HIDDEN, "number = 7")
    scored(first)
    checked.side_effect = None
    checked.return_value = decided(1.0)[0][1]
    assert scored(Desk(HIDDEN, "number = 7")) == 2.0
    assert checked.call_count == 2
