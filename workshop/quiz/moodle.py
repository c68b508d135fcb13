r"""Quizzes as Moodle XML, the format of Moodle's question bank.

What becomes of each type of item (Moodle docs: "Moodle XML format"; Moodle 4.4 or later for
``ordering``):

=================  ===============  ===============================================================
item               question type    fractions of the points, in percent
=================  ===============  ===============================================================
single_choice      ``multichoice``  100 for the key, 0 for other options
multiple_response  ``multichoice``  100/n for each of the n keys, -100/n for each other option
true_false         ``truefalse``    100 and 0
numeric            ``numerical``    100 within the tolerance; mistakes 0; ``*``, for all else, 0
parameterised      ``numerical``    as numeric, with the numbers that the notebook asks
short_answer       ``shortanswer``  100 for each accepted form; mistakes 0; ``*``, for all else, 0
ordering           ``ordering``     the share of pairs of steps that are in order
=================  ===============  ===============================================================

Moodle adds up fractions and does not go below 0, so a multiple response is scored right minus
wrong, as in the notebook. It takes fractions from a list of its own only; 1/n is in that list for
every number of keys that an item can have. An ordering earns more than in the notebook: a random
order about half of the points, where the notebook gives none.

Texts are Markdown, which Moodle knows; how formulas change is told in
:func:`workshop.quiz.xml_text.moodle_markdown`. Where what Moodle shows is not the author's text,
that text stands in an attribute ``source``, which Moodle passes over.
"""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element

from checks.quiz import QuestionType
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
    child,
    element,
    markdown_literal,
    moodle_markdown,
    number,
    number_text,
    parsed,
    quiz_of,
    text_at,
    unknown,
    xml_bytes,
)

_TYPES = {
    QuestionType.SINGLE_CHOICE: "multichoice",
    QuestionType.MULTIPLE_RESPONSE: "multichoice",
    QuestionType.TRUE_FALSE: "truefalse",
    QuestionType.NUMERIC: "numerical",
    QuestionType.SHORT_ANSWER: "shortanswer",
    QuestionType.ORDERING: "ordering",
}
_CATEGORY = "$course$/top/"
_TAGS = ("objective", "topic", "difficulty")
_ANYTHING = "*"
# Values of the columns `unitgradingtype` and `showunits` in Moodle's numerical type.
_UNIT_MAY_BE_LEFT_OUT, _UNIT_IS_TYPED, _NO_UNIT = "0", "0", "3"


def to_moodle(quiz: Quiz) -> bytes:
    """A quiz as one Moodle XML document; its title becomes a category of the question bank.

    Raises:
        WorkshopError: a text has a character that XML cannot hold.
    """
    root = Element("quiz")
    category = element(element(root, "question", type="category"), "category")
    # Moodle writes a slash twice that does not lead to a category within a category.
    element(category, "text", _CATEGORY + quiz.title.replace("/", "//"))
    for item in quiz.items:
        _question(root, as_asked(item))
    return xml_bytes(root)


def from_moodle(data: bytes) -> Quiz:
    """The quiz in a document that :func:`to_moodle` wrote.

    A parameterised item comes back as the numeric one that was written.

    Raises:
        WorkshopError: it is no XML, has a DOCTYPE, or holds what :func:`to_moodle` never writes.
    """
    root = parsed(data)
    if root.tag != "quiz":
        raise unknown(f"a document of Moodle starts with <quiz>, not <{root.tag}>")
    title, items = None, []
    for node in root.iterfind("question"):
        if node.get("type") == "category":
            if title is not None:
                raise unknown("it has more than one category")
            title = text_at(node, "category/text").removeprefix(_CATEGORY).replace("//", "/")
        else:
            items.append(_item(node))
    if title is None:
        raise unknown("it has no category to tell the title")
    return quiz_of({"title": title, "items": items})


# ------------------------------------------------------------------------------------ writing


def _question(root: Element, item: Plain) -> None:
    node = element(root, "question", type=_TYPES[item.type])
    element(element(node, "name"), "text", item.id)
    _markdown(node, "questiontext", item.stem, _unit_line(getattr(item, "unit", None)))
    element(node, "defaultgrade", number_text(item.points))
    element(node, "idnumber", item.id)
    match item:
        case SingleChoice() | MultipleResponse():
            _write_choice(node, item)
        case TrueFalse():
            _write_truth(node, item)
        case Numeric():
            _write_number(node, item)
        case ShortAnswer():
            _write_words(node, item)
        case Ordering():
            _write_order(node, item)
    tags = element(node, "tags")
    for name in _TAGS:
        element(element(tags, "tag"), "text", f"{name}:{getattr(item, name)}")


