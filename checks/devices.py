"""Do a model and its data lie on one device, and on the right one?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from checks.guard import LearnerError, calling, checked
from checks.models import require_facts
from checks.names import first, plural
from checks.verdict import Verdict, passed


@dataclass(frozen=True)
class DeviceFacts:
    """On which devices the tensors lie that a learner's function gives.

    Attributes:
        places: name and device of each tensor, ``("conv.weight", "cuda:0")`` for example.
        wanted: the device that was asked for.
        failure: the learner's exception, if there was one.
        given: how many tensors there were to move.
    """

    __pydantic_config__: ClassVar[dict[str, bool]] = {"arbitrary_types_allowed": True}

    places: tuple[tuple[str, str], ...] = ()
    wanted: str = "cpu"
    failure: LearnerError | None = None
    given: int = 0


def observe_devices(
    move: Callable[..., object], *things: object, device: torch.device
) -> DeviceFacts:
    """Let ``move(*things, device)`` move models and tensors, and note where they lie then.

    It does not raise for the learner's mistakes: they are in the facts, for the judge.

    Args:
        move: the learner's function; returns a model, a tensor, or several in a tuple or list.
        things: what to move.
        device: where to.
    """
    given = sum(len(_places(each, 0)) for each in things)
    try:
        returned = calling(move, *things, device)
    except LearnerError as error:
        return DeviceFacts(failure=error)
    moved = returned if isinstance(returned, tuple | list) else (returned,)
    places = tuple(
        place for number, each in enumerate(moved, start=1) for place in _places(each, number)
    )
    return DeviceFacts(places, str(device), given=given)


def _places(thing: object, number: int) -> list[tuple[str, str]]:
    """Name and device of a thing's tensors; it was the so many-th that was returned."""
    if isinstance(thing, nn.Module):
        named = [*thing.named_parameters(), *thing.named_buffers()]
        return [(name, str(tensor.device)) for name, tensor in named]
    if isinstance(thing, torch.Tensor):
        return [(f"return value {number}", str(thing.device))]
    return []


@checked("devices.same")
def check_devices(facts: DeviceFacts) -> Verdict:
    """All parameters, buffers and tensors come back, on the device that was asked for.

    Args:
        facts: what :func:`observe_devices` saw.
    """
    require_facts(facts, DeviceFacts)
    if not facts.places:
        raise LearnerError(
            "There is no model and no tensor to look at.",
            hint="Return what you have moved: tensor.to(device) gives a new tensor, and leaves the"
            " old one where it was.",
        )
    elsewhere = [name for name, place in facts.places if not _is(place, facts.wanted)]
    if elsewhere:
        raise LearnerError(
            f"Found on another device than {facts.wanted}: {len(elsewhere)} of"
            f" {plural(len(facts.places), 'tensor')}{first(elsewhere)}.",
            hint="model.to(device) moves a model in place, buffers included; of a tensor,"
            " tensor.to(device) gives a copy there, which you have to keep.",
        )
    if len(facts.places) < facts.given:
        raise LearnerError(
            f"Only {len(facts.places)} of {plural(facts.given, 'tensor')} came back.",
            hint="Return everything that you were given: the model, and each tensor of the batch.",
        )
    return passed("devices.same", f"All {len(facts.places)} tensors lie on {facts.wanted}.")


def _is(place: str, wanted: str) -> bool:
    """Whether a device is the one that was wanted; any of its kind if no number was."""
    return place == wanted or place.partition(":")[0] == wanted
