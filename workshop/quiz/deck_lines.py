"""What each line of a slide deck is: a question's beginning, an option, an answer, or other text.

A line is told by how it begins, after any bullet. What it belongs to is decided in
:mod:`workshop.quiz.deck`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

SLIDE_BREAK = "\f"


class Kind(Enum):
    """What a line of a deck is."""

    BLANK = auto()
    BULLET = auto()  # with nothing after it
    SLIDE_BREAK = auto()
    PAGE_NUMBER = auto()
    QUIZ = auto()
    QUESTION = auto()
    OPTION = auto()
    ANSWER = auto()
    TEXT = auto()


@dataclass(frozen=True)
class Line:
    """A line of a deck.

    Attributes:
        kind: what it is.
        number: which line, counted from 1.
        text: what it says after its bullet, letter or other mark, with single blanks.
        label: a question's number as written, an option's letter, an answer's key ("C", "A, C",
            "true", "false"; "" if it cannot be read); for a page number whether it stands "inside"
            a text or "last" on its slide.
        count: the number of a question, or of the one that an answer names; -1 if there is none.
        bulleted: whether a bullet stands before it.
    """

    kind: Kind
    number: int
    text: str = ""
    label: str = ""
    count: int = -1
    bulleted: bool = False


# A hyphen or dash, a dot or arrow, a geometric shape, a sign of Markdown, a glyph of Wingdings.
_SIGNS = (
    r"-*+>#\u00b7\u2010-\u2015\u2022\u2023\u2043\u2212\u2219\u25a0-\u25ff\u27a2-\u27a4"
    r"\ue000-\uf8ff"
)
_BULLET = re.compile(rf"[{_SIGNS}\s]+")
_RULE = re.compile(r"([-_=*])(?:\s?\1){2,}")
_BOLD = re.compile(rf"^([{_SIGNS}\s]*?)\*\*(.+?)\*\*")
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u2060\ufeff"))
_PAGE = re.compile(r"(?:page|slide|p\.)?\s*\d{1,4}(?:\s*(?:/|of)\s*\d{1,4})?", re.IGNORECASE)
_QUIZ = re.compile(r"quick\W*quiz(?:$|(?P<mark>\W+)\d*\W*)", re.IGNORECASE)
_NUMBER = (
    r"\s*(?:no\.?|number|\#)?\s*(?P<number>\d+(?:\.\d+)*[a-z]?)"
    r"(?:\s*(?:/|of)\s*\d+)?(?:\s*\([^()]*\))?"
)
_MARK = r"(?:\s*[:\uff1a)\]]|\s*\.(?!\d)|\s+[\u2013\u2014-]+|[\u2013\u2014-](?!\S))"
_QUESTIONS = [
    re.compile(pattern + r"\s*(?P<text>.*)", re.IGNORECASE)
    for pattern in (
        rf"(?:question|q){_NUMBER}{_MARK}",
        rf"question{_NUMBER}$",
        r"(?:question(?:\s+(?:[a-z]|one|two|three|four|five|six|seven|eight|nine|ten))?|q)"
        r"(?P<number>)\s*[:\uff1a]",
    )
]
_OPTION = re.compile(
    r"\(?(?:([A-Za-z])\s*\)|([A-Za-z])\s*\.(?!\S)|([A-Z])\.(?=\w\w))\s*(?P<text>.*)"
)
_ANSWER = re.compile(
    r"(?:correct\s+|right\s+)?ans(?:wer)?s?"
    r"(?:\s*(?:to|for|of)?\s*(?:question|q)?\s*\#?\s*(?P<number>\d{1,4}))?"
    r"\s*[:\uff1a](?P<value>.*)",
    re.IGNORECASE,
)
_TRUTH = re.compile(
    r"(?P<key>true|false)(?:$|[.,;:!)](?!\S)|\s+(?=[(\u2013\u2014-]))\W*(?P<text>.*)",
    re.IGNORECASE,
)
_LETTER = r"\(?[A-Za-z](?:\s?\)|(?![\w'\u2019]))"
_LETTERS = re.compile(
    rf"(?:options?\s+)?(?P<keys>{_LETTER}(?:(?:\s*[,;&+]\s*(?:and\s+)?|\s+and\s+){_LETTER})*)"
    r"(?P<text>.*)",
    re.IGNORECASE,
)
_LONE_LETTER = re.compile(r"(?<![\w'\u2019])[A-Za-z](?![\w'\u2019])")
_EXPLANATION = re.compile(
    r"\s*(?:$|[.,;:!\])]+(?!\S)|\s[\u2013\u2014-]|[\u2013\u2014-](?!\S)|\s\()"
)


def read_lines(lines: Sequence[str]) -> list[Line]:
    """What each line of a deck is.

    Args:
        lines: as from :func:`read_deck`.

    Returns:
        In the deck's order, with the deck's line numbers; a line with a form feed gives several.
    """
    found: list[Line] = []
    for number, line in enumerate(lines, start=1):
        for part, piece in enumerate(line.split(SLIDE_BREAK)):
            if part:
                found.append(Line(Kind.SLIDE_BREAK, number))
            found += _sorted(number, piece)
    return [
        replace(line, label=_place(found, index)) if line.kind is Kind.PAGE_NUMBER else line
        for index, line in enumerate(found)
    ]


def says_the_same(answer: Line, options: dict[str, str]) -> bool:
    """Whether what follows an answer's letters agrees with them.

    Args:
        answer: a line of letters, such as "Answer: C) the head".
        options: the question's texts by letter; all of the answer's letters are among them.
    """
    keys = answer.label.split(", ")
    said = answer.text.casefold().rstrip(" .")
    if not said:
        return True
    texts = {letter: text.casefold().rstrip(" .") for letter, text in options.items()}
    same = {letter for letter, text in texts.items() if text == said}
    if same:
        return bool(same & set(keys))
    if len(said) > 1 and any(texts[letter].startswith(said) for letter in keys):
        return True  # the line ends before the option's text does
    named = {letter.upper() for letter in _LONE_LETTER.findall(answer.text) if letter != "a"}
    return not named & (set(texts) - set(keys))


def _place(lines: list[Line], index: int) -> str:
    """Where a number alone on its line stands, by the lines after it."""
    after = index + 1
    while after < len(lines) and lines[after].kind is Kind.BLANK:
        after += 1
    if after == len(lines) or lines[after].kind is Kind.SLIDE_BREAK:
        return "last"
    directly = after == index + 1 and lines[after].kind in (Kind.TEXT, Kind.OPTION)
    return "inside" if directly else ""


def _sorted(number: int, piece: str) -> list[Line]:
    text = " ".join(piece.translate(_INVISIBLE).split())
    if not text:
        return [Line(Kind.BLANK, number)]
    if _RULE.fullmatch(text):
        return [Line(Kind.SLIDE_BREAK, number)]
    body = _BOLD.sub(r"\1\2", text)
    bullet = _BULLET.match(body)
    body = body[bullet.end() :] if bullet else body
    if not body:
        return [Line(Kind.BULLET, number)]
    if _PAGE.fullmatch(text):
        return [Line(Kind.PAGE_NUMBER, number, text)]
    marked = _heading(number, body) or [
        line
        for line in (_question(number, body) or _answer(number, body) or _option(number, body),)
        if line is not None
    ]
    return marked or [Line(Kind.TEXT, number, text, bulleted=bullet is not None)]


def _heading(number: int, body: str) -> list[Line]:
    """A quiz's heading, with the question that may stand on the same line."""
    match = _QUIZ.match(body)
    if not match:
        return []
    rest = body[match.end() :]
    question = _question(number, rest)
    if question:
        return [Line(Kind.QUIZ, number), question]
    # "Quick quiz questions keep a class awake" is no heading.
    title = not rest or re.search(r"[^\w\s]", match["mark"])
    return [Line(Kind.QUIZ, number)] if title else []


