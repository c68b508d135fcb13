"""Which low-rank adapters does a model really carry?

LoRA (Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models") leaves a layer's weight
``W`` frozen and adds ``(alpha / r) B A`` to it, with ``A`` of shape ``[r, inputs]`` and ``B`` of
shape ``[outputs, r]``. What peft injected is looked at, not what a configuration promises.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

from checks.guard import LearnerError, checked
from checks.models import require_facts, require_model
from checks.names import PartNames, first, listing, parts_of, plural, share
from checks.verdict import Verdict, passed

# How peft's names lead to those of the model inside.
_PREFIX, _LAYER, _ORIGINAL = "base_model.model.", "base_layer", "original_module"
_ADDED = ("lora_", "modules_to_save")
_SAME_SCALE = 1e-6


@dataclass(frozen=True)
class Adapter:
    """One adapter, as it is.

    Attributes:
        module: the layer that carries it, by its name in the model without adapters.
        rank: the rows of ``A`` and the columns of ``B``.
        scaling: what ``B A`` is multiplied by.
        dropout: the probability with which its inputs are dropped in training.
        inputs: the columns of ``A``.
        outputs: the rows of ``B``.
        still: whether ``B`` is all zero, as it is before the first step.
        magnitude: whether it has a magnitude for each output, as DoRA does.
    """

    module: str
    rank: int
    scaling: float
    dropout: float
    inputs: int
    outputs: int
    still: bool
    magnitude: bool = False


@dataclass(frozen=True)
class LoraFacts:
    """What was seen of a model with adapters.

    Attributes:
        kind: the model's type.
        task_type: of the active adapter's configuration, ``SEQ_CLS`` for example.
        adapters: all adapters, in the model's order.
        saved: modules that are trained whole next to the adapters, by their name in the model
            without adapters.
        trainable: name and size of each parameter that requires a gradient.
        base: for each tensor of the model without adapters its name and a digest of its content.
        failure: why there is nothing to see, if so.
    """

    __pydantic_config__: ClassVar[dict[str, bool]] = {"arbitrary_types_allowed": True}

    kind: str
    task_type: str | None = None
    adapters: tuple[Adapter, ...] = ()
    saved: tuple[str, ...] = ()
    trainable: tuple[tuple[str, int], ...] = ()
    base: tuple[tuple[str, str], ...] = ()
    failure: LearnerError | None = None


def observe_lora(model: object) -> LoraFacts:
    """Look at a model that ``peft.get_peft_model`` made.

    It does not raise for the learner's mistakes: they are in the facts, for the judges.

    Args:
        model: the learner's model.
    """
    kind = type(model).__name__
    try:
        return _observed(require_model(model), kind)
    except LearnerError as error:
        return LoraFacts(kind, failure=error)


def _observed(model: nn.Module, kind: str) -> LoraFacts:
    configurations = getattr(model, "peft_config", None)
    if not isinstance(configurations, Mapping) or not configurations:
        raise LearnerError(
            "The model carries no adapters.",
            expected="what peft's get_peft_model returns",
            actual=kind,
            hint="Return get_peft_model(model, config).",
        )
    name = getattr(model, "active_adapter", None)
    if not isinstance(name, str) or name not in configurations:
        name = next(iter(configurations))
    task: Any = getattr(configurations[name], "task_type", None)
    modules = dict(model.named_modules())
    return LoraFacts(
        kind=kind,
        task_type=None if task is None else str(getattr(task, "value", task)),
        adapters=tuple(
            _adapter(base_name(path), each, name)
            for path, each in modules.items()
            if _has(each, "lora_A", name)
        ),
        saved=tuple(
            base_name(path)
            for path, each in modules.items()
            if _has(each, "modules_to_save", name) and hasattr(each, _ORIGINAL)
        ),
        trainable=tuple(
            (path, each.numel()) for path, each in model.named_parameters() if each.requires_grad
        ),
        base=tuple(_digests(model)),
    )


def _has(module: nn.Module, attribute: str, adapter: str) -> bool:
    """Whether this is one of peft's layers, with this adapter in it."""
    return adapter in (getattr(module, attribute, None) or ())


