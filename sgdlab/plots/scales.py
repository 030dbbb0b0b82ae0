"""Logarithmic axes: their limits, their few round ticks, and the axis of batch sizes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sgdlab.analysis.wording import typeset

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from numpy.typing import ArrayLike, NDArray


def finite(values: ArrayLike) -> NDArray[np.float64]:
    """The values as float64, with everything infinite made NaN (matplotlib leaves a gap there)."""
    array = np.array(values, dtype=np.float64)
    array[~np.isfinite(array)] = np.nan
    return array


def set_log(axis: Axis, low: float, high: float, ticks: Sequence[float] | None = None) -> None:
    """Make an axis logarithmic from low to high (both > 0), with few ticks and plain numbers."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    vertical = axis is axis.axes.yaxis
    (axis.axes.set_yscale if vertical else axis.axes.set_xscale)("log")
    (axis.axes.set_ylim if vertical else axis.axes.set_xlim)(low, high)
    axis.set_major_locator(FixedLocator(list(ticks) if ticks is not None else log_ticks(low, high)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: typeset(value)))


def log_ticks(low: float, high: float) -> list[float]:
    """Between two and about seven round numbers in [low, high], low > 0, for a logarithmic axis."""
    from matplotlib.ticker import MaxNLocator

    decades = math.log10(high / low)
    if decades < 1:
        found = MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
        return [float(value) for value in found if low <= value <= high]
    digits = (1, 2, 5) if decades < 1.7 else (1, 3) if decades < 3 else (1,)
    stride = max(1, math.ceil(decades / 6))
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = [d * 10.0**p for p in powers if p % stride == 0 for d in digits]
    return [value for value in values if low <= value <= high]


def set_batch_axis(axes: Axes, sizes: Iterable[float], include: Iterable[float] = ()) -> None:
    """A logarithmic batch-size axis with ticks at the sizes themselves (thinned where they are close)."""
    ticks = sorted({float(size) for size in sizes if size > 0}) or [1.0]
    ends = [*ticks, *include]
    low, high = min(ends) / 1.35, max(ends) * 1.35
    gap = math.log(high / low) / 9
    kept = ticks[:1]
    for size in ticks[1:]:
        if math.log(size / kept[-1]) >= gap:
            kept.append(size)
    set_log(axes.xaxis, low, high, kept)


def log_limits(*values: ArrayLike, pad: float = 1.4) -> tuple[float, float]:
    """Limits of a logarithmic axis that holds every finite positive value, padded by a factor."""
    together = np.concatenate([finite(each).ravel() for each in values]) if values else np.empty(0)
    positive = together[together > 0]
    if not positive.size:
        return 0.1, 10.0
    return float(max(positive.min() / pad, 1e-300)), float(min(positive.max() * pad, 1e300))
