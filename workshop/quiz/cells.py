"""From a marked cell of a notebook's text to the cells of its questions.

An author writes where a quiz stands, and which of its items, all of them if none is named::

    # %% quiz="module1_concepts"
    # low_rate_protects
    # four_phases

and ``# %% progress="overview"`` where learners shall see how far they have come.

A quiz counts: its hidden tests hold the keys. A ``self_check`` tells at once and counts nothing.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from pprint import pformat
from typing import Any

from checks.quiz import Form, Key, QuestionType
from checks.sealing import seal
from workshop.authoring.cells import MARKERS, Kind, SourceCell
from workshop.authoring.regions import Region
from workshop.errors import WorkshopError
from workshop.quiz.asked import Asked, asked
from workshop.quiz.items import Item, Quiz, quiz_named

_WIDTH = 96
_WORDS = {
    QuestionType.SINGLE_CHOICE: "Choose one.",
    QuestionType.MULTIPLE_RESPONSE: "Choose all that apply. Wrong ones cost what right ones earn.",
    QuestionType.TRUE_FALSE: "True or false?",
    QuestionType.NUMERIC: "Give a number.",
    QuestionType.SHORT_ANSWER: "Answer in a few words.",
    QuestionType.ORDERING: "Put these into the right order.",
}


def expanded(
    cells: Iterable[SourceCell], quizzes: Mapping[str, Quiz], where: str | Path
) -> tuple[SourceCell, ...]:
    """The cells with each marked one replaced by those of its questions.

    Args:
        cells: a notebook's, in order.
        quizzes: the course's, by name.
        where: the notebook's text, for ``file:line`` in errors.

    Raises:
        WorkshopError: there is no such quiz or item, or an item stands in the notebook twice.
    """
    made: list[SourceCell] = []
    seen: dict[str, int] = {}
    number = 0
    for cell in cells:
        if cell.kind is Kind.PROGRESS:
            made.append(_progress(cell, made))
        if cell.kind not in (Kind.QUIZ, Kind.SELF_CHECK):
            made += [] if cell.kind in MARKERS else [cell]
            continue
        counts = cell.kind is Kind.QUIZ
        place = f"{where}:{cell.line}"
        quiz = quiz_named(quizzes, str(cell.name), place)
        for item in _items(cell, quiz, place):
            if item.id in seen:
                raise WorkshopError(
                    f"the item {item.id!r} stands in this notebook already (line {seen[item.id]})",
                    where=place,
                    remedy="name it once; a self-check tells its key, so it cannot count as well",
                )
            seen[item.id] = cell.line
            number += 1
            legend = f"Question {number}"
            origin = f"{cell.kind.value} {cell.name}"
            made += (
                replace(each, origin=origin, line=cell.line, first_line=cell.first_line)
                for each in _question(asked(item), legend, shuffle=quiz.shuffle, counts=counts)
            )
    return tuple(made)


def _progress(marker: SourceCell, before: Sequence[SourceCell]) -> SourceCell:
    """A cell that shows what is done of all that stands before it."""
    numbers = {
        str(cell.quiz["name"]): str(cell.quiz["legend"]) for cell in before if "name" in cell.quiz
    }
    rows = [
        f'    "{cell.grade_id}": "{numbers.get(str(cell.name), str(cell.name).replace("_", " "))}",'
        for cell in before
        if cell.kind is Kind.TEST
    ]
    source = "\n".join(["import checks", "", "checks.progress({", *rows, "})"])
    origin = f"{marker.kind.value} {marker.name}"
    return replace(marker, kind=Kind.LOCKED, source=source, origin=origin)


def collapsed(
    cells: Iterable[SourceCell], quizzes: Mapping[str, Quiz], where: str | Path
) -> tuple[SourceCell, ...]:
    """The cells with those of questions replaced by the marker that they were made from.

    Args:
        cells: of a notebook, questions and all.
        quizzes: the course's, by name.
        where: the notebook, for errors.

    Raises:
        WorkshopError: the cells of a question are not what its quiz's file makes of them.
    """
    cells = tuple(cells)
    made: list[SourceCell] = []
    for origin, group in groupby(cells, key=lambda cell: cell.origin):
        made += _marked(origin, tuple(group), quizzes)
    if expanded(made, quizzes, where) != cells:
        raise WorkshopError(
            "the cells of a quiz were edited",
            where=where,
            remedy="edit the quiz's file in quizzes/ instead, and build again",
        )
    return tuple(made)


def _marked(
    origin: str, cells: Sequence[SourceCell], quizzes: Mapping[str, Quiz]
) -> Sequence[SourceCell]:
    if not origin:
        return cells
    kind, _, name = origin.partition(" ")
    ids = [str(cell.name) for cell in cells if cell.kind is Kind.SOLUTION]
    everything = [item.id for item in quizzes[name].items] if name in quizzes else []
    source = "" if ids == everything else "\n".join(f"# {each}" for each in ids)
    return [SourceCell(Kind(kind), "code", source, name=name)]


def _items(cell: SourceCell, quiz: Quiz, place: str) -> Iterator[Item]:
    items = {item.id: item for item in quiz.items}
    names = cell.source.replace("#", " ").replace(",", " ").split()
    for name in names or items:
        if name not in items:
            raise WorkshopError(
                f"the quiz {cell.name!r} has no item {name!r}",
                where=place,
                remedy="write one id on each line, behind a #; or none, for all items",
            )
        yield items[name]


def _question(question: Asked, legend: str, *, shuffle: bool, counts: bool) -> list[SourceCell]:
    """Prose, the learner's cell, and the cell that looks at the answer."""
    item = question.item
    about = {"objective": item.objective.value, "topic": item.topic}
    form = _for_clicking(question, legend, counts=counts)
    if shuffle:
        form["shuffle"] = True
    answer = SourceCell(
        Kind.SOLUTION,
        "code",
        f"{item.id} = None\n{Region.SOLUTION.begin}\n{item.id} = {question.answer!r}\n"
        f"{Region.SOLUTION.end}",
        name=item.id,
        extras=about,
        quiz=form,
    )
    asks = SourceCell(
        Kind.LOCKED, "markdown", prose(question, legend, counts=counts), name=f"ask_{item.id}"
    )
    return [asks, answer, _test(question) if counts else _self_check(question)]


