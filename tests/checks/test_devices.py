"""What was left behind is named. The other device is PyTorch's `meta`, which is everywhere."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from checks.devices import DeviceFacts, check_devices, observe_devices
from checks.verdict import Status, Verdict

META = torch.device("meta")


def model() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))


def judged(move: Any, device: torch.device = META) -> Verdict:
    return check_devices(observe_devices(move, model(), torch.zeros(3, 2), device=device))


def both(network: nn.Module, batch: torch.Tensor, device: torch.device) -> Any:
    return network.to(device), batch.to(device)


def test_everything_on_the_device_passes() -> None:
    assert judged(both).status is Status.PASSED
    assert judged(both, torch.device("cpu")).status is Status.PASSED


def batch_left(network: nn.Module, batch: torch.Tensor, device: torch.device) -> Any:
    batch.to(device)
    return network.to(device), batch


def model_left(network: nn.Module, batch: torch.Tensor, device: torch.device) -> Any:
    return network, batch.to(device)


def head_left(network: nn.Module, batch: torch.Tensor, device: torch.device) -> Any:
    network.to(device).register_module("0", nn.Linear(2, 2))
    return network, batch.to(device)


def buffers_left(network: nn.Module, batch: torch.Tensor, device: torch.device) -> Any:
    for module in network.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            setattr(module, name, nn.Parameter(parameter.to(device)))
    return network, batch.to(device)


def nothing(network: nn.Module, batch: torch.Tensor, device: torch.device) -> None:
    both(network, batch, device)


def batch_forgotten(network: nn.Module, batch: torch.Tensor, device: torch.device) -> Any:
    return network.to(device)


@pytest.mark.parametrize(
    "move", [batch_left, model_left, head_left, buffers_left, nothing, batch_forgotten]
)
def test_what_was_left_behind_costs(move: Any) -> None:
    verdict = judged(move)
    assert verdict.status is Status.FAILED
    assert verdict.hint


def test_the_tensors_are_named() -> None:
    assert "0.weight" in judged(head_left).rationale
    assert "1.running_mean" in judged(buffers_left).rationale
    assert "return value 2" in judged(batch_left).rationale


def test_any_gpu_will_do_unless_one_was_named() -> None:
    places = (("weight", "cuda:1"),)
    assert check_devices(DeviceFacts(places, "cuda")).status is Status.PASSED
    assert check_devices(DeviceFacts(places, "cuda:1")).status is Status.PASSED
    assert check_devices(DeviceFacts(places, "cuda:0")).status is Status.FAILED


def test_an_exception_is_explained() -> None:
    def stops(*_: Any) -> None:
        raise KeyError("mine")

    assert "KeyError" in judged(stops).rationale
