"""Where code runs: in a notebook, in which of its cells, or in a terminal."""

from __future__ import annotations

import sys
from typing import Any


def present(thing: object) -> None:
    """Show something with a ``_repr_html_`` in a notebook, as text elsewhere."""
    if _shell() is not None:
        from IPython.display import display  # noqa: PLC0415 - a plain script need not have IPython

        display(thing)  # type: ignore[no-untyped-call] # IPython's display has no types
    else:
        sys.stdout.write(f"{thing!r}\n")


def running_cell() -> str:
    """The id of the notebook's cell that is running; empty where the front end does not tell."""
    kernel = getattr(_shell(), "kernel", None)
    if kernel is None:
        return ""
    parent = kernel.get_parent() or {}
    return str(parent.get("metadata", {}).get("cellId") or "")


def _shell() -> Any:
    """The IPython shell that runs, if one does. It is not imported for the question."""
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()