def _points(item: Item) -> str:
    return f"{item.points:g} point{'' if item.points == 1 else 's'}"


def prose(question: Asked, legend: str, *, counts: bool) -> str:
    """The text of the cell that asks a question.

    Args:
        question: what is asked.
        legend: what the notebook calls it, such as ``Question 3``.
        counts: whether there are points.
    """
    worth = _points(question.item) if counts else "self-check, no points"
    lines = [f"**{legend}** ({worth}). {question.stem.strip()}", ""]
    lines += [f"- **{letter})** {text}" for letter, text in question.options]
    unit = f" Unit: {question.form.unit}." if question.form.unit else ""
    how = f"Click below, or write into the next cell: {question.form.asks_for}."
    lines += ["", f"*{_WORDS[question.form.type]}{unit} {how}*"]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def _for_clicking(question: Asked, legend: str, *, counts: bool) -> dict[str, Any]:
    """What the form in JupyterLab needs; nothing of the key."""
    return {
        "name": question.item.id,
        "type": question.form.type.value,
        "legend": legend,
        "options": [list(option) for option in question.options],
        "unit": question.form.unit or "",
        "self_check": not counts,
    }


def _test(question: Asked) -> SourceCell:
    item, form = question.item, _form_text(question.form)
    source = "\n".join(
        [
            "import checks",
            "",
            f"checks.show(checks.check_form({item.id}, {form}))",
            Region.HIDDEN_TESTS.begin,
            "import checks",
            "",
            f"key = {_key_text(question.key)}",
            f"graded(({item.points:g}, checks.check_answer({item.id}, {form}, key)))",
            Region.HIDDEN_TESTS.end,
        ]
    )
    return SourceCell(Kind.TEST, "code", source, name=item.id, points=_whole(item.points))


def _self_check(question: Asked) -> SourceCell:
    form = _form_text(question.form)
    sealed = seal(question.item.id, question.key)
    text = "\n".join(f'    "{line} "' for line in textwrap.wrap(sealed, _WIDTH))
    name = question.item.id
    # No name is left behind in the learner's notebook.
    key = f'checks.unseal("{name}", (\n{text}\n))'
    source = f"import checks\n\nchecks.show(checks.check_answer({name}, {form}, {key}))"
    return SourceCell(Kind.LOCKED, "code", source, name=f"check_{question.item.id}", folded=True)


def _form_text(form: Form) -> str:
    parts = [f'"{form.type.value}"']
    if form.letters:
        parts.append(f'"{form.letters}"')
    if form.unit:
        parts.append(f"unit={form.unit!r}")
    return f"checks.Form({', '.join(parts)})"


def _key_text(key: Key) -> str:
    parts = [repr(key.right)]
    if key.tolerance:
        parts.append(f"tolerance={key.tolerance!r}")
    if key.feedback:
        parts.append(f"feedback={pformat(dict(key.feedback), sort_dicts=False)}")
    if key.mistakes:
        parts.append(f"mistakes={pformat(key.mistakes)}")
    return f"checks.Key({', '.join(parts)})"


def _whole(points: float) -> int | float:
    return int(points) if points == int(points) else points
