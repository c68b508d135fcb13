"""A second device on machines that have none: real to PyTorch, slow, and in this machine's memory.

Tensors on it say that they are elsewhere, and an operation that gets tensors from here and from
there stops as it would with a GPU. What it computes is what the CPU computes, bit for bit.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

import safetensors.torch
import torch
from torch.utils._python_dispatch import return_and_correct_aliasing
from torch.utils._pytree import tree_flatten, tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

NAME = "standin"

_aten = torch.ops.aten
# These may be given tensors of both devices: with a GPU too.
_MAY_CROSS = {_aten.copy_.default, _aten._to_copy.default, _aten.index.Tensor}


class StandInTensor(torch.Tensor):
    """A tensor on the stand-in.

    Attributes:
        held: the tensor of the CPU that holds its numbers.
    """

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> StandInTensor:
        made: StandInTensor = torch.Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=torch.device(NAME, 0),
        )
        made.held = held
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @classmethod
    def __torch_dispatch__(  # type: ignore[override] # as PyTorch calls it
        cls,
        func: Any,
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[Any, Any] | None = None,
    ) -> Any:
        return _computed(func, args, dict(kwargs or {}))

    def tolist(self) -> Any:
        """The numbers; PyTorch refuses this for subclasses."""
        return self.held.tolist()


def _computed(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Let the CPU compute, and say that the result is on the stand-in."""
    given, _ = tree_flatten((args, kwargs))
    there = [each for each in given if isinstance(each, StandInTensor)]
    here = [
        each
        for each in given
        if isinstance(each, torch.Tensor) and not isinstance(each, StandInTensor)
    ]
    if there and any(each.dim() for each in here) and func not in _MAY_CROSS:
        raise RuntimeError(
            f"Expected all tensors to be on the same device, but found at least two devices, "
            f"{NAME}:0 and cpu! ({func})"
        )
    wanted = torch.device(kwargs.get("device") or (NAME if there else "cpu"))
    if "device" in kwargs:
        kwargs["device"] = torch.device("cpu")
    held_args, held_kwargs = tree_map(_held, (args, kwargs))
    found = func(*held_args, **held_kwargs)
    if func is _aten.copy_.default:
        return args[0]
    if wanted.type != NAME:
        return found
    wrapped = tree_map(_wrapped, found)
    if not there:
        return wrapped
    return return_and_correct_aliasing(func, args, kwargs, wrapped)  # type: ignore[no-untyped-call]


def _held(each: Any) -> Any:
    return each.held if isinstance(each, StandInTensor) else each


def _wrapped(each: Any) -> Any:
    return StandInTensor(each) if isinstance(each, torch.Tensor) else each


def _let_safetensors_store() -> None:
    """It asks where a tensor's numbers lie to find shared ones; here that is inside."""
    for name in ("storage_ptr", "storage_size", "_end_ptr"):
        original = getattr(safetensors.torch, name)
        setattr(safetensors.torch, name, functools.partial(_of_held, original))


def _of_held(function: Callable[[torch.Tensor], int], tensor: torch.Tensor) -> int:
    return function(_held(tensor))


@functools.cache
def register() -> torch.device:
    """Make the stand-in known to this process, once; it cannot be forgotten again."""
    _setup_privateuseone_for_python_backend(rename=NAME)
    library = torch.library.Library("_", "IMPL")  # type: ignore[no-untyped-call]
    library.fallback(_fallback, "PrivateUse1")  # type: ignore[no-untyped-call]
    # autocast can be on, as with a GPU, but computes in what it is given.
    getattr(torch, NAME).get_amp_supported_dtype = lambda: [torch.bfloat16, torch.float16]
    library.fallback(torch.library.fallthrough_kernel, "AutocastPrivateUse1")  # type: ignore[no-untyped-call]
    _kept.append(library)
    _let_safetensors_store()
    return torch.device(NAME, 0)


_kept: list[torch.library.Library] = []


def _fallback(func: Any, *args: Any, **kwargs: Any) -> Any:
    """For operations that make tensors: no argument is on the stand-in yet."""
    return _computed(func, args, {"device": torch.device(NAME), **kwargs})
