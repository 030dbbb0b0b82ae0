"""The b^(−1/2) law: the standard deviation of a minibatch gradient against its batch size, and its check."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sgdlab.analysis.intervals import Interval, skewed_mean_interval, t_quantile


@dataclass(frozen=True)
class StdPoint:
    """√(E|g_b − G|²) at one batch size: measured over batches, with its interval, and predicted."""

    batch_size: int
    measured: Interval
    predicted: float


@dataclass(frozen=True)
class StdLaw:
    """slope: d log std / d log b of the measured points, √(1 − b/N) divided out; the law says −1/2.

    holds: the slope's interval contains −1/2.
    """

    points: tuple[StdPoint, ...]
    slope: Interval
    holds: bool


def predicted_gradient_std(trace_sigma: float, batch_size: int, rows: int | None, replacement: bool = False) -> float:
    """√(E|g_b − G|²): √(trΣ/b · (1 − b/N)) without replacement, √(trΣ/b · (1 − 1/N)) with.

    trace_sigma: tr Σ with divisor N − 1 (Cochran 1977, theorems 2.2 and 2.4);  rows: N, None for fresh data
    without end: √(trΣ/b).  Raises ValueError for b < 1, tr Σ < 0, or b > N without replacement.
    """
    if trace_sigma < 0 or batch_size < 1:
        raise ValueError(f"tr Σ {trace_sigma} and batch size {batch_size}: must be >= 0 and >= 1")
    if rows is None:
        return math.sqrt(trace_sigma / batch_size)
    if not replacement and batch_size > rows:
        raise ValueError(f"batch size {batch_size} from {rows} rows without replacement")
    correction = 1 - (1 if replacement else batch_size) / rows
    return math.sqrt(trace_sigma / batch_size * correction)


def gradient_std_law(
    sq_deviations: Mapping[int, Sequence[float]],
    trace_sigma: float,
    rows: int | None,
    replacement: bool = False,
    level: float = 0.95,
) -> StdLaw:
    """Measured against predicted standard deviations, and the slope of log std against log b.

    sq_deviations: b -> |g_b − G|² of M >= 2 batches drawn independently, the weights standing still, at two
    batch sizes or more (leave out b = N, whose deviation is 0).
    Raises ValueError for fewer than two sizes or two batches, or deviations that are all 0.
    """
    if len(sq_deviations) < 2 or any(len(d) < 2 for d in sq_deviations.values()):
        raise ValueError("needs two batch sizes or more with at least two batches each")
    if rows is not None and not replacement and max(sq_deviations) >= rows:
        raise ValueError(f"a batch of {max(sq_deviations)} holds every row: leave it out, its deviation is 0")
    if any(not np.mean(d) > 0 for d in sq_deviations.values()):
        raise ValueError("deviations must be above 0 on average")
    sizes = sorted(sq_deviations)
    points = tuple(
        _point(b, sq_deviations[b], predicted_gradient_std(trace_sigma, b, rows, replacement), level) for b in sizes
    )
    slope = _slope(sizes, sq_deviations, None if replacement else rows, level)
    return StdLaw(points, slope, slope.low <= -0.5 <= slope.high)


def _point(batch_size: int, deviations: Sequence[float], predicted: float, level: float) -> StdPoint:
    square = skewed_mean_interval(deviations, level)
    low, high = math.sqrt(max(square.low, 0.0)), math.sqrt(square.high)
    return StdPoint(batch_size, Interval(math.sqrt(square.estimate), low, high, level, square.n), predicted)


def _slope(sizes: list[int], sq_deviations: Mapping[int, Sequence[float]], rows: int | None, level: float) -> Interval:
    """Σ c_b y_b with c = (x − x̄)/Σ(x − x̄)², x = log b,
    y_b = ½ log(mean |g_b − G|² / (1 − b/N)) + v_b.

    v_b = var(mean)/(4 mean²) is the variance of ½ log(mean) by the delta method and minus its bias. Weighted
    by 1/v_b, which moves with the mean, the interval held −1/2 in 87 % of repeats; so unweighted.
    """
    d = [np.asarray(sq_deviations[b], dtype=np.float64) for b in sizes]
    finite = np.array([1.0 if rows is None else 1 - b / rows for b in sizes])
    mean = np.array([v.mean() for v in d])
    variance = np.array([v.var(ddof=1) / len(v) for v in d]) / (4 * mean**2)
    x = np.log(sizes) - np.log(sizes).mean()
    c = x / float(x @ x)
    slope = float(c @ (0.5 * np.log(mean / finite) + variance))
    batches = sum(len(v) for v in d)
    half = t_quantile((1 + level) / 2, batches - len(sizes)) * math.sqrt(float(c**2 @ variance))
    return Interval(slope, slope - half, slope + half, level, batches)
