"""QTI packages: what Canvas is told, what comes back, and what is refused."""

from __future__ import annotations

import io
import json
import zipfile
from xml.etree import ElementTree

import pytest
from hypothesis import given

from tests.workshop.quiz.test_xml_text import (
    BOMB,
    CALM,
    EXAMPLES,
    FETCHING,
    QUIZZES,
    RANDOM_QUIZZES,
    canonical,
    example,
    tree,
    zipped,
)
from workshop.errors import WorkshopError
from workshop.quiz.asked import asked
from workshop.quiz.items import Quiz, load_quiz
from workshop.quiz.qti import from_qti, to_qti
from workshop.quiz.xml_text import LARGEST, packed

QTI = "{http://www.imsglobal.org/xsd/ims_qtiasiv1p2}"
PACKAGING = "{http://www.imsglobal.org/xsd/imsccv1p1/imscp_v1p1}"


def files_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def assessment_of(data: bytes) -> ElementTree.Element:
    [path] = [name for name in files_of(data) if name != "imsmanifest.xml"]
    root = tree(files_of(data)[path])
    for node in root.iter():
        assert node.tag.startswith(QTI)
        node.tag = node.tag.removeprefix(QTI)
    return root


def item_of(name: str) -> ElementTree.Element:
    [item] = assessment_of(to_qti(EXAMPLES[name])).iterfind("assessment/section/item")
    return item


def fields_of(item: ElementTree.Element) -> dict[str, str]:
    fields = item.iterfind("itemmetadata/qtimetadata/qtimetadatafield")
    return {each.findtext("fieldlabel", ""): each.findtext("fieldentry", "") for each in fields}


def said(item: ElementTree.Element, part: str) -> str:
    found = item.find(part)
    assert found is not None
    return ElementTree.tostring(found, encoding="unicode")


def html(text: str) -> str:
    return f'<material><mattext texttype="text/html">{text}</mattext></material>'


def text(shown: str) -> str:
    return f"<material><mattext>{shown}</mattext></material>"


STEM = html("&lt;p&gt;Why?&lt;/p&gt;")
SCORE = (
    '<outcomes><decvar varname="SCORE" vartype="Decimal" minvalue="0" maxvalue="100"/></outcomes>'
)
FULL = '<setvar varname="SCORE" action="Set">100</setvar>'
TYPED = f'{STEM}<response_str ident="response1" rcardinality="Single">'


def equal(value: object, response: str = "response1") -> str:
    return f'<varequal respident="{response}">{value}</varequal>'


def tells(answer: int) -> str:
    """What an answer teaches."""
    return (
        f'<respcondition continue="Yes"><conditionvar>{equal(answer)}</conditionvar>'
        f'<displayfeedback feedbacktype="Response" linkrefid="{answer}_fb"/></respcondition>'
    )


def right(condition: str) -> str:
    return (
        f'<respcondition continue="No"><conditionvar>{condition}</conditionvar>{FULL}'
        "</respcondition>"
    )


def label(answer: int, material: str) -> str:
    return f'<response_label ident="{answer}">{material}</response_label>'


def lid(cardinality: str, *labels: str) -> str:
    return (
        f'{STEM}<response_lid ident="response1" rcardinality="{cardinality}"><render_choice>'
        f"{''.join(labels)}</render_choice></response_lid>"
    )


def paragraph(shown: str) -> str:
    return html(f"&lt;p&gt;{shown}&lt;/p&gt;")


PLACES = "".join(label(2000 + place, text(str(place + 1))) for place in range(3))


def step(answer: int, shown: str) -> str:
    return (
        f'<response_lid ident="response_{answer}">{paragraph(shown)}'
        f"<render_choice>{PLACES}</render_choice></response_lid>"
    )


def placed(answer: int, place: int) -> str:
    return (
        f"<respcondition><conditionvar>{equal(place, f'response_{answer}')}</conditionvar>"
        '<setvar varname="SCORE" action="Add">33.33</setvar></respcondition>'
    )


