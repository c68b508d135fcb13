"""What the exports to other learning systems share: plain items, texts, XML, packages."""

from __future__ import annotations

import html
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from decimal import Decimal, localcontext
from functools import cache
from pathlib import PurePosixPath
from typing import Any
from xml.etree.ElementTree import (
    Element,
    SubElement,
    TreeBuilder,
    indent,
    tostring,
)
from xml.parsers import expat

import mistune
import nh3
from pydantic import ValidationError

from checks.quiz import QuestionType
from workshop.errors import WorkshopError
from workshop.quiz.asked import asked
from workshop.quiz.items import (
    Item,
    MultipleResponse,
    Numeric,
    NumericMistake,
    Ordering,
    Parameterised,
    Quiz,
    RightOrWrong,
    ShortAnswer,
    SingleChoice,
    TrueFalse,
)
from workshop.yaml_files import first_fault

Plain = SingleChoice | MultipleResponse | TrueFalse | Numeric | ShortAnswer | Ordering

LARGEST = 5_000_000
"""More bytes than any quiz has: a file that is larger is not read."""

_DEEPEST = 60
_MOST_FILES = 100
_REMEDY = "only files that this workshop has exported can be read"
# Production 2 (Char) of XML 1.0: nothing else may stand in a document, not even escaped.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


# -------------------------------------------------------------------------------------- items


def as_asked(item: Item) -> Plain:
    """An item that can be said without variables: a parameterised one becomes numeric.

    It then has the numbers, the key and the feedback that the notebook asks.
    """
    if not isinstance(item, Parameterised):
        return item
    question = asked(item)
    key, feedback = float(question.answer), question.key.feedback or {}
    typical = ((float(value), said) for value, said in question.key.mistakes)
    return Numeric(
        id=item.id,
        type=QuestionType.NUMERIC,
        stem=question.stem,
        objective=item.objective,
        topic=item.topic,
        difficulty=item.difficulty,
        points=item.points,
        key=key,
        tolerance=item.tolerance,
        unit=item.unit,
        feedback=RightOrWrong(right=feedback["right"], wrong=feedback["wrong"]),
        # One within the tolerance is scored as right, so its feedback is never said.
        mistakes=tuple(
            NumericMistake(value=value, feedback=said)
            for value, said in typical
            if abs(value - key) > item.tolerance
        ),
    )


def quiz_of(fields: dict[str, Any]) -> Quiz:
    """The quiz that was read from a file.

    Args:
        fields: as in a quiz file.

    Raises:
        WorkshopError: something in it is missing or contradicts itself.
    """
    try:
        return Quiz.model_validate(fields)
    except ValidationError as error:
        raise WorkshopError(first_fault(error)[1], remedy=_REMEDY) from error


def unknown(what: str, where: str | None = None) -> WorkshopError:
    """The error for a file that holds something else than what the workshop exports."""
    return WorkshopError(what, where=where, remedy=_REMEDY)


def number_text(value: float) -> str:
    """A number, such that reading it gives exactly the same number."""
    return repr(float(value)).removesuffix(".0")


def bounds(key: float, tolerance: float) -> tuple[str, str]:
    """The least and the largest number that is right.

    They are added as decimals: sums of binary numbers would be off in the last digit.
    """
    middle, slack = Decimal(number_text(key)), Decimal(number_text(tolerance))
    with localcontext() as context:
        context.prec = 40
        return str(middle - slack), str(middle + slack)


def number(text: str, where: str | None = None) -> float:
    """The number that a text says.

    Raises:
        WorkshopError: it says none.
    """
    try:
        return float(text)
    except ValueError:
        raise unknown(f"{text[:40]!r} is no number", where) from None


# -------------------------------------------------------------------------------------- texts

# The alternatives are tried in this order: a dollar in code, or behind a backslash, is no formula.
_PIECES = re.compile(
    r"(?P<code>^\ {0,3}(?P<fence>`{3,}|~{3,})[^\n]*\n.*?(?:^\ {0,3}(?P=fence)|\Z)"
    r"|(?<!`)(?P<ticks>`+)(?!`).*?(?<!`)(?P=ticks)(?!`))"
    r"|\\(?P<escaped>.)"
    r"|\$\$(?P<display>(?:[^$\\]|\\.)+?)\$\$"
    r"|\$(?!\s)(?P<inline>(?:[^$\\\n]|\\.)+?)\$(?!\d)",
    re.MULTILINE | re.DOTALL,
)
_MARKUP = re.compile(r"([\\`*_{}\[\]|#+-])")


def moodle_markdown(text: str) -> str:
    r"""Markdown as Moodle reads it: formulas between ``\(`` and ``\)`` or ``\[`` and ``\]``.

    Those are what Moodle's MathJax filter looks for; a single dollar is text there. Moodle looks
    for formulas after it has turned Markdown into HTML, so what would be markup in a formula gets
    a backslash (Moodle docs: "MathJax filter", "Markdown").
    """
    return _PIECES.sub(_for_moodle, text)


