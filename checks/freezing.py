"""Is exactly the named part of a model trained, and the rest really left alone?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from checks.guard import LearnerError, checked
from checks.models import depends_on_mode, names_of_tensors, require_model, require_parts
from checks.names import (
    PartNames,
    any_belongs,
    belongs,
    describe,
    first,
    outside,
    parts_of,
    plural,
    share,
)
from checks.verdict import Verdict, passed

Pristine = Mapping[str, torch.Tensor]
"""A model's tensors by name, on the CPU: what :func:`snapshot` gives."""

# The buffers that normalisation layers update in training mode.
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


# ---------------------------------------------------------------------------- what is trainable


@dataclass(frozen=True)
class ParameterFacts:
    """Which parameters of a model are trainable.

    Attributes:
        trainable: for each parameter its names and whether it requires a gradient.
        flag_on_modules: modules that carry an attribute ``requires_grad``, which does nothing.
    """

    trainable: tuple[tuple[tuple[str, ...], bool], ...]
    flag_on_modules: tuple[str, ...]


def observe_parameters(model: nn.Module) -> ParameterFacts:
    """Look at ``requires_grad`` of every parameter, each once."""
    names = names_of_tensors(model)
    return ParameterFacts(
        tuple((names[id(each)], each.requires_grad) for each in model.parameters()),
        tuple(
            name or "model" for name, each in model.named_modules() if "requires_grad" in vars(each)
        ),
    )


def judge_trainable(facts: ParameterFacts, parts: tuple[str, ...]) -> Verdict:
    """Exactly the parameters in ``parts`` are trainable."""
    inside = [(names[0], on) for names, on in facts.trainable if any_belongs(names, parts)]
    others = [(names[0], on) for names, on in facts.trainable if not any_belongs(names, parts)]
    frozen = [name for name, on in inside if not on]
    training = [name for name, on in others if on]
    if parts and not inside:
        raise LearnerError(
            f"There are no parameters in {describe(parts)} that could train.",
            hint="Work on the model that the exercise gives you, with its layers in place.",
        )
    if not frozen and not training:
        return passed(
            "freezing.trainable",
            f"Exactly the {plural(len(inside), 'parameter')} of {describe(parts)} will train.",
        )
    found = []
    if training:
        verb = "trains" if len(training) == 1 else "train"
        found.append(
            f"{share(training, len(others))} {outside(parts)}parameters still {verb}"
            f"{first(training)}."
        )
    if frozen:
        verb = "is" if len(frozen) == 1 else "are"
        found.append(
            f"{share(frozen, len(inside))} parameters of {describe(parts)} {verb} frozen"
            f"{first(frozen)}."
        )
    raise LearnerError(
        " ".join(found),
        expected=f"only {describe(parts)} trains" if parts else "nothing trains",
        hint=_hint_on_freezing(facts, frozen=bool(frozen), training=bool(training)),
    )


def _hint_on_freezing(facts: ParameterFacts, *, frozen: bool, training: bool) -> str:
    if facts.flag_on_modules:
        return (
            f"`requires_grad` was set on a module ({facts.flag_on_modules[0]}), where it does"
            " nothing. Set it on each of its parameters, or call the module's method"
            " `requires_grad_(...)`."
        )
    if frozen and training:
        return "Is the condition the wrong way round?"
    if training:
        return (
            "Set `requires_grad = False` on each of these parameters, as the last thing that is"
            " done to the model: loading or replacing layers afterwards brings trainable ones back."
        )
    return "Set `requires_grad = True` on these parameters after you froze the rest."


@checked("freezing.trainable")
def check_trainable(model: nn.Module, trainable: PartNames) -> Verdict:
    """Exactly the named part of the model is trainable.

    Args:
        model: the learner's model.
        trainable: names of modules; everything in them trains, nothing else does.
    """
    parts = require_parts(require_model(model), trainable)
    return judge_trainable(observe_parameters(model), parts)


# --------------------------------------------------------------------------------------- modes


@dataclass(frozen=True)
class ModeFacts:
    """The mode of each layer for which it matters.

    Attributes:
        training: the layer's name, its kind, and whether it is in training mode.
    """

    training: tuple[tuple[str, str, bool], ...]


