"""What came out of a learner's kernel: checked against a schema and limits before anyone looks.

Nothing here trusts the sender. JSON is validated, tensors are read by safetensors, which holds no
code, and everything has a limit.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import safetensors
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors.torch import load

from checks.portraits import LONGEST_NAME, LONGEST_TEXT

# A model of 25 million parameters in float32 is 100 MB; a cell may show several.
LARGEST_TENSORS = 1 << 30
_MOST_NAMES = 20_000
_LONGEST_TRACE = 100_000
_LARGEST_INTEGER = 2**63

_Name = Annotated[str, Field(max_length=LONGEST_NAME)]
# Python makes no class whose name holds a zero byte.
_TypeName = Annotated[_Name, Field(pattern=r"^[^\x00]*$")]
_Text = Annotated[str, Field(max_length=LONGEST_TEXT)]
_Finite = Annotated[float, Field(allow_inf_nan=False)]
_Integer = Annotated[int, Field(gt=-_LARGEST_INTEGER, lt=_LARGEST_INTEGER)]
_Number = float | Annotated[str, Field(pattern=r"^-?(nan|inf)$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Failure(_Part):
    """The learner's code stopped, or an observer found that there is nothing to look at."""

    kind: Literal["failure"]
    rationale: _Text
    expected: _Text | None = None
    actual: _Text | None = None
    hint: _Text | None = None


class Crash(_Part):
    """An observer of ours stopped."""

    kind: Literal["crash"]
    error: Annotated[str, Field(max_length=_LONGEST_TRACE)]
    traceback: Annotated[str, Field(max_length=_LONGEST_TRACE)]


class Value(_Part):
    """None, a truth value, a text or a finite number."""

    kind: Literal["value"]
    value: bool | _Integer | _Finite | _Text | None


class Endless(_Part):
    """Infinity or NaN, written as text."""

    kind: Literal["number"]
    value: Annotated[str, Field(pattern=r"^-?(nan|inf)$")]


class Foreign(_Part):
    """Something that cannot be portrayed; only the name of its type is known."""

    kind: Literal["object"]
    type: _TypeName


class TensorPortrait(_Part):
    """A tensor by its name in the tensor file."""

    kind: Literal["tensor"]
    tensor: _Name
    requires_grad: bool


class Sequence(_Part):
    """A list, tuple or set."""

    kind: Literal["sequence"]
    type: Literal["list", "tuple", "set", "frozenset"]
    items: list[Portrait]


class Facts(_Part):
    """What an observer noted: one of the dataclasses of ``checks``."""

    kind: Literal["facts"]
    type: _TypeName
    fields: dict[_Name, Portrait]


class ModulePart(_Part):
    """One module of a model."""

    type: _TypeName
    training: bool
    flagged: bool


class ParameterPart(_Part):
    """One parameter of a model."""

    tensor: _Name
    requires_grad: bool


class BufferPart(_Part):
    """One buffer of a model."""

    tensor: _Name


class ModulePortrait(_Part):
    """A model, without anything that could run."""

    kind: Literal["module"]
    modules: Annotated[dict[_Name, ModulePart], Field(max_length=_MOST_NAMES)]
    parameters: Annotated[dict[_Name, ParameterPart], Field(max_length=_MOST_NAMES)]
    buffers: Annotated[dict[_Name, BufferPart], Field(max_length=_MOST_NAMES)]


class GroupPart(_Part):
    """One parameter group: the model and name of each parameter, or None for an unknown one."""

    parameters: list[tuple[_Name, _Name] | None]
    options: dict[_Name, _Number]


class OptimizerPortrait(_Part):
    """An optimizer's groups."""

    kind: Literal["optimizer"]
    type: _TypeName
    groups: Annotated[list[GroupPart], Field(max_length=1_000)]


Portrait = Annotated[
    Failure
    | Crash
    | Value
    | Endless
    | Foreign
    | TensorPortrait
    | Sequence
    | Facts
    | ModulePortrait
    | OptimizerPortrait,
    Field(discriminator="kind"),
]


class _Content(_Part):
    nonce: _Name
    portraits: dict[str, Portrait]


class EvidenceError(ValueError):
    """Evidence that cannot be used; the text says why."""


class Evidence:
    """The portraits of one cell.

    Args:
        content: the message's content, as it came.
        buffers: the message's binary parts, as they came.
        nonce: what the message has to carry.

    Raises:
        EvidenceError: the message is malformed, too large, or the answer to another question.
    """

    def __init__(self, content: Any, buffers: list[bytes], nonce: str) -> None:
        if len(buffers) != 1 or len(buffers[0]) > LARGEST_TENSORS:
            raise EvidenceError("it is too large, or has not one set of tensors")
        try:
            # JSON has no tuples; all else must have its type to the letter.
            checked = _Content.model_validate_json(json.dumps(content, allow_nan=False))
        except (ValidationError, RecursionError, ValueError, TypeError) as error:
            first = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            raise EvidenceError(f"it is malformed: {first}") from error
        if checked.nonce != nonce:
            raise EvidenceError("it answers another question")
        try:
            self.tensors: dict[str, torch.Tensor] = load(bytes(buffers[0]))
        except (safetensors.SafetensorError, ValueError, KeyError, TypeError) as error:
            raise EvidenceError(f"its tensors cannot be read: {error}") from error
        self.portraits = checked.portraits

    def tensor(self, name: str) -> torch.Tensor:
        """A tensor by the name that a portrait gives it.

        Raises:
            EvidenceError: there is none.
        """
        if name not in self.tensors:
            raise EvidenceError("a tensor is missing from it")
        return self.tensors[name]
