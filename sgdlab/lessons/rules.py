"""The rules that turn numbers into verdicts. Every one of them can give all three."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from sgdlab.analysis.intervals import Interval, mean_interval, median_interval, t_quantile
from sgdlab.analysis.paired import PairedDifference
from sgdlab.lessons.claim import Verdict

LEVEL = 0.95
LEAST_LEVEL = 0.9
"""A median's interval that attains less (4 values and fewer) bounds nothing."""

BySeed = Mapping[int, float]


def nothing(n: int = 0) -> Interval:
    """The interval of what was not measured: it bounds nothing."""
    return Interval(math.nan, -math.inf, math.inf, LEVEL, n)


def mean_of(values: BySeed | Sequence[float]) -> Interval:
    """Mean over seeds with Student's interval; `nothing` where a value is missing: no survivors are averaged."""
    found = list(values.values()) if isinstance(values, Mapping) else list(values)
    if not found or not all(map(math.isfinite, found)):
        return nothing(len(found))
    return mean_interval(found, LEVEL)


def median_of(values: Iterable[float]) -> float:
    """The median; NaN of nothing."""
    found = list(values)
    return float(np.median(found)) if found else math.nan


def difference(a: BySeed, b: BySeed) -> Interval:
    """Mean of a − b over the seeds that both have, with Student's interval (paired)."""
    return mean_of({seed: a[seed] - b[seed] for seed in a.keys() & b.keys()})


def ratio_of(a: Sequence[float], b: Sequence[float]) -> Interval:
    """Geometric mean of a_i/b_i with Student's interval of the logarithms; values above 0."""
    ratios = _ratios(a, b)
    log = mean_of([math.log(ratio) for ratio in ratios])
    if math.isnan(log.estimate):
        return nothing(len(ratios))
    high = math.exp(log.high) if log.high < 700 else math.inf
    return Interval(math.exp(log.estimate), math.exp(log.low), high, log.level, log.n)


def times_as_long(a: Sequence[float], b: Sequence[float]) -> Interval:
    """Median of the rounds' own ratios a_i/b_i with its order-statistic interval; for timings, whose tails are heavy.

    a, b: seconds in the same rounds, above 0; `nothing` where one of them is not finite.
    """
    ratios = _ratios(a, b)
    if not ratios or any(map(math.isnan, ratios)):
        return nothing(len(ratios))
    found = median_interval(ratios, LEVEL)
    return found if found.level >= LEAST_LEVEL else replace(found, low=-math.inf, high=math.inf)


def slope_of(ys: Mapping[float, float]) -> float:
    """d log y / d log x by least squares over the points x -> y; NaN for fewer than two, or y <= 0."""
    if len(ys) < 2 or not all(0 < y < math.inf for y in ys.values()):
        return math.nan
    x, y = np.log(list(ys)), np.log(list(ys.values()))
    x = x - x.mean()
    return float(x @ y / (x @ x))


def lies_above(interval: Interval, bound: float) -> Verdict:
    """Reproduced where the whole interval is above the bound, not reproduced where it is below."""
    if math.isnan(interval.estimate):
        return "cannot tell"
    return "reproduced" if interval.low > bound else "not reproduced" if interval.high < bound else "cannot tell"


def lies_below(interval: Interval, bound: float) -> Verdict:
    """Reproduced where the whole interval is below the bound, not reproduced where it is above."""
    if math.isnan(interval.estimate):
        return "cannot tell"
    return "reproduced" if interval.high < bound else "not reproduced" if interval.low > bound else "cannot tell"


def lies_within(interval: Interval, low: float, high: float) -> Verdict:
    """Reproduced where the whole interval is in [low, high], not reproduced where it is outside (equivalence)."""
    if math.isnan(interval.estimate):
        return "cannot tell"
    if low <= interval.low and interval.high <= high:
        return "reproduced"
    return "not reproduced" if interval.high < low or interval.low > high else "cannot tell"


def makes_no_difference(interval: Interval, margin: float) -> Verdict:
    """Reproduced where the whole interval is within ±margin; else not reproduced where it excludes 0."""
    if lies_within(interval, -margin, margin) == "reproduced":
        return "reproduced"
    return "not reproduced" if interval.low > 0 or interval.high < 0 else "cannot tell"


def prediction_interval(values: BySeed, looks: int = 1) -> Interval:
    """Where one more run falls: mean ± t s √(1 + 1/n), at 1 − 0.05/looks (Bonferroni over the published values).

    `nothing` for fewer than 3 seeds, or where one of them has no value.
    """
    found = list(values.values())
    level = 1 - (1 - LEVEL) / looks
    if len(found) < 3 or not all(map(math.isfinite, found)):
        return nothing(len(found))
    mean, n = float(np.mean(found)), len(found)
    half = t_quantile((1 + level) / 2, n - 1) * float(np.std(found, ddof=1)) * math.sqrt(1 + 1 / n)
    return Interval(mean, mean - half, mean + half, level, n)


def is_one_of_them(published: float, interval: Interval, rounding: float) -> Verdict:
    """Whether a published value of one run, as printed, may be one more of ours."""
    if math.isnan(interval.estimate):
        return "cannot tell"
    within = interval.low - rounding / 2 <= published <= interval.high + rounding / 2
    return "reproduced" if within else "not reproduced"


def smallest_and_largest(pairs: Sequence[PairedDifference]) -> PairedDifference:
    """Of all pairs of groups in rising order, the one of the first group and the last."""
    return next(pair for pair in pairs if pair.first == pairs[0].first and pair.second == pairs[-1].second)


def larger_is_worse(pairs: Sequence[PairedDifference]) -> Verdict:
    """For pairs of batch sizes in rising order, Holm-corrected: is the smaller one the better one?

    Not reproduced as soon as one larger size is better; reproduced where the smallest beats the largest.
    """
    ends = smallest_and_largest(pairs).outcome
    if ends == "equal" or any(pair.outcome == "second" for pair in pairs):
        return "not reproduced"
    return "reproduced" if ends == "first" else "cannot tell"


def first_is_better(pair: PairedDifference) -> Verdict:
    """Reproduced where the first of a pair beats the second, not reproduced where it loses or both are equal."""
    if pair.outcome == "cannot tell":
        return "cannot tell"
    return "reproduced" if pair.outcome == "first" else "not reproduced"


def agrees(found: float, said: float, tolerance: float) -> Verdict:
    """For what is computed, not sampled: |found/said − 1| <= tolerance; cannot tell without a finite number."""
    if not (math.isfinite(found) and math.isfinite(said)) or said == 0:
        return "cannot tell"
    return "reproduced" if abs(found / said - 1) <= tolerance else "not reproduced"


def all_hold(*verdicts: Verdict) -> Verdict:
    """Reproduced where every part is, not reproduced where one is not; cannot tell of no parts."""
    if "not reproduced" in verdicts:
        return "not reproduced"
    return "cannot tell" if not verdicts or "cannot tell" in verdicts else "reproduced"


def _ratios(a: Sequence[float], b: Sequence[float]) -> list[float]:
    """a_i/b_i; NaN where one of them is not finite or not above 0."""
    pairs = zip(a, b, strict=False)
    return [x / y if 0 < x < math.inf and 0 < y < math.inf else math.nan for x, y in pairs]