def observe_modes(model: nn.Module) -> ModeFacts:
    """Look at the layers that compute something else in training mode."""
    return ModeFacts(
        tuple(
            (name, type(module).__name__, module.training)
            for name, module in model.named_modules()
            if depends_on_mode(module)
        )
    )


def judge_modes(facts: ModeFacts, parts: tuple[str, ...]) -> Verdict:
    """Layers outside ``parts`` are in evaluation mode, those inside in training mode."""
    frozen = [(name, on) for name, _, on in facts.training if not belongs(name, parts)]
    trained = [(name, on) for name, _, on in facts.training if belongs(name, parts)]
    awake = [name for name, on in frozen if on]
    asleep = [name for name, on in trained if not on]
    if awake:
        raise LearnerError(
            f"{share(awake, len(frozen))} BatchNorm or dropout layers of the frozen part are in"
            f" training mode{first(awake)}.",
            expected="evaluation mode for everything that is frozen",
            hint="model.train() switches every layer. Switch the frozen ones back afterwards, with"
            " .eval().",
        )
    if asleep:
        raise LearnerError(
            f"{share(asleep, len(trained))} BatchNorm or dropout layers of the part that trains"
            f" are in evaluation mode{first(asleep)}.",
            expected="training mode for what trains",
            hint="Call model.train() first, and .eval() only on layers of the frozen part.",
        )
    return passed(
        "freezing.eval_mode",
        f"The {plural(len(frozen), 'frozen layer')} with a training mode will stay in evaluation"
        " mode.",
    )


@checked("freezing.eval_mode")
def check_eval_mode(model: nn.Module, frozen_outside: PartNames) -> Verdict:
    """BatchNorm and dropout are in evaluation mode where frozen, in training mode elsewhere.

    Args:
        model: the learner's model, set up for a training step.
        frozen_outside: names of the modules that train.
    """
    parts = require_parts(require_model(model), frozen_outside)
    return judge_modes(observe_modes(model), parts)


# ------------------------------------------------------------------------------ what has moved


@dataclass(frozen=True)
class ChangeFacts:
    """Which tensors of a model differ from the pristine ones.

    Attributes:
        parameters: for each pristine parameter its name, then the other names that its tensor has
            now, and whether it differs.
        buffers: for each pristine buffer whether it differs.
        missing: pristine tensors that the model has no more, or with another shape.
    """

    parameters: tuple[tuple[tuple[str, ...], bool], ...]
    buffers: tuple[tuple[str, bool], ...]
    missing: tuple[str, ...]


def snapshot(model: nn.Module) -> dict[str, torch.Tensor]:
    """Copies of all parameters and buffers by name, on the CPU.

    Raises:
        LearnerError: this is no model.
    """
    return {name: tensor.detach().cpu().clone() for name, tensor in _tensors(require_model(model))}


def observe_changes(model: nn.Module, pristine: Pristine) -> ChangeFacts:
    """Compare a model's tensors with pristine ones, bit for bit."""
    present = dict(_tensors(model))
    fits = {
        name: present[name].detach().cpu()
        for name, tensor in pristine.items()
        if name in present and present[name].shape == tensor.shape
    }
    changed = {name: not torch.equal(tensor, pristine[name]) for name, tensor in fits.items()}
    buffers = {name for name, _ in model.named_buffers(remove_duplicate=False)}
    shared = names_of_tensors(model)
    return ChangeFacts(
        tuple(
            ((name, *shared.get(id(present[name]), ())), each)
            for name, each in changed.items()
            if name not in buffers
        ),
        tuple((name, each) for name, each in changed.items() if name in buffers),
        tuple(name for name in pristine if name not in fits),
    )


def _tensors(model: nn.Module) -> list[tuple[str, torch.Tensor]]:
    # Layers that share a tensor each count: a learner may have replaced it in one of them.
    parameters: list[tuple[str, torch.Tensor]] = [*model.named_parameters(remove_duplicate=False)]
    return [*parameters, *model.named_buffers(remove_duplicate=False)]


