"""Intervals: Student's t for a mean, Hall's for a skewed one, order statistics for a (censored) median."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sgdlab.analysis.wording import with_interval


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval; `level` is the level attained, which may differ from the one asked for.

    low <= estimate <= high, in the unit of the values; either end may be infinite (nothing bounds it).
    level: in [0, 1];  n: how many values the estimate rests on.
    """

    estimate: float
    low: float
    high: float
    level: float
    n: int

    def __str__(self) -> str:
        return with_interval(self.estimate, self.low, self.high)


def mean_interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """mean ± t_{(1+level)/2, n−1} s/√n   (Student 1908), s with n − 1.

    values: [n], n >= 1, finite. One value has no spread: its interval is (−inf, inf).
    Raises ValueError for no values, non-finite values, or a level outside (0, 1).
    """
    x = _checked(values, level)
    if not np.isfinite(x).all():
        raise ValueError("a mean needs finite values; leave out or censor runs that diverged, and say so")
    mean, n = float(x.mean()), len(x)
    if n == 1:
        return Interval(mean, -math.inf, math.inf, level, n)
    half = t_quantile((1 + level) / 2, n - 1) * float(x.std(ddof=1)) / math.sqrt(n)
    return Interval(mean, mean - half, mean + half, level, n)


def skewed_mean_interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """[mean − t_high s/√n, mean − t_low s/√n], the limits from `skewed_t_limits`; for squared norms.

    values: [n], n >= 2, finite.  Raises ValueError as `mean_interval`, and for one value.
    """
    plain = mean_interval(values, level)
    t_low, t_high = skewed_t_limits(values, level)
    error = float(np.std(values, ddof=1)) / math.sqrt(plain.n)
    return Interval(plain.estimate, plain.estimate - t_high * error, plain.estimate - t_low * error, level, plain.n)


def skewed_t_limits(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """(t_low, t_high) between which (mean − μ)/(s/√n) falls with probability `level` (Hall 1992, JRSS B 54).

    They solve t + a t² + a² t³/3 + b = ∓t_{(1+level)/2, n−1}, a = γ/(3√n), b = γ/(6√n), γ the skewness:
    t = ((1 + 3a(y − b))^(1/3) − 1)/a.  Without skew they are Student's.  Raises ValueError for n < 2.
    """
    x = np.asarray(values, dtype=np.float64)
    n = len(x)
    if n < 2:
        raise ValueError(f"{n} value: needs at least two")
    quantile, spread = t_quantile((1 + level) / 2, n - 1), float(x.std())
    skew = float(((x - x.mean()) ** 3).mean()) / spread**3 if spread > 0 else 0.0
    a, b = skew / (3 * math.sqrt(n)), skew / (6 * math.sqrt(n))
    if abs(a) < 1e-9:
        return -quantile, quantile
    t_low, t_high = ((math.cbrt(1 + 3 * a * (y - b)) - 1) / a for y in (-quantile, quantile))
    return t_low, t_high


def median_interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """[x_(k), x_(n+1−k)], which holds the median with probability 1 − 2 P(Binomial(n, ½) <= k − 1).

    k is the largest rank that still attains `level`; where none does (n <= 5 at 0.95) k = 1, and the level
    attained, 1 − 2^(1−n), is reported: 5 values reach 0.9375, one value 0. (David & Nagaraja 2003, 7.1.)
    values: [n], n >= 1; +inf stands for a value known only to be larger than the others (censored).
    Raises ValueError for no values, NaN, −inf, or a level outside (0, 1).
    """
    x = np.sort(_checked(values, level))
    if np.isnan(x).any() or np.isneginf(x).any():
        raise ValueError("a median takes finite values and +inf (censored), not NaN or -inf")
    k, attained = _median_rank(len(x), level)
    return Interval(float(np.median(x)), float(x[k - 1]), float(x[-k]), attained, len(x))


def censored_median_interval(values: Sequence[float], reached: Sequence[bool], level: float = 0.95) -> Interval:
    """Median and order-statistic interval where values[i] is a lower bound unless reached[i].

    A censored value is +inf for the median and the upper end, and its bound for the lower end, so the lower
    end is finite and "median inf" reads "> the lower end". An unreached value is never put in as a number.
    values: [n], finite;  reached: [n].  Raises ValueError as `median_interval`, or where lengths differ.
    """
    if len(values) != len(reached):
        raise ValueError(f"{len(values)} values but {len(reached)} flags")
    if not np.isfinite(np.asarray(values, dtype=float)).all():
        raise ValueError("a censored value is its bound (the budget), so every value is finite")
    upper = median_interval([v if r else math.inf for v, r in zip(values, reached, strict=True)], level)
    lower = median_interval(values, level)
    return Interval(upper.estimate, lower.low, upper.high, upper.level, upper.n)


def t_quantile(probability: float, df: float) -> float:
    """Quantile of Student's t with df (may be fractional) degrees of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(df, probability))


def _median_rank(n: int, level: float) -> tuple[int, float]:
    k, below = 1, 2 * 0.5**n  # below: P(the median lies outside [x_(k), x_(n+1−k)])
    while 2 * (k + 1) <= n + 1:
        wider = below + 2 * math.comb(n, k) * 0.5**n
        if 1 - wider < level:
            break
        k, below = k + 1, wider
    return k, max(0.0, 1 - below)


def _checked(values: Sequence[float], level: float) -> np.ndarray:
    if not 0 < level < 1:
        raise ValueError(f"level {level}: must lie between 0 and 1, as in 0.95")
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or len(x) == 0:
        raise ValueError(f"values of shape {x.shape}: needs a list of at least one number")
    return x