def _markdown(parent: Element, name: str, text: str, more: str = "", **attributes: str) -> Element:
    """A text in Markdown; ``more`` is shown behind it, and does not belong to it."""
    node = element(parent, name, format="markdown", **attributes)
    shown = moodle_markdown(text) + more
    element(node, "text", shown, **({} if shown == text else {"source": text}))
    return node


def _unit_line(unit: str | None) -> str:
    return f"\n\nAnswer with a number ({markdown_literal(unit)})." if unit else ""


def _answer(parent: Element, fraction: str, text: str, feedback: str, **more: str) -> Element:
    """An answer that is not Markdown."""
    node = element(parent, "answer", fraction=fraction, format="moodle_auto_format", **more)
    element(node, "text", text)
    _markdown(node, "feedback", feedback)
    return node


def _write_choice(node: Element, item: SingleChoice | MultipleResponse) -> None:
    single = isinstance(item, SingleChoice)
    share = f"{100 / len(item.keys):.5f}".removesuffix(".00000")
    element(node, "single", "true" if single else "false")
    element(node, "shuffleanswers", "true")
    element(node, "answernumbering", "ABCD")
    for option in item.options:
        fraction = share if option.key else "0" if single else f"-{share}"
        answer = _markdown(node, "answer", option.text, fraction=fraction)
        _markdown(answer, "feedback", option.feedback)


def _write_truth(node: Element, item: TrueFalse) -> None:
    for value, feedback in ((True, item.feedback.true), (False, item.feedback.false)):
        _answer(node, "100" if item.key is value else "0", str(value).lower(), feedback)


def _write_number(node: Element, item: Numeric) -> None:
    mistakes = [("0", number_text(each.value), each.feedback) for each in item.mistakes]
    answers = [("100", number_text(item.key), item.feedback.right), *mistakes]
    for fraction, value, feedback in answers:
        answer = _answer(node, fraction, value, feedback)
        element(answer, "tolerance", number_text(item.tolerance))
    element(_answer(node, "0", _ANYTHING, item.feedback.wrong), "tolerance", "0")
    element(node, "unitgradingtype", _UNIT_MAY_BE_LEFT_OUT)
    element(node, "showunits", _UNIT_IS_TYPED if item.unit else _NO_UNIT)
    if item.unit:
        unit = element(element(node, "units"), "unit")
        element(unit, "multiplier", "1")
        element(unit, "unit_name", item.unit)


def _write_words(node: Element, item: ShortAnswer) -> None:
    element(node, "usecase", "0")
    for form in item.key:
        _answer(node, "100", _escaped(form), item.feedback.right)
    for place, mistake in enumerate(item.mistakes, 1):
        for form in mistake.forms:
            # Moodle passes over the attribute, which tells what forms belong together.
            _answer(node, "0", _escaped(form), mistake.feedback, mistake=str(place))
    _answer(node, "0", _ANYTHING, item.feedback.wrong)


def _escaped(form: str) -> str:
    """A form in which a star stands for itself."""
    return form.replace("*", r"\*")


def _write_order(node: Element, item: Ordering) -> None:
    element(node, "layouttype", "VERTICAL")
    element(node, "selecttype", "ALL")
    element(node, "selectcount", str(len(item.key)))
    # Of Moodle's gradings the nearest to pairs in order, which the notebook counts.
    element(node, "gradingtype", "RELATIVE_ALL_PREVIOUS_AND_NEXT")
    element(node, "showgrading", "SHOW")
    element(node, "numberingstyle", "none")
    _markdown(node, "correctfeedback", item.feedback.right)
    _markdown(node, "partiallycorrectfeedback", item.feedback.wrong)
    _markdown(node, "incorrectfeedback", item.feedback.wrong)
    for place, step in enumerate(item.key, 1):
        _markdown(node, "answer", step, fraction=str(place))


# ------------------------------------------------------------------------------------ reading


def _item(node: Element) -> dict[str, Any]:
    name = text_at(node, "name/text")
    where = f"question {name[:60]!r}"
    read = _READERS.get(node.get("type", ""))
    if read is None:
        raise unknown(f"the question type {node.get('type')!r} is not read", where)
    fields = read(node, where)
    points = number(text_at(node, "defaultgrade", where), where)
    stem = _text(child(node, "questiontext", where), _unit_line(fields.get("unit")))
    tags = [text_at(tag, "text", where).partition(":") for tag in node.iterfind("tags/tag")]
    told = {key: value for key, _, value in tags if key in _TAGS}
    return {"id": name, "stem": stem, "points": points, **told, **fields}