def judge_unchanged(facts: ChangeFacts, parts: tuple[str, ...]) -> Verdict:
    """No parameter and no buffer outside ``parts`` differs."""
    _refuse_missing([name for name in facts.missing if not belongs(name, parts)])
    names = [(each[0], moved) for each, moved in facts.parameters if not any_belongs(each, parts)]
    moved = [name for name, changed in names if changed]
    found = []
    if moved:
        found.append(
            f"{share(moved, len(names))} {outside(parts)}parameters are not the pristine ones any"
            f" more{first(moved)}."
        )
    try:
        _judge_buffers(facts, parts)
    except LearnerError as error:
        found.append(error.rationale)
    if not found:
        return passed(
            "freezing.unchanged",
            f"All {plural(len(names), 'frozen parameter')} and all statistics equal the pristine"
            " ones, bit for bit.",
        )
    raise LearnerError(
        " ".join(found),
        expected="frozen tensors as they were, bit for bit",
        hint=(
            "Were these layers frozen before the optimizer was built, and loaded with the"
            " pretrained weights before that?"
            if moved
            else "BatchNorm updates its statistics in training mode, frozen or not: keep the"
            " frozen layers in evaluation mode, also while extracting features."
        ),
    )


@checked("freezing.unchanged")
def check_unchanged(model: nn.Module, pristine: Pristine, frozen_outside: PartNames) -> Verdict:
    """Everything outside the named part equals the pristine state, bit for bit.

    Args:
        model: the learner's model.
        pristine: what :func:`snapshot` gave for the untouched model.
        frozen_outside: names of the modules that may differ; ``()`` for none.
    """
    facts = observe_changes(require_model(model), pristine)
    return judge_unchanged(facts, parts_of(frozen_outside))


@checked("freezing.statistics_unmoved")
def check_statistics_unmoved(
    model: nn.Module, pristine: Pristine, frozen_outside: PartNames
) -> Verdict:
    """No running statistics outside the named part have moved; see :func:`check_unchanged`."""
    parts = parts_of(frozen_outside)
    facts = observe_changes(require_model(model), pristine)
    _refuse_missing([name for name in facts.missing if not belongs(name, parts)])
    count = _judge_buffers(facts, parts)
    return passed(
        "freezing.statistics_unmoved", f"All {plural(count, 'running statistic')} stayed."
    )


def _judge_buffers(facts: ChangeFacts, parts: tuple[str, ...]) -> int:
    buffers = [(name, moved) for name, moved in facts.buffers if not belongs(name, parts)]
    layers = sorted({_layer(name) for name, _ in buffers})
    moved = sorted({_layer(name) for name, changed in buffers if changed})
    if moved:
        raise LearnerError(
            f"The running statistics of {share(moved, len(layers))} frozen BatchNorm layers moved"
            f"{first(moved)}.",
            expected="the stored statistics as they were",
            hint="Call model.eval() before you send images through a frozen backbone: BatchNorm"
            " overwrites its statistics in training mode, even inside torch.no_grad().",
        )
    return len(buffers)


def _layer(name: str) -> str:
    layer, _, last = name.rpartition(".")
    return layer if last in _STATISTICS and layer else name


def judge_moved(facts: ChangeFacts, parts: tuple[str, ...]) -> Verdict:
    """Every parameter in ``parts`` differs."""
    _refuse_missing([name for name in facts.missing if belongs(name, parts)])
    names = [(each[0], moved) for each, moved in facts.parameters if belongs(each[0], parts)]
    still = [name for name, moved in names if not moved]
    if still:
        verb = "has" if len(still) == 1 else "have"
        raise LearnerError(
            f"{share(still, len(names))} parameters of {describe(parts)} {verb} not moved"
            f"{first(still)}.",
            expected="every trained parameter has moved",
            hint="Was it trainable when the optimizer was built, is it in one of the optimizer's"
            " groups, and did the training run on this very model?",
        )
    return passed(
        "freezing.moved", f"All {plural(len(names), 'parameter')} of {describe(parts)} have moved."
    )


@checked("freezing.moved")
def check_moved(model: nn.Module, pristine: Pristine, trained: PartNames) -> Verdict:
    """Every parameter of the named part differs from the pristine state.

    Args:
        model: the learner's model, after training.
        pristine: what :func:`snapshot` gave before.
        trained: names of the modules that were to train; ``""`` for the whole model.
    """
    parts = require_parts(require_model(model), trained)
    facts = observe_changes(model, pristine)
    return judge_moved(facts, parts)


def _refuse_missing(missing: list[str]) -> None:
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise LearnerError(
            f"{plural(len(missing), 'tensor')} of the source model {verb} not in this model, or"
            f" with another shape{first(missing)}.",
            hint="Start from the source model, and replace only the head.",
        )
