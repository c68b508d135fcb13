"""Turn what a learner made into plain data that another process can look at.

A portrait is JSON and tensors: the parameters, flags and modes of a model, the groups of an
optimizer, the numbers of a tensor, the facts that an observer noted. Nothing in it can run. Flags
are read past anything that the learner's own classes might say about them.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from checks.guard import LearnerError

Tensors = dict[str, torch.Tensor]
"""The tensors of a portrait by the names that its JSON part uses."""

# PyTorch's own reading of the flag, whatever a class of the learner's makes of it.
_REQUIRES_GRAD: Callable[[torch.Tensor], bool] = vars(torch._C.TensorBase)["requires_grad"].__get__
_MOST_ITEMS = 100_000
_DEEPEST = 20
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
        self._items += 1
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
        if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
            return self._facts(thing, depth)
        return self._plain(thing, depth)

    def _plain(self, thing: object, depth: int) -> dict[str, Any]:
        if isinstance(thing, LearnerError):
            return {"kind": "failure", **failure_of(thing)}
        if thing is None or isinstance(thing, bool | str):
            return {"kind": "value", "value": thing}
        if isinstance(thing, int) and abs(thing) < 2**63:
            return {"kind": "value", "value": int(thing)}
        if isinstance(thing, float):
            return {"kind": "value", "value": _number(float(thing))}
        if isinstance(thing, tuple | list | set | frozenset):
            items = sorted(thing) if isinstance(thing, set | frozenset) else thing
            portraits = [self.portray(item, depth + 1) for item in items]
            return {"kind": "sequence", "type": _sequence_type(thing), "items": portraits}
        return {"kind": "object", "type": type(thing).__name__}

    def _facts(self, thing: Any, depth: int) -> dict[str, Any]:
        fields = {
            each.name: self.portray(getattr(thing, each.name), depth + 1)
            for each in dataclasses.fields(thing)
        }
        return {"kind": "facts", "type": type(thing).__name__, "fields": fields}

    def _tensor(self, tensor: torch.Tensor) -> dict[str, Any]:
        if tensor.is_complex() or tensor.layout is not torch.strided:
            return {"kind": "object", "type": f"Tensor ({tensor.dtype}, {tensor.layout})"}
        return {
            "kind": "tensor",
            "tensor": self._keep(tensor),
            "requires_grad": bool(_REQUIRES_GRAD(tensor)),
        }

    def _keep(self, tensor: torch.Tensor) -> str:
        name = str(len(self.tensors))
        # A copy of its own: safetensors refuses tensors that share memory.
        self.tensors[name] = tensor.detach().to("cpu", copy=True).contiguous()
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
                    "type": type(module).__name__,
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
        return {
            "kind": "optimizer",
            "type": type(optimizer).__name__,
            "groups": [
                {
                    "parameters": [names.get(id(each)) for each in group["params"]],
                    "options": {
                        key: _number(float(group[key]))
                        for key in _OPTIONS
                        if group.get(key) is not None
                    },
                }
                for group in optimizer.param_groups
            ],
        }


def failure_of(error: LearnerError) -> dict[str, str | None]:
    """What a learner should read about a failure, as plain data."""
    return {
        "rationale": error.rationale,
        "expected": error.expected,
        "actual": error.actual,
        "hint": error.hint,
    }


def _number(value: float) -> float | str:
    """JSON knows no infinity and no NaN."""
    return value if math.isfinite(value) else repr(value)


def _sequence_type(thing: object) -> str:
    kinds = (tuple, list, frozenset, set)
    return next(kind.__name__ for kind in kinds if isinstance(thing, kind))
