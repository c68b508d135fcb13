"""Quizzes as QTI 1.2 packages, as Canvas imports them.

A package is a zip with ``imsmanifest.xml`` and one assessment (IMS Question & Test Interoperability
1.2.1, ASI XML binding; IMS Content Packaging 1.1.3). Types of questions and names of feedback are
those that Canvas writes and reads (its ``lib/cc/qti`` and ``gems/plugins/qti_exporter``):

=================  =============================  ==============================================
item               question type                  what Canvas does otherwise than the notebook
=================  =============================  ==============================================
single_choice      ``multiple_choice_question``
multiple_response  ``multiple_answers_question``
true_false         ``true_false_question``
numeric            ``numerical_question``         no unit, no words of their own for mistakes
parameterised      ``numerical_question``         as numeric, with the numbers of the notebook
short_answer       ``short_answer_question``      no words of their own for mistakes
ordering           ``matching_question``          each step is given its place, from 1 to n
=================  =============================  ==============================================

Canvas takes every answer of a numerical or a short-answer question for a right one, so mistakes
are not written as answers.

Texts are HTML. The author's Markdown, and all that QTI has no place for, stand as JSON in a field
of each item's metadata, which Canvas passes over. Reading takes them, and not the HTML.
"""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from checks.quiz import QuestionType
from workshop.quiz.asked import asked
from workshop.quiz.items import (
    MultipleResponse,
    Numeric,
    Ordering,
    Quiz,
    ShortAnswer,
    SingleChoice,
    TrueFalse,
)
from workshop.quiz.xml_text import (
    Plain,
    as_asked,
    bounds,
    child,
    element,
    html_of,
    number,
    number_text,
    packed,
    parsed,
    quiz_of,
    text_at,
    unknown,
    unpacked,
    xml_bytes,
)

_MANIFEST = "imsmanifest.xml"
_PACKAGING = "http://www.imsglobal.org/xsd/imsccv1p1/imscp_v1p1"
_QTI = "http://www.imsglobal.org/xsd/ims_qtiasiv1p2"
_RESOURCE = "imsqti_xmlv1p2"
_TYPES = {
    QuestionType.SINGLE_CHOICE: "multiple_choice_question",
    QuestionType.MULTIPLE_RESPONSE: "multiple_answers_question",
    QuestionType.TRUE_FALSE: "true_false_question",
    QuestionType.NUMERIC: "numerical_question",
    QuestionType.SHORT_ANSWER: "short_answer_question",
    QuestionType.ORDERING: "matching_question",
}
_ITEM = "item_"
_SOURCE = "workshop_source"
_RESPONSE = "response1"
# Canvas finds what to say about right and wrong answers by these names. A condition that pointed
# to them would make it say them twice: once more for the answer.
_RIGHT, _WRONG = "correct_fb", "general_incorrect_fb"
# Canvas keeps names of answers that are numbers, and no others. They number the file's options.
_FIRST_ANSWER, _FIRST_PLACE = 1000, 2000
_TRUTHS = {True: str(_FIRST_ANSWER), False: str(_FIRST_ANSWER + 1)}


def to_qti(quiz: Quiz) -> bytes:
    """A quiz as a package, byte for byte the same for the same quiz.

    Raises:
        WorkshopError: a text has a character that XML cannot hold.
    """
    # Canvas replaces a quiz that has this name when it is imported again.
    name = f"quiz_{hashlib.sha256(quiz.title.encode()).hexdigest()[:16]}"
    path = f"{name}/{name}.xml"
    assessment = xml_bytes(_assessment(quiz, name))
    return packed({_MANIFEST: xml_bytes(_manifest(name, path)), path: assessment})


def from_qti(data: bytes) -> Quiz:
    """The quiz in a package that :func:`to_qti` wrote.

    A parameterised item comes back as the numeric one that was written.

    Raises:
        WorkshopError: it is no zip, is too large, has paths that lead out of it, is no XML, or
            holds what :func:`to_qti` never writes.
    """
    files = unpacked(data)
    assessment = child(parsed(_file(files, _assessment_path(files))), "assessment")
    items = [_item(node) for node in assessment.iterfind("section/item")]
    return quiz_of({"title": assessment.get("title"), "items": items})


