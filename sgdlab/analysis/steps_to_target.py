"""Steps to target: S(B), the first evaluated step that reaches the target; censored where none does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sgdlab.analysis.intervals import Interval, censored_median_interval


@dataclass(frozen=True)
class RunToTarget:
    """One run at its batch size's tuned rate.

    steps: where it first reached the target; where it did not (reached False), the steps that its budget
    allowed, for a run that diverged or was given up as well: it would not have arrived later.
    """

    batch_size: int
    seed: int
    steps: float
    reached: bool

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ValueError(f"batch size {self.batch_size}: must be at least 1")
        if not (math.isfinite(self.steps) and self.steps > 0):
            raise ValueError(
                f"batch size {self.batch_size}, seed {self.seed}: {self.steps} steps must be finite, above 0"
                " (a target met before the first step is no target; choose a better value)"
            )


@dataclass(frozen=True)
class StepsSummary:
    """S(B) at one batch size: medians over seeds, censored runs counted as larger than any number.

    steps, examples: median and order-statistic interval; the median is inf where half or more never arrived.
    at_least: the bound that the censored runs give the median, in steps (the number in "> 20,000").
    efficiency: S(B₀) B₀ / (S(B) B), 1 = perfect scaling from B₀; None where a median is unknown.
    reference: B₀, the smallest batch size whose median is known; None where no batch size has one.
    """

    batch_size: int
    runs: int
    reached: int
    steps: Interval
    examples: Interval
    at_least: float
    efficiency: float | None
    reference: int | None


def steps_to_target(
    history_steps: Sequence[float], values: Sequence[float], target: float, lower_is_better: bool = True
) -> float | None:
    """S = min{step : value <= target} over the evaluations (>= where higher is better); None: never reached.

    history_steps: [T], strictly increasing;  values: [T]; a non-finite value reaches nothing. S is rounded up
    to the evaluations, so these should lie at most 5 % of S apart (Shallue et al. 2019, arXiv 1811.03600);
    nor much closer: the first of many noisy evaluations below the target comes early, most so at small B (on
    a noisy quadratic of dimension 120, evaluated every step, 15 % early at B = 4 and B_crit 20 % too low; 5 %
    early and 7 % too low when evaluated every 5 % of S).
    Raises ValueError where lengths differ, steps do not increase, or the target is not finite.
    """
    steps, v = np.asarray(history_steps, dtype=float), np.asarray(values, dtype=float)
    if steps.shape != v.shape or steps.ndim != 1:
        raise ValueError(f"{steps.shape} steps but {v.shape} values")
    if not (np.diff(steps) > 0).all():
        raise ValueError("the steps of a history must increase")
    if not math.isfinite(target):
        raise ValueError(f"target {target}: must be finite")
    hit = np.isfinite(v) & ((v <= target) if lower_is_better else (v >= target))
    return float(steps[hit.argmax()]) if hit.any() else None


def summarise_steps(runs: Sequence[RunToTarget], level: float = 0.95) -> tuple[StepsSummary, ...]:
    """One summary for each batch size, smallest first, with efficiency against perfect scaling S(B₀) B₀ / B.

    Raises ValueError for no runs, or where a seed stands twice at a batch size.
    """
    if not runs:
        raise ValueError("no runs to summarise")
    if len({(r.batch_size, r.seed) for r in runs}) < len(runs):
        raise ValueError("a seed stands twice at one batch size")
    rows = [
        _summary(size, [r for r in runs if r.batch_size == size], level)
        for size in sorted({r.batch_size for r in runs})
    ]
    known = [row for row in rows if math.isfinite(row.steps.estimate)]
    if not known:
        return tuple(rows)
    base = known[0]
    return tuple(
        replace(row, reference=base.batch_size, efficiency=_ratio(base.examples, row.examples)) for row in rows
    )


def _summary(size: int, runs: Sequence[RunToTarget], level: float) -> StepsSummary:
    steps = censored_median_interval([r.steps for r in runs], [r.reached for r in runs], level)
    examples = replace(steps, estimate=steps.estimate * size, low=steps.low * size, high=steps.high * size)
    at_least = float(np.median([r.steps for r in runs]))
    return StepsSummary(size, len(runs), sum(r.reached for r in runs), steps, examples, at_least, None, None)


def _ratio(base: Interval, other: Interval) -> float | None:
    return base.estimate / other.estimate if math.isfinite(other.estimate) else None
