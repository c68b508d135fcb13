"""What trains next to a frozen base model, and whether that base is as it was."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from checks.guard import LearnerError, checked
from checks.lora import LoraFacts, base_name, digest, is_added, require_adapters, targeted
from checks.names import PartNames, belongs, first, parts_of, plural, share
from checks.verdict import Verdict, passed


def trainable_count(
    base: nn.Module,
    *,
    targets: Sequence[str],
    rank: int,
    saved: PartNames = (),
    dora: bool = False,
) -> int:
    """How many numbers train.

    ``r (inputs + outputs)`` for each adapter (Hu et al. 2021, section 4.2), with DoRA also a
    magnitude for each output (Liu et al. 2024), and all of the modules that train whole.

    Args:
        base: the model without adapters.
        targets: last parts of the names of the adapted layers.
        rank: r.
        saved: names of the modules that train whole.
        dora: whether the adapters are DoRA's.
    """
    adapters = sum(
        rank * (each.in_features + each.out_features) + dora * each.out_features
        for each in targeted(base, targets).values()
    )
    parts = parts_of(saved)
    return adapters + sum(
        each.numel() for name, each in base.named_parameters() if belongs(name, parts)
    )


@checked("lora.trainable")
def check_trainable_share(
    seen: LoraFacts,
    base: nn.Module,
    *,
    targets: Sequence[str],
    rank: int,
    saved: PartNames = "classifier",
    dora: bool = False,
) -> Verdict:
    """As many numbers train as the formula says, none of them in the base model.

    Args:
        seen: what :func:`observe_lora` saw.
        base: the model without adapters.
        targets: last parts of the names of the adapted layers.
        rank: r.
        saved: names of the modules that train whole.
        dora: whether the adapters are DoRA's.
    """
    facts = require_adapters(seen)
    expected = trainable_count(base, targets=targets, rank=rank, saved=saved, dora=dora)
    counted = sum(size for _, size in facts.trainable)
    thawed = [base_name(name) for name, _ in facts.trainable if not is_added(name)]
    if thawed:
        raise LearnerError(
            f"{plural(len(thawed), 'parameter')} of the base model would train{first(thawed)}.",
            expected=f"{expected:,} numbers train",
            actual=f"{counted:,}",
            hint="get_peft_model freezes the base model: leave its flags alone afterwards.",
        )
    if counted != expected:
        raise LearnerError(
            "Another number of parameters trains than the formula gives.",
            expected=f"{expected:,}, the sum of r (inputs + outputs)"
            + (", DoRA's magnitudes" if dora else "")
            + " and the head",
            actual=f"{counted:,}",
            hint="Look at the adapted layers, the rank and modules_to_save.",
        )
    return passed(
        "lora.trainable",
        f"{counted:,} numbers train, {counted / _size(base):.2%} of the model's {_size(base):,}.",
    )


def _size(model: nn.Module) -> int:
    return sum(each.numel() for each in model.parameters())


@checked("lora.base")
def check_base_untouched(
    seen: LoraFacts, base: nn.Module, *, outside: PartNames = "classifier"
) -> Verdict:
    """Every tensor of the base model is the pristine one, bit for bit.

    Args:
        seen: what :func:`observe_lora` saw.
        base: the pristine model without adapters.
        outside: modules that are not compared: a new head has no pristine weights.
    """
    facts, parts = require_adapters(seen), parts_of(outside)
    here = dict(facts.base)
    pristine = [
        (name, tensor)
        for name, tensor in (*base.named_parameters(), *base.named_buffers())
        if not belongs(name, parts)
    ]
    missing = [name for name, _ in pristine if name not in here]
    moved = [name for name, each in pristine if name in here and here[name] != digest(each)]
    if missing:
        raise LearnerError(
            f"{plural(len(missing), 'tensor')} of the base model are gone{first(missing)}.",
            hint="Add the adapters to the model that the exercise gives you.",
        )
    if moved:
        raise LearnerError(
            f"{share(moved, len(pristine))} tensors of the base model have changed{first(moved)}.",
            expected="the base model as it was, bit for bit",
            hint="Only what get_peft_model left trainable may be in the optimizer. Merging changes"
            " the base as well: merge a copy.",
        )
    return passed("lora.base", f"All {len(pristine)} tensors of the base model are as they were.")
