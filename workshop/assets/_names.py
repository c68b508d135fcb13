"""Names of source models, apart from the modules that import heavy libraries for them."""

from __future__ import annotations

EFFICIENTNET_LITE0 = "efficientnet_lite0"
MINILM = "minilm"
# timm's architectures with the weights that torchvision publishes under the same name.
TIMM_ONLINE = ("efficientnet_b0", "resnet18")
TORCHVISION_PREFIX = "torchvision/"
HUB_PREFIX = "hf/"
