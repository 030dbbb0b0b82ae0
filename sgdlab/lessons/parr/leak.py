"""How many validation rows stand in the training set, pixel for pixel."""

import numpy as np
from numpy.typing import NDArray

from sgdlab.data.prepared import PreparedData


def leaked_share(data: PreparedData) -> float:
    """Share of the validation rows that equal a training row in every feature; NaN without a validation split."""
    if data.validation is None:
        return float("nan")
    known = set(_rows(data.train.x))
    held_out = _rows(data.validation.x)
    return sum(row in known for row in held_out) / len(held_out)


def _rows(x: NDArray[np.float32]) -> list[bytes]:
    return [row.tobytes() for row in x]