def _manifest(name: str, path: str) -> Element:
    root = Element("manifest", xmlns=_PACKAGING, identifier=f"{name}_manifest")
    metadata = element(root, "metadata")
    element(metadata, "schema", "IMS Content")
    element(metadata, "schemaversion", "1.1.3")
    element(root, "organizations")
    resources = element(root, "resources")
    element(element(resources, "resource", identifier=name, type=_RESOURCE), "file", href=path)
    return root


def _assessment_path(files: Mapping[str, bytes]) -> str:
    resources = parsed(_file(files, _MANIFEST)).iterfind("resources/resource")
    found = [child(each, "file") for each in resources if each.get("type") == _RESOURCE]
    if len(found) != 1:
        raise unknown(f"it has {len(found)} assessments, not one", _MANIFEST)
    return found[0].get("href", "")


def _file(files: Mapping[str, bytes], path: str) -> bytes:
    if path not in files:
        raise unknown(f"the file {path[:60]!r} is missing")
    return files[path]


# ------------------------------------------------------------------------------------ writing


def _assessment(quiz: Quiz, name: str) -> Element:
    root = Element("questestinterop", xmlns=_QTI)
    assessment = element(root, "assessment", ident=name, title=quiz.title)
    section = element(assessment, "section", ident="root_section")
    for item in quiz.items:
        node = element(section, "item", ident=_ITEM + item.id, title=item.id)
        _Writer(node).write(as_asked(item))
    return root


