"""Learning-rate range test: a suggestion from one geometric sweep, or an honest none."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class RangeTest:
    """rates, smoothed: [K], the sweep up to its cut (loss in the unit given);  suggestion: a rate, or None
    with the reason;  cut_rate: the first rate with a non-finite loss, None where there was none.

    The sweep is no measure of stability: it overshoots 2/λmax (see `stable_rate.py`).
    """

    rates: tuple[float, ...]
    smoothed: tuple[float, ...]
    cut_rate: float | None
    suggestion: float | None
    reason: str


def range_test(rates: ArrayLike, losses: ArrayLike, window: int | None = None) -> RangeTest:
    """Suggests the rate at which the smoothed loss falls fastest per unit of log rate, below its minimum.

    After Smith 2017 (arXiv 1506.01186); the steepest point is a convention of later libraries, no theorem.
    rates: [T], strictly increasing and above 0, one step each;  losses: [T], the batch loss at each step;
    window: steps of the centred running mean, by default a twentieth of the sweep and at least 5.
    None where fewer than 3 windows are finite, the loss never falls below its start by more than its noise,
    or it still falls at the highest rate.  Raises ValueError for rates out of order or lengths that differ.
    """
    r, loss = np.asarray(rates, dtype=np.float64), np.asarray(losses, dtype=np.float64)
    if r.shape != loss.shape or r.ndim != 1:
        raise ValueError(f"{r.shape} rates but {loss.shape} losses")
    if not ((r > 0).all() and (np.diff(r) > 0).all()):
        raise ValueError("rates must be above 0 and rise")
    finite = np.isfinite(loss)
    cut = len(loss) if finite.all() else int(finite.argmin())
    width = window or max(5, len(r) // 20)
    smoothed = smooth(loss[:cut], width)
    suggestion, reason = _suggest(r[:cut], loss[:cut], smoothed, width, cut < len(loss))
    cut_rate = float(r[cut]) if cut < len(loss) else None
    return RangeTest(tuple(r[:cut].tolist()), tuple(smoothed.tolist()), cut_rate, suggestion, reason)


def smooth(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Centred running mean over `window` values (made odd); towards the ends the window shrinks evenly.

    Centred, because an exponential mean lags and would move the suggestion to higher rates.
    values, result: [T], finite.
    """
    half, n = window // 2, len(values)
    total = np.concatenate([[0.0], np.cumsum(np.minimum(values, 1e100))])  # a sum of huge losses would overflow
    at = np.arange(n)
    reach = np.minimum(half, np.minimum(at, n - 1 - at))
    return np.asarray((total[at + reach + 1] - total[at - reach]) / (2 * reach + 1))


def _suggest(
    r: NDArray[np.float64], loss: NDArray[np.float64], smoothed: NDArray[np.float64], width: int, was_cut: bool
) -> tuple[float | None, str]:
    if len(r) < 3 * width:
        return None, f"only {len(r)} finite losses: begin at a lower rate or take more steps"
    half = width // 2
    inner = smoothed[half : len(smoothed) - half]  # the ends are averaged over fewer values
    lowest = half + int(inner.argmin())
    start = float(smoothed[half])
    noise = float(np.std(np.diff(loss[: 3 * width]), ddof=1)) / math.sqrt(2)
    fall = start - float(smoothed[lowest])
    if fall <= max(6 * noise / math.sqrt(width), 0.01 * abs(start)):
        return None, f"the loss never fell clearly: by {fall:.3g} from {start:.3g}, its noise is {noise:.3g}"
    if lowest >= len(smoothed) - half - 1 and not was_cut:
        return None, f"the loss was still falling at the highest rate, {r[-1]:.3g}: sweep further"
    slope = np.gradient(smoothed, np.log(r))
    steepest = half + int(slope[half : lowest + 1].argmin())
    return float(r[steepest]), f"the loss fell fastest here; it was lowest at {r[lowest]:.3g}"
