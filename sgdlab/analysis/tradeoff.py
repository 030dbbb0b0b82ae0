"""The trade-off of steps against examples: S(B) = S_min (1 + B_crit/B), fitted to runs with censoring."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sgdlab.analysis.intervals import Interval, t_quantile
from sgdlab.analysis.steps_to_target import RunToTarget
from sgdlab.analysis.wording import median_with_interval

Floats = NDArray[np.float64]
REACH = math.log(1000.0)  # B_crit is sought up to a factor of 1,000 beyond the batch sizes measured
WIDEST = 100.0  # an interval of B_crit that spans more than two decades tells nothing
LEAST_SIGMA = 1e-3  # scatter of log S below which a step count cannot be read anyway


@dataclass(frozen=True)
class Tradeoff:
    """s_min: steps;  e_min, b_crit: examples; None where there is no fit. A fit that cannot tell keeps its
    estimates, but only `reason` should be shown. With one seed s_min and e_min hold for that seed only.

    scatter: std of log S over seeds about their batch size's mean (a seed's own speed taken out), None where
    there is one seed;  misfit: std of the batch sizes about the curve beyond what seeds explain, in log S.
    """

    s_min: Interval | None
    e_min: Interval | None
    b_crit: Interval | None
    batch_sizes: tuple[int, ...]
    runs: int
    censored: int
    scatter: float | None
    misfit: float | None
    can_tell: bool
    reason: str

    def steps(self, batch_size: float) -> float:
        """S(B) on the fitted curve. Raises ValueError where there is no fit."""
        if self.s_min is None or self.b_crit is None:
            raise ValueError("no fit: " + self.reason)
        return self.s_min.estimate * (1 + self.b_crit.estimate / batch_size)


@dataclass(frozen=True)
class _Points:
    batch: Floats  # [n] log B
    steps: Floats  # [n] log S, or log of the budget where not reached
    reached: NDArray[np.bool_]  # [n]
    seed: NDArray[np.int64]  # [n]

    def where(self, keep: NDArray[np.bool_]) -> _Points:
        return _Points(self.batch[keep], self.steps[keep], self.reached[keep], self.seed[keep])


def fit_tradeoff(runs: Sequence[RunToTarget], level: float = 0.95) -> Tradeoff:
    """Fits (S/S_min − 1)(E/E_min − 1) = 1, E = S B, that is S = S_min (1 + B_crit/B), B_crit = E_min/S_min
    (McCandlish et al. 2018, arXiv 1812.06162, section 2.3), at the tuned rate of each batch size.

    Least squares in log S; with censored runs maximum likelihood, log S normal about the curve with one σ and
    a censored run contributing P(S > its budget). The intervals, in log, add two variances, each with its
    own degrees of freedom (Satterthwaite): the jackknife over seeds, which keeps what a seed does at every
    batch size together, and the scatter of the batch sizes about the curve beyond what seeds explain (a grid
    of rates is coarse, and the curve an approximation).
    Needs four batch sizes at which some run arrived; otherwise, and where B_crit lies outside the measured
    sizes or its interval spans more than two decades, can_tell is False and the reason says what would help.
    Raises ValueError for no runs.
    """
    if not runs:
        raise ValueError("no runs to fit")
    points = _Points(
        np.log([float(r.batch_size) for r in runs]),
        np.log([r.steps for r in runs]),
        np.array([r.reached for r in runs]),
        np.array([r.seed for r in runs]),
    )
    sizes = tuple(sorted({r.batch_size for r in runs}))
    censored = sum(not r.reached for r in runs)
    arrived = tuple(sorted({r.batch_size for r in runs if r.reached}))
    if len(arrived) < 4:
        reason = f"cannot tell: runs arrived at {len(arrived)} batch sizes, the fit needs 4; add batch sizes"
        return Tradeoff(None, None, None, sizes, len(runs), censored, None, None, False, reason)
    s_min, e_min, b_crit, scatter, misfit = _intervals(points, level)
    can_tell, reason = _judge(b_crit, arrived, len({r.seed for r in runs}))
    return Tradeoff(s_min, e_min, b_crit, sizes, len(runs), censored, scatter, misfit, can_tell, reason)


def _intervals(points: _Points, level: float) -> tuple[Interval, Interval, Interval, float | None, float]:
    a, c, sigma = _fit(points)
    estimate = np.array([a, a + c, c])
    seeds = np.unique(points.seed)
    scatter, misfit = _scatter_and_misfit(points, _residuals(points, a, c, sigma))
    curve = _misfit_variances(np.unique(points.batch), c) * misfit**2
    curve_df = len(np.unique(points.batch)) - 2
    seed, seed_df = np.zeros(3), len(seeds) - 1
    if seed_df:
        left_out = np.array([_log_parameters(points.where(points.seed != s)) for s in seeds])
        seed = seed_df / len(seeds) * ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0)
    found = [
        _in_units(float(q), float(v), float(w), seed_df, curve_df, level, len(points.steps))
        for q, v, w in zip(estimate, seed, curve, strict=True)
    ]
    return found[0], found[1], found[2], scatter, misfit


def _in_units(
    log_value: float, seed: float, curve: float, seed_df: int, curve_df: int, level: float, n: int
) -> Interval:
    """exp(q ± t √(v + w)), t with (v + w)²/(v²/df_v + w²/df_w) degrees of freedom (Satterthwaite 1946)."""
    total = seed + curve
    half = 0.0
    if total > 0:
        df = total**2 / ((seed**2 / seed_df if seed_df else 0.0) + curve**2 / curve_df)
        half = t_quantile((1 + level) / 2, df) * math.sqrt(total)
    low, high = math.exp(max(log_value - half, -700.0)), math.exp(min(log_value + half, 700.0))
    return Interval(math.exp(log_value), low, high, level, n)


def _log_parameters(points: _Points) -> tuple[float, float, float]:
    a, c, _ = _fit(points)
    return a, a + c, c


def _fit(points: _Points) -> tuple[float, float, float]:
    """(log S_min, log B_crit, σ of log S)."""
    a, c, sigma = _least_squares(points)
    return (a, c, sigma) if points.reached.all() else _censored_fit(points, a, c, sigma)


def _least_squares(points: _Points) -> tuple[float, float, float]:
    """min over c = log B_crit of Σ(y − log(1 + e^c/B) − mean)², on a grid and then refined."""
    from scipy.optimize import minimize_scalar

    def sse(c: float) -> float:
        r = points.steps - np.logaddexp(0.0, c - points.batch)
        return float(((r - r.mean()) ** 2).sum())

    low, high = _range_of_c(points)
    grid = np.linspace(low, high, 81)
    r = points.steps - np.logaddexp(0.0, grid[:, None] - points.batch)
    best = int(r.var(axis=1).argmin())
    bounds = (float(grid[max(best - 1, 0)]), float(grid[min(best + 1, len(grid) - 1)]))
    c = float(minimize_scalar(sse, bounds=bounds, method="bounded", options={"xatol": 1e-9}).x)
    a = float((points.steps - np.logaddexp(0.0, c - points.batch)).mean())
    return a, c, math.sqrt(sse(c) / len(points.steps))


def _censored_fit(points: _Points, a: float, c: float, sigma: float) -> tuple[float, float, float]:
    """max Σ_reached log φ(z)/σ + Σ_censored log P(Z > z), z = (y − a − log(1 + e^c/B))/σ   (Tobin 1958).

    δ² beside z² in the first sum keeps σ from falling to 0 on points that lie exactly on a curve.
    """
    from scipy.optimize import minimize
    from scipy.special import expit

    def negative(theta: Floats) -> tuple[float, Floats]:
        a, c, log_sigma = theta
        sigma = math.exp(log_sigma)
        z = (points.steps - a - np.logaddexp(0.0, c - points.batch)) / sigma
        square = z**2 + (LEAST_SIGMA / sigma) ** 2
        hazard, log_tail = _hazard(z)
        value = np.where(points.reached, -log_sigma - square / 2, log_tail).sum()
        by_mu = np.where(points.reached, z, hazard) / sigma
        by_sigma = np.where(points.reached, square - 1, hazard * z)
        gradient = np.array([by_mu.sum(), (by_mu * expit(c - points.batch)).sum(), by_sigma.sum()])
        return -float(value), -gradient

    start = np.array([a, c, math.log(max(sigma, 0.02))])
    # BFGS, not L-BFGS-B: beside other processes the threaded LAPACK of the latter took 20 ms a fit, BFGS 2
    a, c, log_sigma = minimize(negative, start, jac=True, method="BFGS", options={"gtol": 1e-6}).x
    low, high = _range_of_c(points)
    beyond = max(float(c) - high, 0.0)  # out there S = e^(a + c)/B: only a + c, log E_min, is known
    return float(a) + beyond, min(max(float(c), low), high), math.exp(float(log_sigma))


def _hazard(z: Floats) -> tuple[Floats, Floats]:
    """(φ(z)/P(Z > z), log P(Z > z)) of the standard normal."""
    from scipy.special import log_ndtr

    log_tail = np.asarray(log_ndtr(-z))
    return np.exp(-(z**2) / 2 - 0.5 * math.log(2 * math.pi) - log_tail), log_tail


def _residuals(points: _Points, a: float, c: float, sigma: float) -> Floats:
    """y − μ; for a censored run its expectation given that it lies beyond the budget, σ φ(z)/P(Z > z)."""
    r = points.steps - a - np.logaddexp(0.0, c - points.batch)
    if points.reached.all():
        return np.asarray(r)
    return np.where(points.reached, r, sigma * _hazard(r / max(sigma, LEAST_SIGMA))[0])


def _scatter_and_misfit(points: _Points, residuals: Floats) -> tuple[float | None, float]:
    """s over seeds, and τ = √max(0, Σ r̄_B²/(K − 2) − s²/n̄), n̄ the harmonic mean of runs per batch size."""
    sizes, at = np.unique(points.batch, return_inverse=True)
    seeds, of = np.unique(points.seed, return_inverse=True)
    k, g, n = len(sizes), len(seeds), len(residuals)
    crossed = n == k * g
    if crossed:  # a seed that is fast at every batch size moves S_min, not the shape
        residuals = residuals - (np.bincount(of, residuals) / np.bincount(of))[of]
    count = np.bincount(at)
    means = np.bincount(at, residuals) / count
    df = (k - 1) * (g - 1) if crossed else n - k
    within = float(((residuals - means[at]) ** 2).sum() / df) if df > 0 else None
    expected = (within or 0.0) * float((1 / count).mean())
    misfit = math.sqrt(max(0.0, float((means**2).sum()) / (k - 2) - expected))
    return (None if within is None else math.sqrt(within)), misfit


def _misfit_variances(log_sizes: Floats, c: float) -> Floats:
    """diag of the covariance of (log S_min, log E_min, log B_crit) for unit scatter of each batch size."""
    from scipy.special import expit

    x = np.column_stack([np.ones(len(log_sizes)), expit(c - log_sizes)])
    covariance = np.linalg.pinv(x.T @ x)
    wanted = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    return np.asarray(np.einsum("ij,jk,ik->i", wanted, covariance, wanted))


def _range_of_c(points: _Points) -> tuple[float, float]:
    return float(points.batch.min()) - REACH, float(points.batch.max()) + REACH


def _judge(b_crit: Interval, sizes: tuple[int, ...], seeds: int) -> tuple[bool, str]:
    if b_crit.estimate > sizes[-1]:
        return False, (
            f"cannot tell: the fit puts B_crit above {sizes[-1]}, the largest batch size that arrived;"
            f" measure larger batch sizes, {2 * sizes[-1]} and more"
        )
    if b_crit.estimate < sizes[0]:
        remedy = "measure smaller batch sizes" if sizes[0] > 1 else "no smaller batch size exists"
        where = f"below {sizes[0]}, the smallest batch size that arrived"
        return False, f"cannot tell: the fit puts B_crit {where}; {remedy}"
    if b_crit.high > WIDEST * b_crit.low:
        needed = math.ceil(seeds * (math.log(b_crit.high / b_crit.low) / math.log(WIDEST)) ** 2)
        number = "at least 5" if seeds < 5 else f"about {needed}" if needed <= 50 else "far more"
        return False, (
            f"cannot tell: the interval of B_crit, {b_crit.low:.3g} to {b_crit.high:.3g}, spans more than two"
            f" decades; {number} seeds instead of {seeds}, more batch sizes or a finer grid of rates"
            " would settle it"
        )
    found = median_with_interval(b_crit.estimate, b_crit.low, b_crit.high, sizes[-1])
    return True, f"B_crit = {found} from {seeds} seeds at {len(sizes)} batch sizes"
