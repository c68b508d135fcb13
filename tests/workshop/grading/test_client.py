"""What a client hears from a kernel besides its outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from workshop.grading.client import Client
from workshop.grading.execution import Limits, run_cells
from workshop.grading.records import Outcome

SEND = """
kernel = get_ipython().kernel
sent = kernel.session.send(
    kernel.iopub_socket, "workshop_evidence", {"name": NAME}, parent=kernel.get_parent(),
    buffers=[b"12345"],
)
"""


class Listener(Client):
    """Asks for more after each cell, and keeps what it hears."""

    heard: list[tuple[str, dict[str, Any], bytes]]

    def on_message(self, msg_type: str, content: dict[str, Any], buffers: list[memoryview]) -> None:
        self.heard.append((msg_type, content, bytes(buffers[0])))
        raise ValueError("changes nothing")

    def after_cell(self, cell: NotebookNode) -> None:
        reply, outputs = self.run_code(SEND.replace("NAME", "'after'") + "print('seen')", 10)
        assert reply["status"] == "ok"
        assert outputs[0].text == "seen\n"


@pytest.mark.parametrize("confinement", ["bubblewrap", "none"])
def test_messages_that_are_no_outputs_are_heard(tmp_path: Path, confinement: str) -> None:
    made: list[Listener] = []

    def make(*args: Any, **kwargs: Any) -> Listener:
        made.append(Listener(*args, **kwargs))
        made[0].heard = []
        return made[0]

    notebook = new_notebook(cells=[new_code_cell(SEND.replace("NAME", "'in'")), new_code_cell("2")])
    ended = run_cells(notebook, tmp_path, Limits(), confinement=confinement, make_client=make)
    assert ended.outcome is Outcome.COMPLETED
    expected = [
        ("workshop_evidence", {"name": name}, b"12345") for name in ("in", "after", "after")
    ]
    assert made[0].heard == expected
    assert len(notebook.cells) == 2
    assert notebook.cells[0].outputs == []
    assert notebook.cells[1].outputs[0].data["text/plain"] == "2"
