"""The knee of throughput: the smallest batch size within 10 % of the best examples per second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Knee:
    """batch_size: the knee;  rates in examples/s;  rising: the knee is the largest size measured, so a larger
    one may be faster still."""

    batch_size: int
    examples_per_second: float
    best_batch_size: int
    best_examples_per_second: float
    rising: bool


def knee(batch_sizes: Sequence[int], examples_per_second: Sequence[float], within: float = 0.1) -> Knee:
    """min{B : r(B) >= (1 − within) max r}, r in examples/s on one machine, evaluation off the clock.

    batch_sizes, examples_per_second: [K], K >= 1, in any order; sizes differ, rates are finite and above 0
    (leave out sizes that did not fit into memory).  Raises ValueError otherwise.
    """
    sizes, rates = np.asarray(batch_sizes), np.asarray(examples_per_second, dtype=float)
    if sizes.shape != rates.shape or sizes.ndim != 1 or len(sizes) == 0:
        raise ValueError(f"{sizes.shape} batch sizes but {rates.shape} rates")
    if len(np.unique(sizes)) < len(sizes):
        raise ValueError("a batch size stands twice; give the median of its measurements")
    if not (np.isfinite(rates).all() and (rates > 0).all()):
        raise ValueError("examples per second must be finite and above 0")
    if not 0 <= within < 1:
        raise ValueError(f"within {within}: must be at least 0 and below 1, as in 0.1")
    order = np.argsort(sizes)
    sizes, rates = sizes[order], rates[order]
    at, best = int((rates >= (1 - within) * rates.max()).argmax()), int(rates.argmax())
    rising = len(sizes) > 1 and at == len(sizes) - 1
    return Knee(int(sizes[at]), float(rates[at]), int(sizes[best]), float(rates[best]), rising)
