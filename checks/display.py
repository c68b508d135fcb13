"""Show verdicts where the learner is: in a notebook, or in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from checks.guard import guard
from checks.notebook import present
from checks.overview import note
from checks.verdict import Verdict, to_html, to_text


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
    """
    results = [each if isinstance(each, Verdict) else guard("your code", each) for each in verdicts]
    if not results:
        return
    note(results)
    present(_Table(results))