class _Writer:
    """Writes one item, and collects for its metadata what would be lost."""

    def __init__(self, node: Element) -> None:
        self._node = node
        self._fields = element(element(node, "itemmetadata"), "qtimetadata")
        self._presentation = element(node, "presentation")
        self._processing = element(node, "resprocessing")
        self._markdown: dict[str, str] = {}
        self._source: dict[str, Any] = {"markdown": self._markdown}

    def write(self, item: Plain) -> None:
        self._field("question_type", _TYPES[item.type])
        self._field("points_possible", number_text(item.points))
        self._source |= item.model_dump(mode="json", include={"objective", "topic", "difficulty"})
        self._text(self._presentation, "stem", item.stem, _unit_line(item))
        score = element(element(self._processing, "outcomes"), "decvar", varname="SCORE")
        score.attrib |= {"vartype": "Decimal", "minvalue": "0", "maxvalue": "100"}
        match item:
            case SingleChoice() | MultipleResponse():
                self._choice(item)
            case TrueFalse():
                self._truth(item)
            case Numeric():
                self._number(item)
            case ShortAnswer():
                self._words(item)
            case Ordering():
                self._order(item)
        # Canvas' converter copies fields that it does not know into an XML comment.
        self._field(_SOURCE, json.dumps(self._source).replace("--", "-\\u002d"))

    def _field(self, label: str, entry: str) -> None:
        field = element(self._fields, "qtimetadatafield")
        element(field, "fieldlabel", label)
        element(field, "fieldentry", entry)

    def _text(self, parent: Element, name: str, markdown: str, more: str = "") -> None:
        """A text in Markdown; ``more`` is HTML that does not belong to it."""
        self._markdown[name] = markdown
        material = element(parent, "material")
        element(material, "mattext", html_of(markdown) + more, texttype="text/html")

    def _feedback(self, said: Mapping[str, str]) -> None:
        for name, text in said.items():
            node = element(self._node, "itemfeedback", ident=name)
            self._text(element(node, "flow_mat"), name, text)

    def _answers(self, names: Sequence[str], *, several: bool = False) -> dict[str, Element]:
        """Where the text of each answer goes."""
        self._field("original_answer_ids", ",".join(names))
        cardinality = "Multiple" if several else "Single"
        lid = element(self._presentation, "response_lid", ident=_RESPONSE, rcardinality=cardinality)
        choices = element(lid, "render_choice")
        return {name: element(choices, "response_label", ident=name) for name in names}

    def _answer_feedback(self, said: Mapping[str, str]) -> None:
        for name in said:
            node = element(self._processing, "respcondition", **{"continue": "Yes"})
            _equal(element(node, "conditionvar"), name)
            element(node, "displayfeedback", feedbacktype="Response", linkrefid=f"{name}_fb")
        self._feedback({f"{name}_fb": text for name, text in said.items()})

    def _scored(self) -> Element:
        """Where the right answer goes."""
        node = element(self._processing, "respcondition", **{"continue": "No"})
        condition = element(node, "conditionvar")
        element(node, "setvar", "100", varname="SCORE", action="Set")
        return condition

    def _choice(self, item: SingleChoice | MultipleResponse) -> None:
        options = {str(_FIRST_ANSWER + place): each for place, each in enumerate(item.options)}
        name_of = {option.text: name for name, option in options.items()}
        several = isinstance(item, MultipleResponse)
        # Shown in the notebook's order, so that where authors put the key tells nothing.
        shown = [name_of[text] for _, text in asked(item).options]
        for name, label in self._answers(shown, several=several).items():
            self._text(label, name, options[name].text)
        self._answer_feedback({name: option.feedback for name, option in options.items()})
        condition = element(self._scored(), "and") if several else self._scored()
        for name, option in options.items():
            if option.key:
                _equal(condition, name)
            elif several:
                _equal(element(condition, "not"), name)

    def _truth(self, item: TrueFalse) -> None:
        labels = self._answers([*_TRUTHS.values()])
        for value, name in _TRUTHS.items():
            element(element(labels[name], "material"), "mattext", str(value))
        said = {True: item.feedback.true, False: item.feedback.false}
        self._answer_feedback({_TRUTHS[value]: text for value, text in said.items()})
        _equal(self._scored(), _TRUTHS[item.key])

    def _typed(self, item: Numeric | ShortAnswer, **attributes: str) -> Element:
        """An answer to type; returns where the right ones go."""
        node = element(self._presentation, "response_str", ident=_RESPONSE, rcardinality="Single")
        element(element(node, "render_fib", **attributes), "response_label", ident="answer1")
        self._feedback({_RIGHT: item.feedback.right, _WRONG: item.feedback.wrong})
        self._source["mistakes"] = [each.model_dump(mode="json") for each in item.mistakes]
        return self._scored()

    def _number(self, item: Numeric) -> None:
        either = element(self._typed(item, fibtype="Decimal"), "or")
        _equal(either, number_text(item.key))
        if item.tolerance:
            both = element(either, "and")
            low, high = bounds(item.key, item.tolerance)
            element(both, "vargte", low, respident=_RESPONSE)
            element(both, "varlte", high, respident=_RESPONSE)
        self._source |= {"tolerance": item.tolerance, "unit": item.unit}

    def _words(self, item: ShortAnswer) -> None:
        condition = self._typed(item)
        for form in item.key:
            _equal(condition, form)

    def _order(self, item: Ordering) -> None:
        name_of = {step: str(_FIRST_ANSWER + place) for place, step in enumerate(item.key)}
        places = [str(_FIRST_PLACE + place) for place in range(len(item.key))]
        shown = [step for _, step in asked(item).options]
        self._field("original_answer_ids", ",".join(name_of[step] for step in shown))
        for step in shown:
            lid = element(self._presentation, "response_lid", ident=f"response_{name_of[step]}")
            self._text(lid, name_of[step], step)
            choices = element(lid, "render_choice")
            for said, place in enumerate(places, 1):
                label = element(choices, "response_label", ident=place)
                element(element(label, "material"), "mattext", str(said))
        for step, place in zip(item.key, places, strict=True):
            node = element(self._processing, "respcondition")
            _equal(element(node, "conditionvar"), place, f"response_{name_of[step]}")
            element(node, "setvar", f"{100 / len(places):.2f}", varname="SCORE", action="Add")
        self._feedback({_RIGHT: item.feedback.right, _WRONG: item.feedback.wrong})


def _unit_line(item: Plain) -> str:
    unit = item.unit if isinstance(item, Numeric) else None
    return f"\n<p>Answer with a number ({html.escape(unit)}).</p>" if unit else ""


def _equal(parent: Element, value: str, response: str = _RESPONSE) -> None:
    element(parent, "varequal", value, respident=response)


# ------------------------------------------------------------------------------------ reading


