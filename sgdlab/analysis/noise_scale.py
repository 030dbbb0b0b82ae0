"""Gradient noise scale B_simple = tr Σ / |G|²: exact from per-example gradients or estimated from batches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sgdlab.analysis.intervals import Interval, mean_interval, t_quantile


@dataclass(frozen=True)
class ExactNoiseScale:
    """Exact on its rows, so without a sampling interval. Indicative only where the optimiser is Adam.

    grad_sq_norm: |G|², G the mean gradient;  trace_sigma: tr Σ, divisor N − 1 (same unit);
    b_simple: examples; None where |G|² = 0.
    """

    grad_sq_norm: float
    trace_sigma: float
    b_simple: float | None
    rows: int


@dataclass(frozen=True)
class EstimatedNoiseScale:
    """Estimated from pairs of batches. b_simple is None ("unresolved") where |G|²'s interval reaches 0."""

    grad_sq_norm: Interval
    trace_sigma: Interval
    b_simple: Interval | None
    pairs: int


def exact_noise_scale(gradients: ArrayLike) -> ExactNoiseScale:
    """G = mean g_i;  tr Σ = Σ|g_i − G|²/(N − 1);  B_simple = tr Σ/|G|²   (McCandlish 2018, arXiv 1812.06162).

    gradients: [N, P], one row for each example's gradient, the weights standing still, dropout off.
    Raises ValueError for fewer than two rows or non-finite gradients.
    """
    g = np.asarray(gradients, dtype=np.float64)
    if g.ndim != 2:
        raise ValueError(f"gradients of shape {g.shape}: expected [N, P]")
    mean = g.mean(axis=0)
    return _exact(len(g), float(mean @ mean), float(((g - mean) ** 2).sum()))


def exact_from_sums(n: int, grad_sum: ArrayLike, sq_norm_sum: float) -> ExactNoiseScale:
    """The same from streamed sums: Σ|g_i − G|² = Σ|g_i|² − N|G|².

    grad_sum: [P], Σ g_i;  sq_norm_sum: Σ|g_i|²; both summed in float64, as the difference cancels digits.
    """
    mean = np.asarray(grad_sum, dtype=np.float64) / max(n, 1)
    if mean.ndim != 1:
        raise ValueError(f"sum of gradients of shape {mean.shape}: expected [P]")
    grad_sq_norm = float(mean @ mean)
    scatter = sq_norm_sum - n * grad_sq_norm
    if scatter < -1e-6 * abs(sq_norm_sum):
        raise ValueError(f"sum of squared norms {sq_norm_sum:g} is below N|G|² = {n * grad_sq_norm:g}")
    return _exact(n, grad_sq_norm, max(scatter, 0.0))


def estimate_noise_scale(
    small_sq: Sequence[float] | NDArray[np.float64],
    large_sq: Sequence[float] | NDArray[np.float64],
    small: int,
    large: int,
    rows: int | None,
    replacement: bool = False,
    level: float = 0.95,
) -> EstimatedNoiseScale:
    """From M pairs of squared norms of batch gradients at sizes b < B, the weights standing still.

    trΣ ≈ (|g_b|² − |g_B|²)/(1/b − 1/B);  |G|² ≈ (B|g_B|² − b|g_b|²)/(B − b) + trΣ/N,
    since without replacement E|g_b|² = |G|² + trΣ/b − trΣ/N (McCandlish et al. 2018, appendix A.1, with the
    finite-data term). With replacement the last term is absent and the first formula gives Σ|g_i − G|²/N;
    times N/(N − 1) it is returned with the divisor N − 1 as everywhere here.
    Numerator and denominator are averaged over the pairs, then divided; Fieller's interval for the ratio.
    20 pairs or more: with 10 and skewed gradients the 95 % interval held the truth in 89 to 92 %.

    small_sq, large_sq: [M], M >= 2; pairs drawn independently of each other, the two batches of a pair in any
    relation;  small, large: b, B;  rows: N, None for fresh data without end (then replacement must be True).
    Raises ValueError for sizes out of order, fewer than two pairs, or non-finite norms.
    """
    g_b, g_B = np.asarray(small_sq, dtype=np.float64), np.asarray(large_sq, dtype=np.float64)
    _check_pairs(g_b, g_B, small, large, rows, replacement)
    trace = (g_b - g_B) / (1 / small - 1 / large)
    signal = (large * g_B - small * g_b) / (large - small)
    if rows is not None:
        if replacement:
            trace = trace * rows / (rows - 1)
        else:
            signal = signal + trace / rows
    denominator = mean_interval(list(signal), level)
    numerator = mean_interval(list(trace), level)
    ratio = _fieller(trace, signal, level) if denominator.low > 0 else None
    return EstimatedNoiseScale(denominator, numerator, ratio, len(trace))


def _fieller(a: NDArray[np.float64], g: NDArray[np.float64], level: float) -> Interval:
    """All R with |ā − Rḡ| <= t √(v_aa − 2R v_ag + R² v_gg), v the covariances of the means (Fieller 1954).

    a, g: [M], paired;  bounded because the interval of ḡ excludes 0. Ends below 0 are cut: tr Σ >= 0.
    """
    m = len(a)
    v = np.cov(a, g, ddof=1) / m
    t2 = t_quantile((1 + level) / 2, m - 1) ** 2
    mean_a, mean_g = float(a.mean()), float(g.mean())
    p = mean_g**2 - t2 * v[1, 1]
    q = mean_a * mean_g - t2 * v[0, 1]
    r = mean_a**2 - t2 * v[0, 0]
    root = math.sqrt(max(q**2 - p * r, 0.0))
    estimate, low, high = mean_a / mean_g, (q - root) / p, (q + root) / p
    return Interval(max(estimate, 0.0), max(low, 0.0), max(high, 0.0), level, m)


def _exact(n: int, grad_sq_norm: float, scatter: float) -> ExactNoiseScale:
    if n < 2:
        raise ValueError(f"{n} rows: tr Σ needs at least two")
    if not (math.isfinite(grad_sq_norm) and math.isfinite(scatter)):
        raise ValueError("gradients must be finite")
    trace = scatter / (n - 1)
    return ExactNoiseScale(grad_sq_norm, trace, trace / grad_sq_norm if grad_sq_norm > 0 else None, n)


def _check_pairs(
    g_b: NDArray[np.float64],
    g_B: NDArray[np.float64],
    small: int,
    large: int,
    rows: int | None,
    replacement: bool,
) -> None:
    if g_b.shape != g_B.shape or g_b.ndim != 1 or len(g_b) < 2:
        raise ValueError(f"squared norms of shapes {g_b.shape} and {g_B.shape}: needs at least two pairs")
    if not (np.isfinite(g_b).all() and np.isfinite(g_B).all()):
        raise ValueError("squared norms must be finite")
    if not 1 <= small < large:
        raise ValueError(f"batch sizes {small} and {large}: needs 1 <= b < B")
    if rows is None and not replacement:
        raise ValueError("without replacement the number of rows is needed")
    if rows is not None and (rows < 2 or (large > rows and not replacement)):
        raise ValueError(f"batch size {large} from {rows} rows without replacement")
