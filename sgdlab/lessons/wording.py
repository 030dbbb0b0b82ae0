"""How lessons write what they found: an interval with its n, one value for each batch size, median times."""

import math
import statistics
from collections.abc import Mapping, Sequence

from sgdlab.analysis.intervals import Interval
from sgdlab.analysis.wording import mean_and_std, measured_time, number
from sgdlab.lessons.rules import BySeed, mean_of, median_of


def worded(interval: Interval) -> str:
    """`0.011 [0.006, 0.015], n = 5`; says why where there is no interval."""
    if math.isnan(interval.estimate):
        return f"no value in some of {interval.n}" if interval.n else "not measured"
    if not math.isfinite(interval.low):
        return f"{number(interval.estimate)}, n = {interval.n}, no interval"
    return f"{interval}, n = {interval.n}"


def falls_in(interval: Interval) -> str:
    """`in 0.245 ± 0.004`: a prediction interval; says where there is none."""
    if not math.isfinite(interval.low):
        return f"anywhere, n = {interval.n}"
    return f"in {mean_and_std(interval.estimate, interval.high - interval.estimate)}"


def over_seeds(values: BySeed) -> str:
    """`1.495 ± 0.003`: mean and standard deviation; a value without a spread stands alone."""
    mean = mean_of(values).estimate
    if math.isnan(mean):
        lost = sum(not math.isfinite(value) for value in values.values())
        return f"no value in {lost} of {len(values)} seeds" if values else "not measured"
    return mean_and_std(mean, statistics.stdev(values.values())) if len(values) > 1 else number(mean)


def by_size(values: Mapping[int, BySeed]) -> str:
    """`8: 1.495 ± 0.003, 64: 1.508 ± 0.002, n = 5`."""
    parts = [f"{size}: {over_seeds(seeds)}" for size, seeds in values.items()]
    counts = sorted({len(seeds) for seeds in values.values()})
    return f"{', '.join(parts)}, n = {'/'.join(map(str, counts))}"


def each_of(values: Mapping[str, BySeed]) -> str:
    """`SGD 0.2454 ± 0.0019, GD 0.2503 ± 0.0012`."""
    return ", ".join(f"{name} {over_seeds(seeds)}" for name, seeds in values.items())


def median_times(seconds: Mapping[str, Sequence[float]]) -> str:
    """`SGD 41.2 ms, GD 52 µs`: medians over rounds."""
    return ", ".join(f"{name} {measured_time(median_of(each))}" for name, each in seconds.items())