def _question(number: int, body: str) -> Line | None:
    for pattern in _QUESTIONS:
        match = pattern.match(body)
        if match:
            label = match["number"]
            count = int(label) if re.fullmatch(r"[0-9]{1,4}", label) else -1
            return Line(Kind.QUESTION, number, match["text"], label, count)
    return None


def _option(number: int, body: str) -> Line | None:
    match = _OPTION.match(body)
    if not match:
        return None
    letter = match[1] or match[2] or match[3]
    return Line(Kind.OPTION, number, match["text"], letter.upper())


def _answer(number: int, body: str) -> Line | None:
    match = _ANSWER.match(body)
    if not match:
        return None
    key, text = _key(match["value"].strip(' *_`"'))
    if not key and body[0].islower():
        return None  # a wrapped sentence: "... has only one\nanswer: freeze the backbone."
    count = int(match["number"]) if match["number"] else -1
    return Line(Kind.ANSWER, number, text, key, count)


def _key(value: str) -> tuple[str, str]:
    """An answer's key and what is said after it; no key if it could mean something else."""
    truth = _TRUTH.fullmatch(value)
    if truth:
        opposite = truth["text"].lower().startswith(("true", "false", "or "))
        return ("", value) if opposite else (truth["key"].lower(), truth["text"])
    letters = _LETTERS.fullmatch(value)
    if not letters:
        return "", value
    explanation = _EXPLANATION.match(letters["text"])
    if not explanation and not letters["keys"].endswith(")"):
        return "", value  # "A new head", "B-splines"
    keys = [
        key.upper() for key in re.findall(r"(?<![A-Za-z])[A-Za-z](?![A-Za-z])", letters["keys"])
    ]
    if len(set(keys)) < len(keys):
        return "", value
    text = letters["text"][explanation.end() :] if explanation else letters["text"]
    return ", ".join(sorted(keys)), text.strip()
