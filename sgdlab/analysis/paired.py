"""Which of several groups that share seeds is better: paired t tests of all pairs, with Holm's correction."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sgdlab.analysis.intervals import Interval, mean_interval, t_quantile
from sgdlab.analysis.wording import count, with_interval

Outcome = Literal["first", "second", "equal", "cannot tell"]
MOST_SEEDS = 1000  # beyond it the number of seeds needed is only "more than"


@dataclass(frozen=True)
class PairedDifference:
    """first − second over the seeds that both groups have and in which both are finite.

    difference: mean with its t interval (one comparison, not corrected), in the unit of the values; None
        where no seed is left.
    p, p_holm: two-sided, before and after Holm's correction; None where no test is possible (n < 2).
    outcome: the better group where p_holm <= 1 − level, "equal" where every one is 0, or "cannot tell".
    needed: seeds for 80 % power at the difference seen; MOST_SEEDS + 1 means more, None cannot be said.
    shared, unshared: seeds that both groups have, that only one has;  n: shared seeds, both values finite.
    diverged: in how many shared seeds (first, second) is not finite.
    """

    first: str
    second: str
    n: int
    difference: Interval | None
    p: float | None
    p_holm: float | None
    outcome: Outcome
    needed: int | None
    shared: int
    unshared: int
    diverged: tuple[int, int]
    test: Literal["paired t", "sign test", "none"]
    text: str


def compare_pairs(
    values_by_group: Mapping[str, Mapping[int, float]], level: float = 0.95, lower_is_better: bool = True
) -> list[PairedDifference]:
    """Every pair of groups (in the mapping's order), paired by seed and Holm-corrected over all pairs tested.

    values_by_group: label -> seed -> value; a non-finite value is a run that diverged (or never arrived).
    A group that diverged in a shared seed is never declared the better one: only its survivors were averaged.
    Raises ValueError for fewer than two groups or a level outside (0, 1).
    """
    if len(values_by_group) < 2:
        raise ValueError(f"{len(values_by_group)} group: a comparison needs at least two")
    raw = [
        _difference(a, values_by_group[a], b, values_by_group[b], level) for a, b in combinations(values_by_group, 2)
    ]
    tested = [pair for pair in raw if pair.p is not None]
    corrected = iter(holm([pair.p for pair in tested if pair.p is not None]))
    pairs = [pair if pair.p is None else replace(pair, p_holm=next(corrected)) for pair in raw]
    return [_judge(pair, len(tested), level, lower_is_better) for pair in pairs]


def holm(p_values: Sequence[float]) -> list[float]:
    """p̃_(i) = max_{j <= i} min(1, (m − j + 1) p_(j)), in the order given   (Holm 1979)."""
    m = len(p_values)
    order = np.argsort(p_values, kind="stable")
    adjusted, running = [0.0] * m, 0.0
    for rank, index in enumerate(order):
        running = max(running, min(1.0, (m - rank) * float(p_values[index])))
        adjusted[index] = running
    return adjusted


def paired_t_power(effect: float, n: int, alpha: float) -> float:
    """Power of the two-sided paired t test: P(|Z + |d|√n| > t_{1−α/2, n−1} s), (n − 1) s² ~ χ²_{n−1}.

    effect: d = mean/std of the differences;  n: pairs, at least 2. Averaged over 256 quantiles of s:
    scipy's noncentral t gives NaN far in its tail.
    """
    from scipy.special import ndtr

    shift = abs(effect) * math.sqrt(n)
    critical = t_quantile(1 - alpha / 2, n - 1) * _spreads(n - 1)
    return float(np.mean(ndtr(shift - critical) + ndtr(-shift - critical)))


@cache  # thousands of pairs ask for the same few
def _spreads(df: int) -> NDArray[np.float64]:
    """256 quantiles of s, df s² ~ χ²_df."""
    from scipy.special import gammaincinv

    return np.asarray(np.sqrt(2 * gammaincinv(df / 2, (np.arange(256) + 0.5) / 256) / df))


def pairs_needed(effect: float, alpha: float = 0.05, power: float = 0.8) -> int | None:
    """Smallest n whose paired t test has the power; None for no effect, MOST_SEEDS + 1 for more than that."""
    if effect == 0 or not math.isfinite(effect):
        return None
    if paired_t_power(effect, MOST_SEEDS, alpha) < power:
        return MOST_SEEDS + 1
    low, high = 1, MOST_SEEDS
    while high - low > 1:
        middle = (low + high) // 2
        if paired_t_power(effect, middle, alpha) >= power:
            high = middle
        else:
            low = middle
    return high


def _difference(
    first: str, a: Mapping[int, float], second: str, b: Mapping[int, float], level: float
) -> PairedDifference:
    shared = sorted(a.keys() & b.keys())
    diverged = (sum(not math.isfinite(a[s]) for s in shared), sum(not math.isfinite(b[s]) for s in shared))
    kept = [s for s in shared if math.isfinite(a[s]) and math.isfinite(b[s])]
    d = [a[s] - b[s] for s in kept]
    interval = mean_interval(d, level) if d else None
    p, test = _p_value(d, max((abs(v) for s in kept for v in (a[s], b[s])), default=0.0))
    return PairedDifference(
        str(first), str(second), len(d), interval, p, p_holm=None, outcome="cannot tell", needed=None,
        shared=len(shared), unshared=len(a.keys() ^ b.keys()), diverged=diverged, test=test, text="",
    )  # fmt: skip


def _p_value(d: Sequence[float], scale: float) -> tuple[float | None, Literal["paired t", "sign test", "none"]]:
    """t = mean/(s/√n); where the differences are all alike s says nothing, and the exact sign test stands in.

    scale: the largest value compared; a spread below 1e-12 of it is rounding, not spread.
    """
    n = len(d)
    if n < 2:
        return None, "none"
    mean, spread = float(np.mean(d)), float(np.std(d, ddof=1))
    if spread <= 1e-12 * scale:
        return (1.0 if abs(mean) <= 1e-12 * scale else 2.0 ** (1 - n)), "sign test"
    from scipy.special import stdtr

    return float(2 * stdtr(n - 1, -abs(mean) / (spread / math.sqrt(n)))), "paired t"


def _judge(pair: PairedDifference, tests: int, level: float, lower_is_better: bool) -> PairedDifference:
    if pair.difference is None or pair.p_holm is None or pair.p is None:
        return replace(pair, text=_cannot_tell(pair, f"n = {pair.n}, needs at least 2"))
    mean, alpha = pair.difference.estimate, 1 - level
    if pair.test == "sign test" and pair.p == 1.0:
        text = f"{pair.first} and {pair.second} are equal in all {pair.n} seeds{_notes(pair)}"
        return replace(pair, outcome="cannot tell" if any(pair.diverged) else "equal", text=text)
    winner: Outcome = "first" if (mean < 0) == lower_is_better else "second"
    if pair.p_holm > alpha:
        needed = _needed(pair, alpha, tests)
        return replace(pair, needed=needed, text=_cannot_tell(pair, _why_not(pair, needed, alpha, tests)))
    if pair.diverged[0 if winner == "first" else 1]:
        ahead = pair.first if winner == "first" else pair.second
        return replace(pair, text=_cannot_tell(pair, f"{ahead} is ahead only where it survived, n = {pair.n}"))
    return replace(pair, outcome=winner, text=_beats(pair, winner))


def _needed(pair: PairedDifference, alpha: float, tests: int) -> int | None:
    """Seeds for this pair at the strictest step of Holm's correction, α/m: enough whatever the others do."""
    if pair.test == "sign test":
        return 1 + math.ceil(-math.log2(alpha / tests) - 1e-9)  # 2^(1−n) <= α/m
    assert pair.difference is not None
    half = (pair.difference.high - pair.difference.low) / 2
    spread = half * math.sqrt(pair.n) / t_quantile((1 + pair.difference.level) / 2, pair.n - 1)
    needed = pairs_needed(pair.difference.estimate / spread, alpha / tests)
    return None if needed is None else max(needed, pair.n + 1)


def _why_not(pair: PairedDifference, needed: int | None, alpha: float, tests: int) -> str:
    size = "cannot say how many" if needed is None else f"needs about {needed}"
    size = f"needs more than {MOST_SEEDS}" if needed == MOST_SEEDS + 1 else size
    assert pair.p is not None and pair.p_holm is not None
    alone = pair.p <= alpha < pair.p_holm
    holm_note = f"; p = {pair.p:.2g} alone, {pair.p_holm:.2g} among {tests} pairs (Holm)" if alone else ""
    return f"n = {pair.n}, {size}{holm_note}"


def _cannot_tell(pair: PairedDifference, why: str) -> str:
    return f"cannot tell {pair.first} from {pair.second}: {why}{_notes(pair)}"


def _beats(pair: PairedDifference, winner: Outcome) -> str:
    assert pair.difference is not None
    better, worse = (pair.first, pair.second) if winner == "first" else (pair.second, pair.first)
    size = abs(pair.difference.estimate)
    low, high = sorted((abs(pair.difference.low), abs(pair.difference.high)))
    by = with_interval(size, low, high) if pair.test == "paired t" else f"{size:.4g} in every seed"
    return f"{better} beats {worse} by {by}, n = {pair.n}, {pair.test}{_notes(pair)}"


def _notes(pair: PairedDifference) -> str:
    notes = [
        f"{label} diverged in {times} of {pair.shared} seeds"
        for label, times in zip((pair.first, pair.second), pair.diverged, strict=True)
        if times
    ]
    if pair.unshared:
        notes.append(f"{count(pair.unshared, 'seed')} not shared")
    return f" ({'; '.join(notes)})" if notes else ""
