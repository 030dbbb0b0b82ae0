"""The gradient noise scale at one moment: exact from every example's gradient, or estimated from pairs of batches."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sgdlab.analysis.intervals import Interval
from sgdlab.analysis.noise_scale import estimate_noise_scale, exact_from_sums
from sgdlab.errors import ConfigError, DataError
from sgdlab.probes.gradients import (
    PerExampleMethod,
    batch_gradient,
    drawn_batches,
    example_sums,
    per_example_method,
    with_replacement,
)
from sgdlab.training.engines.base import Workload
from sgdlab.training.models import parameter_count

NoiseMethod = Literal["auto", "exact", "pairs"]
Floats = NDArray[np.float64]

AFFORDABLE = {"cpu": 1e9, "cuda": 3e10}
"""Numbers in all examples' gradients (rows x parameters) up to which auto is exact: seconds per moment."""

LOOP_AFFORDABLE = 20_000
"""Rows up to which auto takes one backward pass for each example where vmap fails."""


@dataclass(frozen=True)
class NoiseScale:
    """|G|² and tr Σ in the square of the gradient's unit; b_simple in examples, None: unresolved.

    An exact value is an interval without width. gradient: [P], the mean gradient G over all training rows.
    """

    grad_sq_norm: Interval
    trace_sigma: Interval
    b_simple: Interval | None
    gradient: Floats


@dataclass(frozen=True)
class NoiseProbe:
    """How the noise scale of a workload is measured. per_example: how each example's gradient is had; where None
    it is estimated from `pairs` pairs of batches of two sizes.

    reason: why not by vmap, in words; empty where it is.
    """

    workload: Workload
    per_example: PerExampleMethod | None
    reason: str
    pairs: int
    small: int
    large: int

    @property
    def in_words(self) -> str:
        """`exact, from the gradients of all 8,000 rows`."""
        n = len(self.workload.train.x)
        if self.per_example is not None:
            return f"exact, from the gradients of all {n:,} rows"
        large = f"all {n:,}" if self.large == n and not with_replacement(self.workload) else f"{self.large:,}"
        return f"estimated from {self.pairs} pairs of batches of {self.small:,} and {large} rows, 95 % intervals"

    def measure(self, step: int) -> NoiseScale:
        """The noise scale at the present weights; `step` tells the draws of one moment from another's.

        Raises ValueError where a gradient is not finite.
        """
        n = len(self.workload.train.x)
        if self.per_example is not None:
            grad_sum, sq_norm_sum = example_sums(self.workload, self.per_example)
            exact = exact_from_sums(n, grad_sum, sq_norm_sum)
            ratio = None if exact.b_simple is None else _exactly(exact.b_simple, n)
            return NoiseScale(_exactly(exact.grad_sq_norm, n), _exactly(exact.trace_sigma, n), ratio, grad_sum / n)
        whole = batch_gradient(self.workload)
        small, large = (self._sq_norms(size, step, whole) for size in (self.small, self.large))
        found = estimate_noise_scale(small, large, self.small, self.large, n, with_replacement(self.workload))
        return NoiseScale(found.grad_sq_norm, found.trace_sigma, found.b_simple, whole)

    def _sq_norms(self, size: int, step: int, whole: Floats) -> Floats:
        """|g_b|² of each batch, [pairs]; every batch of all rows has the one gradient G."""
        if size == len(self.workload.train.x) and not with_replacement(self.workload):
            return np.full(self.pairs, float(whole @ whole))
        batches = drawn_batches(self.workload, size, self.pairs, step)
        return np.array([float(g @ g) for g in (batch_gradient(self.workload, rows) for rows in batches)])


def _exactly(value: float, rows: int) -> Interval:
    return Interval(value, value, value, 1.0, rows)


def noise_probe(workload: Workload, method: NoiseMethod, pairs: int, sizes: Sequence[int] | None) -> NoiseProbe:
    """The probe that `method` asks for; auto is exact where that takes seconds, else estimates.

    sizes: the two batch sizes of the pairs; where None the config's own and all rows.
    Raises ConfigError for what cannot be had, DataError where the data are too few.
    """
    n = len(workload.train.x)
    if n < 2:
        raise DataError(f"{n} training row: the variance of a gradient needs at least two")
    if sizes is not None and method == "exact":
        raise ConfigError("--batch-sizes: an exact noise scale draws no batches; use --method pairs")
    small, large = _pair_sizes(workload, sizes)
    by_pairs = method == "pairs" or (method == "auto" and sizes)
    per_example, reason = (None, "") if by_pairs else _per_example(workload, method)
    return NoiseProbe(workload, per_example, reason, pairs, small, large)


def _per_example(workload: Workload, method: NoiseMethod) -> tuple[PerExampleMethod | None, str]:
    n, parameters = len(workload.train.x), parameter_count(workload.model)
    if method == "auto" and n * parameters > AFFORDABLE.get(workload.device.type, AFFORDABLE["cpu"]):
        return None, f"{n:,} rows x {parameters:,} parameters: exact would take long; --method exact insists"
    found, reason = per_example_method(workload)
    if found is None and method == "exact":
        raise ConfigError(f"--method exact: {reason}; use --method pairs")
    if found == "loop" and method == "auto" and n > LOOP_AFFORDABLE:
        return None, f"{reason}, and {n:,} single backward passes would take long; --method exact insists"
    return found, reason


def _pair_sizes(workload: Workload, sizes: Sequence[int] | None) -> tuple[int, int]:
    n, own = len(workload.train.x), workload.config.batch_size.initial
    if sizes is None:
        largest = max(n // 2, 1)
        return min(own if own != "full" else 64, largest), n
    if len(sizes) != 2 or any(not isinstance(b, int) or isinstance(b, bool) for b in sizes):
        raise ConfigError(f"--batch-sizes {','.join(map(str, sizes))}: needs two whole numbers, as 8,512")
    small, large = sorted(sizes)
    if not 1 <= small < large <= n:
        raise ConfigError(f"--batch-sizes {small},{large}: two sizes from 1 to the {n:,} training rows are needed")
    return small, large
