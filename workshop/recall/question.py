"""What a model's output and gradients depend on, as a digest."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from operator import is_

import torch
from blake3 import blake3
from torch import nn
from torch.nn.modules import module as torch_module

from workshop.recall.parts import Parts

# Changes with the meaning of what is kept.
_FORMAT = "3"
# Only of these libraries' classes does the printed architecture tell what a model computes.
_KNOWN = ("timm", "torch")
_OWN_CODE = ("forward", "forward_features", "forward_head")
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
_HOOKS_OF_ALL = tuple(f"_global{name}" for name in _HOOKS)
_SETTINGS = (bool, int, float, str, tuple, type(None))
_IMAGES = 4  # dimensions of a tensor that may have its channels last
_SMALL = 4096  # numbers


@dataclass(frozen=True)
class _Told:
    """What was said of a module with these settings."""

    values: list[object]
    text: str


_told: weakref.WeakKeyDictionary[nn.Module, _Told] = weakref.WeakKeyDictionary()


def question_about(parts: Parts, method: str, x: torch.Tensor) -> bytes | None:
    """A digest of all that a call's output and gradients depend on, weights and inputs included.

    Args:
        parts: those of the model.
        method: the name of the method that is called.
        x: its one argument.

    Returns:
        None where the same call need not compute the same, or somebody listens to it: where a layer
        is a learner's own or has a hook, for example.
    """
    modules, tensors = parts.modules, {**parts.parameters, **parts.buffers}
    if x.requires_grad or not all(map(_is_plain, (x, *tensors.values()))):
        return None
    if torch.is_autocast_enabled("cpu") or _anyone_listens_to_all():
        return None
    if not all(map(_is_of_a_library, modules.values())):
        return None
    # Hooks of the model itself run before and after the method, whoever computes it.
    if any(_has_hooks(each) for name, each in modules.items() if name):
        return None
    # Without gradients it is all the same what is frozen.
    trained = [*parts.trained()] if torch.is_grad_enabled() else []
    told = [
        machine(),
        *(_about(name, module) for name, module in modules.items()),
        repr((method, trained, torch.is_grad_enabled(), [*tensors])),
    ]
    return digest_of([x, *tensors.values()], "\n".join(told))


def digest_of(tensors: Sequence[torch.Tensor], text: str = "") -> bytes:
    """Of a text and tensors on the CPU: their types, shapes, places in memory and numbers.

    By BLAKE3 (O'Connor et al. 2020), since a model is hashed for each of its calls: it takes a
    third of the time of SHA-256 where processors have instructions for that, and less elsewhere.
    """
    values = [tensor.detach() for tensor in tensors]
    told = [f"{each.dtype} {[*each.shape]} {each.stride()}" for each in values]
    head = "\n".join([str(len(told)), *told, text]).encode()
    digest = blake3(len(head).to_bytes(8, "little") + head)
    small: dict[torch.dtype, list[torch.Tensor]] = {}
    for each in map(_as_they_lie, values):
        if each.numel() < _SMALL:
            small.setdefault(each.dtype, []).append(each)
        else:
            digest.update(_bytes_of(each))
    # Hundreds of statistics and biases: a call for each takes longer than their numbers.
    for several in small.values():
        digest.update(_bytes_of(torch.cat(several)))
    return digest.digest()


def _as_they_lie(values: torch.Tensor) -> torch.Tensor:
    """A tensor's numbers, ``[N]``, without a copy if they only lie in another order."""
    if not values.is_contiguous():
        last = values.is_contiguous(memory_format=torch.channels_last)
        values = values.permute(0, 2, 3, 1) if values.dim() == _IMAGES and last else values
        values = values.contiguous()
    return values.reshape(-1)


def _bytes_of(values: torch.Tensor) -> memoryview:
    return values.view(torch.uint8).numpy().data


def machine() -> str:
    """What decides in which order numbers are added up, and so the last bit of a sum."""
    return repr(
        (
            *(_FORMAT, torch.__version__, torch.backends.cpu.get_cpu_capability()),
            *(torch.get_num_threads(), torch.get_default_dtype()),
            torch.are_deterministic_algorithms_enabled(),
        )
    )


def _about(name: str, module: nn.Module) -> str:
    own, kind = vars(module), type(module)
    values = [kind, *own, *(each for each in own.values() if type(each) in _SETTINGS)]
    # A layer prints whether it has a bias, and a container nothing of what is in it.
    values += [bool(module._modules), *(each is None for each in module._parameters.values())]
    known = _told.get(module)
    # The very same class, names and settings, of which none could change and still be the same.
    if known and len(known.values) == len(values) and all(map(is_, known.values, values)):
        return f"{name!r} {known.text}"
    settings = [(key, each) for key, each in own.items() if type(each) in _SETTINGS]
    # What a layer's settings are is not always printed, and what is printed not always a setting.
    printed = module.extra_repr() if module._modules else repr(module)
    text = repr((kind.__module__, kind.__qualname__, settings, printed))
    # A layer may print what is in a list, for example; PyTorch's own begin with an underscore.
    if all(type(each) in _SETTINGS or key.startswith("_") for key, each in own.items()):
        _told[module] = _Told(values, text)
    return f"{name!r} {text}"


def _is_plain(tensor: torch.Tensor) -> bool:
    kinds = (torch.Tensor, nn.Parameter)
    return type(tensor) in kinds and tensor.device.type == "cpu" and tensor.layout == torch.strided


def _is_of_a_library(module: nn.Module) -> bool:
    own = vars(module)
    known = type(module).__module__.split(".")[0] in _KNOWN
    return known and not any(name in own for name in _OWN_CODE)


def _has_hooks(module: nn.Module) -> bool:
    return any(map(vars(module).get, _HOOKS))


def _anyone_listens_to_all() -> bool:
    return any(getattr(torch_module, name, None) for name in _HOOKS_OF_ALL)
