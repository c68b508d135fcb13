"""Ask a kernel, after each graded cell, to show what the cell's checks are about."""

from __future__ import annotations

import secrets
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

import checks.evidence
from checks.guard import CheckCrashed
from workshop.grading.client import Client
from workshop.grading.hidden_part import HiddenPart
from workshop.grading.records import nbgrader_of
from workshop.grading.sandbox.bubblewrap import FEATURES


@dataclass
class Question:
    """What is asked about one cell, and what came back."""

    part: HiddenPart
    source: str
    nonce: str = field(default_factory=lambda: secrets.token_hex(16))
    answers: list[tuple[Any, list[bytes]]] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)

    def code(self) -> str:
        """What the kernel runs. No name of ours stays behind in the learner's notebook."""
        arguments = (self.nonce, self.part.inside, self.part.expressions, self.part.models)
        return f"__import__('checks.evidence', fromlist=['send']).send(*{arguments!r})"

    def note(self, error: Exception) -> None:
        """Keep the traceback of a mistake of ours."""
        if isinstance(error, CheckCrashed):
            self.crashes.append(str(error))
        else:
            self.crashes.append("".join(traceback.format_exception(error)))


class AskingClient(Client):
    """Asks about each graded cell after it has run."""

    def __init__(
        self,
        *args: Any,
        questions: dict[str, Question],
        seconds: float,
        recalled: Path | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._questions, self._question_seconds = questions, seconds
        self._recalled = recalled
        self._asking: Question | None = None

    def before_cells(self) -> None:
        """Let the kernel recall steps of training."""
        if self._recalled is not None:
            folder = f"{FEATURES}/{self._recalled}"
            source = f"__import__('workshop.recall', fromlist=['*']).recalled_from({folder!r})"
            self.run_code(source, self._question_seconds)

    def after_cell(self, cell: NotebookNode) -> None:
        """Ask, if there is a question about this cell."""
        self._asking = self._questions.get(str(nbgrader_of(cell).get("grade_id")))
        if self._asking is not None:
            try:
                self.run_code(self._asking.code(), self._question_seconds)
            finally:
                self._asking = None

    def on_message(self, msg_type: str, content: dict[str, Any], buffers: list[memoryview]) -> None:
        """Keep an answer to the question that is being asked."""
        if self._asking is not None and msg_type == checks.evidence.MESSAGE:
            # One too many is enough to know that there were too many.
            self._asking.answers[2:] = []
            self._asking.answers.append((content, [bytes(each) for each in buffers]))
