"""The files of a class report: the page, tables as CSV for people, everything as JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from workshop.analysis.mastery import Mastery
from workshop.analysis.scores import ScoreMatrix, Statistic
from workshop.grading.export import harmless, write_text
from workshop.reports.class_page import class_page
from workshop.reports.class_report import ClassReport

_Value = str | float | bool | None | Statistic


def write_report(
    report: ClassReport, matrix: ScoreMatrix, folder: Path, *, keys: bool = False
) -> tuple[Path, ...]:
    """Write all files of a class report; files of an earlier one are replaced.

    Args:
        report: the figures.
        matrix: the scores that they were made of; the only file that names students.
        folder: where to; made if it is not there.
        keys: whether to write the options of quiz items, with the right ones marked.

    Returns:
        The files, the page first.

    Raises:
        WorkshopError: a file cannot be written.
    """
    texts = {
        "class.html": class_page(report, keys=keys),
        "report.json": json.dumps(report.to_dict(keys=keys), indent=2, allow_nan=False) + "\n",
        "items.csv": _items(report),
        "checks.csv": _checks(report),
        "objectives.csv": _objectives(report),
        "review.csv": _review(report),
        "scores.csv": _scores(matrix),
    }
    if keys:
        texts["options.csv"] = _options(report)
    for name, text in texts.items():
        write_text(folder / name, text)
    if not keys:
        # Else the keys that an earlier report was asked for would stay behind.
        (folder / "options.csv").unlink(missing_ok=True)
    return tuple(folder / name for name in texts)


def _table(columns: Sequence[str], rows: Iterable[Sequence[_Value]]) -> str:
    """A CSV file, with a mark that it is UTF-8: spreadsheets guess wrong without it.

    An undefined statistic is an empty field, never 0; the page and the JSON say why.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([harmless(name) for name in columns])
    for row in rows:
        values = (each.value if isinstance(each, Statistic) else each for each in row)
        writer.writerow([harmless(_number(each)) for each in values])
    return "\ufeff" + text.getvalue()


def _number(value: str | float | bool | None) -> str | float | bool | None:
    is_count = isinstance(value, int) and not isinstance(value, bool)
    return float(value) if is_count and value is not None else value


def _items(report: ClassReport) -> str:
    columns = (
        *("item", "kind", "notebook", "objective", "topic", "max_score", "students", "undecided"),
        *("facility", "discrimination", "point_biserial", "distractor_efficiency"),
        *("nonfunctional_distractors", "distractors_never_chosen", "authors_guess"),
    )
    rows: list[Sequence[_Value]] = []
    for each in report.items:
        item, found, told = each.item, each.statistics, each.distractors
        rows.append(
            (
                *(item.name, item.kind.value, item.notebook, item.objective, item.topic),
                *(item.max_score, found.students, found.undecided),
                *(found.facility, found.discrimination, found.point_biserial),
                None if told is None else told.efficiency,
                None if told is None else told.nonfunctional,
                None if told is None else told.never_chosen,
                item.difficulty,
            )
        )
    return _table(columns, rows)


def _checks(report: ClassReport) -> str:
    columns = ("item", "check", "students", "of", "lost", "rationale", "wordings", "expected",
               "actual", "hint")  # fmt: skip
    rows = ([getattr(each, name) for name in columns] for each in report.failed_checks)
    return _table(columns, rows)


def _objectives(report: ClassReport) -> str:
    columns = ("kind", "name", "items", "points", "earned", "decided", "reached")

    def rows(kind: str, found: Iterable[Mastery]) -> list[Sequence[_Value]]:
        return [(kind, *(getattr(each, name) for name in columns[1:])) for each in found]

    return _table(columns, rows("objective", report.objectives) + rows("topic", report.topics))


def _review(report: ClassReport) -> str:
    columns = ("item", "reason", "what", "advice")
    return _table(columns, ([getattr(each, name) for name in columns] for each in report.review))


def _scores(matrix: ScoreMatrix) -> str:
    rows = ((name, *row) for name, row in zip(matrix.students, matrix.scores, strict=True))
    return _table(("student", *matrix.items), rows)


def _options(report: ClassReport) -> str:
    columns = ("item", "option", "text", "key", "chosen", "share", "upper", "lower")
    rows = (
        (each.item.name, option.letter, option.text, option.is_key, option.chosen, option.share,
         option.upper, option.lower)
        for each in report.items
        if each.distractors is not None
        for option in each.distractors.options
    )  # fmt: skip
    return _table(columns, rows)
