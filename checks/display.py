"""Show verdicts where the learner is: in a notebook, or in a terminal."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Sequence

from checks.guard import guard
from checks.notebook import present
from checks.overview import note
from checks.verdict import Status, Verdict, to_html, to_text

_WIDTH = 80  # columns


class NotYetError(Exception):
    """Something is not right yet; raised for nbgrader's *Validate* alone, which reads no tables."""

    def __init__(self, verdicts: Sequence[Verdict]) -> None:
        super().__init__("\n".join(map(str, verdicts)))

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows in place of a traceback: the way through our code tells nothing.

        The lines are short, because nbgrader cuts off what is longer.
        """
        return [part for line in str(self).split("\n") for part in _folded(line)]


def _folded(line: str) -> list[str]:
    indent = line[: len(line) - len(line.lstrip())] + "    "
    return textwrap.wrap(line, _WIDTH, subsequent_indent=indent, break_on_hyphens=False) or [line]


class _Table:
    """Several verdicts that a notebook shows as one table."""

    def __init__(self, verdicts: Sequence[Verdict]) -> None:
        self._verdicts = verdicts

    def _repr_html_(self) -> str:
        return to_html(self._verdicts)

    def __repr__(self) -> str:
        return to_text(self._verdicts)


def show(*verdicts: Verdict | Callable[[], Verdict]) -> None:
    """Show verdicts as one table in a notebook, as text elsewhere.

    Args:
        verdicts: verdicts, or functions without arguments that return one. A function is called
            under :func:`checks.guard`, so an exception in the learner's code is explained instead
            of ending the cell.

    Raises:
        NotYetError: nbgrader validates the notebook, and a check has not passed. It takes a cell
            for right that ends without an exception.
    """
    results = [each if isinstance(each, Verdict) else guard("your code", each) for each in verdicts]
    if not results:
        return
    note(results)
    present(_Table(results))
    open_ones = [each for each in results if each.status in (Status.FAILED, Status.SKIPPED)]
    if open_ones and os.environ.get("NBGRADER_EXECUTION") == "validate":
        raise NotYetError(open_ones)
