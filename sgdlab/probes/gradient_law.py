"""The chapter's b^(−1/2) law on a workload: the standard deviation of minibatch gradients against the batch size."""

import numpy as np
from numpy.typing import NDArray

from sgdlab.analysis.gradient_std import StdLaw, gradient_std_law
from sgdlab.probes.gradients import batch_gradient, drawn_batches, with_replacement
from sgdlab.training.engines.base import Workload

FEWEST, MOST, ROWS = 100, 1000, 4096
"""Batches drawn at each size: as many as hold 4,096 rows, within these bounds. Single rows vary the most."""

_MOMENT = 1  # tells these draws from those of the pairs


def law_sizes(rows: int) -> list[int]:
    """1, 4, 16, ... up to half of the rows; at most 1,024."""
    return [size for size in (4**k for k in range(6)) if size <= rows // 2]


def batches_of(size: int) -> int:
    """How many batches of `size` rows are drawn."""
    return min(max(ROWS // size, FEWEST), MOST)


def measured_law(workload: Workload, gradient: NDArray[np.float64], trace_sigma: float, step: int) -> StdLaw | None:
    """√(E|g_b − G|²) at each of `law_sizes` from fresh batches, and what tr Σ predicts.

    gradient: [P], G;  trace_sigma: tr Σ, divisor N − 1. None where there are too few rows for two sizes,
    or where all examples have the same gradient.  Raises ValueError where a gradient is not finite.
    """
    n = len(workload.train.x)
    sizes = law_sizes(n)
    if len(sizes) < 2:
        return None
    deviations = {size: _sq_deviations(workload, gradient, size, step) for size in sizes}
    if not all(np.mean(found) > 0 for found in deviations.values()):
        return None
    return gradient_std_law(deviations, max(trace_sigma, 0.0), n, with_replacement(workload))


def _sq_deviations(workload: Workload, gradient: NDArray[np.float64], size: int, step: int) -> list[float]:
    """|g_b − G|² of each batch."""
    found = []
    for rows in drawn_batches(workload, size, batches_of(size), step, _MOMENT):
        error = batch_gradient(workload, rows) - gradient
        found.append(float(error @ error))
    return found
