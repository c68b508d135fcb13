"""QTI packages against the published schemas, by an independent validator (libxml2)."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from lxml import etree

from tests.workshop.quiz.test_qti import files_of
from tests.workshop.quiz.test_xml_text import CALM, EXAMPLES, QUIZZES, RANDOM_QUIZZES
from workshop.quiz.items import Quiz, load_quiz
from workshop.quiz.qti import to_qti

SCHEMAS = Path(__file__).parent / "schemas"
QTI = etree.DTD(str(SCHEMAS / "qti_asi_1_2_1.dtd"))
PACKAGING = etree.DTD(str(SCHEMAS / "content_packaging_1_1_3.dtd"))
CHOICES = ("response_lid",)


def faults(document: bytes, schema: etree.DTD) -> list[str]:
    """What a schema has against a document. A DTD knows no namespaces: they are taken off."""
    root = etree.fromstring(document)
    for node in root.iter():
        node.tag = etree.QName(node).localname
    etree.cleanup_namespaces(root)
    if schema.validate(root):
        return [] if schema is PACKAGING else loose_ends(root)
    return [each.message for each in schema.error_log]


def loose_ends(root: etree._Element) -> list[str]:
    """What the specification's words ask for, and a DTD cannot say: names that lead somewhere."""
    found = []
    names = [item.get("ident") for item in root.iter("item")]
    if len(set(names)) < len(names):
        found.append("two items have the same ident")
    for item in root.iter("item"):
        feedback = [each.get("ident") for each in item.iter("itemfeedback")]
        if len(set(feedback)) < len(feedback):
            found.append("two feedbacks have the same ident")
        shown = {each.get("linkrefid") for each in item.iter("displayfeedback")}
        found += [f"no itemfeedback {each}" for each in shown - set(feedback)]
        found += _conditions(item)
    return found


def _conditions(item: etree._Element) -> list[str]:
    found = []
    asked = {each.get("ident"): each for each in item.iter("response_lid", "response_str")}
    declared = {each.get("varname") for each in item.iter("decvar")}
    found += [
        f"no variable {each.get('varname')}"
        for each in item.iter("setvar")
        if each.get("varname") not in declared
    ]
    for condition in item.iter("varequal", "vargte", "varlte"):
        response = asked.get(condition.get("respident"))
        if response is None:
            found.append(f"no response {condition.get('respident')}")
        elif response.tag in CHOICES:
            labels = [each.get("ident") for each in response.iter("response_label")]
            found += [] if condition.text in labels else [f"no choice {condition.text}"]
            found += [] if len(set(labels)) == len(labels) else ["two choices have one ident"]
    return found


def faults_of(package: bytes) -> list[str]:
    return [
        said
        for name, content in files_of(package).items()
        for said in faults(content, PACKAGING if name == "imsmanifest.xml" else QTI)
    ]


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_type_is_valid(name: str) -> None:
    assert faults_of(to_qti(EXAMPLES[name])) == []


@pytest.mark.parametrize("path", QUIZZES, ids=lambda path: path.stem)
def test_the_quizzes_of_the_course_are_valid(path: Path) -> None:
    assert faults_of(to_qti(load_quiz(path))) == []


@CALM
@given(RANDOM_QUIZZES)
def test_any_quiz_is_valid(quiz: Quiz) -> None:
    assert faults_of(to_qti(quiz)) == []


def _assessment(name: str) -> str:
    [content] = [
        data for path, data in files_of(to_qti(EXAMPLES[name])).items() if "manifest" not in path
    ]
    return content.decode()


BROKEN: dict[str, tuple[str, Callable[[str], str], str]] = {
    "an unknown element": ("numeric", lambda text: text.replace("mattext", "mattxt"), "mattxt"),
    "an unknown attribute": ("ordering", lambda text: text.replace("title=", "tilte="), "tilte"),
    "a wrong value": ("numeric", lambda text: text.replace("Decimal", "Float"), "Float"),
    "a missing name": (
        "single_choice",
        lambda text: text.replace(' ident="root_section"', ""),
        "ident",
    ),
    "a wrong order": (
        "true_false",
        lambda text: re.sub(
            r"(<itemmeta.*?</itemmetadata>)(.*?)</item>", r"\2\1</item>", text, flags=re.DOTALL
        ),
        "item",
    ),
    "no outcomes": (
        "numeric",
        lambda text: re.sub(r"<outcomes>.*?</outcomes>", "", text, flags=re.DOTALL),
        "resprocessing",
    ),
    "a lost feedback": (
        "single_choice",
        lambda text: text.replace('ident="1000_fb"', 'ident="other"'),
        "no itemfeedback 1000_fb",
    ),
    "a lost response": (
        "numeric",
        lambda text: text.replace('respident="response1"', 'respident="r"'),
        "no response r",
    ),
    "a lost choice": (
        "multiple_response",
        lambda text: text.replace('response_label ident="1000"', 'response_label ident="7"'),
        "no choice 1000",
    ),
    "a lost variable": (
        "ordering",
        lambda text: text.replace('decvar varname="SCORE"', 'decvar varname="S"'),
        "no variable SCORE",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_not_valid_is_noticed(name: str) -> None:
    example, broken, said = BROKEN[name]
    text = _assessment(example)
    assert broken(text) != text
    assert any(said in each for each in faults(broken(text).encode(), QTI))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<organizations />", ""),
        ('type="imsqti_xmlv1p2"', ""),
        ("schema>", "scheme>"),
        ('identifier="quiz_', 'identifier="1 '),
    ],
)
def test_a_manifest_that_is_not_valid_is_noticed(old: str, new: str) -> None:
    text = files_of(to_qti(EXAMPLES["numeric"]))["imsmanifest.xml"].decode()
    assert old in text
    assert faults(text.replace(old, new).encode(), PACKAGING)
