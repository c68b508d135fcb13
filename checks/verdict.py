"""What a check says: a verdict, as data and as something to read."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """How a check ended. ERROR is our mistake, never the learner's, and costs no points."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    ERROR = "ERROR"


_TEXTS = ("check", "rationale")
_OPTIONAL_TEXTS = ("expected", "actual", "hint")
# Words carry the meaning; the sign and the colour of the edge only repeat it.
_LABELS = {
    Status.PASSED: ("✔", "Passed", "var(--jp-success-color1, #388e3c)"),
    Status.FAILED: ("✘", "Not yet", "var(--jp-warn-color1, #f57c00)"),
    Status.SKIPPED: ("-", "Skipped", "var(--jp-layout-color4, #757575)"),
    Status.ERROR: ("!", "Our error", "var(--jp-error-color1, #d32f2f)"),
}
OPEN = " ".join(_LABELS[Status.FAILED][:2])
"""How the text of a verdict that cost points begins."""


@dataclass(frozen=True)
class Verdict:
    """The outcome of one check.

    Args:
        check: which check, for example ``freezing.trainable``.
        status: how it ended.
        score: the share of the check's points that was earned, from 0 to 1. It is 1 for PASSED and
            0 for SKIPPED and ERROR.
        rationale: what was found, in one or two sentences for the learner.
        expected: what was expected, where it is not a secret.
        actual: what there was instead.
        hint: what to do next.

    Raises:
        TypeError: a field has the wrong type.
        ValueError: the score is outside 0 to 1, or does not go with the status.
    """

    check: str
    status: Status
    score: float
    rationale: str
    expected: str | None = None
    actual: str | None = None
    hint: str | None = None

    def __post_init__(self) -> None:
        values = vars(self)
        for name in _TEXTS + _OPTIONAL_TEXTS:
            value = values[name]
            if not isinstance(value, str) and not (value is None and name in _OPTIONAL_TEXTS):
                raise TypeError(f"Expected verdict field `{name}` to be text, but got {value!r}")
        object.__setattr__(self, "status", _as_status(self.status))
        # A NumPy float would reach nbgrader, which gives full marks for anything not built in.
        object.__setattr__(self, "score", _as_score(self.score))
        fixed = {Status.PASSED: 1.0, Status.SKIPPED: 0.0, Status.ERROR: 0.0}.get(self.status)
        if fixed is not None and self.score != fixed:
            raise ValueError(
                f"Expected verdict field `score` to be {fixed} with status {self.status},"
                f" but got {self.score}"
            )

    def to_dict(self) -> dict[str, Any]:
        """The verdict as JSON-ready values."""
        return {**asdict(self), "status": self.status.value}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Verdict:
        """The verdict that :meth:`to_dict` wrote.

        Raises:
            TypeError: a field has the wrong type, or ``data`` is no mapping.
            ValueError: a field is missing, unknown, or has an impossible value.
        """
        if not isinstance(data, Mapping):
            raise TypeError(f"Expected a verdict to be a mapping, but got {type(data).__name__}")
        known = {field.name for field in fields(cls)}
        missing = known - set(_OPTIONAL_TEXTS) - set(data)
        unknown = set(data) - known
        if missing or unknown:
            problem = "missing" if missing else "unknown"
            raise ValueError(
                f"Expected the verdict fields {', '.join(sorted(known))}, but"
                f" {', '.join(sorted(map(repr, missing or unknown)))} is {problem}"
            )
        return cls(**data)

    def __str__(self) -> str:
        sign, label, _ = _LABELS[self.status]
        lines = [f"{sign} {label}  {self.check}: {self.rationale}"]
        lines += [f"    {name}: {text}" for name, text in _details(self)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return to_html([self])


def passed(check: str, rationale: str, *, actual: str | None = None) -> Verdict:
    """A verdict with all points."""
    return Verdict(check, Status.PASSED, 1.0, rationale, actual=actual)


def to_html(verdicts: Sequence[Verdict]) -> str:
    """A table of verdicts for a notebook, every text escaped.

    It takes its colours from the theme, so it can be read on a dark background, and says in words
    what its colours mean.
    """
    rows = "".join(map(_row, verdicts))
    return (
        '<table style="border-collapse:collapse;width:100%;color:inherit;background:transparent">'
        f'<caption style="text-align:left;color:inherit">{_summary(verdicts)}</caption>'
        '<thead><tr><th scope="col" style="text-align:left;width:7em">Result</th>'
        '<th scope="col" style="text-align:left">What was found</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def to_text(verdicts: Sequence[Verdict]) -> str:
    """The same for a terminal."""
    return "\n".join(map(str, verdicts))


def _row(verdict: Verdict) -> str:
    sign, label, colour = _LABELS[verdict.status]
    cell = "text-align:left;vertical-align:top;white-space:normal;color:inherit"
    details = "".join(
        f"<br><strong>{name}:</strong> {_escaped(text)}" for name, text in _details(verdict)
    )
    return (
        f'<tr style="background:transparent"><th scope="row" style="{cell};white-space:nowrap;'
        f'border-left:4px solid {colour}"><span aria-hidden="true">{sign}</span> {label}</th>'
        f'<td style="{cell}"><small><code>{_escaped(verdict.check)}</code></small><br>'
        f"{_escaped(verdict.rationale)}{details}</td></tr>"
    )


def _details(verdict: Verdict) -> list[tuple[str, str]]:
    named = (("Expected", verdict.expected), ("Found", verdict.actual), ("Next", verdict.hint))
    return [(name, text) for name, text in named if text]


def _summary(verdicts: Sequence[Verdict]) -> str:
    good = sum(verdict.status is Status.PASSED for verdict in verdicts)
    noun = "check" if len(verdicts) == 1 else "checks"
    return f"{good} of {len(verdicts)} {noun} passed"


def _escaped(text: str) -> str:
    return html.escape(text).replace("\n", "<br>")


def _as_status(value: object) -> Status:
    try:
        return Status(value)  # type: ignore[arg-type] # the enum itself says which values it knows
    except ValueError:
        raise ValueError(
            f"Expected verdict field `status` to be one of {', '.join(Status)}, but got {value!r}"
        ) from None


def _as_score(value: object) -> float:
    # float() would also take text and truth values, which are no scores.
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise TypeError(f"Expected verdict field `score` to be a number, but got {value!r}")
    score = float(value)
    if not (math.isfinite(score) and 0.0 <= score <= 1.0):
        raise ValueError(f"Expected verdict field `score` to be from 0 to 1, but got {score}")
    return score
