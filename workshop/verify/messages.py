"""What learners read when a check catches them: recorded, reviewed by a person, and compared.

``messages.yaml`` beside a notebook's text holds, for each wrong solution, what the check that it is
named after says. A message that changes shows when the course is verified, as a difference to look
at, before a learner sees it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from workshop.course import Course
from workshop.grading.verdicts import WeightedVerdict
from workshop.verify.report import ExerciseResult
from workshop.verify.variants import load_variants
from workshop.yaml_files import load_yaml

FILE = "messages.yaml"
_HEADER = """\
# What learners read who hand in these wrong solutions: is it true, does it name the layer, group or
# setting, and does it say what to do next? Written by workshop verify --record; numbers may vary.
"""
_REMEDY = "write it again: workshop verify --record"
_NUMBER = re.compile(r"\d[\d,]*(\.\d+)?(e[-+]?\d+)?")
# As Python's tempfile names them, wherever they are.
_TEMPORARY = re.compile(r"[\w./-]*/tmp[a-z0-9_]{8}\b")
# What a measured accuracy is told with depends on how the training went.
_MEASURED = "accuracy."


class Message(BaseModel):
    """The words of one failed check."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    check: str
    rationale: str
    expected: str | None = None
    actual: str | None = None
    hint: str | None = None

    @classmethod
    def of(cls, verdict: WeightedVerdict) -> Message:
        """The words of a verdict."""
        return cls.model_validate(
            verdict.model_dump(include={"check", "rationale", "expected", "actual", "hint"})
        )

    def same_as(self, other: Message) -> bool:
        """Whether both say the same, apart from numbers and names of temporary folders."""
        if self.check != other.check:
            return False
        return self.check.startswith(_MEASURED) or _lasting(self) == _lasting(other)


class _Recorded(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    messages: dict[str, Message]


def heard(exercises: Sequence[ExerciseResult]) -> dict[tuple[str, str], dict[str, Message]]:
    """For each assignment and notebook what each wrong solution was told."""
    found: dict[tuple[str, str], dict[str, Message]] = {}
    for exercise in exercises:
        named = found.setdefault((exercise.assignment, exercise.notebook), {})
        for mutant in exercise.mutants:
            if mutant.failures:
                named[mutant.name] = Message.of(mutant.failures[0])
    return {notebook: messages for notebook, messages in found.items() if messages}


def differences(course: Course, exercises: Sequence[ExerciseResult]) -> list[str]:
    """Which messages are not those that were recorded, each with what to do."""
    problems = []
    for (assignment, notebook), messages in heard(exercises).items():
        path = _path(course, assignment, notebook)
        recorded = _load(path)
        for name, message in messages.items():
            if name not in recorded:
                problems.append(f"{name}: its message is not in {path.name}; {_REMEDY}")
            elif not message.same_as(recorded[name]):
                problems.append(
                    f"{name}: learners now read {message.rationale!r} instead of"
                    f" {recorded[name].rationale!r} (or another hint); if that is better, {_REMEDY}"
                )
    return problems


def record(course: Course, exercises: Sequence[ExerciseResult]) -> list[Path]:
    """Write what was heard; what says the same as before, or was not heard, stays as it was.

    Returns:
        The files.
    """
    written = []
    for (assignment, notebook), messages in heard(exercises).items():
        path = _path(course, assignment, notebook)
        before = _load(path)
        kept = {}
        for name in load_variants(path.with_name("variants.yaml")).wrong:
            message = messages.get(name, before.get(name))
            if message is not None:
                old = before.get(name, message)
                kept[name] = old if message.same_as(old) else message
        path.write_text(_HEADER + _dumped(kept), encoding="utf-8")
        written.append(path)
    return written


def with_messages(path: Path, more: Mapping[str, Message]) -> str:
    """The text of a file of messages, which need not exist, with more of them at its end.

    Raises:
        WorkshopError: the file cannot be read.
    """
    return _HEADER + _dumped({**_load(path), **more})


def _path(course: Course, assignment: str, notebook: str) -> Path:
    return course.instructor_folder(assignment, notebook) / FILE


def _load(path: Path) -> Mapping[str, Message]:
    if not path.exists():
        return {}
    return load_yaml(path, _Recorded, remedy=_REMEDY).messages


def _dumped(messages: Mapping[str, Message]) -> str:
    data: dict[str, Any] = {
        name: message.model_dump(exclude_none=True) for name, message in messages.items()
    }
    text: str = yaml.safe_dump(
        {"messages": data}, sort_keys=False, allow_unicode=True, width=120, default_flow_style=False
    )
    return text


def _lasting(message: Message) -> tuple[str | None, ...]:
    """What is the same in every run."""
    texts = (message.rationale, message.expected, message.actual, message.hint)
    return tuple(
        None if text is None else _NUMBER.sub("#", _TEMPORARY.sub("#", text)) for text in texts
    )
