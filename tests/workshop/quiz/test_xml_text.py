"""What both exports build on; and quizzes, made by hand and at random, for the tests of both."""

from __future__ import annotations

import contextlib
import io
import itertools
import re
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from checks.quiz import QuestionType, normalised
from workshop.errors import WorkshopError
from workshop.quiz.items import (
    Difficulty,
    MultipleResponse,
    Numeric,
    NumericMistake,
    Objective,
    Option,
    Ordering,
    Parameterised,
    Quiz,
    RightOrWrong,
    ShortAnswer,
    ShortMistake,
    SingleChoice,
    TrueFalse,
    TrueOrFalse,
)
from workshop.quiz.xml_text import (
    LARGEST,
    as_asked,
    html_of,
    moodle_markdown,
    packed,
    unpacked,
)

QUIZZES = sorted((Path(__file__).parents[3] / "quizzes").glob("*.yaml"))
BOMB = b'<!DOCTYPE q [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><quiz>&b;</quiz>'
FETCHING = b'<!DOCTYPE q SYSTEM "http://localhost/q.dtd"><quiz/>'


# Quizzes made at random, for the tests of QTI, too.

AWKWARD = [
    *("<b>&amp;", "]]>", "-->", "--", "<!DOCTYPE a>", "&#36;", "&lt;", '"', "'"),
    *("$x_1 < 2$", "$$\n\\frac{a}{b}\n$$", "$", "\\$5", "\\(x\\)", "`$HOME`", "\\", "{}"),
    *("```python\na = '$b$'\n```", "  leading", "trailing ", "a\r\nb", "\r", "\t", "\n\n"),
    *("*", "\\*", "a*b", "/", "//", "é", "学习", "🦊", "\u2028", "\u00a0", "\ufeff"),
]
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), max_size=8)
TEXTS = (
    st.lists(st.sampled_from(AWKWARD) | WORDS, min_size=1, max_size=4)
    .map("".join)
    .filter(lambda text: bool(re.search(r"\S", text.replace("\ufeff", ""))))
)
FORMS = TEXTS.filter(normalised)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
BOTH = st.builds(RightOrWrong, right=TEXTS, wrong=TEXTS)
COMMON = {
    "id": st.from_regex(r"[a-z][a-z0-9_]{0,39}", fullmatch=True),
    "stem": TEXTS,
    "objective": st.sampled_from(Objective),
    "topic": TEXTS,
    "difficulty": st.sampled_from(Difficulty),
    "points": st.floats(0, 100, exclude_min=True),
}


@st.composite
def choices(draw: st.DrawFn) -> SingleChoice | MultipleResponse:
    texts = draw(st.lists(TEXTS, min_size=2, max_size=10, unique_by=normalised))
    keys = draw(st.sets(st.sampled_from(texts), min_size=1))
    options = tuple(Option(text=text, key=text in keys, feedback=draw(TEXTS)) for text in texts)
    common: dict[str, Any] = {name: draw(strategy) for name, strategy in COMMON.items()}
    if len(keys) == 1 and draw(st.booleans()):
        return SingleChoice(type=QuestionType.SINGLE_CHOICE, options=options, **common)
    return MultipleResponse(type=QuestionType.MULTIPLE_RESPONSE, options=options, **common)


@st.composite
def numerics(draw: st.DrawFn) -> Numeric:
    key, tolerance = draw(NUMBERS), draw(st.just(0.0) | st.floats(0, 1e6))
    mistakes = draw(st.lists(st.builds(NumericMistake, value=NUMBERS, feedback=TEXTS), max_size=3))
    return Numeric(
        type=QuestionType.NUMERIC,
        key=key,
        tolerance=tolerance,
        mistakes=tuple(each for each in mistakes if abs(each.value - key) > tolerance),
        unit=draw(st.none() | WORDS.filter(bool)),
        feedback=draw(BOTH),
        **{name: draw(strategy) for name, strategy in COMMON.items()},
    )


