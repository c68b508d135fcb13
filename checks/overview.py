"""How far a learner has come: which exercises pass their visible checks, what is answered."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from checks.notebook import present, running_cell
from checks.verdict import Status, Verdict

_QUESTION = "quiz.form"
# Words carry the meaning; the sign only repeats it.
_SIGNS = {"done": "✔", "not yet": "✘", "not run yet": "-"}
_seen: dict[str, tuple[Verdict, ...]] = {}


def note(verdicts: Sequence[Verdict]) -> None:
    """Remember what the running cell showed."""
    cell = running_cell()
    if cell:
        _seen[cell] = tuple(verdicts)


def progress(cells: Mapping[str, str]) -> None:
    """Show how far the learner has come since the kernel was started.

    Args:
        cells: for each cell that checks something, by its id, what it is about.
    """
    rows = [(about, *_state(_seen.get(cell))) for cell, about in cells.items()]
    present(_Overview(rows))


def _state(verdicts: Sequence[Verdict] | None) -> tuple[str, str]:
    """One of the words of ``_SIGNS``, and what there is to say."""
    if not verdicts:
        return "not run yet", ""
    open_ones = [each for each in verdicts if each.status is not Status.PASSED]
    if not open_ones:
        return "done", verdicts[0].rationale if verdicts[0].check == _QUESTION else ""
    return "not yet", open_ones[0].rationale


class _Overview:
    """A table that notebooks show."""

    def __init__(self, rows: Sequence[tuple[str, str, str]]) -> None:
        self._rows = rows

    @property
    def _summary(self) -> str:
        done = sum(state == "done" for _, state, _ in self._rows)
        unseen = sum(state == "not run yet" for _, state, _ in self._rows)
        said = f"{done} of {len(self._rows)} done"
        if unseen:
            said += f"; {unseen} not run since the kernel was started (Run, Run All Cells)"
        return said

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th scope="row" style="text-align:left">{html.escape(about)}</th>'
            f'<td style="text-align:left;white-space:nowrap">{_SIGNS[state]} {state}</td>'
            f'<td style="text-align:left">{html.escape(said)}</td></tr>'
            for about, state, said in self._rows
        )
        return (
            '<table style="border-collapse:collapse;color:inherit;background:transparent">'
            f'<caption style="text-align:left;color:inherit">{self._summary}</caption>'
            '<thead><tr><th scope="col" style="text-align:left">Part</th>'
            '<th scope="col" style="text-align:left">State</th>'
            '<th scope="col" style="text-align:left">What was found</th></tr></thead>'
            f"<tbody>{rows}</tbody></table>"
        )

    def __repr__(self) -> str:
        lines = [
            f"{_SIGNS[state]} {about}: {state}{f' ({said})' if said else ''}"
            for about, state, said in self._rows
        ]
        return "\n".join([self._summary, *lines])
