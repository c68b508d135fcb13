"""Names of source models, apart from the modules that import heavy libraries for them."""

from __future__ import annotations

EFFICIENTNET_LITE0 = "efficientnet_lite0"
MINILM = "minilm"
TORCHVISION_PREFIX = "torchvision/"
HUB_PREFIX = "hf/"
