"""Which part of a published training set validates, where its makers say nothing of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

# One of ten.
VALIDATION_SHARE = 10


def validates(ids: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Whether each example belongs to the validation split, ``[N]``.

    A part of its id, which is a hash of its content, is the random number: equal examples stay on
    one side, and everybody gets the same split.
    """
    return np.array([int(each[-8:], 16) % VALIDATION_SHARE == 0 for each in ids], dtype=np.bool_)
