"""Moodle XML: what Moodle is told, what comes back, and what is refused."""

from __future__ import annotations

import itertools
from xml.etree import ElementTree

import pytest
from hypothesis import given

from checks.quiz import Form, Key, QuestionType, check_answer
from tests.workshop.quiz.test_xml_text import (
    BOMB,
    CALM,
    EXAMPLES,
    FETCHING,
    RANDOM_QUIZZES,
    canonical,
    example,
    tree,
)
from workshop.errors import WorkshopError
from workshop.quiz.items import Quiz
from workshop.quiz.moodle import from_moodle, to_moodle
from workshop.quiz.xml_text import LARGEST

HEAD = (
    '<name><text>q</text></name><questiontext format="markdown"><text>Why?</text></questiontext>'
    "<defaultgrade>2</defaultgrade><idnumber>q</idnumber>"
)
TAGS = (
    "<tags><tag><text>objective:define</text></tag><tag><text>topic:LoRA</text></tag>"
    "<tag><text>difficulty:easy</text></tag></tags>"
)


def answer(fraction: str, text: str, said: str, more: str = "", *, kind: str = "markdown") -> str:
    return (
        f'<answer fraction="{fraction}" format="{kind}"><text>{text}</text>'
        f'<feedback format="markdown"><text>{said}</text></feedback>{more}</answer>'
    )


def exact(*args: str) -> str:
    return answer(*args, kind="moodle_auto_format")


SHUFFLED = "<shuffleanswers>true</shuffleanswers><answernumbering>ABCD</answernumbering>"
WITH_UNIT = '<text source="Why?">Why?\n\nAnswer with a number (MB).</text>'
EXPECTED = {
    "single_choice": f'<question type="multichoice">{HEAD}<single>true</single>{SHUFFLED}'
    + answer("100", "It *is* &lt;b&gt;a&lt;/b&gt;", "Yes.")
    + answer("0", r"\\(a\\)", "No.").replace("<text>\\", '<text source="$a$">\\')
    + f"{TAGS}</question>",
    "multiple_response": f'<question type="multichoice">{HEAD}<single>false</single>{SHUFFLED}'
    + answer("33.33333", "a", "A.")
    + answer("-33.33333", "b", "B.")
    + answer("33.33333", "c", "C.")
    + answer("33.33333", "d", "D.")
    + f"{TAGS}</question>",
    "true_false": f'<question type="truefalse">{HEAD}'
    + exact("0", "true", "No.")
    + exact("100", "false", "Yes.")
    + f"{TAGS}</question>",
    "numeric": f'<question type="numerical">{HEAD.replace("<text>Why?</text>", WITH_UNIT)}'
    + exact("100", "9.4", "Yes.", "<tolerance>0.05</tolerance>")
    + exact("0", "94", "Ten times.", "<tolerance>0.05</tolerance>")
    + exact("0", "*", "No.", "<tolerance>0</tolerance>")
    + "<unitgradingtype>0</unitgradingtype><showunits>0</showunits>"
    + "<units><unit><multiplier>1</multiplier><unit_name>MB</unit_name></unit></units>"
    + f"{TAGS}</question>",
    "short_answer": f'<question type="shortanswer">{HEAD}<usecase>0</usecase>'
    + exact("100", "fine-tuning", "Yes.")
    + exact("100", r"a\*b", "Yes.")
    + exact("0", "LoRA", "Frozen.").replace("<answer ", '<answer mistake="1" ')
    + exact("0", "lora", "Frozen.").replace("<answer ", '<answer mistake="1" ')
    + exact("0", "*", "No.")
    + f"{TAGS}</question>",
    "ordering": f'<question type="ordering">{HEAD}<layouttype>VERTICAL</layouttype>'
    "<selecttype>ALL</selecttype><selectcount>3</selectcount>"
    "<gradingtype>RELATIVE_ALL_PREVIOUS_AND_NEXT</gradingtype><showgrading>SHOW</showgrading>"
    "<numberingstyle>none</numberingstyle>"
    '<correctfeedback format="markdown"><text>Yes.</text></correctfeedback>'
    '<partiallycorrectfeedback format="markdown"><text>No.</text></partiallycorrectfeedback>'
    '<incorrectfeedback format="markdown"><text>No.</text></incorrectfeedback>'
    '<answer fraction="1" format="markdown"><text>one</text></answer>'
    '<answer fraction="2" format="markdown"><text>two</text></answer>'
    '<answer fraction="3" format="markdown"><text>three</text></answer>'
    f"{TAGS}</question>",
    "parameterised": '<question type="numerical">'
    + HEAD.replace("Why?", "What is 4 times 2?")
    + exact("100", "8", "Twice 4.", "<tolerance>0</tolerance>")
    + exact("0", "4", "Just 4.", "<tolerance>0</tolerance>")
    + exact("0", "*", "Not 4.", "<tolerance>0</tolerance>")
    + "<unitgradingtype>0</unitgradingtype><showunits>3</showunits>"
    + f"{TAGS}</question>",
}


@pytest.mark.parametrize("name", EXPECTED)
def test_each_type_is_told_in_the_words_of_moodle(name: str) -> None:
    root = tree(to_moodle(EXAMPLES[name]))
    category, question = root
    assert category.findtext("category/text") == "$course$/top/A title"
    found = ElementTree.tostring(question, encoding="unicode")
    assert canonical(found) == canonical(EXPECTED[name])


