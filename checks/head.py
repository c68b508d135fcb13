"""Is the new head right, and where do a network's weights come from?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from checks.guard import LearnerError, calling, checked
from checks.models import device_of, in_evaluation_mode, require_model
from checks.names import PartNames, belongs, first, parts_of, share
from checks.verdict import Verdict, passed

# Random weights of a few hundred elements correlate with others by less than this; pretrained ones
# that were trained on for some epochs, by more. A small layer may exceed it by chance.
_ALIKE = 0.25
_CHANCE = 0.1


@dataclass(frozen=True)
class HeadFacts:
    """What was seen of a model's head.

    Attributes:
        name: the module that should be the head.
        kind: its class, or None where the model has no such module.
        out_features: its number of outputs, where it is linear.
        answer: the shape of the whole model's answer to one image; None if it gave none.
        failure: why the model failed on the image; empty if it did not.
    """

    name: str
    kind: str | None
    out_features: int | None = None
    answer: tuple[int, ...] | None = None
    failure: str = ""


def observe_head(model: nn.Module, head: str, probe: tuple[int, ...] = (1, 3, 64, 64)) -> HeadFacts:
    """Look at the module ``head`` and send one black image of shape ``probe`` through the model."""
    module = dict(model.named_modules()).get(head)
    if module is None:
        return HeadFacts(head, None)
    out_features = module.out_features if isinstance(module, nn.Linear) else None
    answer, failure = None, ""
    with in_evaluation_mode(model):
        try:
            returned: object = calling(model, torch.zeros(probe, device=device_of(model)))
            answer = tuple(returned.shape) if isinstance(returned, torch.Tensor) else ()
        except LearnerError as error:
            failure = error.rationale
    return HeadFacts(head, type(module).__name__, out_features, answer, failure)


def judge_head(facts: HeadFacts, outputs: int) -> Verdict:
    """The head is linear, has so many outputs, and fits the backbone."""
    if facts.kind is None:
        raise LearnerError(
            f"The model has no module {facts.name!r} any more.",
            hint=f"Give the new layer the old one's name: model.{facts.name} = nn.Linear(...).",
        )
    if facts.out_features is None:
        raise LearnerError(
            f"{facts.name} is no linear layer.",
            expected="Linear",
            actual=facts.kind,
            hint=f"model.{facts.name} = nn.Linear(inputs, outputs) replaces it.",
        )
    if facts.out_features != outputs:
        raise LearnerError(
            f"{facts.name} answers with {facts.out_features} classes instead of {outputs}.",
            expected=f"{outputs} outputs",
            actual=f"{facts.out_features} outputs",
            hint=f"Assign a new layer with {outputs} outputs to model.{facts.name}.",
        )
    if facts.failure:
        raise LearnerError(
            f"The model fails on an image. {facts.failure}",
            hint=f"The new {facts.name} needs as many inputs as the old one: its in_features.",
        )
    if facts.answer != (1, outputs):
        raise LearnerError(
            "The model's answer to one image has another shape than it should.",
            expected=f"(1, {outputs})",
            actual=str(facts.answer),
            hint=f"Is {facts.name} the last layer that the image goes through?",
        )
    return passed("head.replaced", f"{facts.name} is a linear layer with {outputs} outputs.")


@checked("head.replaced")
def check_head(model: nn.Module, head: str, *, outputs: int) -> Verdict:
    """The model's head is a linear layer with so many outputs, and fits the backbone.

    Args:
        model: the learner's model.
        head: the name of the module that is the head.
        outputs: how many classes there are.
    """
    return judge_head(observe_head(require_model(model), head), outputs)


@dataclass(frozen=True)
class OriginFacts:
    """How like another model's a model's weights are.

    Attributes:
        correlations: for each weight matrix or filter bank its name and its correlation with the
            other model's, from -1 to 1.
    """

    correlations: tuple[tuple[str, float], ...]


def observe_origin(
    model: nn.Module, pristine: Mapping[str, torch.Tensor], outside: tuple[str, ...]
) -> OriginFacts:
    """Correlate all weights outside the named modules with pristine ones.

    Training moves weights, but a short one leaves them close to where they started. Vectors are
    left out: a new BatchNorm's ones and zeros tell nothing.
    """
    weights = {
        name: parameter.detach().cpu()
        for name, parameter in model.named_parameters()
        if parameter.dim() > 1
        and not belongs(name, outside)
        and name in pristine
        and pristine[name].shape == parameter.shape
    }
    return OriginFacts(
        tuple((name, _correlation(value, pristine[name])) for name, value in weights.items())
    )


def _correlation(first: torch.Tensor, second: torch.Tensor) -> float:
    """Pearson's, over all elements; 0 where one of them is constant."""
    a, b = (each.double().flatten() - each.double().mean() for each in (first, second))
    scale = (a.norm() * b.norm()).item()
    return (a @ b).item() / scale if scale > 0 else 0.0


def judge_from_scratch(facts: OriginFacts) -> Verdict:
    """The weights are not pretrained ones, nor pretrained ones that were trained on."""
    alike = _alike(facts)
    if len(alike) > _CHANCE * len(facts.correlations):
        raise LearnerError(
            f"{share(alike, len(facts.correlations))} backbone layers have the pretrained weights,"
            f" or started from them{first(alike)}.",
            expected="random weights at the start",
            actual="pretrained weights",
            hint="From scratch means pretrained=False: is it passed on?",
        )
    return passed("head.from_scratch", "The backbone did not start from the pretrained weights.")


def judge_from_pretrained(facts: OriginFacts) -> Verdict:
    """The weights are pretrained ones, or pretrained ones that were trained on."""
    alike = set(_alike(facts))
    others = [name for name, _ in facts.correlations if name not in alike]
    if len(others) > _CHANCE * len(facts.correlations):
        raise LearnerError(
            f"{share(others, len(facts.correlations))} backbone layers have nothing of the"
            f" pretrained weights{first(others)}.",
            expected="pretrained weights at the start",
            actual="other weights, or pretrained ones that training has destroyed",
            hint="Does this model come from pretrained=True? If so, is the learning rate too high?",
        )
    return passed("head.from_pretrained", "The backbone started from the pretrained weights.")


def _alike(facts: OriginFacts) -> list[str]:
    if not facts.correlations:
        raise LearnerError(
            "The model has no weights in common with the source model.",
            hint="Use the same architecture as the source model.",
        )
    return [name for name, correlation in facts.correlations if correlation > _ALIKE]


@checked("head.from_scratch")
def check_from_scratch(
    model: nn.Module, pristine: Mapping[str, torch.Tensor], outside: PartNames
) -> Verdict:
    """The backbone does not have the source model's weights, nor did it start from them.

    Args:
        model: the learner's model, trained or not.
        pristine: the source model's state, from :func:`checks.snapshot`.
        outside: names of the modules that are not the backbone.
    """
    return judge_from_scratch(observe_origin(require_model(model), pristine, parts_of(outside)))


@checked("head.from_pretrained")
def check_from_pretrained(
    model: nn.Module, pristine: Mapping[str, torch.Tensor], outside: PartNames
) -> Verdict:
    """The backbone has the source model's weights, or a short training started from them.

    Args:
        model: the learner's model, trained or not.
        pristine: the source model's state, from :func:`checks.snapshot`.
        outside: names of the modules that are not the backbone.
    """
    return judge_from_pretrained(observe_origin(require_model(model), pristine, parts_of(outside)))