# Options and steps are in the order that the notebook shows.
EXPECTED = {
    "single_choice": (
        "multiple_choice_question",
        lid(
            "Single",
            label(1001, paragraph(r"&lt;span&gt;\(a\)&lt;/span&gt;")),
            label(1000, paragraph("It &lt;em&gt;is&lt;/em&gt; &lt;b&gt;a&lt;/b&gt;")),
        ),
        tells(1000) + tells(1001) + right(equal(1000)),
    ),
    "multiple_response": (
        "multiple_answers_question",
        lid(
            "Multiple",
            *(label(1000 + "abcd".index(each), paragraph(each)) for each in "bcad"),
        ),
        "".join(map(tells, range(1000, 1004)))
        + right(f"<and>{equal(1000)}<not>{equal(1001)}</not>{equal(1002)}{equal(1003)}</and>"),
    ),
    "true_false": (
        "true_false_question",
        lid("Single", label(1000, text("True")), label(1001, text("False"))),
        tells(1000) + tells(1001) + right(equal(1001)),
    ),
    "numeric": (
        "numerical_question",
        TYPED.replace("/p&gt;", "/p&gt;\n&lt;p&gt;Answer with a number (MB).&lt;/p&gt;")
        + '<render_fib fibtype="Decimal"><response_label ident="answer1"/></render_fib>'
        "</response_str>",
        right(
            f'<or>{equal(9.4)}<and><vargte respident="response1">9.35</vargte>'
            '<varlte respident="response1">9.45</varlte></and></or>'
        ),
    ),
    "short_answer": (
        "short_answer_question",
        f'{TYPED}<render_fib><response_label ident="answer1"/></render_fib></response_str>',
        right(equal("fine-tuning") + equal("a*b")),
    ),
    "ordering": (
        "matching_question",
        STEM + step(1000, "one") + step(1001, "two") + step(1002, "three"),
        placed(1000, 2000) + placed(1001, 2001) + placed(1002, 2002),
    ),
    "parameterised": (
        "numerical_question",
        TYPED.replace("Why?", "What is 4 times 2?")
        + '<render_fib fibtype="Decimal"><response_label ident="answer1"/></render_fib>'
        "</response_str>",
        right(f"<or>{equal(8)}</or>"),
    ),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_each_type_is_told_in_the_words_of_canvas(name: str) -> None:
    kind, presentation, processing = EXPECTED[name]
    item = item_of(name)
    assert (item.get("ident"), item.get("title")) == ("item_q", "q")
    fields = fields_of(item)
    assert (fields["question_type"], fields["points_possible"]) == (kind, "2")
    assert canonical(said(item, "presentation")) == canonical(
        f"<presentation>{presentation}</presentation>"
    )
    assert canonical(said(item, "resprocessing")) == canonical(
        f"<resprocessing>{SCORE}{processing}</resprocessing>"
    )


@pytest.mark.parametrize(
    ("name", "feedback"),
    [
        ("single_choice", {"1000_fb": "Yes.", "1001_fb": "No."}),
        ("true_false", {"1000_fb": "No.", "1001_fb": "Yes."}),
        ("numeric", {"correct_fb": "Yes.", "general_incorrect_fb": "No."}),
        ("short_answer", {"correct_fb": "Yes.", "general_incorrect_fb": "No."}),
        ("ordering", {"correct_fb": "Yes.", "general_incorrect_fb": "No."}),
        ("parameterised", {"correct_fb": "Twice 4.", "general_incorrect_fb": "Not 4."}),
    ],
)
def test_feedback_has_the_names_that_canvas_looks_for(name: str, feedback: dict[str, str]) -> None:
    found = {
        each.get("ident"): each.findtext("flow_mat/material/mattext")
        for each in item_of(name).iterfind("itemfeedback")
    }
    assert found == {key: f"<p>{value}</p>" for key, value in feedback.items()}


def test_the_manifest_leads_to_the_assessment() -> None:
    files = files_of(to_qti(EXAMPLES["ordering"]))
    manifest = tree(files["imsmanifest.xml"])
    [resource] = manifest.iterfind(f"{PACKAGING}resources/{PACKAGING}resource")
    assert resource.get("type") == "imsqti_xmlv1p2"
    [file] = resource
    assert {"imsmanifest.xml", file.get("href")} == set(files)
    [assessment] = assessment_of(to_qti(EXAMPLES["ordering"]))
    assert (assessment.get("title"), assessment.get("ident")) == (
        "A title",
        resource.get("identifier"),
    )


def test_quizzes_with_other_titles_do_not_replace_each_other() -> None:
    one = EXAMPLES["ordering"]
    other = one.model_copy(update={"title": "Another"})
    idents = {assessment_of(to_qti(quiz))[0].get("ident") for quiz in (one, other)}
    assert len(idents) == 2


def test_where_authors_put_the_key_is_not_where_learners_see_it() -> None:
    labels = item_of("multiple_response").iter("response_label")
    options = asked(EXAMPLES["multiple_response"].items[0]).options
    shown = [f"<p>{option}</p>" for _, option in options]
    assert [each.findtext("material/mattext") for each in labels] == shown
    assert shown != sorted(shown)


def test_what_is_kept_for_reading_cannot_end_a_comment() -> None:
    """Canvas' converter writes unknown fields into comments, where ``--`` may not stand."""
    quiz = example("ordering", stem="a -->", key=["---", "-- b", "c--"], feedback=EITHER)
    [item] = assessment_of(to_qti(quiz)).iterfind("assessment/section/item")
    source = fields_of(item)["workshop_source"]
    assert "--" not in source
    assert json.loads(source)["markdown"]["1000"] == "---"


EITHER = {"right": "r", "wrong": "w"}


@CALM
@given(RANDOM_QUIZZES)
def test_any_quiz_comes_back(quiz: Quiz) -> None:
    data = to_qti(quiz)
    assert from_qti(data) == quiz
    for name, content in files_of(data).items():
        assert tree(content) is not None, name


@pytest.mark.parametrize(
    ("key", "tolerance", "low", "high"),
    [(0.1, 0.2, "-0.1", "0.3"), (1e20, 1, "99999999999999999999", "100000000000000000001")],
)
def test_bounds_are_exact(key: float, tolerance: float, low: str, high: str) -> None:
    quiz = example("numeric", key=key, tolerance=tolerance, feedback=EITHER)
    root = assessment_of(to_qti(quiz))
    assert [each.text for each in (*root.iter("vargte"), *root.iter("varlte"))] == [low, high]


def test_the_same_quiz_gives_the_same_bytes() -> None:
    quiz = load_quiz(QUIZZES[0])
    data = to_qti(quiz)
    assert data == to_qti(load_quiz(QUIZZES[0]))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}


