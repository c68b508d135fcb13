"""Models of the Hugging Face Hub by name, downloaded at first use.

Imported only when asked for, as transformers takes seconds to import.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn
from transformers import AutoConfig, AutoModelForImageClassification
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
)

from workshop.assets import language
from workshop.assets._errors import AssetUnavailable
from workshop.assets._hub_files import Repository, snapshot
from workshop.assets._names import HUB_PREFIX, MINILM

# Weights as safetensors only, never pickles; configuration, and what tokenizers are made of.
FILES = ("*.safetensors", "*.json", "*.txt", "*.model")


def load(
    name: str, *, pretrained: bool, num_classes: int | None, revision: str | None
) -> nn.Module:
    """Build a model of the Hub; see ``load_source_model``.

    With ``num_classes`` it gets a new head for whole texts or for images, whichever suits it.

    Raises:
        ValueError: not a name of a repository.
        AssetUnavailable: nothing is cached and nothing can be downloaded, or there is no such
            repository or revision.
        AssetCorrupted: a file does not have the content that the Hub lists.
    """
    folder = _folder(name, revision)
    try:
        return language.from_folder(
            folder, pretrained=pretrained, num_classes=num_classes, builder=_builder(folder)
        )
    except (OSError, ValueError, KeyError) as error:
        raise AssetUnavailable(
            f"transformers cannot make a model of this repository ({error})",
            where=name,
            remedy=(
                "It needs a configuration that transformers knows and weights as safetensors. "
                f"Choose another repository, or use {MINILM!r}."
            ),
        ) from error


def load_tokenizer(name: str, revision: str | None) -> Any:
    """The tokenizer of a repository; raises what ``load`` raises."""
    return language.tokenizer_from_folder(_folder(name, revision))


def _folder(name: str, revision: str | None) -> Path:
    return snapshot(
        Repository(
            name=name,
            repo_id=name.removeprefix(HUB_PREFIX),
            revision=revision,
            files=FILES,
            embedded=MINILM,
        )
    )


def _builder(folder: Path) -> Any:
    """Which auto class gives a model of this kind a head."""
    kind = AutoConfig.from_pretrained(folder, local_files_only=True).model_type
    of_images = kind in MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES
    of_texts = kind in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES
    return AutoModelForImageClassification if of_images and not of_texts else None
