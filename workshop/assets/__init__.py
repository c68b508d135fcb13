"""Source models and target data, embedded or online, behind one small interface.

This package is on the student's side too: it imports nothing else of ``workshop`` and knows nothing
of held-out data.
"""

from workshop.assets._errors import AssetCorrupted, AssetError, AssetUnavailable
from workshop.assets.cards import AssetCard, describe, list_assets
from workshop.assets.data import load_target_data
from workshop.assets.images import ImageData, normalisation
from workshop.assets.models import load_source_model, load_tokenizer
from workshop.assets.texts import TextData

__all__ = [
    "AssetCard",
    "AssetCorrupted",
    "AssetError",
    "AssetUnavailable",
    "ImageData",
    "TextData",
    "describe",
    "list_assets",
    "load_source_model",
    "load_target_data",
    "load_tokenizer",
    "normalisation",
]
