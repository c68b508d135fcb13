"""A verdict holds only what makes sense, and comes back from JSON as it was."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from checks.verdict import Status, Verdict, passed, to_html, to_text

FIXED = {Status.PASSED: 1.0, Status.SKIPPED: 0.0, Status.ERROR: 0.0}


def failed(**changes: Any) -> Verdict:
    fields: dict[str, Any] = {
        "check": "some.check",
        "status": Status.FAILED,
        "score": 0.25,
        "rationale": "Found something.",
    }
    return Verdict(**(fields | changes))


@st.composite
def verdicts(draw: st.DrawFn) -> Verdict:
    status = draw(st.sampled_from(Status))
    score = FIXED.get(status)
    optional = st.none() | st.text()
    return Verdict(
        draw(st.text()),
        status,
        draw(st.floats(0, 1)) if score is None else score,
        draw(st.text()),
        draw(optional),
        draw(optional),
        draw(optional),
    )


@given(verdicts())
def test_every_verdict_comes_back_from_json_as_it_was(verdict: Verdict) -> None:
    assert Verdict.from_dict(json.loads(json.dumps(verdict.to_dict()))) == verdict


@given(verdicts())
def test_every_verdict_can_be_shown(verdict: Verdict) -> None:
    assert verdict.check in str(verdict)
    assert to_html([verdict]) == verdict._repr_html_()


@pytest.mark.parametrize("score", [np.float32(0.5), np.float64(0.5), torch.tensor(0.5), 0.5])
def test_score_becomes_a_built_in_float(score: object) -> None:
    verdict = failed(score=score)
    assert type(verdict.score) is float
    assert verdict.score == 0.5


@pytest.mark.parametrize("score", ["1", None, True, [1.0], 1j])
def test_score_that_is_no_number_is_refused(score: object) -> None:
    with pytest.raises(TypeError, match="score"):
        failed(score=score)


@pytest.mark.parametrize("score", [-0.1, 1.1, float("nan"), float("inf")])
def test_score_outside_its_range_is_refused(score: float) -> None:
    with pytest.raises(ValueError, match="score"):
        failed(score=score)


@pytest.mark.parametrize(
    ("status", "score"), [("PASSED", 0.5), ("SKIPPED", 1.0), ("ERROR", 1.0), ("ERROR", 0.5)]
)
def test_score_that_does_not_go_with_the_status_is_refused(status: str, score: float) -> None:
    with pytest.raises(ValueError, match="score"):
        failed(status=status, score=score)


@pytest.mark.parametrize("status", ["passed", "", None, 1])
def test_unknown_status_is_refused(status: object) -> None:
    with pytest.raises(ValueError, match="status"):
        failed(status=status)


def test_status_given_as_text_becomes_the_enum() -> None:
    assert failed(status="FAILED").status is Status.FAILED


@pytest.mark.parametrize("name", ["check", "rationale"])
def test_required_text_must_be_text(name: str) -> None:
    with pytest.raises(TypeError, match=name):
        failed(**{name: None})


@pytest.mark.parametrize("name", ["expected", "actual", "hint"])
def test_optional_text_must_be_text_or_none(name: str) -> None:
    assert getattr(failed(**{name: None}), name) is None
    with pytest.raises(TypeError, match=name):
        failed(**{name: 3})


def test_verdict_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        failed().score = 1.0  # type: ignore[misc] # that is the point


@pytest.mark.parametrize("missing", ["check", "status", "score", "rationale"])
def test_missing_field_is_named(missing: str) -> None:
    data = failed().to_dict()
    del data[missing]
    with pytest.raises(ValueError, match=missing):
        Verdict.from_dict(data)


@pytest.mark.parametrize("unknown", ["points", 7])
def test_unknown_field_is_named(unknown: object) -> None:
    data: dict[Any, Any] = failed().to_dict()
    with pytest.raises(ValueError, match=str(unknown)):
        Verdict.from_dict(data | {unknown: 1})


def test_optional_fields_may_be_left_out() -> None:
    data = {"check": "a.b", "status": "PASSED", "score": 1, "rationale": "Good."}
    assert Verdict.from_dict(data) == passed("a.b", "Good.")


def test_verdict_is_read_only_from_a_mapping() -> None:
    with pytest.raises(TypeError, match="mapping"):
        Verdict.from_dict([("check", "a.b")])  # type: ignore[arg-type] # that is the point


def test_html_shows_every_text_escaped() -> None:
    evil = "<script>alert('x')</script> & \"more\""
    shown = to_html(
        [failed(check=evil, rationale=evil, expected=evil, actual=evil, hint=evil)],
    )
    assert "<script>" not in shown
    assert shown.count("&lt;script&gt;") == 5
    assert "&quot;more&quot;" in shown


def test_html_keeps_line_breaks() -> None:
    assert "one<br>two" in to_html([failed(rationale="one\ntwo")])


def test_html_says_in_words_what_its_colours_mean_and_counts_the_passed() -> None:
    shown = to_html(
        [
            passed("a", "Good."),
            failed(),
            failed(status=Status.SKIPPED, score=0),
            failed(status=Status.ERROR, score=0),
        ]
    )
    for word in ("Passed", "Not yet", "Skipped", "Our error", "1 of 4"):
        assert word in shown
    assert shown.count('<th scope="row"') == 4
    assert shown.count("aria-hidden") == 4


def test_text_holds_every_detail_once() -> None:
    shown = to_text([failed(expected="EXPECTED", actual="ACTUAL", hint="HINT"), passed("b.c", "")])
    for word in ("some.check", "Found something.", "EXPECTED", "ACTUAL", "HINT", "b.c"):
        assert shown.count(word) == 1


def test_details_that_are_absent_are_not_shown() -> None:
    assert "None" not in str(failed())
    assert "None" not in to_html([failed()])
