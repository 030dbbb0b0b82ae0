"""Several runs that differ in their seed, as one curve with a band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from sgdlab.plots.axis import Curve, curve
from sgdlab.plots.scales import finite

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

BANDS = {"range": "band: lowest to highest", "std": "band: ±1 standard deviation"}


@dataclass(frozen=True)
class SeedBand:
    """The mean over seeds, its band, and what no mean can be taken of.

    mean: against the mean x of the seeds. low, high: [rows]. n: seeds in the mean. tails: what single
    seeds did where others had ended, and seeds that ended before half of the longest run.
    """

    mean: Curve
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    n: int
    tails: list[Curve]

    @property
    def curves(self) -> list[Curve]:
        """The mean and the tails."""
        return [self.mean, *self.tails]


def spread_over_seeds(
    histories: Sequence[pd.DataFrame], column: str, x: str, *, log_x: bool, band: str = "range"
) -> SeedBand:
    """Mean and band of a column at the steps that all seeds reached.

    Seeds are matched by step, and x (seconds, say) is averaged at each. A seed that ends, or stops being
    finite, before half of the longest run is left out of the mean and returned as a tail: a mean over the
    rest would hide it, a mean up to there would hide the rest.
    """
    if band not in BANDS:
        raise ValueError(f"band is {band!r}; it may be {', '.join(BANDS)}")
    runs = [_run(history, column, x, log_x) for history in histories]
    ends = [_end(step, each) for step, each in runs]
    longest = max(ends, default=0.0)
    kept = [i for i, end in enumerate(ends) if end >= longest / 2]
    common = reduce(np.intersect1d, [runs[i][0][: len(runs[i][1].y)] for i in kept])
    if len(kept) > 1:
        common = common[common <= min(ends[i] for i in kept)]
    rows = [np.searchsorted(runs[i][0], common) for i in kept]
    xs = np.array([runs[i][1].x[at] for i, at in zip(kept, rows, strict=True)])
    ys = np.array([runs[i][1].y[at] for i, at in zip(kept, rows, strict=True)])
    mean = ys.mean(axis=0)
    spread = ys.std(axis=0, ddof=1) if len(kept) > 1 else np.zeros_like(mean)
    low, high = (ys.min(axis=0), ys.max(axis=0)) if band == "range" else (mean - spread, mean + spread)
    skip = any(runs[i][1].skip_start for i in kept)
    start = max((runs[i][1].began_at for i in kept), default=np.nan)
    tails = [_tail(runs[i], common if i in kept else np.empty(0)) for i in range(len(runs))]
    return SeedBand(
        Curve(xs.mean(axis=0), mean, start, skip), low, high, len(kept), [each for each in tails if len(each.x)]
    )


def _run(history: pd.DataFrame, column: str, x: str, log_x: bool) -> tuple[NDArray[np.float64], Curve]:
    unique = history.drop_duplicates("step", keep="last")
    each = curve(unique, column, x, log_x=log_x, skip_start=True)
    steps = finite(unique["step"])
    return steps[len(steps) - len(each.x) :], each


def _end(step: NDArray[np.float64], each: Curve) -> float:
    ok = np.flatnonzero(np.isfinite(each.y))
    return float(step[ok[-1]]) if ok.size else 0.0


def _tail(run: tuple[NDArray[np.float64], Curve], common: NDArray[np.float64]) -> Curve:
    step, each = run
    start = int(np.searchsorted(step, common[-1])) if len(common) else 0
    tail = Curve(each.x[start:], each.y[start:], each.began_at, each.skip_start and start == 0)
    return tail if np.isfinite(tail.y).sum() > 1 else Curve(np.empty(0), np.empty(0))