@CALM
@given(RANDOM_QUIZZES)
def test_any_quiz_comes_back(quiz: Quiz) -> None:
    data = to_moodle(quiz)
    assert from_moodle(data) == quiz
    assert to_moodle(from_moodle(data)) == data


# Moodle's `question_bank::fraction_options_full`, in percent.
ALLOWED = [0, 5, 10, 11.11111, 12.5, 14.28571, 16.66667, 20, 25, 30, 33.33333, 40, 50]
ALLOWED += [60, 66.66667, 70, 75, 80, 83.33333, 90, 100]


@pytest.mark.parametrize("keys", range(1, 11))
def test_a_multiple_response_earns_in_moodle_what_it_earns_in_the_notebook(keys: int) -> None:
    letters = "ABCDEFGHIJ"
    options = [
        {"text": letter, "key": place < keys, "feedback": "f"}
        for place, letter in enumerate(letters)
    ]
    root = tree(to_moodle(example("multiple_response", options=options)))
    share = {
        each.findtext("text", ""): float(each.get("fraction", ""))
        for each in root.iterfind("question/answer")
    }
    assert {abs(value) for value in share.values()} <= set(ALLOWED)
    # Moodle refuses a question whose positive fractions do not make 100 %.
    assert sum(value for value in share.values() if value > 0) == pytest.approx(100, abs=0.01)
    form, key = Form(QuestionType.MULTIPLE_RESPONSE, letters), Key(tuple(letters[:keys]))
    for chosen in itertools.combinations(letters, 3):
        in_moodle = max(0.0, sum(share[letter] for letter in chosen) / 100)
        assert in_moodle == pytest.approx(check_answer([*chosen], form, key).score, abs=1e-4)


def test_a_text_that_somebody_has_changed_is_taken_as_it_stands() -> None:
    data = to_moodle(EXAMPLES["numeric"]).replace(b">Why?\n", b">How much?\n")
    assert from_moodle(data).items[0].stem == "How much?"


def test_the_same_quiz_gives_the_same_bytes() -> None:
    assert to_moodle(EXAMPLES["ordering"]) == to_moodle(EXAMPLES["ordering"].model_copy(deep=True))


def test_a_character_that_xml_cannot_hold_is_named() -> None:
    quiz = example("true_false", key=True, stem="a\x01b", feedback={"true": "t", "false": "f"})
    with pytest.raises(WorkshopError, match=r"U\+0001 in 'a\\x01b'"):
        to_moodle(quiz)


def changed(old: str, new: str, name: str = "numeric") -> bytes:
    data = to_moodle(EXAMPLES[name]).decode()
    assert old in data
    return data.replace(old, new).encode()


REFUSED = {
    "nothing": (b"", "not valid XML"),
    "no XML": (b"title: A quiz", "not valid XML"),
    "cut off": (to_moodle(EXAMPLES["ordering"])[:-20], "not valid XML"),
    "an unknown encoding": (b'<?xml version="1.0" encoding="rot13"?><quiz/>', "not valid XML"),
    "an entity bomb": (BOMB, "DOCTYPE"),
    "a bomb in UTF-16": (BOMB.decode().encode("utf-16"), "DOCTYPE"),
    "an external entity": (FETCHING, "DOCTYPE"),
    "too much": (b"<quiz>" + b" " * LARGEST + b"</quiz>", "bytes"),
    "too deep": (b"<quiz>" * 5_000 + b"</quiz>" * 5_000, "nested"),
    "another document": (b"<html/>", "starts with <quiz>"),
    "no title": (b"<quiz/>", "no category"),
    "no question": (
        b'<quiz><question type="category"><category><text>$course$/top/T</text></category>'
        b"</question></quiz>",
        "items",
    ),
    "an essay": (changed('"numerical"', '"essay"'), "'essay' is not read"),
    "no points": (changed("defaultgrade", "grade"), "no <defaultgrade>"),
    "points in words": (changed("<defaultgrade>2", "<defaultgrade>two"), "'two' is no number"),
    "no difficulty": (changed("difficulty:easy", "easy"), "difficulty"),
    "no right number": (changed('fraction="100"', 'fraction="0"'), "right answer"),
    "two right numbers": (changed('fraction="0"', 'fraction="100"'), "right answer"),
    "no number at all": (changed(">9.4<", ">NaN<"), "finite"),
    "an answer but true or false": (changed(">true<", ">wahr<", "true_false"), "true and false"),
    "no key": (changed('"100"', '"0"', "single_choice"), "0 options"),
    "no feedback": (changed("feedback", "hint", "single_choice"), "no <feedback>"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_such_file_is_refused(name: str) -> None:
    data, said = REFUSED[name]
    with pytest.raises(WorkshopError) as caught:
        from_moodle(data)
    assert said in caught.value.what
    assert caught.value.remedy


def test_an_error_names_the_question() -> None:
    with pytest.raises(WorkshopError) as caught:
        from_moodle(changed(">true<", ">wahr<", "true_false"))
    assert caught.value.where == "question 'q'"