def test_a_character_that_xml_cannot_hold_is_named() -> None:
    with pytest.raises(WorkshopError, match=r"U\+0001"):
        to_qti(example("short_answer", key=["a\x01"], feedback=EITHER))


# ------------------------------------------------------------------------------------- refused


def changed(
    old: str, new: str, name: str = "numeric", *, also: tuple[str, str] = ("", "")
) -> bytes:
    """A package in which something else stands."""
    files = {path: data.decode() for path, data in files_of(to_qti(EXAMPLES[name])).items()}
    assert any(old in text and also[0] in text for text in files.values())
    return packed(
        {path: text.replace(old, new).replace(*also).encode() for path, text in files.items()}
    )


GOOD = to_qti(EXAMPLES["numeric"])
REFUSED = {
    "nothing": (b"", "readable zip"),
    "no zip": (b"<quiz/>", "readable zip"),
    "cut off": (GOOD[:-30], "readable zip"),
    "a bomb": (zipped(("imsmanifest.xml", bytes(LARGEST + 1))), "more than any quiz"),
    "much else": (GOOD + bytes(LARGEST), "bytes"),
    "a path upwards": (zipped(("../q.xml", b""), data=GOOD), "leads out"),
    "no manifest": (zipped(("q.xml", b"<a/>")), "'imsmanifest.xml' is missing"),
    "no assessment": (changed("imsqti_xmlv1p2", "webcontent"), "0 assessments"),
    "a lost file": (changed('href="quiz', 'href="../quiz'), "is missing"),
    "broken XML": (changed("</presentation>", "", "ordering"), "not valid XML"),
    "an entity bomb": (zipped(("imsmanifest.xml", BOMB)), "DOCTYPE"),
    "an external entity": (zipped(("imsmanifest.xml", FETCHING)), "DOCTYPE"),
    "an essay": (changed("numerical_question", "essay_question"), "'essay_question' is not read"),
    "no source": (changed("workshop_source", "other"), "missing or broken"),
    "a source that is no JSON": (changed('{"markdown"', "{markdown"), "missing or broken"),
    "a source that is a list": (
        changed('{"markdown"', '[{"markdown"', also=('"MB"}', '"MB"}]')),
        "holds no names",
    ),
    "no texts": (changed('{"markdown"', '{"html"'), "no text for 'stem'"),
    "a text that is a number": (changed('"stem": "Why?"', '"stem": 3'), "stem"),
    "something unknown": (changed('"tolerance"', '"slack"'), "slack"),
    "no points": (changed("points_possible", "points"), "no number"),
    "no score": (changed("setvar", "setval"), "gives points"),
    "no key": (changed("varequal", "varnear"), "or/varequal"),
    "neither true nor false": (
        changed('"response1">1001</varequal>', '"response1">7</varequal>', "true_false"),
        "neither true nor false",
    ),
    "a key that is no option": (
        changed('"response1">1000</varequal>', '"response1">7</varequal>', "single_choice"),
        "0 options",
    ),
    "a step that is nowhere": (changed('"response_1000"', '"nowhere"', "ordering"), "'nowhere'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_such_package_is_refused(name: str) -> None:
    data, what = REFUSED[name]
    with pytest.raises(WorkshopError) as caught:
        from_qti(data)
    assert what in caught.value.what
    assert caught.value.remedy