def _text(node: Element, more: str = "") -> str:
    """The author's text, unless somebody has changed the text that is shown."""
    inner = child(node, "text")
    shown, source = inner.text or "", inner.get("source")
    if source is not None and moodle_markdown(source) + more == shown:
        return source
    return shown.removesuffix(more)


def _answers(node: Element, where: str) -> list[tuple[float, Element]]:
    """All answers with their fractions."""
    return [(number(each.get("fraction", ""), where), each) for each in node.iterfind("answer")]


def _read_choice(node: Element, where: str) -> dict[str, Any]:
    single = text_at(node, "single", where) == "true"
    options = [
        {
            "text": _text(each),
            "feedback": _text(child(each, "feedback", where)),
            "key": fraction > 0,
        }
        for fraction, each in _answers(node, where)
    ]
    kind = QuestionType.SINGLE_CHOICE if single else QuestionType.MULTIPLE_RESPONSE
    return {"type": kind, "options": options}


def _read_truth(node: Element, where: str) -> dict[str, Any]:
    found = {text_at(each, "text", where): (share, each) for share, each in _answers(node, where)}
    if set(found) != {"true", "false"}:
        raise unknown("its answers are not true and false", where)
    feedback = {value: _text(child(each, "feedback")) for value, (_, each) in found.items()}
    key = found["true"][0] > found["false"][0]
    return {"type": QuestionType.TRUE_FALSE, "key": key, "feedback": feedback}


def _split(
    node: Element, where: str
) -> tuple[list[tuple[str, Element]], list[tuple[str, Element]], dict[str, str]]:
    """Right answers, wrong ones, and what to say about right ones and all others."""
    told = [
        (text_at(each, "text", where), fraction, each) for fraction, each in _answers(node, where)
    ]
    right = [(text, each) for text, fraction, each in told if fraction > 0]
    other = [each for text, fraction, each in told if fraction <= 0 and text == _ANYTHING]
    wrong = [(text, each) for text, fraction, each in told if fraction <= 0 and text != _ANYTHING]
    if not right or len(other) != 1:
        raise unknown(f"it needs a right answer and one {_ANYTHING!r} for all others", where)
    feedback = {
        "right": _text(child(right[0][1], "feedback", where)),
        "wrong": _text(child(other[0], "feedback", where)),
    }
    return right, wrong, feedback


def _read_number(node: Element, where: str) -> dict[str, Any]:
    right, wrong, feedback = _split(node, where)
    if len(right) > 1:
        raise unknown("it has more than one right number", where)
    [(key, answer)] = right
    unit = node.find("units/unit/unit_name")
    mistakes = [
        {"value": number(value, where), "feedback": _text(child(each, "feedback", where))}
        for value, each in wrong
    ]
    return {
        "type": QuestionType.NUMERIC,
        "key": number(key, where),
        "tolerance": number(text_at(answer, "tolerance", where), where),
        "unit": None if unit is None else unit.text,
        "feedback": feedback,
        "mistakes": mistakes,
    }


def _read_words(node: Element, where: str) -> dict[str, Any]:
    right, wrong, feedback = _split(node, where)
    mistakes: dict[str, dict[str, Any]] = {}
    for form, each in wrong:
        said = _text(child(each, "feedback", where))
        mistake = mistakes.setdefault(each.get("mistake", said), {"forms": [], "feedback": said})
        mistake["forms"].append(_unescaped(form))
    return {
        "type": QuestionType.SHORT_ANSWER,
        "key": [_unescaped(form) for form, _ in right],
        "feedback": feedback,
        "mistakes": list(mistakes.values()),
    }


def _unescaped(form: str) -> str:
    return form.replace(r"\*", "*")


def _read_order(node: Element, where: str) -> dict[str, Any]:
    steps = sorted(_answers(node, where), key=lambda pair: pair[0])
    feedback = {
        "right": _text(child(node, "correctfeedback", where)),
        "wrong": _text(child(node, "incorrectfeedback", where)),
    }
    key = [_text(each) for _, each in steps]
    return {"type": QuestionType.ORDERING, "key": key, "feedback": feedback}


_READERS = {
    "multichoice": _read_choice,
    "truefalse": _read_truth,
    "numerical": _read_number,
    "shortanswer": _read_words,
    "ordering": _read_order,
}
