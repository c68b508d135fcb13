"""What the hidden part of a graded cell can speak of besides the notebook's own names.

All of it exists in the grader's process only.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import torch

from workshop.assets import ImageData, TextData, load_source_model
from workshop.assets._names import EFFICIENTNET_LITE0
from workshop.errors import WorkshopError
from workshop.grading.held_out import load_held_out, load_public_test

_MOST_KEPT = 8
_measured: dict[str, torch.Tensor] = {}


def names(grade_id: str, thresholds: Mapping[str, float]) -> dict[str, Any]:
    """The values of ``SECRET_NAMES`` for one graded cell.

    Args:
        grade_id: the cell's.
        thresholds: the calibrated accuracies of its notebook: by grade id, or by grade id and a
            name of their own, as in ``test_rehearse/old``.
    """
    return {
        "held_out": held_out,
        "held_out_texts": held_out_texts,
        "public_test": public_test,
        "reference_features": reference_features,
        "threshold": _threshold(grade_id, thresholds),
    }


def _threshold(grade_id: str, thresholds: Mapping[str, float]) -> Callable[..., float]:
    def threshold(name: str = "") -> float:
        """The calibrated accuracy that this cell asks for; by its name if there are several."""
        key = f"{grade_id}/{name}" if name else grade_id
        if key not in thresholds:
            raise WorkshopError(
                f"there is no threshold {key}",
                where="calibration.json",
                remedy="name it in calibration.yaml and run benchmarks/calibrate.py",
            )
        return thresholds[key]

    return threshold


@functools.cache
def held_out(part: str = "held_out", *, domain: str = "mono", size: int = 96) -> ImageData:
    """Solar cells that no learner has labels for.

    Args:
        part: ``held_out``, or ``reserve`` for the images that a close result is measured on again.
        domain: ``mono``, ``poly`` or ``both``.
        size: edge length of the images in pixels.
    """
    return load_held_out("solar_cells", part, task="defect", domain=domain, size=size)


@functools.cache
def held_out_texts(part: str = "held_out", *, per_class: int = 150) -> TextData:
    """Short texts that no learner has labels for.

    Args:
        part: ``held_out``, or ``reserve`` for the texts that a close result is measured on again.
        per_class: how many of each class.
    """
    return load_held_out("short_texts", part, per_class=per_class)


@functools.cache
def public_test(
    name: str, part: str = "held_out", *, per_class: int, size: int | None = None
) -> ImageData | TextData:
    """Examples of a public data set's test split. Anybody can look their labels up.

    Args:
        name: the data set, as for ``assets.load_target_data``.
        part: ``held_out``, or ``reserve`` for those that a close result is measured on again; no
            example is in both.
        per_class: how many of each class, in each part.
        size: edge length of images in pixels; texts have none.
    """
    return load_public_test(name, part, per_class=per_class, size=size)


def reference_features(
    inputs: torch.Tensor, batch_size: int = 16, *, source_model: str = EFFICIENTNET_LITE0
) -> torch.Tensor:
    """A pristine source model's features of the inputs, ``[N, D]``, measured here.

    Every submission is asked about the same inputs, so their features are kept.

    Args:
        inputs: ``[N, 3, S, S]``, normalised as the source model wants them.
        batch_size: inputs at a time.
        source_model: its name.
    """
    values = inputs.detach().cpu().contiguous()
    digest = hashlib.sha256(f"{source_model} {values.dtype} {list(values.shape)}".encode())
    digest.update(values.numpy().tobytes())
    name = digest.hexdigest()
    if name not in _measured:
        if len(_measured) >= _MOST_KEPT:
            _measured.pop(next(iter(_measured)))
        _measured[name] = _features_of(values, batch_size, source_model)
    return _measured[name].clone()


def _features_of(inputs: torch.Tensor, batch_size: int, source_model: str) -> torch.Tensor:
    model: Any = load_source_model(source_model).eval()  # timm's methods have no types
    with torch.no_grad():
        return torch.cat(
            [
                model.forward_head(model.forward_features(batch), pre_logits=True)
                for batch in torch.split(inputs, batch_size)
            ]
        )
