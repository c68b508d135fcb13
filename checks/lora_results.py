"""What becomes of trained adapters: merged into the base model, or stored without it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from checks.guard import LearnerError, calling, checked
from checks.models import device_of, in_evaluation_mode, require_facts, require_model
from checks.names import first, listing, plural
from checks.verdict import Verdict, passed

# save(model, folder)
Save = Callable[[nn.Module, str], object]
Batch = Mapping[str, torch.Tensor]
"""Tensors by the names that a language model takes them under."""

# Merging adds in another order than the adapter does: differences stay near 1e-6. Leaving the
# update out or scaling it wrongly changes answers by a thousand times as much.
_CLOSE = 1e-3
# The configuration and what peft writes about the model, in bytes.
_LARGEST_REST = 50_000
_WEIGHTS, _CONFIGURATION = "adapter_model.safetensors", "adapter_config.json"


def answers(model: nn.Module, batch: Batch) -> torch.Tensor:
    """A model's logits ``[B, C]``, in evaluation mode on its own device.

    Raises:
        LearnerError: it raised, or gave no logits.
    """
    device = device_of(require_model(model))
    with in_evaluation_mode(model):
        returned: object = calling(model, **{name: each.to(device) for name, each in batch.items()})
    logits = getattr(returned, "logits", returned)
    if not isinstance(logits, torch.Tensor):
        raise LearnerError("The model gives no logits.", actual=type(returned).__name__)
    return logits.detach().float().cpu()


def _compare(model: nn.Module, reference: nn.Module, batch: Batch) -> float:
    """The largest difference of two models' answers.

    Raises:
        LearnerError: their shapes differ, or there are numbers that are not finite.
    """
    found, expected = answers(model, batch), answers(reference, batch)
    if found.shape != expected.shape:
        raise LearnerError(
            "The answers have another shape.",
            expected=str(list(expected.shape)),
            actual=str(list(found.shape)),
        )
    if not torch.isfinite(found).all():
        raise LearnerError("The answers are not all finite numbers.")
    return float((found - expected).abs().max())


@checked("lora.merged")
def check_merged(model: nn.Module, reference: nn.Module, batch: Batch) -> Verdict:
    """No adapter is left, and the model still answers as it did with them.

    Args:
        model: the learner's, after merging.
        reference: the model with its adapters, as it was before.
        batch: what both answer, by name.
    """
    left = [
        name
        for name, each in require_model(model).named_modules()
        if hasattr(each, "lora_A") or hasattr(each, "modules_to_save")
    ]
    if left:
        raise LearnerError(
            f"{plural(len(left), 'layer')} still carry adapters{first(left)}.",
            expected="a plain model, without peft's layers",
            actual=type(model).__name__,
            hint="merge_adapter() only folds the numbers in; merge_and_unload() also takes the"
            " adapters away, and returns the plain model.",
        )
    difference = _compare(model, reference, batch)
    if difference > _CLOSE:
        raise LearnerError(
            f"The merged model answers otherwise: its logits differ by up to {difference:.3f}.",
            expected="the same logits as with the adapters",
            hint="W + (alpha / r) B A, in every adapted layer, and the trained head. unload() only"
            " takes the adapters away.",
        )
    return passed(
        "lora.merged", f"No adapter is left, and the logits differ by {difference:.0e} at most."
    )


@checked("lora.answers")
def check_same_answers(model: nn.Module, reference: nn.Module, batch: Batch) -> Verdict:
    """The model answers as the reference does.

    Args:
        model: the learner's.
        reference: the model that it should be equal to.
        batch: what both answer, by name.
    """
    difference = _compare(model, reference, batch)
    if difference > _CLOSE:
        raise LearnerError(
            f"The model answers otherwise: its logits differ by up to {difference:.3f}.",
            expected="the same logits as the model that was stored",
            hint="Were the adapter's weights loaded, or only its configuration? The trained head"
            " belongs to them.",
        )
    return passed("lora.answers", f"The logits differ by {difference:.0e} at most.")


# ------------------------------------------------------------------------------ on the disk


@dataclass(frozen=True)
class SavedFacts:
    """What a learner's function left in a folder.

    Attributes:
        files: name and size in bytes of each file, by name.
        tensors: name and how many numbers it holds, of each tensor of the adapter's weights.
        failure: the learner's exception, if there was one.
    """

    __pydantic_config__: ClassVar[dict[str, bool]] = {"arbitrary_types_allowed": True}

    files: tuple[tuple[str, int], ...] = ()
    tensors: tuple[tuple[str, int], ...] = ()
    failure: LearnerError | None = None


def observe_saved(save: Save, model: nn.Module) -> SavedFacts:
    """Let ``save(model, folder)`` write into an empty folder, and look at what is there.

    It does not raise for the learner's mistakes: they are in the facts, for the judge.

    Args:
        save: the learner's function.
        model: a model with adapters.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            calling(save, model, folder)
            files = sorted(each for each in Path(folder).rglob("*") if each.is_file())
            return SavedFacts(
                files=tuple((str(each.relative_to(folder)), each.stat().st_size) for each in files),
                tensors=_tensors(Path(folder) / _WEIGHTS),
            )
        except LearnerError as error:
            return SavedFacts(failure=error)


def _tensors(path: Path) -> tuple[tuple[str, int], ...]:
    if not path.is_file():
        return ()
    try:
        with safe_open(path, framework="pt") as stored:
            return tuple((name, stored.get_tensor(name).numel()) for name in stored.keys())  # noqa: SIM118 - no mapping
    except SafetensorError as error:
        raise LearnerError(f"{_WEIGHTS} cannot be read: {error}") from error


@checked("lora.saved")
def check_saved_adapter(seen: SavedFacts, model: nn.Module) -> Verdict:
    """The folder holds the adapter's configuration and exactly the numbers that it trains.

    Args:
        seen: what :func:`observe_saved` saw.
        model: the model with adapters that was to be stored.
    """
    facts = require_facts(seen, SavedFacts)
    names = [name for name, _ in facts.files]
    missing = [name for name in (_CONFIGURATION, _WEIGHTS) if name not in names]
    megabytes = sum(size for _, size in facts.files) / 1e6
    if missing:
        raise LearnerError(
            f"The folder has no {listing(missing)}.",
            expected=f"{_CONFIGURATION} and {_WEIGHTS}",
            actual=f"{listing(names) or 'nothing'} ({megabytes:.1f} MB)",
            hint="The model with its adapters has the method save_pretrained(folder).",
        )
    wanted = sum(each.numel() for each in model.parameters() if each.requires_grad)
    stored = sum(size for _, size in facts.tensors)
    most = 4 * wanted + _LARGEST_REST  # float32
    if stored != wanted or megabytes * 1e6 > most:
        raise LearnerError(
            "More is stored than the adapter."
            if stored >= wanted
            else "Not all of the adapter is stored.",
            expected=f"{wanted:,} numbers",
            actual=f"{stored:,} numbers in {_WEIGHTS}, {megabytes:.1f} MB in all",
            hint="Only the adapter and the new head: the base model is on every machine already.",
        )
    return passed("lora.saved", f"{stored:,} numbers, {megabytes:.2f} MB: the adapter alone.")
