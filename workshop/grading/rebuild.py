"""Make models, optimizers and facts again from their portraits, on trusted ground.

A model is built from its pristine source and given the learner's tensors, flags and modes. So what
is measured is what these weights do in the published architecture, whatever the learner's own
classes would have said.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import torch
from pydantic import TypeAdapter, ValidationError
from torch import nn

from checks.augmentation import AugmentationFacts
from checks.batches import BatchFacts
from checks.choice import ChoiceFacts
from checks.devices import DeviceFacts
from checks.evaluation import EvaluationFacts
from checks.guard import CheckCrashed, LearnerError
from checks.lora import Adapter, LoraFacts
from checks.lora_layer import LoraLayerFacts
from checks.lora_results import SavedFacts
from checks.names import first, plural
from checks.precision import PrecisionFacts
from checks.splits import SplitFacts
from checks.stopping import KeeperFacts, StoppingFacts
from checks.training import HeadTrainingFacts, LoopFacts
from workshop.grading import evidence as portrait
from workshop.grading.evidence import Evidence, EvidenceError

FACTS: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        Adapter,
        AugmentationFacts,
        BatchFacts,
        ChoiceFacts,
        DeviceFacts,
        EvaluationFacts,
        HeadTrainingFacts,
        KeeperFacts,
        LoopFacts,
        LoraFacts,
        LoraLayerFacts,
        PrecisionFacts,
        SavedFacts,
        SplitFacts,
        StoppingFacts,
    )
}
"""What observers in a learner's kernel may note, by the name in a portrait."""

# In what PyTorch can train and compare.
_PRECISIONS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
# A head may be larger than in the source model: ImageNet's has 1,000 classes and 1.3 million
# numbers. But not without end: what a layer puts out takes memory of the grader's for every
# held-out example.
_LARGEST_CHANGED, _MOST_OUTPUTS = 1 << 22, 1 << 12


class Rebuilder:
    """Rebuilds what one cell's evidence shows.

    Args:
        evidence: the portraits and their tensors.
        like: makes the model that the learner started from; None if no model is shown.
        models: trusted models that optimizers were described relative to, by their name there.
    """

    def __init__(
        self,
        evidence: Evidence,
        like: Callable[[], nn.Module] | None,
        models: Mapping[str, nn.Module],
    ) -> None:
        self._evidence = evidence
        self._like = like
        self._models = dict(models)

    def rebuild(self, expression: str) -> Any:
        """The value of an expression.

        Raises:
            LearnerError: the learner's code stopped, or the model has another structure.
            CheckCrashed: an observer of ours stopped.
            EvidenceError: the evidence is missing or contradicts itself.
        """
        found = self._evidence.portraits.get(expression)
        if found is None:
            raise EvidenceError("a part of it is missing")
        return self._value(found)

    def _value(self, found: Any) -> Any:
        makers: dict[type, Callable[[Any], Any]] = {
            portrait.Failure: self._failure,
            portrait.Crash: self._crash,
            portrait.Value: lambda each: each.value,
            portrait.Endless: lambda each: float(each.value),
            portrait.Foreign: lambda each: type(each.type, (), {})(),
            portrait.TensorPortrait: self._tensor,
            portrait.Sequence: self._sequence,
            portrait.Facts: self._facts,
            portrait.ModulePortrait: self._module,
            portrait.OptimizerPortrait: self._optimizer,
        }
        return makers[type(found)](found)

    def _failure(self, found: portrait.Failure) -> Any:
        raise _error(found)

    def _crash(self, found: portrait.Crash) -> Any:
        raise CheckCrashed(f"{found.error}\n{found.traceback}")

    def _tensor(self, found: portrait.TensorPortrait) -> torch.Tensor:
        tensor = self._evidence.tensor(found.tensor).clone()
        return tensor.requires_grad_(found.requires_grad and tensor.is_floating_point())

    def _sequence(self, found: portrait.Sequence) -> Any:
        kinds = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}
        try:
            return kinds[found.type](map(self._value, found.items))
        except TypeError as error:
            raise EvidenceError("a set holds what no set can hold") from error

    def _facts(self, found: portrait.Facts) -> Any:
        """An instance of a dataclass of ``checks``, its fields validated."""
        kind = FACTS.get(found.type)
        names = {each.name for each in dataclasses.fields(kind)} if kind else set()
        if kind is None or names != set(found.fields):
            raise EvidenceError(f"there are no facts {found.type!r} with these fields")
        values = {
            name: _error(each) if isinstance(each, portrait.Failure) else self._value(each)
            for name, each in found.fields.items()
        }
        try:
            return TypeAdapter(kind).validate_python(values)
        except ValidationError as error:
            wrong = error.errors()[0]["msg"]
            raise EvidenceError(f"facts of the wrong type: {wrong}") from error

    def _optimizer(self, found: portrait.OptimizerPortrait) -> torch.optim.Optimizer:
        # Not built by the constructor, which would refuse groups that overlap: that is what is
        # looked for.
        optimizer = object.__new__(_named_optimizer(found.type))
        optimizer.param_groups = [
            {
                "params": [self._parameter(each) for each in group.parameters],
                **{key: float(value) for key, value in group.options.items()},
            }
            for group in found.groups
        ]
        return optimizer

    def _parameter(self, place: tuple[str, str] | None) -> nn.Parameter:
        if place is None:
            return nn.Parameter(torch.zeros(1))
        model, name = place
        known = dict(self._models[model].named_parameters()) if model in self._models else {}
        if name not in known:
            raise EvidenceError("an optimizer holds a parameter that there is not")
        return known[name]

    def _module(self, found: portrait.ModulePortrait) -> nn.Module:
        if self._like is None:
            raise EvidenceError("it shows a model where none was asked for")
        model = self._like().cpu()
        _compare_structure(model, found)
        self._compare_sizes(model, found)
        modules = dict(model.named_modules(remove_duplicate=False))
        self._compare_ties(model, found)
        made: dict[str, nn.Parameter] = {}
        for name, part in found.parameters.items():
            if part.tensor not in made:
                tensor = self._evidence.tensor(part.tensor).clone()
                if tensor.dtype not in _PRECISIONS:
                    raise LearnerError(
                        f"The parameter {name} holds {tensor.dtype}, not the floating-point"
                        " numbers that models are trained with."
                    )
                made[part.tensor] = nn.Parameter(tensor, requires_grad=part.requires_grad)
            _put(modules, name, made[part.tensor])
        for name, buffer in found.buffers.items():
            owner, _, last = name.rpartition(".")
            modules[owner]._buffers[last] = self._evidence.tensor(buffer.tensor).clone()
        for name, module in modules.items():
            module.training = found.modules[name].training
            if found.modules[name].flagged:
                object.__setattr__(module, "requires_grad", False)
        return model

    def _compare_ties(self, model: nn.Module, found: portrait.ModulePortrait) -> None:
        """Refuse one tensor in two places that hold different ones in the source model.

        A check counts a shared parameter once, under all its names: what is frozen could be hidden
        behind what trains.
        """
        pristine = dict(model.named_parameters(remove_duplicate=False))
        at: dict[str, str] = {}
        for name, part in found.parameters.items():
            other = at.setdefault(part.tensor, name)
            if pristine[name] is not pristine[other]:
                raise LearnerError(
                    f"{other} and {name} are one tensor, but two in the source model.",
                    hint="Give each layer parameters of its own.",
                )

    def _compare_sizes(self, model: nn.Module, found: portrait.ModulePortrait) -> None:
        """Refuse tensors that are far larger than those of the source model."""
        pristine = dict(model.named_parameters(remove_duplicate=False))
        buffers = dict(model.named_buffers(remove_duplicate=False))
        shown = {name: part.tensor for name, part in found.parameters.items()}
        shown |= {name: part.tensor for name, part in found.buffers.items()}
        for name, tensor in shown.items():
            known, here = (pristine | buffers)[name], self._evidence.tensor(tensor)
            if here.numel() > max(known.numel(), _LARGEST_CHANGED) or (
                _outputs(here) > max(_outputs(known), _MOST_OUTPUTS)
            ):
                raise LearnerError(
                    f"{name} has {here.numel():,} numbers, far more than in the source model.",
                    hint="A new head has as many outputs as there are classes.",
                )