@st.composite
def short_answers(draw: st.DrawFn) -> ShortAnswer:
    groups = draw(
        st.lists(st.lists(FORMS, min_size=1, max_size=3), min_size=1, max_size=4).filter(
            lambda groups: (
                not {normalised(form) for form in groups[0]}
                & {normalised(form) for group in groups[1:] for form in group}
            )
        )
    )
    # Two mistakes may well deserve the same words.
    feedback = draw(st.lists(st.sampled_from(["no", "no $a$"]), min_size=4, max_size=4))
    return ShortAnswer(
        type=QuestionType.SHORT_ANSWER,
        key=tuple(groups[0]),
        mistakes=tuple(
            ShortMistake(forms=tuple(forms), feedback=said)
            for forms, said in zip(groups[1:], feedback, strict=False)
        ),
        feedback=draw(BOTH),
        **{name: draw(strategy) for name, strategy in COMMON.items()},
    )


ITEMS = st.one_of(
    choices(),
    st.builds(
        TrueFalse,
        type=st.just(QuestionType.TRUE_FALSE),
        key=st.booleans(),
        feedback=st.builds(TrueOrFalse, true=TEXTS, false=TEXTS),
        **COMMON,
    ),
    numerics(),
    short_answers(),
    st.builds(
        Ordering,
        type=st.just(QuestionType.ORDERING),
        key=st.lists(TEXTS, min_size=3, max_size=10, unique_by=normalised).map(tuple),
        feedback=BOTH,
        **COMMON,
    ),
)
RANDOM_QUIZZES = st.builds(
    Quiz,
    title=TEXTS,
    items=st.lists(ITEMS, min_size=1, max_size=3, unique_by=lambda item: item.id).map(tuple),
)
CALM = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def plain(quiz: Quiz) -> Quiz:
    """The quiz without variables."""
    return Quiz(title=quiz.title, items=tuple(as_asked(item) for item in quiz.items))


def example(kind: str, **fields: Any) -> Quiz:
    common = {"id": "q", "objective": "define", "topic": "LoRA", "difficulty": "easy"}
    item = {"type": kind, "stem": "Why?", "points": 2, **common, **fields}
    return Quiz.model_validate({"title": "A title", "items": [item]})


RIGHT_OR_WRONG = {"right": "Yes.", "wrong": "No."}
EXAMPLES = {
    "single_choice": example(
        "single_choice",
        options=[
            {"text": "It *is* <b>a</b>", "key": True, "feedback": "Yes."},
            {"text": "$a$", "feedback": "No."},
        ],
    ),
    "multiple_response": example(
        "multiple_response",
        options=[
            {"text": "a", "key": True, "feedback": "A."},
            {"text": "b", "feedback": "B."},
            {"text": "c", "key": True, "feedback": "C."},
            {"text": "d", "key": True, "feedback": "D."},
        ],
    ),
    "true_false": example("true_false", key=False, feedback={"true": "No.", "false": "Yes."}),
    "numeric": example(
        "numeric",
        key=9.4,
        tolerance=0.05,
        unit="MB",
        feedback=RIGHT_OR_WRONG,
        mistakes=[{"value": 94, "feedback": "Ten times."}],
    ),
    "short_answer": example(
        "short_answer",
        key=["fine-tuning", "a*b"],
        feedback=RIGHT_OR_WRONG,
        mistakes=[{"forms": ["LoRA", "lora"], "feedback": "Frozen."}],
    ),
    "ordering": example("ordering", key=["one", "two", "three"], feedback=RIGHT_OR_WRONG),
    "parameterised": example(
        "parameterised",
        stem="What is {r} times 2?",
        variables={"r": [4]},
        key="r * 2",
        feedback={"right": "Twice {r}.", "wrong": "Not {r}."},
        mistakes=[{"key": "r", "feedback": "Just {r}."}, {"key": "r + 4", "feedback": "?"}],
    ),
}


def tree(data: bytes) -> ElementTree.Element:
    """Read by another reader than the module's own, so that it is well-formed for others."""
    return ElementTree.fromstring(data)  # noqa: S314 - written by the test


