"""A learner's thing, portrayed as in a kernel and rebuilt as by the grader."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import torch
from safetensors.torch import save
from torch import nn

import checks
from checks.evidence import collect
from workshop.grading.evidence import Evidence
from workshop.grading.rebuild import Rebuilder


class Net(nn.Module):
    """A backbone with statistics, dropout and a tied weight, and a head."""

    stem: nn.Sequential
    blocks: nn.Sequential
    classifier: nn.Linear

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.blocks = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.1), nn.Linear(4, 4))
        self.classifier = nn.Linear(4, 2)
        self.blocks[2].weight = self.blocks[0].weight

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        answers: torch.Tensor = self.classifier(self.blocks(self.stem(images).mean(dim=(2, 3))))
        return answers


def new_model(seed: int = 0) -> Net:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Net()


class Images:
    """Labelled like the pristine model answers, so that it is right everywhere."""

    def __init__(self) -> None:
        self._inputs = torch.randn(40, 3, 4, 4, generator=torch.Generator().manual_seed(1))
        with torch.no_grad():
            answers = new_model().eval()(self._inputs)
        self.labels = answers.argmax(dim=1)

    def inputs(self) -> torch.Tensor:
        return self._inputs


def shown(
    thing: object, models: Mapping[str, nn.Module] | None = None, expression: str = "thing"
) -> Evidence:
    """What arrives when a kernel shows a thing, by way of JSON and safetensors."""
    names = {"thing": thing, "checks": checks, **(models or {})}
    portraits, tensors = collect(names, "", [expression], list(models or ()))
    content = json.loads(json.dumps({"nonce": "n", "portraits": portraits}, allow_nan=False))
    return Evidence(content, [tensors], "n")


def again(
    thing: object,
    models: Mapping[str, nn.Module] | None = None,
    like: Callable[[], nn.Module] | None = new_model,
) -> Any:
    """The thing after its way to the grader."""
    return Rebuilder(shown(thing, models), like, models or {}).rebuild("thing")


def forged(portrait: Any, tensors: dict[str, torch.Tensor] | None = None) -> Rebuilder:
    """What a portrait makes that no kernel of ours sent."""
    content = {"nonce": "n", "portraits": {"thing": portrait}}
    return Rebuilder(Evidence(content, [save(tensors or {})], "n"), new_model, {"model": Net()})
