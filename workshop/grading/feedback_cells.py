"""A graded notebook as its author may see it: no hidden tests, verdicts as tables."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_output

from workshop.grading.censor import Censor
from workshop.grading.hiding import hidden_part, visible_part
from workshop.grading.machine_paths import path_hider
from workshop.grading.records import CellStatus, Outcome, is_graded, nbgrader_of, record_of
from workshop.grading.scoring import OUR_ERRORS
from workshop.grading.verdicts import VERDICTS_MIME, VerdictError, VerdictTable, read_verdicts

_REMOVED = "[This output repeated parts of the tests and is not shown.]"
OUR_FAULT = (
    "The check itself failed. That costs you no points: your instructor decides about this cell."
)
UNDECIDED = "Not graded yet: the score of this cell is still open."
_COLOUR = {"PASSED": "#1a7f37", "FAILED": "#b42318", "SKIPPED": "#6e7781", "ERROR": "#9a6700"}


def clean_for_student(notebook: NotebookNode) -> None:
    """Make a graded notebook fit for feedback, in place.

    Hidden tests and mark schemes are taken out of the cells, and so is every output that repeats a
    line of them: a traceback shows the lines around an error, and a learner's code can print what
    the kernel ran before. Where points were lost without a word, the reason is added. Paths of the
    grader's machine are shortened. The notebook's HTML has been cleaned before: see ``inert``.
    """
    censor = Censor.of(cell.source for cell in notebook.cells)
    hide_paths = path_hider(Path.cwd())
    for cell in notebook.cells:
        hidden = hidden_part(cell.source)
        if is_graded(cell):
            _show_result(cell, bool(hidden.strip()))
        cell.source = visible_part(cell.source)
        if cell.cell_type == "code":
            cell.outputs = [_censored(output, censor) for output in cell.outputs]
            for output in cell.outputs:
                _hide_paths(output, hide_paths)
    summary = _summary(notebook)
    if summary:
        notebook.cells.insert(0, new_markdown_cell(summary))


def _show_result(cell: NotebookNode, has_hidden: bool) -> None:
    """Show verdicts as a table, shorten tracebacks through tests, and add what else there is."""
    record = record_of(cell)
    if cell.cell_type != "code":
        if record.get("undecided"):
            _add_comment(cell, UNDECIDED)
        return
    try:
        table = read_verdicts(cell, str(nbgrader_of(cell).get("grade_id")))
    except VerdictError:
        table = None
    # The pages of verdicts that a cell makes are replaced by ours, which nobody else wrote.
    outputs = [
        _without_test_lines(output, has_hidden)
        for output in cell.outputs
        if VERDICTS_MIME not in output.get("data", {})
    ]
    if table is not None:
        outputs.insert(0, new_output("display_data", {"text/html": verdicts_as_html(table)}))
    note = _note(record, table, any(each.output_type == "error" for each in outputs))
    if note:
        outputs.insert(0, _text_output(note))
    cell.outputs = outputs


def _note(record: dict[str, Any], table: VerdictTable | None, shows_error: bool) -> str:
    if record.get("undecided"):
        return UNDECIDED if record.get("status") != CellStatus.ERROR else OUR_FAULT
    unexplained = table is None and not shows_error
    if unexplained or record.get("deleted") or record.get("note"):
        return str(record.get("message", ""))
    return ""


def _without_test_lines(output: NotebookNode, has_hidden: bool) -> NotebookNode:
    if output.output_type != "error":
        return output
    if output.ename in OUR_ERRORS:
        return _text_output(OUR_FAULT)
    if has_hidden:
        # The traceback passes through the test; what was raised is all that it may tell.
        output.traceback = [f"{output.ename}: {output.evalue}"]
    return output


def verdicts_as_html(table: VerdictTable) -> str:
    """A table of verdicts for people. All text in it is escaped."""
    rows = []
    for verdict in table.verdicts:
        status = verdict.status.upper()
        details = [
            f"<br><b>{name}:</b> {html.escape(text)}"
            for name, text in (
                ("expected", verdict.expected),
                ("found", verdict.actual),
                ("hint", verdict.hint),
            )
            if text
        ]
        said = OUR_FAULT if verdict.crashed else html.escape(verdict.rationale) + "".join(details)
        cells = (
            f'<td style="color:{_COLOUR[status]}"><b>{status.lower()}</b></td>',
            f"<td><code>{html.escape(verdict.check)}</code></td>",
            f"<td>{verdict.weight * verdict.score:.4g} of {verdict.weight:.4g}</td>",
            f'<td style="text-align:left">{said}</td>',
        )
        rows.append(f"<tr>{''.join(cells)}</tr>")
    head = "<tr><th></th><th>check</th><th>points</th><th>what was found</th></tr>"
    style = "width:100%;color:#1f2328;background:#ffffff"
    return f'<table class="table" style="{style}">{head}{"".join(rows)}</table>'


def _summary(notebook: NotebookNode) -> str:
    """What to know before reading on; empty if nothing."""
    lines = []
    record = record_of(notebook)
    if record.get("outcome", Outcome.COMPLETED) != Outcome.COMPLETED:
        lines.append(f"**Not everything was run:** {record.get('message', '')}.")
    if any(record_of(cell).get("undecided") for cell in notebook.cells):
        lines.append(
            "**Not everything is graded yet.** Cells that still wait for a decision count as 0 in"
            " the score above."
        )
    return "\n\n".join(lines)


def _censored(output: NotebookNode, censor: Censor) -> NotebookNode:
    return _text_output(_REMOVED) if any(map(censor.finds, _texts_of(output))) else output


def _hide_paths(output: NotebookNode, hide: Callable[[str], str]) -> None:
    if output.output_type == "stream":
        output.text = hide(output.text)
    elif output.output_type == "error":
        output.evalue = hide(output.evalue)
        output.traceback = [hide(line) for line in output.traceback]
    else:
        for kind, text in output.data.items():
            if kind.startswith("text/") and isinstance(text, str):
                output.data[kind] = hide(text)


def _texts_of(output: NotebookNode) -> list[str]:
    if output.output_type == "stream":
        return [output.text]
    if output.output_type == "error":
        return [output.ename, output.evalue, "\n".join(output.traceback)]
    return [
        value if isinstance(value, str) else json.dumps(value)
        for kind, value in output.data.items()
        if not kind.startswith("image/") or kind == "image/svg+xml"
    ]


def _text_output(text: str) -> NotebookNode:
    output: NotebookNode = new_output("stream", name="stdout", text=text + "\n")
    return output


def _add_comment(cell: NotebookNode, text: str) -> None:
    meta = cell.metadata.nbgrader
    meta["comment"] = "\n\n".join(filter(None, (text, meta.get("comment"))))
