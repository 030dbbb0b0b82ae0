"""The largest stable learning rate: bisection in log rate, asking whether the loss stays bounded."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class StableRate:
    """stable: largest rate seen to be stable, None where `low` was not;  unstable: smallest seen not to be,
    None where `high` was stable;  rate: their geometric mean, None unless both are known."""

    rate: float | None
    stable: float | None
    unstable: float | None
    trials: int
    reason: str


def largest_stable_rate(
    loss_stays_bounded: Callable[[float], bool], low: float, high: float, ratio: float = 1.02
) -> StableRate:
    """Halves [log low, log high] until unstable/stable <= ratio; full-batch gradient descent gives 2/λmax.

    loss_stays_bounded: trains a few hundred steps at the rate from the same weights and the same batches, and
    says whether the loss stayed bounded.  Assumes one boundary between low and high.
    Raises ValueError unless 0 < low < high and ratio > 1.
    """
    if not 0 < low < high < math.inf or not ratio > 1:
        raise ValueError(f"needs 0 < low < high and ratio > 1, not {low}, {high}, {ratio}")
    if not loss_stays_bounded(low):
        return StableRate(None, None, low, 1, f"unstable already at the lowest rate tried, {low:g}")
    if loss_stays_bounded(high):
        return StableRate(None, high, None, 2, f"still stable at the highest rate tried, {high:g}")
    stable, unstable, trials = low, high, 2
    while unstable / stable > ratio:
        middle = math.sqrt(stable * unstable)
        trials += 1
        if loss_stays_bounded(middle):
            stable = middle
        else:
            unstable = middle
    reason = f"stable at {stable:.4g}, not at {unstable:.4g}"
    return StableRate(math.sqrt(stable * unstable), stable, unstable, trials, reason)