def _item(node: Element) -> dict[str, Any]:
    name = node.get("ident", "").removeprefix(_ITEM)
    where = f"item {name[:60]!r}"
    fields = {
        text_at(each, "fieldlabel", where): text_at(each, "fieldentry", where)
        for each in node.iterfind("itemmetadata/qtimetadata/qtimetadatafield")
    }
    kind = next((each for each in _READERS if _TYPES[each] == fields.get("question_type")), None)
    if kind is None:
        raise unknown(f"the question type {fields.get('question_type')!r} is not read", where)
    source = _source_of(fields, where)
    texts = _Texts(source.pop("markdown", None), where)
    return {
        "id": name,
        "type": kind,
        "stem": texts["stem"],
        "points": number(fields.get("points_possible", ""), where),
        **source,
        **_READERS[kind](node, texts, where),
    }


def _source_of(fields: Mapping[str, str], where: str) -> dict[str, Any]:
    try:
        source = json.loads(fields[_SOURCE])
    except (KeyError, ValueError, RecursionError) as error:
        raise unknown(f"its field {_SOURCE!r} is missing or broken", where) from error
    if not isinstance(source, dict):
        raise unknown(f"its field {_SOURCE!r} holds no names", where)
    return source


class _Texts(dict[str, str]):
    """Texts by the names of what they belong to."""

    def __init__(self, texts: object, where: str) -> None:
        super().__init__(texts if isinstance(texts, dict) else {})
        self._where = where

    def __missing__(self, name: str) -> str:
        raise unknown(f"it has no text for {name[:60]!r}", self._where)

    def right_or_wrong(self) -> dict[str, str]:
        return {"right": self[_RIGHT], "wrong": self[_WRONG]}


def _condition(node: Element, where: str) -> Element:
    """The condition that gives the points."""
    for condition in node.iterfind("resprocessing/respcondition"):
        if condition.find("setvar") is not None:
            return child(condition, "conditionvar", where)
    raise unknown("nothing in it gives points", where)


def _read_choice(node: Element, texts: _Texts, where: str) -> dict[str, Any]:
    condition = _condition(node, where)
    right = [each.text for path in ("", "and/") for each in condition.iterfind(f"{path}varequal")]
    labels = node.iterfind("presentation/response_lid/render_choice/response_label")
    names = sorted(label.get("ident", "") for label in labels)
    options = [
        {"text": texts[name], "feedback": texts[f"{name}_fb"], "key": name in right}
        for name in names
    ]
    return {"options": options}


def _read_truth(node: Element, texts: _Texts, where: str) -> dict[str, Any]:
    right = text_at(_condition(node, where), "varequal", where)
    if right not in _TRUTHS.values():
        raise unknown("its key is neither true nor false", where)
    feedback = {str(value).lower(): texts[f"{name}_fb"] for value, name in _TRUTHS.items()}
    return {"key": right == _TRUTHS[True], "feedback": feedback}


def _read_number(node: Element, texts: _Texts, where: str) -> dict[str, Any]:
    key = number(text_at(_condition(node, where), "or/varequal", where), where)
    return {"key": key, "feedback": texts.right_or_wrong()}


def _read_words(node: Element, texts: _Texts, where: str) -> dict[str, Any]:
    key = [each.text or "" for each in _condition(node, where).iterfind("varequal")]
    return {"key": key, "feedback": texts.right_or_wrong()}


def _read_order(node: Element, texts: _Texts, where: str) -> dict[str, Any]:  # noqa: ARG001 - as all
    right = node.iterfind("resprocessing/respcondition/conditionvar/varequal")
    placed = sorted((each.text or "", each.get("respident", "")) for each in right)
    key = [texts[response.removeprefix("response_")] for _, response in placed]
    return {"key": key, "feedback": texts.right_or_wrong()}


_READERS = {
    QuestionType.SINGLE_CHOICE: _read_choice,
    QuestionType.MULTIPLE_RESPONSE: _read_choice,
    QuestionType.TRUE_FALSE: _read_truth,
    QuestionType.NUMERIC: _read_number,
    QuestionType.SHORT_ANSWER: _read_words,
    QuestionType.ORDERING: _read_order,
}
