"""Rules: each can give every verdict; a lost seed, few rounds or restless ones decide nothing."""

import math

import numpy as np
import pytest

from sgdlab.analysis.intervals import Interval
from sgdlab.analysis.paired import PairedDifference, compare_pairs
from sgdlab.lessons import rules
from tests.lessons.made_up import NO, OPEN, SEEDS, YES


def interval(low: float, high: float, n: int = 5) -> Interval:
    return Interval((low + high) / 2, low, high, 0.95, n)


@pytest.mark.parametrize(
    ("verdict", "low", "high"), [(YES, 1.1, 1.3), (NO, 0.7, 0.9), (OPEN, 0.9, 1.1), (OPEN, -math.inf, math.inf)]
)
def test_above_and_below_follow_the_whole_interval(verdict: str, low: float, high: float) -> None:
    assert rules.lies_above(interval(low, high), 1.0) == verdict
    mirrored = Interval(2 - (low + high) / 2, 2 - high, 2 - low, 0.95, 5)
    assert rules.lies_below(mirrored, 1.0) == verdict


@pytest.mark.parametrize(
    ("verdict", "low", "high"),
    [(YES, -0.004, 0.004), (NO, 0.006, 0.02), (NO, -0.02, -0.006), (OPEN, 0.004, 0.006), (OPEN, -0.1, 0.1)],
)
def test_equivalence_asks_for_an_interval_inside_or_outside(verdict: str, low: float, high: float) -> None:
    assert rules.lies_within(interval(low, high), -0.005, 0.005) == verdict


@pytest.mark.parametrize(
    ("verdict", "low", "high"), [(YES, 0.001, 0.004), (NO, 0.001, 0.02), (NO, -0.02, -0.001), (OPEN, -0.01, 0.01)]
)
def test_a_difference_is_none_small_or_not_known(verdict: str, low: float, high: float) -> None:
    assert rules.makes_no_difference(interval(low, high), 0.005) == verdict


def test_a_published_value_is_judged_by_where_one_more_run_falls() -> None:
    seen = rules.prediction_interval(dict(enumerate([1.508, 1.506, 1.510, 1.507, 1.509])))
    assert seen.low < 1.5045 < 1.5115 < seen.high  # mean 1.508 ± 2.78 · 0.00158 · √1.2
    assert seen.high - seen.estimate == pytest.approx(2.7764 * 0.0015811 * math.sqrt(1.2), rel=1e-3)
    assert rules.is_one_of_them(1.511, seen, 0.001) == YES
    assert rules.is_one_of_them(1.532, seen, 0.001) == NO
    assert rules.is_one_of_them(1.508, rules.prediction_interval({0: 1.5, 1: 1.6}), 0.001) == OPEN
    assert rules.is_one_of_them(1.508, rules.prediction_interval({0: 1.5, 1: 1.6, 2: math.nan}), 0.001) == OPEN


def test_more_published_values_widen_the_interval_of_each() -> None:
    values = dict(enumerate([1.0, 2.0, 3.0, 4.0]))
    assert rules.prediction_interval(values, 6).high > rules.prediction_interval(values, 1).high


def by_size(*means: float, spread: float = 0.01) -> list[PairedDifference]:
    noise = np.random.default_rng(0).normal(size=(len(means), len(SEEDS))) * spread
    groups = {f"batch {8 * 2**i}": dict(enumerate(mean + noise[i])) for i, mean in enumerate(means)}
    return compare_pairs(groups)


def test_larger_batches_are_judged_by_all_pairs() -> None:
    assert rules.larger_is_worse(by_size(1.0, 1.2, 1.4)) == YES
    assert rules.larger_is_worse(by_size(1.4, 1.2, 1.0)) == NO
    assert rules.larger_is_worse(by_size(1.0, 1.4, 1.2)) == NO  # worst in the middle: a larger size beats a smaller
    assert rules.larger_is_worse(by_size(1.0, 1.0, 1.0)) == OPEN
    assert rules.larger_is_worse(by_size(1.0, 1.0, 1.0, spread=0.0)) == NO  # equal in every seed


def test_parts_are_combined_by_the_weakest() -> None:
    assert rules.all_hold(YES, YES) == YES
    assert rules.all_hold(YES, OPEN) == OPEN
    assert rules.all_hold(YES, OPEN, NO) == NO
    assert rules.all_hold() == OPEN


def test_computed_numbers_agree_within_a_tolerance() -> None:
    assert rules.agrees(200, 200, 0.05) == YES
    assert rules.agrees(200, 1500, 0.05) == NO
    assert rules.agrees(math.nan, 1500, 0.05) == OPEN


def test_a_lost_seed_leaves_no_interval() -> None:
    assert math.isnan(rules.mean_of({0: 1.0, 1: math.nan, 2: 1.0}).estimate)
    assert math.isnan(rules.difference({0: 1.0}, {1: 1.0}).estimate)
    assert rules.difference({0: 1.0, 1: 2.0, 5: 9.0}, {0: 0.5, 1: 1.5}).estimate == pytest.approx(0.5)


def test_ratios_and_slopes_are_those_of_logarithms() -> None:
    ratio = rules.ratio_of([2.0, 8.0], [1.0, 1.0])
    assert ratio.estimate == pytest.approx(4.0)
    assert math.isnan(rules.ratio_of([math.inf, 1.0], [1.0, 1.0]).estimate)
    assert rules.slope_of({8: 1.0, 32: 0.5, 128: 0.25}) == pytest.approx(-0.5)
    assert math.isnan(rules.slope_of({8: 1.0, 32: 0.0}))


def test_the_better_of_a_pair() -> None:
    apart = dict(enumerate(np.linspace(1.0, 1.1, 5)))
    worse = {seed: value + 0.2 + 0.001 * seed for seed, value in apart.items()}
    assert rules.first_is_better(compare_pairs({"a": apart, "b": worse})[0]) == YES
    assert rules.first_is_better(compare_pairs({"a": worse, "b": apart})[0]) == NO
    assert rules.first_is_better(compare_pairs({"a": {0: 1.0}, "b": {0: 2.0}})[0]) == OPEN


def test_few_rounds_or_restless_ones_decide_nothing() -> None:
    slow, fast = [2.0, 2.1, 1.9, 2.0, 2.2], [1.0, 1.0, 1.0, 1.0, 1.0]
    assert rules.lies_above(rules.times_as_long(slow, fast), 1.5) == YES
    assert rules.lies_above(rules.times_as_long(fast, slow), 1.5) == NO
    assert rules.lies_above(rules.times_as_long(slow[:4], fast[:4]), 1.5) == OPEN  # 4 rounds attain 87.5 %
    assert rules.lies_above(rules.times_as_long([2.0, 2.0, 0.5, 2.0, 2.0], fast), 1.5) == OPEN