def canonical(xml: str) -> str:
    return ElementTree.canonicalize(xml, strip_text=True)


def test_a_mistake_within_the_tolerance_is_not_told() -> None:
    item = EXAMPLES["parameterised"].items[0]
    assert isinstance(item, Parameterised)
    found = as_asked(item.model_copy(update={"tolerance": 5.0}))
    assert isinstance(found, Numeric)
    assert found.mistakes == ()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("$P(Y \\mid X)$", r"\\(P(Y \\mid X)\\)"),
        ("$x_1 < 2$ and $y$", r"\\(x\_1 &lt; 2\\) and \\(y\\)"),
        ("$$a*b$$", r"\\[a\*b\\]"),
        ("It costs \\$5 or $6.", "It costs &#36;5 or $6."),
        ("From $5 to $6", "From $5 to $6"),
        ("`$HOME` and ``a ` $b$``", "`$HOME` and ``a ` $b$``"),
        ("```\n$a$\n```\n$b$", "```\n$a$\n```\n\\\\(b\\\\)"),
        ("*No* formula_here", "*No* formula_here"),
    ],
)
def test_formulas_are_put_where_moodle_finds_them(text: str, shown: str) -> None:
    assert moodle_markdown(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("*a* & `b<c`", "<p><em>a</em> &amp; <code>b&lt;c</code></p>"),
        ("$x<1$", r"<p><span>\(x&lt;1\)</span></p>"),
        ("a<script>alert(1)</script>", "<p>a</p>"),
        ('<b onclick="x()">a</b>', "<p><b>a</b></p>"),
    ],
)
def test_html_has_the_markup_and_no_scripts(text: str, shown: str) -> None:
    assert html_of(text) == shown


def zipped(
    *files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED, data: bytes = b""
) -> bytes:
    package = io.BytesIO(data)
    with zipfile.ZipFile(package, "a", method) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return package.getvalue()


def lying() -> bytes:
    """A file that says that it has ten bytes, and unpacks to many more."""
    data = zipped(("imsmanifest.xml", bytes(60_000_000)))
    size = (60_000_000).to_bytes(4, "little")
    assert data.count(size) == 2
    return data.replace(size, (10).to_bytes(4, "little"))


GOOD = packed({"a.xml": b"<a/>"})
REFUSED = {
    "many files": (zipped(*((f"{n}.xml", b"") for n in range(101))), "more than any quiz"),
    "an absolute path": (zipped(("/q.xml", b""), data=GOOD), "leads out"),
    "a path of Windows": (zipped(("a\\..\\q.xml", b""), data=GOOD), "leads out"),
    "a drive": (zipped(("c:q.xml", b""), data=GOOD), "leads out"),
    "a rare method": (zipped(("q.xml", b"q"), method=zipfile.ZIP_LZMA, data=GOOD), "compressed"),
    "a bomb that lies": (lying(), "readable zip"),
    "a broken file": (GOOD.replace(b"<a/>", b"<b/>"), "readable zip"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_zip_that_could_do_harm_is_refused(name: str) -> None:
    data, what = REFUSED[name]
    with pytest.raises(WorkshopError, match=what):
        unpacked(data)


def test_a_zip_that_lies_does_not_take_up_memory() -> None:
    data = lying()
    tracemalloc.start()
    try:
        with pytest.raises(WorkshopError):
            unpacked(data)
        assert tracemalloc.get_traced_memory()[1] < 4 * LARGEST
    finally:
        tracemalloc.stop()


def test_a_name_that_stands_twice_is_refused() -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        data = zipped(("a.xml", b"<b/>"), data=GOOD)
    with pytest.raises(WorkshopError, match="same name"):
        unpacked(data)


def test_no_damage_to_a_package_is_a_crash() -> None:
    """Each byte with other values."""
    for data in (GOOD, zipped(("a.xml", b"<a/>" * 20))):
        for place, value in itertools.product(range(len(data)), (0, 1, 127, 255)):
            with contextlib.suppress(WorkshopError):
                unpacked(data[:place] + bytes([value]) + data[place + 1 :])