def _for_moodle(found: re.Match[str]) -> str:
    if found["inline"] is not None:
        return rf"\\({markdown_literal(found['inline'])}\\)"
    if found["display"] is not None:
        return rf"\\[{markdown_literal(found['display'])}\\]"
    # Moodle's Markdown knows no escaped dollar, and two plain ones would start a formula.
    return "&#36;" if found["escaped"] == "$" else found[0]


def markdown_literal(text: str) -> str:
    """Markdown that shows a text as it is."""
    return _MARKUP.sub(r"\\\1", html.escape(text, quote=False))


def html_of(markdown: str) -> str:
    r"""HTML for a text in Markdown, without scripts; formulas between ``\(`` and ``\)`` or ``$$``.

    These are what Canvas has MathJax look for.
    """
    return nh3.clean(str(_renderer()(markdown)), link_rel=None).strip()


@cache
def _renderer() -> mistune.Markdown:
    # Notebooks show raw HTML, too; nh3 takes out what could do harm.
    return mistune.create_markdown(escape=False, plugins=["math", "table", "strikethrough"])


# ---------------------------------------------------------------------------------------- XML


def element(parent: Element, name: str, text: str | None = None, /, **attributes: str) -> Element:
    """A new last child; returns it."""
    child = SubElement(parent, name, attributes)
    child.text = text
    return child


def xml_bytes(root: Element) -> bytes:
    """A document in UTF-8, one element a line, always the same for the same tree.

    Raises:
        WorkshopError: a text has a character that XML cannot hold.
    """
    for text in _texts(root):
        if found := _NO_XML.search(text):
            raise WorkshopError(
                f"XML cannot hold the character U+{ord(found[0]):04X} in {text[:60]!r}",
                remedy="take it out of the quiz",
            )
    indent(root)
    said: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    # Readers take a bare carriage return for a line feed (XML 1.0, section 2.11).
    return said.replace(b"\r", b"&#13;") + b"\n"


def _texts(root: Element) -> Iterator[str]:
    for node in root.iter():
        yield node.text or ""
        yield from node.attrib.values()


def parsed(data: bytes) -> Element:
    """The root of a document; names are without their namespaces.

    Raises:
        WorkshopError: it is too large or too deep, has a DOCTYPE, or is no XML.
    """
    if len(data) > LARGEST:
        raise unknown(f"it has {len(data):,} bytes, more than any quiz")
    return _Reader().read(data)


class _Reader:
    """Builds a tree, and refuses a DOCTYPE where it starts: no entity is ever declared."""

    def __init__(self) -> None:
        self._tree = TreeBuilder()
        self._depth = 0
        self._parser = expat.ParserCreate(namespace_separator="}")
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._tree.data

    def read(self, data: bytes) -> Element:
        try:
            self._parser.Parse(data, True)
        except (expat.ExpatError, LookupError, ValueError) as error:
            raise unknown(f"not valid XML: {error}") from error
        return self._tree.close()

    def _refuse(self, *_: object) -> None:
        raise unknown("it has a DOCTYPE, which can make a reader fetch files or run out of memory")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise unknown(f"its elements are nested more than {_DEEPEST} deep")
        self._tree.start(name.rpartition("}")[2], attributes)

    def _end(self, name: str) -> None:
        self._depth -= 1
        self._tree.end(name.rpartition("}")[2])


def child(node: Element, path: str, where: str | None = None) -> Element:
    """The first element on a path below a node.

    Raises:
        WorkshopError: there is none.
    """
    found = node.find(path)
    if found is None:
        raise unknown(f"<{node.tag}> has no <{path}>", where)
    return found


def text_at(node: Element, path: str, where: str | None = None) -> str:
    """The text of the first element on a path below a node, blanks and all.

    Raises:
        WorkshopError: there is no such element.
    """
    return child(node, path, where).text or ""


# ----------------------------------------------------------------------------------- packages


def packed(files: Mapping[str, bytes]) -> bytes:
    """A zip, byte for byte the same for the same files."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        for path, data in files.items():
            # Not compressed: how zlib does that changes between its versions.
            entry = zipfile.ZipInfo(path, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, data)
    return package.getvalue()


def unpacked(data: bytes) -> dict[str, bytes]:
    """The files in a zip by their paths; nothing is written to the disk.

    Raises:
        WorkshopError: it is no zip, is too large, or has a path that leads out of it.
    """
    if len(data) > LARGEST:
        raise unknown(f"it has {len(data):,} bytes, more than any quiz")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            _check(entries)
            return {entry.filename: _content(archive, entry) for entry in entries}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
        raise unknown(f"not a readable zip: {error}") from error


def _check(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > _MOST_FILES or sum(entry.file_size for entry in entries) > LARGEST:
        raise unknown("it holds more than any quiz")
    if len({entry.filename for entry in entries}) < len(entries):
        raise unknown("two of its files have the same name")
    for entry in entries:
        path = PurePosixPath(entry.filename)
        if path.is_absolute() or ".." in path.parts or set(entry.filename) & set("\\:"):
            raise unknown(f"the path {entry.filename[:60]!r} leads out of the package")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise unknown(f"{entry.filename[:60]!r} is compressed as quizzes never are")


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    with archive.open(entry) as file:
        # Without a number all is unpacked at once, even if the size that was told is wrong.
        return file.read(LARGEST)
