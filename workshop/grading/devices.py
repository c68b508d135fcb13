"""The device that submissions compute on: found as their kernels will find it, and recorded.

The grader's own process never touches a GPU: it compares and measures on the CPU. What there is,
is asked for once, in a process of its own that sees what a kernel sees.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, TypeAdapter, ValidationError

from workshop.grading.failures import NotGraded
from workshop.grading.sandbox.bubblewrap import View, gpu_devices
from workshop.grading.sandbox.launch import run_confined
from workshop.grading.sandbox.levels import Confinement

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""The variable that chooses among a machine's GPUs."""
CPU = "cpu"
PRECISIONS = ("float32", "tf32")
"""How exactly a GPU multiplies; as in ``workshop.learn``, which would import PyTorch."""
_SECONDS_TO_FIND = 180
_FIND = """
import json, torch
found = range(torch.cuda.device_count() if torch.cuda.is_available() else 0)
told = [torch.cuda.get_device_properties(each) for each in found]
told = [
    {"name": each.name, "memory_mb": each.total_memory >> 20, "uuid": str(each.uuid)}
    for each in told
]
print("GPUS", json.dumps(told))
"""


class Gpu(BaseModel):
    """One GPU.

    Attributes:
        name: the maker's.
        memory_mb: all of its memory, in units of 1024 * 1024 bytes.
        uuid: its name among all GPUs, whichever of them a process sees.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    name: str
    memory_mb: NonNegativeInt
    uuid: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,100}$")]


@dataclass(frozen=True)
class Device:
    """What a submission was graded on.

    Attributes:
        kind: ``cpu`` or ``cuda``, as in ``torch.device.type``.
        precision: how exactly it multiplies, one of ``PRECISIONS``.
        name: the GPU's; empty for a CPU.
        memory_mb: how much of the GPU's memory it could use.
    """

    kind: str = CPU
    precision: str = PRECISIONS[0]
    name: str = ""
    memory_mb: int = 0

    @property
    def calibrated_as(self) -> str:
        """The name of its thresholds in ``calibration.json``."""
        return device_class(self.kind, self.precision)

    def to_dict(self) -> dict[str, Any]:
        """For a record; of a CPU there is no more to tell."""
        return {key: value for key, value in asdict(self).items() if value}

    def __str__(self) -> str:
        return f"{self.name} ({self.precision})" if self.name else self.kind


ON_CPU = Device()
"""The CPU, about which there is nothing more to tell."""


def recorded(record: object) -> Device:
    """The device in a graded notebook's record; the CPU where none was noted yet.

    Raises:
        ValueError: something else is noted there.
    """
    return TypeAdapter(Device).validate_python(record or {})


def device_class(kind: str, precision: str) -> str:
    """What thresholds are kept for: a kind of device, and its precision where that is not full."""
    return kind if precision == PRECISIONS[0] or kind == CPU else f"{kind}-{precision}"


def kernel_gpus(confinement: str = Confinement.BUBBLEWRAP) -> tuple[Gpu, ...]:
    """The GPUs that a kernel can use, in the order in which PyTorch counts them.

    Args:
        confinement: the name of the level that kernels run at.

    Raises:
        NotGraded: this machine has GPUs, but a kernel cannot be asked about them.
    """
    if not _may_have_gpus():
        return ()
    return _found(confinement, os.environ.get(VISIBLE))


def nth_visible(index: int) -> str:
    """What ``CUDA_VISIBLE_DEVICES`` has to say so that a process sees this one GPU alone.

    Args:
        index: which of those that this process sees.
    """
    chosen = os.environ.get(VISIBLE)
    return chosen.split(",")[index].strip() if chosen else str(index)


def _may_have_gpus() -> bool:
    return any("nvidia" in each.name or each.name == "kfd" for each in gpu_devices())


@functools.cache
def _found(confinement: str, _visible: str | None) -> tuple[Gpu, ...]:
    command = [sys.executable, "-P", "-c", _FIND]
    try:
        if confinement == Confinement.BUBBLEWRAP:
            done = run_confined(command, View(devices=gpu_devices()), seconds=_SECONDS_TO_FIND)
        else:
            done = subprocess.run(  # noqa: S603 - our own text
                command, capture_output=True, text=True, timeout=_SECONDS_TO_FIND, check=False
            )
    except subprocess.TimeoutExpired as error:
        raise _not_found(f"no answer within {_SECONDS_TO_FIND} s") from error
    for line in _answers(done.stdout):
        try:
            return tuple(TypeAdapter(list[Gpu]).validate_python(json.loads(line)))
        except (ValueError, ValidationError) as error:
            raise _not_found(str(error).splitlines()[0]) from error
    raise _not_found((done.stderr.strip().splitlines() or ["it does not say why"])[-1])


def _answers(output: str) -> Iterator[str]:
    return (line.removeprefix("GPUS ") for line in output.splitlines() if line.startswith("GPUS "))


def _not_found(why: str) -> NotGraded:
    return NotGraded(
        f"this machine has a GPU, but PyTorch could not be asked about it: {why}",
        where="the confined process that asks",
        remedy=f"run: workshop doctor; to grade without the GPU set {VISIBLE}= (to nothing)",
        stops=True,
    )
