from __future__ import annotations

from collections.abc import Iterator

import pytest
from timm.models.efficientnet import EfficientNet


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = {name: getattr(EfficientNet, name) for name in ("forward", "forward_features")}
    yield
    for name, method in before.items():
        setattr(EfficientNet, name, method)
