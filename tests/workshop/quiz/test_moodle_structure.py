"""Moodle XML against its documented structure. There is no published schema.

Sources: MoodleDocs, "Moodle XML format"; what ``question/format/xml/format.php`` and the question
types' own classes read, which values they know, and what they refuse to save.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given

from tests.workshop.quiz.test_moodle import ALLOWED
from tests.workshop.quiz.test_xml_text import CALM, EXAMPLES, QUIZZES, RANDOM_QUIZZES, tree
from workshop.quiz.items import Quiz, load_quiz
from workshop.quiz.moodle import to_moodle

FORMATS = {"html", "moodle_auto_format", "plain_text", "markdown", "wiki_like"}
ORDER = {"answernumbering": {"none", "abc", "ABCD", "123", "iii", "IIII"}}
TRUTH = {"true", "false"}
# What each type may hold besides what all do, and the values that are known.
COMMON: dict[str, set[str] | None] = dict.fromkeys(
    ("name", "questiontext", "generalfeedback", "defaultgrade", "penalty", "hidden", "idnumber"),
    None,
) | {"tags": None}
COMBINED: dict[str, set[str] | None] = dict.fromkeys(
    ("correctfeedback", "partiallycorrectfeedback", "incorrectfeedback", "shownumcorrect")
)
SPECIFIC: dict[str, dict[str, set[str] | None]] = {
    "multichoice": {
        "single": TRUTH,
        "shuffleanswers": TRUTH | {"0", "1"},
        "answernumbering": ORDER["answernumbering"],
        "showstandardinstruction": {"0", "1"},
        **COMBINED,
    },
    "truefalse": {},
    "shortanswer": {"usecase": {"0", "1"}},
    "numerical": {
        "unitgradingtype": {"0", "1", "2"},
        "unitpenalty": None,
        "showunits": {"0", "1", "2", "3"},
        "unitsleft": {"0", "1"},
        "units": None,
        "instructions": None,
    },
    "ordering": {
        "layouttype": {"VERTICAL", "HORIZONTAL"},
        "selecttype": {"ALL", "RANDOM", "CONTIGUOUS"},
        "selectcount": None,
        "gradingtype": {
            "ALL_OR_NOTHING",
            "ABSOLUTE_POSITION",
            "RELATIVE_NEXT_EXCLUDE_LAST",
            "RELATIVE_NEXT_INCLUDE_LAST",
            "RELATIVE_ONE_PREVIOUS_AND_NEXT",
            "RELATIVE_ALL_PREVIOUS_AND_NEXT",
            "LONGEST_ORDERED_SUBSET",
            "LONGEST_CONTIGUOUS_SUBSET",
            "RELATIVE_TO_CORRECT",
        },
        "showgrading": {"SHOW", "HIDE"},
        "numberingstyle": ORDER["answernumbering"],
        **COMBINED,
    },
}
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")


def faults(document: bytes) -> list[str]:
    """What Moodle would refuse, pass over or take for something else."""
    root = tree(document)
    if root.tag != "quiz":
        return ["no quiz"]
    found = [f"unknown element {each.tag}" for each in root if each.tag != "question"]
    questions = [each for each in root.iterfind("question") if each.get("type") != "category"]
    for category in root.iterfind("question[@type='category']"):
        path = category.findtext("category/text") or ""
        if not re.match(r"\$(course|module|system|coursecat)\$/(?!\s*$)", path):
            found.append(f"no category {path!r}")
    numbers = [each.findtext("idnumber") for each in questions]
    if len(set(numbers)) < len(numbers) or any(len(each or "") > 100 for each in numbers):
        found.append("idnumbers are the same, or too long")
    return found + [said for question in questions for said in _question(question)]


def _question(node: Element) -> Iterator[str]:
    specific = SPECIFIC.get(node.get("type", ""))
    if specific is None:
        yield f"unknown type {node.get('type')!r}"
        return
    known = COMMON | specific
    counts = Counter(child.tag for child in node if child.tag not in ("answer", "hint"))
    yield from (f"{tag} is read once" for tag, count in counts.items() if count > 1)
    yield from (f"{tag} is not read" for tag in counts if tag not in known)
    for tag, values in known.items():
        told = node.findtext(tag)
        if values and told is not None and told not in values:
            yield f"{tag} is {told!r}"
    if not (node.findtext("name/text") or "").strip():
        yield "no name"
    grade = node.findtext("defaultgrade") or ""
    if not NUMBER.fullmatch(grade) or float(grade) < 0:
        yield f"defaultgrade is {grade!r}"
    for text in ("questiontext", *(each for each in COMBINED if "feedback" in each)):
        yield from (fault for each in node.iterfind(text) for fault in _text(each))
    yield from (f"a tag is {each}" for each in _blank(node, "tags/tag"))
    answers = node.findall("answer")
    for answer in answers:
        yield from _answer(answer)
    yield from TYPES[node.get("type", "")](node, answers)


def _blank(node: Element, path: str) -> Iterator[str]:
    for each in node.iterfind(path):
        if not (each.findtext("text") or "").strip():
            yield "blank"


def _text(node: Element) -> Iterator[str]:
    if [each.tag for each in node if each.tag != "file"] != ["text"]:
        yield f"{node.tag} needs one text"
    if node.get("format") not in FORMATS:
        yield f"{node.tag} has the format {node.get('format')!r}"


def _answer(node: Element) -> Iterator[str]:
    if not NUMBER.fullmatch(node.get("fraction", "")):
        yield f"a fraction is {node.get('fraction')!r}"
    if len(node.findall("text")) != 1 or not (node.findtext("text") or "").strip(" \t\n\r\0\v"):
        yield "an answer without text is dropped"
    if node.get("format") not in FORMATS:
        yield f"an answer has the format {node.get('format')!r}"
    if len(node.findall("feedback")) > 1:
        yield "one feedback for an answer"
    yield from (fault for each in node.iterfind("feedback") for fault in _text(each))


def _fractions(answers: list[Element]) -> list[float]:
    return [float(each.get("fraction", "nan")) for each in answers]


def _known(fractions: list[float]) -> Iterator[str]:
    for each in fractions:
        if not any(math.isclose(abs(each), value, abs_tol=1e-3) for value in ALLOWED):
            yield f"the fraction {each} is not in Moodle's list"


def _multichoice(node: Element, answers: list[Element]) -> Iterator[str]:
    fractions = _fractions(answers)
    yield from _known(fractions)
    if len(answers) < 2:
        yield "two answers are needed"
    if node.findtext("single") == "true" and max(fractions) != 100:
        yield "no answer earns all points"
    total = sum(each for each in fractions if each > 0)
    if node.findtext("single") == "false" and round(total / 100, 2) != 1:
        yield f"right answers earn {total} % in sum"


def _truefalse(node: Element, answers: list[Element]) -> Iterator[str]:
    if sorted(each.findtext("text") or "" for each in answers) != ["false", "true"]:
        yield "the answers are true and false"
    if sorted(_fractions(answers)) != [0, 100]:
        yield "one of both is right"


def _shortanswer(node: Element, answers: list[Element]) -> Iterator[str]:
    yield from _known(_fractions(answers))
    if max(_fractions(answers)) != 100:
        yield "no answer earns all points"


def _numerical(node: Element, answers: list[Element]) -> Iterator[str]:
    yield from _shortanswer(node, answers)
    for answer in answers:
        for text in (answer.findtext("text") or "", answer.findtext("tolerance") or "0"):
            if not NUMBER.fullmatch(text) and text != "*":
                yield f"{text!r} is no number"
    units = node.findall("units/unit")
    if bool(units) == (node.findtext("showunits") == "3"):
        yield "units are there and not shown, or the other way"
    for unit in units:
        if not NUMBER.fullmatch(unit.findtext("multiplier") or ""):
            yield "a unit has no multiplier"
        if not (unit.findtext("unit_name") or "").strip():
            yield "a unit without a name is dropped"


def _ordering(node: Element, answers: list[Element]) -> Iterator[str]:
    count = node.findtext("selectcount") or ""
    if not count.isdigit() or not 2 <= int(count) <= len(answers):
        yield f"{count!r} of {len(answers)} steps are asked"


TYPES: dict[str, Callable[[Element, list[Element]], Iterator[str]]] = {
    "multichoice": _multichoice,
    "truefalse": _truefalse,
    "shortanswer": _shortanswer,
    "numerical": _numerical,
    "ordering": _ordering,
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_type_is_what_moodle_reads(name: str) -> None:
    assert faults(to_moodle(EXAMPLES[name])) == []


@pytest.mark.parametrize("path", QUIZZES, ids=lambda path: path.stem)
def test_the_quizzes_of_the_course_are(path: Path) -> None:
    assert faults(to_moodle(load_quiz(path))) == []


@CALM
@given(RANDOM_QUIZZES)
def test_any_quiz_is(quiz: Quiz) -> None:
    assert faults(to_moodle(quiz)) == []


BROKEN = {
    "another document": ("ordering", "quiz>", "test>", "no quiz"),
    "a bad category": ("ordering", "$course$/", "", "no category"),
    "an unknown type": ("numeric", '"numerical"', '"number"', "unknown type"),
    "an unknown element": ("numeric", "defaultgrade", "grade", "grade is not read"),
    "points in words": ("numeric", "<defaultgrade>2", "<defaultgrade>two", "defaultgrade"),
    "an unknown format": ("numeric", 'format="markdown"', 'format="md"', "'md'"),
    "no name": ("numeric", "<text>q</text>", "<text> </text>", "no name"),
    "an unknown value": ("ordering", "VERTICAL", "DOWN", "layouttype"),
    "an odd fraction": ("multiple_response", "33.33333", "33", "not in Moodle's list"),
    "too little": ("multiple_response", 'fraction="33.33333"', 'fraction="30"', "in sum"),
    "no right option": ("single_choice", 'fraction="100"', 'fraction="50"', "all points"),
    "an empty answer": ("short_answer", "<text>lora<", "<text> <", "dropped"),
    "two truths": ("true_false", ">true<", ">false<", "true and false"),
    "both right": ("true_false", 'fraction="0"', 'fraction="100"', "one of both"),
    "a number in words": ("numeric", ">9.4<", ">nine<", "no number"),
    "units that nobody sees": ("numeric", "<showunits>0", "<showunits>3", "units"),
    "more steps than there are": ("ordering", "<selectcount>3", "<selectcount>4", "steps"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_moodle_would_not_read_is_noticed(name: str) -> None:
    example, old, new, said = BROKEN[name]
    text = to_moodle(EXAMPLES[example]).decode()
    assert old in text
    assert any(said in each for each in faults(text.replace(old, new).encode()))