def _adapter(module: str, layer: Any, name: str) -> Adapter:
    down, up = layer.lora_A[name].weight, layer.lora_B[name].weight
    return Adapter(
        module=module,
        rank=int(down.shape[0]),
        scaling=float(layer.scaling[name]),
        dropout=float(getattr(layer.lora_dropout[name], "p", 0.0)),
        inputs=int(down.shape[1]),
        outputs=int(up.shape[0]),
        still=not bool(up.detach().any()),
        magnitude=_has(layer, "lora_magnitude_vector", name),
    )


def base_name(name: str) -> str:
    """The name of a module or tensor of peft's in the model without adapters."""
    parts = name.removeprefix(_PREFIX).split(".")
    return ".".join(part for part in parts if part not in (_LAYER, _ORIGINAL))


def is_added(name: str) -> bool:
    """Whether a tensor of peft's model belongs to an adapter, or to a module trained whole."""
    return any(part.startswith(_ADDED) for part in name.split("."))


def _digests(model: nn.Module) -> Iterable[tuple[str, str]]:
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if not is_added(name):
            yield base_name(name), digest(tensor)


def digest(tensor: torch.Tensor) -> str:
    """SHA-256 of a tensor's shape, type and bytes."""
    values = tensor.detach().cpu().contiguous()
    found = hashlib.sha256(f"{values.dtype} {list(values.shape)}".encode())
    found.update(values.reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def require_adapters(seen: object) -> LoraFacts:
    """What an observer saw, if it saw adapters.

    Raises:
        LearnerError: it saw none.
    """
    facts = require_facts(seen, LoraFacts)
    if not facts.adapters:
        raise LearnerError(
            "The model has no LoRA layers left.",
            actual=facts.kind,
            hint="Has it been merged or unloaded already?",
        )
    return facts


# ------------------------------------------------------------------------- configuration


@checked("lora.config")
def check_lora_config(
    seen: LoraFacts, *, task_type: str = "SEQ_CLS", saved: PartNames = "classifier"
) -> Verdict:
    """The configuration names the task, and the new head is trained and stored with the adapters.

    peft adds the head of a model for ``SEQ_CLS`` by itself; for other tasks it must be in
    ``modules_to_save``, or it stays random for ever.

    Args:
        seen: what :func:`observe_lora` saw.
        task_type: of peft, ``SEQ_CLS`` for the classification of texts.
        saved: names of the modules that train whole.
    """
    facts, wanted = require_adapters(seen), parts_of(saved)
    if facts.task_type != task_type:
        raise LearnerError(
            "The configuration is for another task.",
            expected=f"task_type={task_type}",
            actual=f"task_type={facts.task_type}",
            hint="A text gets one of three labels: that is TaskType.SEQ_CLS, the classification of"
            " sequences.",
        )
    missing = sorted(set(wanted) - set(facts.saved))
    more = sorted(set(facts.saved) - set(wanted))
    if missing:
        raise LearnerError(
            f"{listing(missing)} is new and random, but will neither train nor be stored.",
            expected=f"modules_to_save with {listing(missing)}",
            actual=f"modules_to_save with {listing(sorted(facts.saved)) or 'nothing'}",
            hint="Name it in modules_to_save.",
        )
    if more:
        raise LearnerError(
            f"{listing(more)} would train whole and be stored whole: that is full fine-tuning of"
            " it.",
            expected=f"only {listing(wanted)}",
            hint="Only what is new belongs into modules_to_save.",
        )
    return passed(
        "lora.config", f"Task {task_type}; {listing(wanted)} trains next to the adapters."
    )


# ------------------------------------------------------------------------------ adapters


def targeted(base: nn.Module, targets: Iterable[str]) -> dict[str, nn.Linear]:
    """The linear layers that peft adapts for these target names: whole last parts of their names.

    Args:
        base: the model without adapters.
        targets: as in ``LoraConfig(target_modules=...)``, a list.
    """
    names = tuple(targets)
    return {
        name: module
        for name, module in base.named_modules()
        if isinstance(module, nn.Linear)
        and any(name == each or name.endswith(f".{each}") for each in names)
    }


@checked("lora.adapters")
def check_adapters(
    seen: LoraFacts,
    base: nn.Module,
    *,
    targets: Sequence[str],
    rank: int,
    alpha: float,
    dropout: float | None = None,
    dora: bool = False,
) -> Verdict:
    """Exactly the targeted layers carry adapters, with this rank, scaling and dropout.

    Args:
        seen: what :func:`observe_lora` saw.
        base: the model without adapters.
        targets: last parts of the names of the layers that are adapted.
        rank: r.
        alpha: the scaling is ``alpha / rank``.
        dropout: the probability; not looked at if None.
        dora: whether they are DoRA's (Liu et al. 2024), with a magnitude for each output, or plain
            LoRA's, without.
    """
    facts, wanted = require_adapters(seen), targeted(base, targets)
    carrying = [each.module for each in facts.adapters]
    missing = [name for name in wanted if name not in carrying]
    more = [name for name in carrying if name not in wanted]
    if missing or more:
        found = []
        if missing:
            found.append(
                f"{share(missing, len(wanted))} {listing(targets)} layers carry no adapter"
                f"{first(missing)}."
            )
        if more:
            found.append(f"{plural(len(more), 'layer')} carry one that should not{first(more)}.")
        raise LearnerError(
            " ".join(found),
            expected=f"adapters in {plural(len(wanted), 'layer')}: all called {listing(targets)}",
            actual=f"adapters in {plural(len(carrying), 'layer')}",
            hint="target_modules is a list with the last part of the layers' names.",
        )
    ranks = sorted({each.rank for each in facts.adapters})
    if ranks != [rank]:
        raise LearnerError(
            "The adapters have another rank.",
            expected=f"r = {rank}",
            actual=f"r = {listing([str(each) for each in ranks])}",
            hint="r is the rank, lora_alpha the scale; are they swapped, or the function's"
            " arguments not used?",
        )
    other = [each for each in facts.adapters if abs(each.scaling - alpha / rank) > _SAME_SCALE]
    if other:
        raise LearnerError(
            f"The adapters' update is scaled by {other[0].scaling:g}.",
            expected=f"alpha / r = {alpha / rank:g}",
            actual=f"{other[0].scaling:g}",
            hint="The scale is lora_alpha / r. Is lora_alpha the function's argument? rsLoRA"
            " divides by the root of r instead.",
        )
    drops = sorted({each.dropout for each in facts.adapters})
    if dropout is not None and any(abs(each - dropout) > _SAME_SCALE for each in drops):
        raise LearnerError(
            "The adapters have another dropout.",
            expected=f"{dropout:g}",
            actual=listing([f"{each:g}" for each in drops]),
            hint="Pass it as lora_dropout.",
        )
    unlike = [each.module for each in facts.adapters if each.magnitude is not dora]
    if unlike:
        raise LearnerError(
            f"{share(unlike, len(carrying))} adapters have"
            f" {'no magnitudes' if dora else 'magnitudes'}{first(unlike)}.",
            expected="DoRA: with magnitudes" if dora else "plain LoRA: without magnitudes",
            hint="use_dora=True in the configuration makes DoRA of LoRA; False is the default.",
        )
    return passed(
        "lora.adapters",
        f"{plural(len(carrying), 'layer')} carry an adapter of rank {rank}, scaled by"
        f" {alpha / rank:g}.",
    )


@checked("lora.trained")
def check_adapters_trained(seen: LoraFacts) -> Verdict:
    """Every adapter has learned something: its ``B``, zero at first, is zero no more."""
    facts = require_adapters(seen)
    still = [each.module for each in facts.adapters if each.still]
    if still:
        raise LearnerError(
            f"{share(still, len(facts.adapters))} adapters have not moved: their B is still zero"
            f"{first(still)}.",
            expected="B of every adapter has moved",
            hint="Were they trainable when the optimizer was built, and is this the model that was"
            " trained?",
        )
    return passed("lora.trained", f"All {len(facts.adapters)} adapters have learned.")
