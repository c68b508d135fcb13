"""Turn what a learner made into plain data that another process can look at.

A portrait is JSON and tensors: the parameters, flags and modes of a model, the groups of an
optimizer, the numbers of a tensor, the facts that an observer noted. Nothing in it can run. Flags
are read past anything that the learner's own classes might say about them.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import save
from torch import nn

from checks.guard import LearnerError

Tensors = dict[str, torch.Tensor]
"""The tensors of a portrait by the names that its JSON part uses."""

# PyTorch's own reading of the flag, whatever a class of the learner's makes of it.
_REQUIRES_GRAD: Callable[[torch.Tensor], bool] = vars(torch._C.TensorBase)["requires_grad"].__get__
_MOST_ITEMS = 100_000
_DEEPEST = 20
_LONGEST_REASON = 200
# The receiver refuses longer ones.
LONGEST_TEXT, LONGEST_NAME = 2_000, 300
# What is kept of an optimizer's groups.
_OPTIONS = ("lr", "initial_lr", "max_lr", "weight_decay", "momentum")


class Portrayer:
    """Makes portraits that share one set of tensors.

    Args:
        models: models that optimizers are described relative to, by the name that the receiving
            side knows them by.

    Attributes:
        tensors: all tensors of the portraits made so far, detached, on the CPU.
    """

    def __init__(self, models: Mapping[str, nn.Module] | None = None) -> None:
        self.tensors: Tensors = {}
        self._models = dict(models or {})
        self._items = 0

    def portray(self, thing: object, depth: int = 0) -> dict[str, Any]:
        """The portrait of one thing; of what cannot be portrayed, only its type's name.

        Raises:
            LearnerError: it is nested too deeply, or has too many items.
        """
        self._items = self._items + 1 if depth else 1
        if self._items > _MOST_ITEMS or depth > _DEEPEST:
            raise LearnerError(
                "What your code returns is too large to be looked at.",
                hint="Return what the exercise asks for, and nothing else.",
            )
        if isinstance(thing, nn.Module):
            return self._module(thing)
        if isinstance(thing, torch.optim.Optimizer):
            return self._optimizer(thing)
        if isinstance(thing, torch.Tensor):
            return self._tensor(thing)
        if dataclasses.is_dataclass(thing) and type(thing).__module__.startswith("checks."):
            return self._facts(thing, depth)
        return self._plain(thing, depth)

    def _plain(self, thing: object, depth: int) -> dict[str, Any]:
        if isinstance(thing, np.generic):
            thing = thing.item()  # NumPy's and SciPy's numbers are as good as Python's
        if isinstance(thing, LearnerError):
            return {"kind": "failure", **failure_of(thing)}
        if thing is None or isinstance(thing, bool | str):
            return {"kind": "value", "value": _text(thing) if isinstance(thing, str) else thing}
        if isinstance(thing, int) and abs(thing) < 2**63:
            return {"kind": "value", "value": int(thing)}
        if isinstance(thing, float):
            kind = "value" if math.isfinite(thing) else "number"
            return {"kind": kind, "value": _number(float(thing))}
        if isinstance(thing, tuple | list | set | frozenset):
            items = sorted(thing, key=repr) if isinstance(thing, set | frozenset) else thing
            portraits = [self.portray(item, depth + 1) for item in items]
            return {"kind": "sequence", "type": _sequence_type(thing), "items": portraits}
        return {"kind": "object", "type": _type_name(thing)}

    def _facts(self, thing: Any, depth: int) -> dict[str, Any]:
        fields = {
            each.name: self.portray(getattr(thing, each.name), depth + 1)
            for each in dataclasses.fields(thing)
        }
        return {"kind": "facts", "type": _type_name(thing), "fields": fields}

    def _tensor(self, tensor: torch.Tensor) -> dict[str, Any]:
        if tensor.is_complex() or tensor.layout is not torch.strided or tensor.is_meta:
            return {"kind": "object", "type": f"Tensor ({tensor.dtype}, {tensor.layout})"}
        return {
            "kind": "tensor",
            "tensor": self._keep(tensor),
            "requires_grad": bool(_REQUIRES_GRAD(tensor)),
        }

    def _keep(self, tensor: torch.Tensor) -> str:
        name = str(len(self.tensors))
        try:
            # A copy of its own: safetensors refuses tensors that share memory.
            copied = tensor.detach().to("cpu", copy=True).contiguous()
            if type(copied) is not torch.Tensor or copied.layout is not torch.strided:
                raise TypeError(f"{_type_name(copied)}, {copied.layout}")
            _try_to_save(copied.dtype)
        except (RuntimeError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise LearnerError(
                f"A tensor cannot be read: {_text(str(error))[:_LONGEST_REASON]}",
                hint="Does the model answer an input? A layer that is lazy, sparse, complex or on"
                " the meta device has no numbers yet, or none that can be stored.",
            ) from error
        self.tensors[name] = copied
        return name

    def _module(self, model: nn.Module) -> dict[str, Any]:
        kept: dict[int, str] = {}

        def once(tensor: torch.Tensor) -> str:
            if id(tensor) not in kept:
                kept[id(tensor)] = self._keep(tensor)
            return kept[id(tensor)]

        return {
            "kind": "module",
            "modules": {
                name: {
                    "type": _type_name(module),
                    "training": bool(vars(module).get("training", True)),
                    "flagged": "requires_grad" in vars(module),
                }
                for name, module in model.named_modules(remove_duplicate=False)
            },
            "parameters": {
                name: {"tensor": once(each), "requires_grad": bool(_REQUIRES_GRAD(each))}
                for name, each in model.named_parameters(remove_duplicate=False)
            },
            "buffers": {
                name: {"tensor": once(each)}
                for name, each in model.named_buffers(remove_duplicate=False)
            },
        }

    def _optimizer(self, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
        names = {
            id(parameter): [model, name]
            for model, module in self._models.items()
            for name, parameter in module.named_parameters()
        }
        try:
            groups = [_group(each, names) for each in optimizer.param_groups]
        except (AttributeError, KeyError, TypeError) as error:
            raise LearnerError(
                f"The optimizer's groups cannot be read: {_text(str(error))[:_LONGEST_REASON]}",
                hint="Make it with its constructor, as torch.optim.AdamW([...]).",
            ) from error
        return {"kind": "optimizer", "type": _type_name(optimizer), "groups": groups}


@functools.cache
def _try_to_save(dtype: torch.dtype) -> None:
    """Save nothing of a type, once: what cannot be stored raises.

    Raises:
        Exception: the format does not know the type.
    """
    save({"nothing": torch.empty(0, dtype=dtype)})


def failure_of(error: LearnerError) -> dict[str, str | None]:
    """What a learner should read about a failure, as plain data."""
    return {
        "rationale": _text(error.rationale),
        "expected": None if error.expected is None else _text(error.expected),
        "actual": None if error.actual is None else _text(error.actual),
        "hint": None if error.hint is None else _text(error.hint),
    }


def _text(text: str) -> str:
    """Text that fits into a message: not too long, and without halves of characters."""
    text = str.__str__(text)  # a subclass may lie about its length
    cut = text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
    return cut.encode("utf-8", "replace").decode()


def _type_name(thing: object) -> str:
    return _text(type(thing).__name__)[:LONGEST_NAME]


def _number(value: float) -> float | str:
    """JSON knows no infinity and no NaN."""
    return value if math.isfinite(value) else repr(value)


def _group(group: Mapping[str, Any], names: Mapping[int, list[str]]) -> dict[str, Any]:
    options = {key: group.get(key) for key in _OPTIONS}
    return {
        "parameters": [names.get(id(each)) for each in group["params"]],
        "options": {
            key: _option(key, value) for key, value in options.items() if value is not None
        },
    }


def _option(name: str, value: Any) -> float | str:
    try:
        return _number(float(value))
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise LearnerError(
            f"{name} of a parameter group is no number.", actual=type(value).__name__
        ) from error


def _sequence_type(thing: object) -> str:
    kinds = (tuple, list, frozenset, set)
    return next(kind.__name__ for kind in kinds if isinstance(thing, kind))
