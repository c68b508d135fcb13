"""The verdicts that a grade cell shows: read from its outputs, validated, never trusted as HTML."""

from __future__ import annotations

from typing import Annotated, Any

from nbformat import NotebookNode
from pydantic import BaseModel, ConfigDict, Field, ValidationError

VERDICTS_MIME = "application/vnd.transfer-learning.verdicts+json"

# One verdict is a sentence or two. What is longer comes from elsewhere, and would swamp a report.
_Text = Annotated[str, Field(max_length=10_000)]
_Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
_Points = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class WeightedVerdict(BaseModel):
    """What one check found, and the points that it is worth."""

    model_config = ConfigDict(frozen=True, strict=True)

    check: _Text
    status: Annotated[str, Field(pattern="(?i)^(passed|failed|skipped|error)$")]
    score: _Share
    weight: _Points
    rationale: _Text = ""
    expected: _Text | None = None
    actual: _Text | None = None
    hint: _Text | None = None

    @property
    def passed(self) -> bool:
        """Whether the check found nothing wrong."""
        return self.status.upper() == "PASSED"

    @property
    def crashed(self) -> bool:
        """Whether the check itself went wrong, which is no fault of the learner."""
        return self.status.upper() == "ERROR"


class VerdictTable(BaseModel):
    """All verdicts of one grade cell.

    Attributes:
        grade_id: the cell's.
        points: that can be earned.
        verdicts: of each check.
        device: what the learner's code computed on; empty where that was not noted yet.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    grade_id: str
    points: _Points
    verdicts: Annotated[list[WeightedVerdict], Field(max_length=200)]
    device: dict[str, Any] = Field(default_factory=dict)

    @property
    def earned(self) -> float:
        """The points that the verdicts add up to."""
        return sum(verdict.weight * verdict.score for verdict in self.verdicts)


class VerdictError(ValueError):
    """A cell's verdicts cannot be used; the text says why."""


def read_verdicts(cell: NotebookNode, grade_id: str) -> VerdictTable | None:
    """The verdicts that a grade cell shows about itself; None if it shows none.

    Raises:
        VerdictError: they are malformed, or the cell shows several tables. A learner's code that
            prints a table of its own must not be able to choose which one counts.
    """
    found = [payload for payload in _payloads(cell) if _names(payload, grade_id)]
    if not found:
        return None
    if len(found) > 1:
        raise VerdictError(f"the cell shows {len(found)} tables of verdicts instead of one")
    try:
        return VerdictTable.model_validate(found[0])
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise VerdictError(
            f"the cell's verdicts are malformed at {place}: {first['msg']}"
        ) from error


def _payloads(cell: NotebookNode) -> list[Any]:
    return [
        output.data[VERDICTS_MIME]
        for output in cell.get("outputs", [])
        if output.output_type in {"display_data", "execute_result"} and VERDICTS_MIME in output.data
    ]


def _names(payload: object, grade_id: str) -> bool:
    """Whether a table is about this cell; one that names no cell is taken for its own."""
    return not isinstance(payload, dict) or payload.get("grade_id", grade_id) == grade_id
