"""Numbers in words: an interval with its n, one value for each batch size."""

import math
import statistics
from collections.abc import Mapping, Sequence

from sgdlab.analysis.intervals import Interval
from sgdlab.lessons.rules import BySeed, mean_of


def worded(interval: Interval, unit: str = "") -> str:
    """`0.011 [0.006, 0.015], n = 5`; says why where there is no interval."""
    unit = f" {unit}" if unit else ""
    if math.isnan(interval.estimate):
        return f"no value in some of {interval.n}" if interval.n else "not measured"
    if not math.isfinite(interval.low):
        return f"{interval.estimate:.4g}{unit}, n = {interval.n}, no interval"
    return f"{interval}{unit}, n = {interval.n}"


def falls_in(interval: Interval) -> str:
    """`in 0.245 ± 0.004`: a prediction interval; says where there is none."""
    if not math.isfinite(interval.low):
        return f"anywhere, n = {interval.n}"
    half = interval.high - interval.estimate
    digits = max(min(1 - math.floor(math.log10(half)), 6), 0) if half > 0 else 4
    return f"in {interval.estimate:.{digits}f} ± {half:.{digits}f}"


def by_size(values: Mapping[int, BySeed]) -> str:
    """`8: 1.495 ± 0.003, 64: 1.508 ± 0.002, n = 5`: mean and standard deviation over seeds."""
    parts = [f"{size}: {mean_and_std(seeds)}" for size, seeds in values.items()]
    counts = sorted({len(seeds) for seeds in values.values()})
    return f"{', '.join(parts)}, n = {'/'.join(map(str, counts))}"


def each_of(values: Mapping[str, BySeed]) -> str:
    """`SGD 0.2454 ± 0.0019, GD 0.2503 ± 0.0012`."""
    return ", ".join(f"{name} {mean_and_std(seeds)}" for name, seeds in values.items())


def mean_and_std(values: BySeed) -> str:
    """`1.495 ± 0.003`; a value without a spread stands alone."""
    interval = mean_of(values)
    if math.isnan(interval.estimate):
        lost = sum(not math.isfinite(value) for value in values.values())
        return f"no value in {lost} of {len(values)} seeds" if values else "not measured"
    if len(values) < 2:
        return f"{interval.estimate:.4g}"
    spread = math.sqrt(sum((value - interval.estimate) ** 2 for value in values.values()) / (len(values) - 1))
    digits = 3 if spread < 1e-12 else max(min(1 - math.floor(math.log10(spread)), 6), 0)
    return f"{interval.estimate:.{digits}f} ± {spread:.{digits}f}"


def seconds(value: float) -> str:
    """`1.23 s`, `45.6 ms`, `7.89 µs`."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"


def median_of(values: Sequence[float]) -> float:
    """The median; NaN of nothing."""
    return statistics.median(values) if values else math.nan
