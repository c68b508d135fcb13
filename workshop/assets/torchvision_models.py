"""torchvision's models with its own weights, downloaded at first use.

The file lies where torchvision would put it (``TORCH_HOME/hub/checkpoints``), so neither downloads
what the other has.
"""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import nn

from workshop.assets._errors import AssetCorrupted, unexpected
from workshop.assets._names import EFFICIENTNET_LITE0, TORCHVISION_PREFIX
from workshop.assets._online import cached_download, torch_home

EXAMPLES = ("torchvision/resnet18", "torchvision/efficientnet_b0")
# torchvision writes the beginning of each file's SHA-256 into its name.
_HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.pth$")


def is_known(name: str) -> bool:
    """Whether this is ``torchvision/`` and the name of a classification model."""
    return name.startswith(TORCHVISION_PREFIX) and architecture(name) in _all_models()


def architecture(name: str) -> str:
    """What torchvision calls the model."""
    return name.removeprefix(TORCHVISION_PREFIX)


def default_weights(name: str) -> Any:
    """The member of torchvision's weights enumeration that it recommends.

    Raises:
        ValueError: torchvision has no such model.
    """
    from torchvision import models  # noqa: PLC0415 - slow to import

    if not is_known(name):
        raise unexpected("name", f"'{TORCHVISION_PREFIX}' and a model of torchvision.models", name)
    return models.get_model_weights(architecture(name)).DEFAULT


def load(name: str, *, pretrained: bool, num_classes: int | None) -> nn.Module:
    """Build the model; random weights come from the global random number generator.

    Raises:
        AssetUnavailable: nothing is cached and nothing can be downloaded.
        AssetCorrupted: the cached or downloaded file is not the published one.
    """
    from torchvision import models  # noqa: PLC0415 - slow to import

    weights = default_weights(name)
    model: nn.Module
    if not pretrained:
        outputs = {} if num_classes is None else {"num_classes": num_classes}
        model = models.get_model(architecture(name), weights=None, **outputs)
        return model
    state = published_state(name)
    classes = len(weights.meta["categories"])
    model = models.get_model(architecture(name), weights=None, num_classes=classes)
    model.load_state_dict(state)
    if num_classes is not None:
        _replace_head(model, classes, num_classes)
    return model


def published_state(name: str) -> dict[str, torch.Tensor]:
    """The tensors of torchvision's recommended weights, as the file has them.

    Raises:
        ValueError: torchvision has no such model, or publishes no checksum for its weights.
        AssetUnavailable: nothing is cached and nothing can be downloaded.
        AssetCorrupted: the cached or downloaded file is not the published one.
    """
    weights = default_weights(name)
    file_name = weights.url.rpartition("/")[2]
    published = _HASH_IN_NAME.search(file_name)
    if published is None:
        raise ValueError(
            f"{name}: torchvision publishes no checksum for {file_name}, so it is not loaded. "
            f"Expected argument `name` to be another model, {EXAMPLES[0]!r} for example."
        )
    path = cached_download(
        weights.url,
        torch_home() / "hub" / "checkpoints" / file_name,
        expected=published.group(1),
        name=name,
        default=EFFICIENTNET_LITE0,
    )
    try:
        state: dict[str, torch.Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise AssetCorrupted(
            f"PyTorch cannot read the weights ({type(error).__name__})",
            where=path,
            remedy=f"Remove the file and try again. Or use {EFFICIENTNET_LITE0!r}.",
        ) from error
    return state


def _replace_head(model: nn.Module, classes: int, num_classes: int) -> None:
    """Give the one layer that has an output for each class as many outputs as asked for."""
    heads = [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and module.out_features == classes
    ]
    if len(heads) != 1:
        raise ValueError(
            f"{type(model).__name__} has {len(heads)} layers with {classes} outputs, so its head "
            "cannot be told. Load it without `num_classes` and replace the head yourself."
        )
    name, head = heads[0]
    parent, _, last = name.rpartition(".")
    setattr(
        model.get_submodule(parent),
        last,
        nn.Linear(head.in_features, num_classes, bias=head.bias is not None),
    )


def _all_models() -> list[str]:
    from torchvision import models  # noqa: PLC0415 - slow to import

    # The module restricts the list to classifiers; detection and segmentation have other heads.
    return list(models.list_models(module=models))