def _compare_structure(model: nn.Module, found: portrait.ModulePortrait) -> None:
    """Refuse a model that is not made of the same layers, in the learner's words.

    Raises:
        LearnerError: layers or tensors are missing, replaced by others, or more than there were.
    """
    kinds = {
        name: type(each).__name__ for name, each in model.named_modules(remove_duplicate=False)
    }
    missing = sorted(set(kinds) - set(found.modules))
    other = sorted(
        name for name in set(kinds) & set(found.modules) if kinds[name] != found.modules[name].type
    )
    more = sorted(set(found.modules) - set(kinds))
    if other:
        raise LearnerError(
            f"{other[0] or 'The model'} is a {found.modules[other[0]].type} instead of a"
            f" {kinds[other[0]]}.",
            hint="Keep the layers of the source model, with their names.",
        )
    if missing:
        raise LearnerError(
            f"{plural(len(missing), 'layer')} of the source model are gone{first(missing)}.",
            hint="Work on the model that the exercise gives you, and keep the names of its layers.",
        )
    if more:
        raise LearnerError(
            f"The model has {plural(len(more), 'layer')} more than the source model{first(more)}.",
            hint="Assign a new layer to the name of the one that it replaces.",
        )
    tensors = {name for name, _ in model.named_parameters(remove_duplicate=False)}
    buffers = {name for name, _ in model.named_buffers(remove_duplicate=False)}
    odd = sorted((tensors ^ set(found.parameters)) | (buffers ^ set(found.buffers)))
    if odd:
        verb = "is" if len(odd) == 1 else "are"
        raise LearnerError(
            f"{plural(len(odd), 'tensor')} of the model {verb} not there, or not where the source"
            f" model has it{first(odd)}.",
            hint="Change the values of parameters, not which parameters there are.",
        )


def _outputs(tensor: torch.Tensor) -> int:
    """How many numbers a layer with this weight or bias puts out for one example."""
    return tensor.shape[0] if tensor.dim() else 1


def _put(modules: dict[str, nn.Module], name: str, parameter: nn.Parameter) -> None:
    owner, _, last = name.rpartition(".")
    module = modules[owner]
    module._parameters[last] = parameter
    if isinstance(module, nn.Linear) and last == "weight" and parameter.dim() == 2:  # noqa: PLR2004 - a matrix
        module.out_features, module.in_features = parameter.shape


def _named_optimizer(name: str) -> type[torch.optim.Optimizer]:
    return type(name, (torch.optim.Optimizer,), {})


def _error(found: portrait.Failure) -> LearnerError:
    return LearnerError(
        found.rationale, expected=found.expected, actual=found.actual, hint=found.hint
    )
